//! Messages of rtnetlink(7): a header, a fixed body and attributes, all in native byte order.

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send,
    socket,
};
use std::cell::Cell;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

const HEADER_LEN: usize = 16;
const LIST_BUFFER_LEN: usize = 64 * 1024;
/// Longer than a link with all its attributes.
const REPLY_BUFFER_LEN: usize = 16 * 1024;
const FLAGS_OFFSET: usize = 6;
const SEQUENCE_OFFSET: usize = 8;

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

/// A socket for requests, one after the other. It serves in a process that may not open sockets any more.
#[derive(Debug)]
pub struct RouteSocket {
    fd: OwnedFd,
    /// The sequence number of the last request: a message with another one is not part of its reply.
    sequence: Cell<u32>,
}

impl AsRawFd for RouteSocket {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

impl RouteSocket {
    /// Opens the socket.
    pub fn open() -> io::Result<Self> {
        Ok(Self { fd: open(0, SockFlag::empty())?, sequence: Cell::new(0) })
    }

    /// Requests a list and calls `each` with the type and body of every message of the reply. `Interrupted`: the list has
    /// changed while it was sent, and must be requested again.
    pub(super) fn dump(
        &self,
        kind: u16,
        body: &[u8],
        mut each: impl FnMut(u16, &[u8]),
    ) -> io::Result<()> {
        self.request(kind, libc::NLM_F_DUMP, body)?;
        let mut buffer = vec![0; LIST_BUFFER_LEN];
        let mut changed = false;
        loop {
            for Message { kind, flags, body, .. } in self.receive(&mut buffer)? {
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

    /// Requests one object, and returns the body of the reply. `NotFound`: there is none.
    pub(super) fn get(&self, kind: u16, body: &[u8]) -> io::Result<Vec<u8>> {
        self.request(kind, 0, body)?;
        self.reply().and_then(|body| body.ok_or_else(|| io::ErrorKind::InvalidData.into()))
    }

    /// Sends a request to change something, and waits for its acknowledgement.
    pub(super) fn act(&self, kind: u16, flags: i32, body: &[u8]) -> io::Result<()> {
        self.request(kind, flags | libc::NLM_F_ACK, body)?;
        self.reply().map(drop)
    }

    /// The body of a reply of one message; `None`: an acknowledgement.
    fn reply(&self) -> io::Result<Option<Vec<u8>>> {
        let mut buffer = [0; REPLY_BUFFER_LEN];
        loop {
            if let Some(Message { kind, body, .. }) = self.receive(&mut buffer)?.next() {
                let is_error = i32::from(kind) == libc::NLMSG_ERROR;
                return if is_error { error(body).map(|()| None) } else { Ok(Some(body.to_vec())) };
            }
        }
    }

    fn request(&self, kind: u16, flags: i32, body: &[u8]) -> io::Result<()> {
        self.sequence.set(self.sequence.get().wrapping_add(1));
        let mut message = vec![0; HEADER_LEN];
        let length = u32::try_from(HEADER_LEN + body.len()).map_err(io::Error::other)?;
        let flags = u16::try_from(flags | libc::NLM_F_REQUEST).map_err(io::Error::other)?;
        message[..4].copy_from_slice(&length.to_ne_bytes());
        message[4..FLAGS_OFFSET].copy_from_slice(&kind.to_ne_bytes());
        message[FLAGS_OFFSET..SEQUENCE_OFFSET].copy_from_slice(&flags.to_ne_bytes());
        message[SEQUENCE_OFFSET..12].copy_from_slice(&self.sequence.get().to_ne_bytes());
        message.extend_from_slice(body);
        send(self.fd.as_raw_fd(), &message, MsgFlags::empty())?;
        Ok(())
    }

    /// The next messages of the reply to the last request. A message that is longer than the buffer is an error.
    fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<impl Iterator<Item = Message<'b>>> {
        let size = recv(self.fd.as_raw_fd(), buffer, MsgFlags::MSG_TRUNC)?;
        let bytes = buffer.get(..size).ok_or(io::ErrorKind::InvalidData)?;
        let sequence = self.sequence.get();
        Ok(messages(bytes).filter(move |message| message.sequence == sequence))
    }
}

impl AsFd for RouteSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
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
    sequence: u32,
    body: &'a [u8],
}

fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
        let kind = u16::from_ne_bytes(*bytes.get(4..)?.first_chunk()?);
        let flags = u16::from_ne_bytes(*bytes.get(FLAGS_OFFSET..)?.first_chunk()?);
        let sequence = u32::from_ne_bytes(*bytes.get(SEQUENCE_OFFSET..)?.first_chunk()?);
        let body = bytes.get(HEADER_LEN..length)?;
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
        Some(Message { kind, flags, sequence, body })
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
