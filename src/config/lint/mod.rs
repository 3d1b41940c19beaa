//! Warnings about a configuration, for `--test` and the log of the start.

pub mod advice;
pub mod support;
pub mod tag_sources;
pub mod tag_usage;
pub mod unsupported;
