//! From the lines of the configuration files to a configuration.

pub mod build;
pub mod conflicts;
pub mod lines;
pub mod load;
pub mod system_lookups;
