//! Rules, tags and hosts, indexed for the look-ups of a request.

pub mod host_record;
pub mod hosts;
pub mod index;
pub mod match_rules;
pub mod origins;
pub mod rules;
pub mod tags;
