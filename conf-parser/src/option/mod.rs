//! One file a family of options: its grammar in the head, its parser, its tests.

pub mod check;
pub mod dhcp_boot;
pub mod dhcp_host;
pub mod dhcp_match;
pub mod dhcp_option;
pub mod dhcp_range;
pub mod files;
pub mod network;
pub mod option_value;
pub mod process;
pub mod pxe;
pub mod tftp;
