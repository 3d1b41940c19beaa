//! One file for each family of options: the grammar, the types, the parsers, the tests.

pub mod dhcp_boot;
pub mod dhcp_host;
pub mod dhcp_match;
pub mod dhcp_option;
pub mod dhcp_range;
pub mod dhcp_server;
pub mod dns_tuning;
pub mod dnssec;
pub mod domain;
pub mod domain_list;
pub mod files;
pub mod network;
pub mod option_value;
pub mod option_value6;
pub mod process;
pub mod pxe;
pub mod records;
pub mod tftp;
pub mod upstream;
pub mod validate_only;
pub mod value_type;
