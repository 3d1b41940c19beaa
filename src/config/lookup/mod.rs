//! Indexes that a request is looked up in: rules, tags, hosts.

pub mod hosts;
pub mod index;
pub mod match_rules;
pub mod origins;
pub mod rules;
pub mod tags;
