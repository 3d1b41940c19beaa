//! Several writes with one system call: `io_submit` of Linux (AIO).
//!
//! It is not `io_uring`: seccomp does not see the operations of `io_uring`, so they pass the filter of this program, and Docker
//! and some distributions forbid it. `io_submit` reaches only descriptors that the process holds, and cannot open or connect
//! any.

use nix::errno::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

/// A context of `io_submit`. It belongs to the process that has made it, and not to its child processes.
#[derive(Debug)]
pub struct WriteContext(libc::c_ulong);

/// The maximum number of writes of one call.
pub const MAX_WRITES: usize = 32;

/// `IOCB_CMD_PWRITE`
const WRITE: u16 = 1;

/// `struct iocb` of `linux/aio_abi.h`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Request {
    data: u64,
    /// Key and flags, whose order depends on the byte order. Both are 0.
    key_and_flags: [u32; 2],
    operation: u16,
    priority: i16,
    fd: u32,
    buffer: u64,
    length: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    event_fd: u32,
}

/// `struct io_event` of `linux/aio_abi.h`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Completion {
    /// That of the request.
    data: u64,
    request: u64,
    /// The number of bytes, or the negative number of the error.
    result: i64,
    result2: i64,
}

impl WriteContext {
    /// A context. `None`: the kernel does not have the calls, or all contexts of the system are in use (`fs.aio-max-nr`).
    pub fn new() -> Option<Self> {
        let mut id: libc::c_ulong = 0;
        // SAFETY: the kernel writes the id of the context, which lives until the call returns.
        let made = unsafe { libc::syscall(libc::SYS_io_setup, MAX_WRITES, &raw mut id) };
        (made == 0).then_some(Self(id))
    }

    /// The low 32 bits of its id, for the filter of seccomp.
    pub fn low_id(&self) -> i32 {
        let [.., a, b, c, d] = self.0.to_be_bytes();
        i32::from_be_bytes([a, b, c, d])
    }

    /// Writes the bytes of each part to its descriptor, which must be a non-blocking socket: then each write ends before the
    /// call returns. Bit `n` of the result: part `n` was written. Parts from [`MAX_WRITES`] on are not.
    pub fn write<'p>(&self, parts: impl Iterator<Item = (BorrowedFd<'p>, &'p [u8])>) -> u32 {
        let mut requests = [Request::default(); MAX_WRITES];
        let mut count = 0;
        for ((request, (fd, bytes)), index) in requests.iter_mut().zip(parts).zip(0..) {
            *request = Request {
                data: index,
                operation: WRITE,
                fd: fd.as_raw_fd().cast_unsigned(),
                buffer: bytes.as_ptr().expose_provenance() as u64,
                length: bytes.len() as u64,
                ..Request::default()
            };
            count += 1;
        }
        let submitted = self.submit(&mut requests[..count]);
        self.completed(submitted)
    }

    /// Passes requests to the kernel; their number. At the first one that is invalid it ends.
    fn submit(&self, requests: &mut [Request]) -> usize {
        let mut pointers = [std::ptr::null_mut(); MAX_WRITES];
        for (pointer, request) in pointers.iter_mut().zip(requests.iter_mut()) {
            *pointer = &raw mut *request;
        }
        let count = requests.len();
        // SAFETY: the first `count` pointers are valid. Their requests and bytes live until `completed` returns, which waits for
        // all of them.
        let submitted =
            unsafe { libc::syscall(libc::SYS_io_submit, self.0, count, pointers.as_mut_ptr()) };
        usize::try_from(submitted).unwrap_or_default()
    }

    /// Waits until this number of requests has ended. The bits of those that were successful.
    fn completed(&self, count: usize) -> u32 {
        let mut written = 0;
        let mut left = count;
        while left > 0 {
            let mut events = [Completion::default(); MAX_WRITES];
            // SAFETY: the kernel writes `left` events at most, which are not more than the array has, and no time limit is given.
            let ended = unsafe {
                let time = std::ptr::null_mut::<libc::timespec>();
                libc::syscall(libc::SYS_io_getevents, self.0, left, left, events.as_mut_ptr(), time)
            };
            let ended = match Errno::result(ended) {
                Ok(ended) => usize::try_from(ended).unwrap_or_default(),
                Err(Errno::EINTR) => continue,
                // The context is valid, so this cannot happen.
                Err(_) => return written,
            };
            for event in events.iter().take(ended).filter(|event| event.result >= 0) {
                written |= 1 << event.data;
            }
            left -= ended.min(left);
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, UdpSocket};
    use std::os::fd::AsFd;

    fn pair() -> (UdpSocket, UdpSocket) {
        let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let (one, other) = (bind(), bind());
        one.connect(other.local_addr().unwrap()).unwrap();
        one.set_nonblocking(true).unwrap();
        other.set_nonblocking(true).unwrap();
        (one, other)
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn each_part_is_sent_and_failed_ones_are_reported() {
        let Some(context) = WriteContext::new() else { return };
        let pairs: Vec<_> = (0..MAX_WRITES + 2).map(|_| pair()).collect();
        let unconnected = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        unconnected.set_nonblocking(true).unwrap();
        for _ in 0..3 {
            let bytes: Vec<Vec<u8>> =
                (1..).map(|length| vec![7; length]).take(pairs.len()).collect();
            let parts = pairs.iter().zip(&bytes).enumerate().map(|(index, ((one, _), bytes))| {
                let fd = if index == 5 { unconnected.as_fd() } else { one.as_fd() };
                (fd, &bytes[..])
            });
            assert_eq!(context.write(parts), u32::MAX ^ (1 << 5));
            for (index, (_, other)) in pairs.iter().enumerate() {
                let received = other.recv(&mut [0; 64]).ok();
                let expected = (index != 5 && index < MAX_WRITES).then_some(index + 1);
                assert_eq!(received, expected, "part {index}");
            }
        }
        assert_eq!(context.write(std::iter::empty()), 0);
    }
}
