//! The DHCP messages of a simulated client.

use super::client_spec::ClientSpec;
use super::raspberry_pi;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::{BOOT_REQUEST, BROADCAST, MAGIC_COOKIE, field};
use crate::wire::dhcp_option::{
    self, CLIENT_ARCH, CLIENT_INTERFACE, CLIENT_UUID, END, MAX_MESSAGE_SIZE, MESSAGE_TYPE,
    USER_CLASS, VENDOR_CLASS, VENDOR_SPECIFIC,
};
use crate::wire::pxe::{HTTP_CLIENT, PXE_CLIENT, item};
use std::net::Ipv4Addr;

/// The version in option 175 that iPXE sends: the bus and the identifiers of the network card are left out.
const IPXE_VERSION: [u8; 5] = [0xeb, 3, 1, 0, 0];
/// The features that a default build of iPXE reports in option 175 on any firmware: DNS, HTTP, iSCSI, TFTP, SRP, AoE, menus.
const IPXE_FEATURES: &[u8] = &[23, 19, 17, 21, 27, 18, 39];
/// Features on BIOS: ELF, multiboot, PXE, bzImage.
const IPXE_BIOS_FEATURES: &[u8] = &[34, 25, 33, 24];
/// Features on UEFI: EFI programs.
const IPXE_EFI_FEATURES: &[u8] = &[36];
/// Option 57: 1472 bytes, as PXE firmware sends.
const CLIENT_MAX_MESSAGE: [u8; 2] = [5, 0xc0];
/// Option 94: UNDI version 3.16.
const UNDI_VERSION: [u8; 3] = [1, 3, 16];

impl ClientSpec {
    /// Its vendor class (PXE 2.1, section 2.2.1; UEFI 2.10, section 24.7).
    fn class(&self, architecture: Architecture) -> Vec<u8> {
        if self.vendor_class.is_none() && self.is_raspberry_pi_with(architecture) {
            return raspberry_pi::VENDOR_CLASS.to_vec();
        }
        let protocol = if architecture.is_http() { HTTP_CLIENT } else { PXE_CLIENT };
        let default = || {
            let rest = format!(":Arch:{:05}:UNDI:003016", architecture.0);
            [protocol, rest.as_bytes()].concat()
        };
        self.vendor_class.clone().unwrap_or_else(default)
    }

    /// A message of the client. `item`: type and layer of the menu entry that it has chosen.
    pub fn message(
        &self,
        architecture: Architecture,
        message_type: u8,
        address: Option<Ipv4Addr>,
        item: Option<[u8; 4]>,
    ) -> Vec<u8> {
        let mut bytes = vec![0; field::OPTIONS];
        bytes[..3].copy_from_slice(&[BOOT_REQUEST, 1, self.mac.len().to_le_bytes()[0]]);
        bytes[field::XID].copy_from_slice(&[0, 0, 0, 1]);
        bytes[field::FLAGS].copy_from_slice(&BROADCAST.to_be_bytes());
        bytes[field::CIADDR].copy_from_slice(&address.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        bytes[field::CHADDR][..self.mac.len()].copy_from_slice(&self.mac);
        bytes[field::COOKIE].copy_from_slice(&MAGIC_COOKIE);
        if let Some(relay) = self.relay.filter(|_| address.is_none()) {
            bytes[field::GIADDR].copy_from_slice(&relay.octets());
        }
        for (code, value) in self.options(architecture, message_type, item) {
            let value = &value[..value.len().min(255)];
            bytes.extend([code, value.len().to_le_bytes()[0]]);
            bytes.extend(value);
        }
        bytes.push(END);
        bytes
    }

    /// All options of a message.
    fn options(
        &self,
        architecture: Architecture,
        message_type: u8,
        item: Option<[u8; 4]>,
    ) -> Vec<(u8, Vec<u8>)> {
        let mut uuid = vec![0; 17];
        for (byte, mac) in uuid[11..].iter_mut().zip(&self.mac) {
            *byte = *mac;
        }
        let mut options = vec![
            (MESSAGE_TYPE, vec![message_type]),
            (MAX_MESSAGE_SIZE, CLIENT_MAX_MESSAGE.to_vec()),
            (CLIENT_ARCH, architecture.0.to_be_bytes().to_vec()),
            (CLIENT_INTERFACE, UNDI_VERSION.to_vec()),
            (CLIENT_UUID, uuid),
            (VENDOR_CLASS, self.class(architecture)),
        ];
        options.extend(self.user_class.clone().map(|class| (USER_CLASS, class)));
        if self.is_ipxe() {
            options.push((dhcp_option::IPXE, ipxe_options(architecture)));
        }
        options.retain(|(code, _)| self.options.iter().all(|(own, _)| own != code));
        options.extend(self.options.iter().cloned());
        if let Some(chosen) = item {
            let value = [&[item::BOOT_ITEM, 4], &chosen[..], &[END]].concat();
            options.push((VENDOR_SPECIFIC, value));
        }
        options
    }
}

/// The value of option 175: each feature has the value 1.
fn ipxe_options(architecture: Architecture) -> Vec<u8> {
    let own = if architecture.is_efi() { IPXE_EFI_FEATURES } else { IPXE_BIOS_FEATURES };
    let features = IPXE_FEATURES.iter().chain(own).flat_map(|code| [*code, 1, 1]);
    IPXE_VERSION.into_iter().chain(features).collect()
}
