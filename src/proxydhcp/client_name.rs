//! The name a client gives itself (docs/dnsmasq/proxydhcp.md, section 3.5).

use crate::wire::dhcp::{Frame, string};
use conf_parser::is_host_name;
use conf_parser::valid_name;

/// In option 81, that the name is in DNS labels (RFC 4702, flag E).
pub const LABELS: u8 = 4;

/// The name of option 81, else of option 12, if it is a legal host name. Option 81 shadows 12 even where it gives none.
pub fn client_name(frame: Frame<'_>) -> Option<Vec<u8>> {
    let name = match frame.option(81, 3) {
        Some([flags, _, _, labels @ ..]) if flags & LABELS != 0 => from_labels(labels),
        Some(fqdn) => fqdn.get(3..).unwrap_or_default().to_vec(),
        None => frame.option(12, 1)?.to_vec(),
    };
    valid_name(string(&name)).filter(|name| is_host_name(name)).map(<[u8]>::to_vec)
}

fn from_labels(mut labels: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    while let [length, rest @ ..] = labels
        && let Some((label, tail)) =
            rest.split_at_checked(usize::from(*length)).filter(|(label, _)| !label.is_empty())
    {
        name.extend_from_slice(label);
        name.push(b'.');
        labels = tail;
    }
    name.pop();
    name
}

#[test]
fn labels_are_joined_by_dots() {
    assert_eq!(from_labels(b"\x02pc\x03lan\x00"), b"pc.lan");
    assert_eq!(from_labels(b"\x02pc\x09lan"), b"pc");
    assert_eq!(from_labels(b""), b"");
}
