//! Warnings about a configuration that --test and the start print.

pub mod advice;
pub mod support;
pub mod tag_sources;
pub mod tag_usage;
pub mod unsupported;
