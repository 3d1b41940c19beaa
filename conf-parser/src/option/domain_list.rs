//! Lists of domain names: `<domain>[,<domain>…]`, as DNS writes them (RFC 1035, section 4.1.4; RFC 3397)

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::domain;

/// The two highest bits of a length byte: the other 14 bits are the offset of the rest of the name.
const POINTER: u16 = 0xC000;

/// The names of a list in canonical form. dnsmasq ignores what follows an empty name.
///
/// # Errors
/// A name is not valid.
pub(crate) fn domains(text: Input<'_>) -> Result<Vec<Vec<u8>>, ParseError> {
    let names = text.fields().take_while(|field| !field.is_empty());
    let bad = |field| ParseError::own("bad domain in dhcp-option", field, "a domain name");
    names.map(|field| domain(field).ok_or_else(|| bad(field))).collect()
}

/// The names in DNS form. The end of a name that occurred before is replaced by a pointer to it.
pub(crate) fn compressed(names: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut tails: Vec<(Vec<u8>, u16)> = Vec::new();
    for name in names {
        let mut own = Vec::new();
        let mut left: &[u8] = name;
        let pointer = loop {
            if left.is_empty() {
                break None;
            }
            if let Some((_, offset)) = tails.iter().find(|(tail, _)| tail == left) {
                break Some(*offset);
            }
            let offset = u16::try_from(bytes.len()).ok().filter(|&offset| offset < POINTER);
            own.extend(offset.map(|offset| (left.to_vec(), offset)));
            let end = left.iter().position(|&byte| byte == b'.');
            let label = &left[..end.unwrap_or(left.len())];
            bytes.push(label.len().to_le_bytes()[0]);
            bytes.extend_from_slice(label);
            left = end.map_or(&[], |end| &left[end + 1..]);
        };
        if let Some(offset) = pointer {
            bytes.extend((POINTER | offset).to_be_bytes());
        } else {
            bytes.push(0);
            tails.extend(own);
        }
    }
    bytes
}

#[test]
fn repeated_end_of_a_name_is_a_pointer() {
    let size = |names: &str| {
        compressed(&names.split(',').map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>()).len()
    };
    for (names, bytes) in [
        ("x.y", 5),
        ("x.y,y", 7),
        ("x.y,x.y", 7),
        ("x.y,x", 8),
        ("x.y,z.y", 9),
        ("x.y,z.y,w.z.y", 15),
        ("x..y", 6),
        (".x", 4),
    ] {
        assert_eq!(size(names), bytes, "{names}");
    }
    let names = [b"a.b".to_vec(), b"b".to_vec()];
    assert_eq!(compressed(&names), b"\x01a\x01b\0\xc0\x02");
}
