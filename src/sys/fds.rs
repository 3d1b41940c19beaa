//! Descriptors that are none of ours.

use super::limits::open_files;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;

/// Closes all but standard input, output and error. To be called before anything of ours is open.
pub fn close_inherited() {
    close_range(3, u32::MAX);
}

/// Closes all but those and one more, in a process that has no use for the rest.
pub(super) fn close_all_but(kept: u32) {
    close_range(3, kept - 1);
    close_range(kept + 1, u32::MAX);
}

fn close_range(first: u32, last: u32) {
    if first > last {
        return;
    }
    // SAFETY: closes descriptors that nobody in this process uses.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) };
    if closed != 0 {
        // Linux before 5.9 has no such call.
        open_here(first, last).for_each(|fd| {
            // SAFETY: as above.
            _ = unsafe { libc::close(fd.cast_signed()) };
        });
    }
}

/// Those that are open, as far as that can be known: else all there may be.
fn open_here(first: u32, last: u32) -> impl Iterator<Item = u32> {
    let listed = std::fs::read_dir("/proc/self/fd").ok().map(|entries| {
        let names = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        names.collect::<Vec<u32>>()
    });
    let all = || (first..=last.min(u32::try_from(open_files()).unwrap_or(u32::MAX))).collect();
    listed.unwrap_or_else(all).into_iter().filter(move |fd| (first..=last).contains(fd))
}

/// Waits until something can be written, or never will be.
pub fn wait_writable(fd: &impl AsFd) {
    // Whatever is wrong with it shows when it is written.
    _ = poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLOUT)], PollTimeout::NONE);
}
