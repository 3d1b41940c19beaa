//! Descriptors that were inherited.

use super::limits::open_files;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs;
use std::io::PipeWriter;
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

/// Closes all descriptors except standard input, output and error. It must be called before the program opens any.
pub fn close_inherited() {
    close_range(3, u32::MAX);
}

/// Closes all descriptors except standard input, output, error and `kept`.
pub(super) fn close_all_but(kept: &[RawFd]) {
    let mut kept: Vec<u32> = kept.iter().map(|fd| fd.unsigned_abs()).collect();
    kept.sort_unstable();
    let mut first = 3;
    for fd in kept.into_iter().filter(|fd| *fd >= 3) {
        close_range(first, fd - 1);
        first = fd + 1;
    }
    close_range(first, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    if first > last {
        return;
    }
    // SAFETY: closes descriptors that no object of this process owns.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if closed != 0 {
        // Linux before 5.9 does not have the call.
        open_descriptors(first, last).for_each(|fd| {
            // SAFETY: as above.
            let _ = unsafe { libc::close(fd.cast_signed()) };
        });
    }
}

/// The open descriptors of a range; without `/proc`, all that the limit allows.
fn open_descriptors(first: u32, last: u32) -> impl Iterator<Item = u32> {
    let listed = fs::read_dir("/proc/self/fd").ok().map(|entries| {
        let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        names.collect::<Vec<u32>>()
    });
    let all = || (first..=last.min(u32::try_from(open_files()).unwrap_or(u32::MAX))).collect();
    listed.unwrap_or_else(all).into_iter().filter(move |fd| (first..=last).contains(fd))
}

/// The number of open descriptors. 0 without `/proc`.
pub fn count_open() -> u64 {
    // The directory is open itself meanwhile.
    fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count().saturating_sub(1) as u64)
}

/// Waits until a descriptor is writable, or has an error.
pub fn wait_writable(fd: &impl AsFd) {
    // The next write returns the error, if there is one.
    let _ = poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE);
}

/// What there is to read from a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readable {
    /// Nothing yet.
    No,
    /// Data, the end of the data, or an error.
    Yes,
    /// The other end is closed in both directions, so that no answer can be sent.
    Closed,
}

/// After an error of poll(2), such as no memory.
const ERROR_PAUSE: u16 = 100;

/// Waits until a descriptor is readable, or closed at its other end, at most until `deadline`.
pub fn wait_any_readable(fds: &[BorrowedFd<'_>], deadline: Option<Instant>) -> Vec<Readable> {
    let mut all: Vec<_> = fds.iter().map(|fd| PollFd::new(*fd, PollFlags::POLLIN)).collect();
    loop {
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        // A timeout is rounded up, so that the deadline has passed after it.
        let timeout = left.map(|left| PollTimeout::try_from(left + Duration::from_millis(1)));
        let timeout = timeout.map_or(PollTimeout::NONE, |left| left.unwrap_or(PollTimeout::MAX));
        match poll(&mut all, timeout) {
            Err(Errno::EINTR) => {}
            Ok(_) => return all.iter().map(readable).collect(),
            Err(_) => {
                let _ = poll(&mut [], ERROR_PAUSE);
                return vec![Readable::No; fds.len()];
            }
        }
    }
}

fn readable(polled: &PollFd<'_>) -> Readable {
    match polled.revents() {
        Some(events) if events.contains(PollFlags::POLLHUP) => Readable::Closed,
        Some(events) if !events.is_empty() => Readable::Yes,
        _ => Readable::No,
    }
}

/// Whether another process can read from this pipe.
pub fn has_reader(pipe: &PipeWriter) -> bool {
    // If there is none, that is an error of the descriptor.
    let mut fds = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
    poll(&mut fds, PollTimeout::ZERO) == Ok(0)
}

/// Waits until a descriptor is readable, closed at its other end, or has an error; for each whether it is.
pub fn wait_readable(first: &impl AsFd, second: Option<&impl AsFd>) -> (bool, bool) {
    let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let mut both = vec![readable(first.as_fd())];
    both.extend(second.map(|fd| readable(fd.as_fd())));
    while poll(&mut both, PollTimeout::NONE) == Err(Errno::EINTR) {}
    let ready = |at: usize| both.get(at).and_then(PollFd::any).unwrap_or(false);
    (ready(0), ready(1))
}
