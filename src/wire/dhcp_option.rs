//! Codes of DHCP options (RFC 2132, unless another RFC is given).

/// Pad: one byte without length (section 3.1).
pub const PAD: u8 = 0;
/// Router addresses (section 3.5).
pub const ROUTER: u8 = 3;
/// Host name (section 3.14).
pub const HOST_NAME: u8 = 12;
/// Vendor-specific information; for PXE a list of items (section 8.4).
pub const VENDOR_SPECIFIC: u8 = 43;
/// The address that the client requests (section 9.1).
pub const REQUESTED_ADDRESS: u8 = 50;
/// Bits: 1, the `file` field contains options; 2, the `sname` field does (section 9.3).
pub const OVERLOAD: u8 = 52;
/// DHCP message type (section 9.6).
pub const MESSAGE_TYPE: u8 = 53;
/// Server identifier (section 9.7).
pub const SERVER_ID: u8 = 54;
/// Maximum DHCP message size in bytes, with IP and UDP header (section 9.10).
pub const MAX_MESSAGE_SIZE: u8 = 57;
/// Vendor class identifier (section 9.13).
pub const VENDOR_CLASS: u8 = 60;
/// Client identifier (section 9.14).
pub const CLIENT_ID: u8 = 61;
/// Boot file name (section 9.5).
pub const BOOT_FILE: u8 = 67;
/// User class (RFC 3004).
pub const USER_CLASS: u8 = 77;
/// Client FQDN (RFC 4702).
pub const CLIENT_FQDN: u8 = 81;
/// Relay agent information (RFC 3046).
pub const RELAY_AGENT: u8 = 82;
/// Client system architecture, a list of 16-bit numbers (RFC 4578, section 2.1).
pub const CLIENT_ARCH: u8 = 93;
/// Client network interface: type, major and minor version (RFC 4578, section 2.2).
pub const CLIENT_INTERFACE: u8 = 94;
/// Client machine identifier (RFC 4578, section 2.3).
pub const CLIENT_UUID: u8 = 97;
/// Subnet selection (RFC 3011).
pub const SUBNET_SELECTION: u8 = 118;
/// Vendor-identifying vendor class (RFC 3925, section 3).
pub const VI_VENDOR_CLASS: u8 = 124;
/// Vendor-identifying vendor-specific information (RFC 3925, section 4).
pub const VI_VENDOR_SPECIFIC: u8 = 125;
/// Options of iPXE and Etherboot (registered for Etherboot by IANA).
pub const IPXE: u8 = 175;
/// End of the options (section 3.2).
pub const END: u8 = 255;

/// Suboptions of the relay agent information.
pub mod relay {
    /// Agent circuit ID (RFC 3046, section 3.1).
    pub const CIRCUIT_ID: u8 = 1;
    /// Agent remote ID (RFC 3046, section 3.2).
    pub const REMOTE_ID: u8 = 2;
    /// Link selection (RFC 3527).
    pub const LINK_SELECTION: u8 = 5;
}

/// Bits of [`OVERLOAD`].
pub mod overload {
    /// The `file` field contains options.
    pub const FILE: u8 = 1;
    /// The `sname` field contains options.
    pub const SNAME: u8 = 2;
}
