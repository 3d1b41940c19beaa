//! Bytes ↔ values: DHCP frames and their options, PXE's option 43, TFTP datagrams. Nothing here decides anything.

pub mod architectures;
pub mod dhcp;
pub mod option_names;
pub mod options;
pub mod pxe;
pub mod tftp;
