//! Wire formats: DHCP frames and their options, the items of option 43 that PXE defines, TFTP datagrams. Parsing and
//! encoding only: no decision is made here.

pub mod client_arch;
pub mod dhcp;
pub mod dhcp_option;
pub mod option_display;
pub mod options;
pub mod pxe;
pub mod reply;
pub mod tftp;
