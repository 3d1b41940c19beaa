//! Checks of boot files and of the machine, for `--test`, `--explain` and notices.

pub mod boot_file;
pub mod boot_program;
pub mod environment;
pub mod file_name;
mod file_search;
mod links;
pub mod port_owner;
mod similar_file;
