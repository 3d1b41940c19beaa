//! Replies of other DHCP servers, received by broadcast: whether they contain boot information.

use crate::boot_monitor::event::{Mac, OtherServerReply};
use crate::wire::dhcp::{BOOT_REPLY, Frame, field, string};
use crate::wire::dhcp_option::{BOOT_FILE, OVERLOAD, SERVER_ID, VENDOR_CLASS, overload};
use crate::wire::options;
use crate::wire::pxe::PXE_CLIENT;
use std::net::Ipv4Addr;

const ETHERNET_ADDRESS_LEN: usize = 6;

/// The boot information in a reply that was sent from `from`. `None` if there is none, or if the hardware address of
/// the client does not have six bytes.
pub fn parse(from: Ipv4Addr, reply: &[u8]) -> Option<OtherServerReply> {
    if reply.len() < Frame::MIN_LEN
        || reply[field::OP] != BOOT_REPLY
        || usize::from(reply[field::HLEN]) != ETHERNET_ADDRESS_LEN
    {
        return None;
    }
    let area = reply.get(field::OPTIONS..).unwrap_or_default();
    let option = |code| options::find(area, code, 1);
    let address = |field: std::ops::Range<usize>| {
        reply[field].first_chunk::<4>().map_or(Ipv4Addr::UNSPECIFIED, |ip| Ipv4Addr::from(*ip))
    };
    let overloaded = option(OVERLOAD).is_some_and(|value| value[0] & overload::FILE != 0);
    let in_field = string(&reply[field::FILE]);
    let file = option(BOOT_FILE).unwrap_or(if overloaded { b"" } else { in_field });
    let is_proxy = address(field::YIADDR).is_unspecified();
    let is_for_pxe = option(VENDOR_CLASS).is_some_and(|class| class.starts_with(PXE_CLIENT));
    if file.is_empty() && !(is_proxy && is_for_pxe) {
        return None;
    }
    Some(OtherServerReply {
        server: option(SERVER_ID)
            .and_then(<[u8]>::first_chunk::<4>)
            .map_or(from, |ip| Ipv4Addr::from(*ip)),
        mac: Mac::try_from(&reply[field::CHADDR][..ETHERNET_ADDRESS_LEN]).ok()?,
        is_proxy,
        file: string(file).to_vec(),
        next_server: address(field::SIADDR),
    })
}

#[test]
fn reply_without_boot_information_is_ignored() {
    let mut reply = vec![0; field::OPTIONS];
    reply[..3].copy_from_slice(&[2, 1, 6]);
    reply[field::YIADDR].copy_from_slice(&[10, 0, 0, 9]);
    let from = Ipv4Addr::new(10, 0, 0, 1);
    assert_eq!(parse(from, &reply), None, "an ordinary lease");
    let named = [&reply[..], b"\x43\x04x.0\0\xff"].concat();
    let found = parse(from, &named).unwrap();
    assert_eq!((&found.file[..], found.server, found.is_proxy), (&b"x.0"[..], from, false));
    reply[field::YIADDR].fill(0);
    let proxy = [&reply[..], b"\x3c\x09PXEClient\x36\x04\x0a\0\0\x02\xff"].concat();
    let found = parse(from, &proxy).unwrap();
    assert_eq!((found.is_proxy, found.server), (true, Ipv4Addr::new(10, 0, 0, 2)));
    for cut in 0..proxy.len() {
        let complete_class = field::OPTIONS + 11;
        assert_eq!(parse(from, &proxy[..cut]).is_some(), cut >= complete_class, "{cut}");
    }
}
