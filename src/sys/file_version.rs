//! The version of an open file: numbers that change with its contents and its attributes.

use std::fs::File;

/// Device, inode, size, times of modification and of change in ns.
pub type FileVersion = [i64; 5];

/// The version of an open file now. `None`: it cannot be read on this architecture.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[allow(clippy::unnecessary_cast, reason = "types of the fields differ between C libraries")]
pub fn version_of(file: &File) -> Option<FileVersion> {
    use std::os::fd::AsRawFd;
    let mut facts = std::mem::MaybeUninit::<libc::stat>::zeroed();
    // The functions of C libraries and of the standard library call statx(2) or newfstatat(2), which can name other files.
    // SAFETY: the kernel writes at most a `struct stat`, which is that of libc on these architectures. All its fields may be zero.
    let facts = unsafe {
        let result = libc::syscall(libc::SYS_fstat, file.as_raw_fd(), facts.as_mut_ptr());
        nix::errno::Errno::result(result).ok()?;
        facts.assume_init()
    };
    Some([
        facts.st_dev.cast_signed(),
        facts.st_ino.cast_signed(),
        facts.st_size,
        nanoseconds(facts.st_mtime as i64, facts.st_mtime_nsec as i64),
        nanoseconds(facts.st_ctime as i64, facts.st_ctime_nsec as i64),
    ])
}

/// The version of an open file now. `None`: it cannot be read on this architecture.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn version_of(_: &File) -> Option<FileVersion> {
    None
}

/// A time of stat(2) as one number.
pub fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds.wrapping_mul(1_000_000_000).wrapping_add(nanoseconds)
}
