//! Reads the configuration files into a [`Config`](super::Config).

pub mod build;
pub mod conflicts;
pub mod lines;
pub mod load;
pub mod system_lookups;
