//! Bytes ↔ values: DHCP frames and their options, PXE's option 43, TFTP datagrams. Nothing here decides anything.

pub mod client_arch;
pub mod dhcp;
pub mod option_display;
pub mod options;
pub mod pxe;
pub mod tftp;
