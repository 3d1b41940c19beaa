//! Messages of rtnetlink(7): a header, a fixed body and attributes, all in native byte order.

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

const HEADER_LEN: usize = 16;
const REPLY_BUFFER_LEN: usize = 64 * 1024;
const FLAGS_OFFSET: usize = 6;

/// A socket to rtnetlink that receives the multicast groups of the bits in `groups`.
pub fn open(groups: u32, flags: SockFlag) -> io::Result<OwnedFd> {
    let fd = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        flags | SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkRoute,
    )?;
    bind(fd.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
    Ok(fd)
}

/// Requests a list and calls `each` with the type and body of every message of the reply. `Interrupted`: the list has
/// changed while it was sent, and must be requested again.
pub fn dump(kind: u16, body: &[u8], mut each: impl FnMut(u16, &[u8])) -> io::Result<()> {
    let fd = open(0, SockFlag::empty())?;
    request(&fd, kind, libc::NLM_F_DUMP, body)?;
    let mut buffer = vec![0; REPLY_BUFFER_LEN];
    let mut changed = false;
    loop {
        let size = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        for Message { kind, flags, body } in messages(&buffer[..size]) {
            changed |= i32::from(flags) & libc::NLM_F_DUMP_INTR != 0;
            match i32::from(kind) {
                libc::NLMSG_DONE if changed => return Err(io::ErrorKind::Interrupted.into()),
                libc::NLMSG_DONE => return Ok(()),
                libc::NLMSG_ERROR => return error(body),
                _ => each(kind, body),
            }
        }
    }
}

/// Sends a request to change something, and waits for its acknowledgement.
pub fn act(kind: u16, flags: i32, body: &[u8]) -> io::Result<()> {
    let fd = open(0, SockFlag::empty())?;
    request(&fd, kind, flags | libc::NLM_F_ACK, body)?;
    let mut buffer = [0; 4096];
    let size = recv(fd.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
    messages(&buffer[..size])
        .find(|message| i32::from(message.kind) == libc::NLMSG_ERROR)
        .map_or(Ok(()), |message| error(message.body))
}

fn request(fd: &OwnedFd, kind: u16, flags: i32, body: &[u8]) -> io::Result<()> {
    let mut message = vec![0; HEADER_LEN];
    let length = u32::try_from(HEADER_LEN + body.len()).map_err(io::Error::other)?;
    let flags = u16::try_from(flags | libc::NLM_F_REQUEST).map_err(io::Error::other)?;
    message[..4].copy_from_slice(&length.to_ne_bytes());
    message[4..FLAGS_OFFSET].copy_from_slice(&kind.to_ne_bytes());
    message[FLAGS_OFFSET..8].copy_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(body);
    send(fd.as_raw_fd(), &message, MsgFlags::empty())?;
    Ok(())
}

/// The result in the body of `NLMSG_ERROR`: a negative error number, 0 for success.
fn error(body: &[u8]) -> io::Result<()> {
    match body.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes)) {
        Some(0) => Ok(()),
        Some(number) => Err(io::Error::from_raw_os_error(-number)),
        None => Err(io::ErrorKind::InvalidData.into()),
    }
}

struct Message<'a> {
    kind: u16,
    flags: u16,
    body: &'a [u8],
}

fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
        let flags = u16::from_ne_bytes(*bytes.get(FLAGS_OFFSET..)?.first_chunk()?);
        let body = bytes.get(HEADER_LEN..length)?;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some(Message { kind, flags, body })
    })
}

/// Type and value of each attribute after the fixed body.
pub fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*bytes.first_chunk()?));
        let kind = u16::from_ne_bytes(*bytes.get(2..)?.first_chunk()?);
        let value = bytes.get(4..length)?;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Appends an attribute.
pub fn put_attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).expect("attributes of requests are short");
    body.extend_from_slice(&length.to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(value);
    body.resize(aligned(body.len()), 0);
}

fn aligned(length: usize) -> usize {
    length.next_multiple_of(4)
}

#[test]
fn attributes_are_read_back_as_written() {
    let mut body = Vec::new();
    put_attribute(&mut body, 3, b"eth0\0");
    put_attribute(&mut body, 4, &1500_u32.to_ne_bytes());
    let read: Vec<_> = attributes(&body).collect();
    assert_eq!(read, [(3, &b"eth0\0"[..]), (4, &1500_u32.to_ne_bytes()[..])]);
}

#[test]
fn malformed_message_ends_the_iteration() {
    assert_eq!(messages(&[255; 20]).count(), 0);
    assert_eq!(messages(&[0; 20]).count(), 0);
    assert_eq!(attributes(&[0; 8]).count(), 0);
}
