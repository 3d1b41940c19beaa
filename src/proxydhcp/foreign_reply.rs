//! Answers of other servers, as they are heard by everybody: whether one tells a client what to boot.

use crate::boot_monitor::event::{Mac, OtherServerReply};
use crate::wire::dhcp::{Frame, field, string};
use crate::wire::options;
use std::net::Ipv4Addr;

const BOOT_REPLY: u8 = 2;
const PXE_CLASS: &[u8] = b"PXEClient";

/// What of a reply of `from` is about booting.
pub fn parse(from: Ipv4Addr, reply: &[u8]) -> Option<OtherServerReply> {
    if reply.len() < Frame::MIN_LEN || reply[0] != BOOT_REPLY || reply[2] != 6 {
        return None;
    }
    let area = reply.get(field::OPTIONS..).unwrap_or_default();
    let option = |code| options::find(area, code, 1);
    let address = |at: std::ops::Range<usize>| {
        reply[at].first_chunk::<4>().map_or(Ipv4Addr::UNSPECIFIED, |ip| Ipv4Addr::from(*ip))
    };
    let overloaded = option(52).is_some_and(|value| value[0] & 1 != 0);
    let in_field = string(&reply[field::FILE]);
    let file = option(67).unwrap_or(if overloaded { b"" } else { in_field });
    let is_proxy = address(field::YIADDR).is_unspecified();
    let says_pxe = option(60).is_some_and(|class| class.starts_with(PXE_CLASS));
    if file.is_empty() && !(is_proxy && says_pxe) {
        return None;
    }
    Some(OtherServerReply {
        server: option(54)
            .and_then(<[u8]>::first_chunk::<4>)
            .map_or(from, |ip| Ipv4Addr::from(*ip)),
        mac: Mac::try_from(&reply[field::CHADDR][..6]).ok()?,
        is_proxy,
        file: string(file).to_vec(),
        next_server: address(field::SIADDR),
    })
}

#[test]
fn only_what_is_about_booting_counts() {
    let mut reply = vec![0; field::OPTIONS];
    reply[..3].copy_from_slice(&[2, 1, 6]);
    reply[field::YIADDR].copy_from_slice(&[10, 0, 0, 9]);
    let from = Ipv4Addr::new(10, 0, 0, 1);
    assert_eq!(parse(from, &reply), None, "an ordinary lease");
    let named = [&reply[..], b"\x43\x04x.0\0\xff"].concat();
    let rival = parse(from, &named).unwrap();
    assert_eq!((&rival.file[..], rival.server, rival.is_proxy), (&b"x.0"[..], from, false));
    reply[field::YIADDR].fill(0);
    let proxy = [&reply[..], b"\x3c\x09PXEClient\x36\x04\x0a\0\0\x02\xff"].concat();
    let rival = parse(from, &proxy).unwrap();
    assert_eq!((rival.is_proxy, rival.server), (true, Ipv4Addr::new(10, 0, 0, 2)));
    for cut in 0..proxy.len() {
        drop(parse(from, &proxy[..cut]));
    }
}
