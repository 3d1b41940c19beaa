//! The host name in a request (docs/dnsmasq/proxydhcp.md, section 3.5).

use crate::wire::dhcp::{Frame, string};
use crate::wire::dhcp_option::{CLIENT_FQDN, HOST_NAME};
use conf_parser::is_host_name;
use conf_parser::valid_name;

/// Flag E of option 81: the name is encoded in DNS labels (RFC 4702, section 2.1).
pub const FQDN_LABELS: u8 = 4;

/// The name in option 81, else in option 12; `None` if it is no valid host name. If option 81 is present, option 12 is
/// ignored, also if the name in option 81 is empty.
pub fn client_name(frame: Frame<'_>) -> Option<Vec<u8>> {
    let name = match frame.option(CLIENT_FQDN, 3) {
        Some([flags, _, _, labels @ ..]) if flags & FQDN_LABELS != 0 => from_labels(labels),
        Some(fqdn) => fqdn.get(3..).unwrap_or_default().to_vec(),
        None => frame.option(HOST_NAME, 1)?.to_vec(),
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
fn labels_are_joined_by_dots_up_to_one_that_is_cut_off() {
    assert_eq!(from_labels(b"\x02pc\x03lan\x00"), b"pc.lan");
    assert_eq!(from_labels(b"\x02pc\x09lan"), b"pc");
    assert_eq!(from_labels(b""), b"");
}
