//! Option 43 of PXE (PXE 2.1, section 2.2.3): a list of items, in one or more options 43; vendor and user classes.

/// The start of the vendor class of a PXE client (PXE 2.1, section 2.2.1).
pub const PXE_CLIENT: &[u8] = b"PXEClient";
/// The start of the vendor class of a UEFI HTTP Boot client (UEFI 2.10, section 24.7).
pub const HTTP_CLIENT: &[u8] = b"HTTPClient";
/// The user class (option 77) of iPXE.
pub const IPXE_USER_CLASS: &[u8] = b"iPXE";
/// Timeout in seconds of a menu prompt that is displayed until the user chooses (PXE 2.1, tag 10).
pub const NO_PROMPT_TIMEOUT: u8 = 255;

/// Codes of the items.
pub mod item {
    /// `PXE_DISCOVERY_CONTROL`: how the client looks for boot servers.
    pub const DISCOVERY_CONTROL: u8 = 6;
    /// `PXE_BOOT_SERVERS`: addresses of boot servers, by type.
    pub const BOOT_SERVERS: u8 = 8;
    /// `PXE_BOOT_MENU`: type and text of each entry.
    pub const BOOT_MENU: u8 = 9;
    /// `PXE_MENU_PROMPT`: timeout in seconds, then the text.
    pub const MENU_PROMPT: u8 = 10;
    /// `PXE_BOOT_ITEM`: the type and layer that the client has chosen.
    pub const BOOT_ITEM: u8 = 71;
}

/// Values of [`item::DISCOVERY_CONTROL`], as dnsmasq sets them.
pub mod discovery_control {
    /// A server is not in the list: the client looks for it by broadcast, not by multicast.
    pub const BROADCAST: u8 = 2;
    /// All servers are in the list: no broadcast, no multicast.
    pub const LISTED_SERVERS: u8 = 3;
    /// There is no menu: the client loads the boot file of the offer.
    pub const NO_MENU: u8 = 8;
}

/// Code and value of an item.
pub type Item = (u8, Vec<u8>);

const END: u8 = 255;
/// The length of an item list with its end, in one option, is one byte.
const MAX_VALUE_LEN: usize = 255;

/// Whether an item fits into one option 43.
pub fn fits((_, value): &Item) -> bool {
    value.len() + 2 <= MAX_VALUE_LEN
}

/// The values of one or more options 43 with these items; only the last has an end.
///
/// In dnsmasq the last one can have 256 bytes with its end: its length byte is then 0, and a client parses its items
/// as DHCP options. Here a list that fills its option has no end, which PXE does not require (D-002).
pub fn pack<'i>(items: impl Iterator<Item = &'i Item>) -> Vec<Vec<u8>> {
    let mut options: Vec<Vec<u8>> = Vec::new();
    let mut current = Vec::with_capacity(MAX_VALUE_LEN);
    for (code, value) in items {
        if !current.is_empty() && current.len() + value.len() + 2 > MAX_VALUE_LEN {
            options.push(std::mem::take(&mut current));
        }
        current.extend_from_slice(&[*code, value.len().to_le_bytes()[0]]);
        current.extend_from_slice(value);
    }
    if !current.is_empty() {
        if current.len() < MAX_VALUE_LEN {
            current.push(END);
        }
        options.push(current);
    }
    options
}

/// A menu entry: boot server type, length of the text, text.
pub fn menu_entry(server_type: u16, text: &[u8]) -> Vec<u8> {
    let mut bytes = server_type.to_be_bytes().to_vec();
    bytes.push(text.len().to_le_bytes()[0]);
    bytes.extend_from_slice(text);
    bytes
}

/// A boot server entry with one address.
pub fn boot_server(server_type: u16, address: std::net::Ipv4Addr) -> [u8; 7] {
    let ([high, low], [a, b, c, d]) = (server_type.to_be_bytes(), address.octets());
    [high, low, 1, a, b, c, d]
}

/// Starts of the file names of iPXE, which sends DHCP requests of its own after it was loaded.
const IPXE_FILES: &[&[u8]] = &[b"undionly", b"ipxe", b"snponly"];
const IPXE_SUFFIXES: &[&[u8]] = &[b"0", b"efi", b"kpxe", b"kkpxe", b"pxe"];

/// Whether a path names iPXE itself, not one of its scripts.
pub fn is_ipxe(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let suffix = name.iter().rposition(|byte| *byte == b'.').map(|dot| &name[dot + 1..]);
    suffix.is_none_or(|suffix| IPXE_SUFFIXES.contains(&suffix))
        && IPXE_FILES.iter().any(|known| name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_in_one_option_while_they_fit() {
        let packed = pack([(6, vec![3]), (10, vec![0; 100]), (9, vec![1; 200])].iter());
        assert_eq!(packed.iter().map(Vec::len).collect::<Vec<_>>(), [105, 203]);
        assert_eq!((packed[0][0], packed[1].last()), (6, Some(&END)));
    }

    #[test]
    fn packed_option_has_at_most_255_bytes() {
        for size in 240..=253 {
            let packed = pack([(6, vec![3]), (9, vec![1; size])].iter());
            assert!(packed.iter().all(|option| option.len() <= 255), "{size}");
        }
        assert!(pack([].iter()).is_empty());
    }

    #[test]
    fn ipxe_is_recognised_by_its_file_name() {
        for (name, expected) in [
            (&b"boot/undionly.kpxe"[..], true),
            (b"snponly.efi", true),
            (b"ipxe", true),
            (b"menu.ipxe", false),
            (b"ipxe/menu.ipxe", false),
            (b"ipxe.php", false),
        ] {
            assert_eq!(is_ipxe(name), expected, "{}", name.escape_ascii());
        }
    }
}
