//! Descriptors that were inherited.

use super::limits::open_files;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::fs;
use std::os::fd::{AsFd, RawFd};

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

/// Waits until a descriptor is readable, closed at its other end, or has an error; for each whether it is.
pub fn wait_readable(first: &impl AsFd, second: Option<&impl AsFd>) -> (bool, bool) {
    let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
    let mut both = vec![readable(first.as_fd())];
    both.extend(second.map(|fd| readable(fd.as_fd())));
    while poll(&mut both, PollTimeout::NONE) == Err(Errno::EINTR) {}
    let ready = |at: usize| both.get(at).and_then(PollFd::any).unwrap_or(false);
    (ready(0), ready(1))
}
