//! Descriptors that are none of ours.

use super::limits::open_files;

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
        let last = last.min(u32::try_from(open_files()).unwrap_or(u32::MAX));
        // SAFETY: as above.
        (first..=last).for_each(|fd| _ = unsafe { libc::close(fd.cast_signed()) });
    }
}
