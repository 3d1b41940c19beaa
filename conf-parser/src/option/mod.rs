//! One file for each family of options: the grammar, the types, the parsers, the tests.

pub(crate) mod dhcp_boot;
pub(crate) mod dhcp_host;
pub(crate) mod dhcp_match;
pub(crate) mod dhcp_option;
pub(crate) mod dhcp_range;
pub(crate) mod dhcp_server;
pub(crate) mod dns_tuning;
pub(crate) mod dnssec;
pub(crate) mod domain;
pub(crate) mod domain_list;
pub(crate) mod files;
pub(crate) mod network;
pub(crate) mod option_value;
pub(crate) mod option_value6;
pub(crate) mod process;
pub(crate) mod pxe;
pub(crate) mod records;
pub(crate) mod tftp;
pub(crate) mod upstream;
pub(crate) mod validate_only;
pub(crate) mod value_type;
