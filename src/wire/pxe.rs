//! Option 43 as PXE reads it (PXE 2.1, section 2.2.3): a list of items, in as many options 43 as it takes.

/// Items of option 43.
pub mod item {
    /// How to look for boot servers.
    pub const DISCOVERY_CONTROL: u8 = 6;
    /// Boot servers, by type.
    pub const BOOT_SERVERS: u8 = 8;
    /// The menu.
    pub const BOOT_MENU: u8 = 9;
    /// The prompt before it.
    pub const MENU_PROMPT: u8 = 10;
    /// What was chosen.
    pub const BOOT_ITEM: u8 = 71;
}

/// One item: its number and value.
pub type Item = (u8, Vec<u8>);

const END: u8 = 255;
/// An item list of one option, its end counted, must be told by one length byte.
const MAX_VALUE_LEN: usize = 255;

/// Whether an item has a place in any option 43.
pub fn fits(item: &Item) -> bool {
    item.1.len() + 2 <= MAX_VALUE_LEN
}

/// Packs items into the values of one or more options 43; only the last has an end.
///
/// dnsmasq lets the last one grow to 256 bytes with its end: its length byte is then 0, and its items are read as
/// options of their own. Here a list that fills its option has no end, which PXE does not ask for (D-002).
pub fn pack(items: &[Item]) -> Vec<Vec<u8>> {
    let mut options: Vec<Vec<u8>> = Vec::new();
    let mut current = Vec::new();
    for (number, value) in items {
        if !current.is_empty() && current.len() + value.len() + 2 > MAX_VALUE_LEN {
            options.push(std::mem::take(&mut current));
        }
        current.extend_from_slice(&[*number, value.len().to_le_bytes()[0]]);
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

/// A menu entry: type, length of its text, text.
pub fn menu_entry(kind: u16, text: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.push(text.len().to_le_bytes()[0]);
    bytes.extend_from_slice(text);
    bytes
}

/// A boot server entry with one address.
pub fn boot_server(kind: u16, address: std::net::Ipv4Addr) -> [u8; 7] {
    let ([high, low], [a, b, c, d]) = (kind.to_be_bytes(), address.octets());
    [high, low, 1, a, b, c, d]
}

/// First stages that ask again, as iPXE, once they run.
const IPXE_FILES: &[&[u8]] = &[b"undionly", b"ipxe", b"snponly"];
const IPXE_SUFFIXES: &[&[u8]] = &[b"0", b"efi", b"kpxe", b"kkpxe", b"pxe"];

/// Whether a file is iPXE itself, by its name, and not a script of it.
pub fn is_ipxe(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let ending = name.iter().rposition(|byte| *byte == b'.').map(|at| &name[at + 1..]);
    ending.is_none_or(|ending| IPXE_SUFFIXES.contains(&ending))
        && IPXE_FILES.iter().any(|known| name.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_share_an_option_while_they_fit() {
        let packed = pack(&[(6, vec![3]), (10, vec![0; 100]), (9, vec![1; 200])]);
        assert_eq!(packed.iter().map(Vec::len).collect::<Vec<_>>(), [105, 203]);
        assert_eq!((packed[0][0], packed[1].last()), (6, Some(&END)));
    }

    #[test]
    fn no_list_is_longer_than_its_length_byte() {
        for size in 240..=253 {
            let packed = pack(&[(6, vec![3]), (9, vec![1; size])]);
            assert!(packed.iter().all(|option| option.len() <= 255), "{size}");
        }
        assert!(pack(&[]).is_empty());
    }

    #[test]
    fn ipxe_is_known_by_its_files() {
        for (name, is) in [
            (&b"boot/undionly.kpxe"[..], true),
            (b"snponly.efi", true),
            (b"ipxe", true),
            (b"menu.ipxe", false),
            (b"ipxe/menu.ipxe", false),
            (b"ipxe.php", false),
        ] {
            assert_eq!(is_ipxe(name), is, "{}", name.escape_ascii());
        }
    }
}
