//! Opening files, and reading them without waiting for a disk or for a writer of a FIFO.

/// Open without waiting (open(2)).
pub use libc::O_NONBLOCK;
use nix::errno::Errno;
use nix::fcntl::{self, AT_FDCWD, FcntlArg, OFlag, OpenHow, ResolveFlag, openat2, readlinkat};
use nix::sys::stat::Mode;
use nix::sys::statfs::{FsType, TMPFS_MAGIC, fstatfs};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// openat2(2). nix has no constant for it.
const RESOLVE_CACHED: u64 = 0x20;
/// statfs(2). nix has no constant for it.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);
const PIPEFS_MAGIC: FsType = FsType(0x5049_5045);

/// The result of a read that does not wait for a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonBlockingRead {
    /// The number of bytes that were read.
    Read(usize),
    /// Data is not in the page cache.
    WouldBlock,
    /// The file system does not support `RWF_NOWAIT`.
    Unsupported,
}

/// Opens a file for reading. Symbolic links are followed wherever they lead. The call does not wait for a writer of a FIFO, and
/// a terminal does not become the controlling one. Permissions and size must be read from the open file. If another process
/// holds a lease on the file (fcntl(2)), the error is `EWOULDBLOCK`.
pub fn open(path: &OsStr) -> io::Result<File> {
    open_by(path, OFlag::O_NONBLOCK)
}

/// As [`open`]. If the last component of the path is a symbolic link, the error is `ELOOP`.
pub fn open_no_link(path: &OsStr) -> io::Result<File> {
    open_by(path, OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW)
}

/// Opens a file, and waits until no other process holds a lease on it.
pub fn open_blocking(path: &OsStr) -> io::Result<File> {
    open_by(path, OFlag::empty())
}

fn open_by(path: &OsStr, wait: OFlag) -> io::Result<File> {
    let flags = wait | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    Ok(fcntl::open(path, flags, Mode::empty())?.into())
}

/// Opens a file of the configuration for reading. The call does not wait for a writer of a FIFO, and a terminal does not
/// become the controlling one. It waits until no other process holds a lease on the file (fcntl(2)).
pub fn open_config_file(path: &Path) -> io::Result<File> {
    let open = |wait: OFlag| {
        let flags = (OFlag::O_NOCTTY | wait).bits();
        File::options().read(true).custom_flags(flags).open(path)
    };
    match open(OFlag::O_NONBLOCK) {
        // Only regular files have leases.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => open(OFlag::empty()),
        opened => opened,
    }
}

/// Lets reads wait for data, after the file was opened without waiting.
pub fn set_blocking(file: &File) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl::fcntl(file, FcntlArg::F_GETFL)?);
    fcntl::fcntl(file, FcntlArg::F_SETFL(flags - OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Whether a file is a pipe without a name (pipe(2)), as a shell makes for `<(command)`.
pub fn is_anonymous_pipe(file: &File) -> bool {
    fstatfs(file).is_ok_and(|system| system.filesystem_type() == PIPEFS_MAGIC)
}

/// Reads data that is in the page cache (`RWF_NOWAIT`, preadv2(2)).
pub fn read_nonblocking(
    file: &File,
    offset: u64,
    buffer: &mut [u8],
) -> io::Result<NonBlockingRead> {
    let Ok(offset) = libc::off_t::try_from(offset) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `part` describes `buffer`, which is borrowed exclusively until the call returns.
    let read =
        unsafe { libc::preadv2(file.as_raw_fd(), &raw const part, 1, offset, libc::RWF_NOWAIT) };
    match Errno::result(read) {
        Ok(read) => Ok(NonBlockingRead::Read(read.unsigned_abs())),
        Err(Errno::EAGAIN) => Ok(NonBlockingRead::WouldBlock),
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(NonBlockingRead::Unsupported),
        Err(error) => Err(error.into()),
    }
}

/// The mount id of a directory (mountinfo, proc(5)), if the kernel can resolve the path without the file system
/// (`RESOLVE_CACHED`, openat2(2)); `None`: the file system would have to read it.
pub fn mount_of(directory: &Path) -> io::Result<Option<u64>> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::from_bits_retain(RESOLVE_CACHED));
    let directory_fd = match openat2(AT_FDCWD, directory, how) {
        Err(Errno::EAGAIN) => return Ok(None),
        // Linux before 5.12, and container runtimes that do not allow the call. Symbolic links are not resolved then.
        Err(Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => {
            return mount_by_name(directory);
        }
        opened => opened?,
    };
    let fdinfo =
        std::fs::read_to_string(format!("/proc/self/fdinfo/{}", directory_fd.as_raw_fd()))?;
    let number = fdinfo.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    Ok(number)
}

/// The target of a symbolic link that the kernel has in its cache; `None`: it is not there, or no link.
pub fn cached_link(path: &Path) -> Option<PathBuf> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::from_bits_retain(RESOLVE_CACHED));
    let link = openat2(AT_FDCWD, path, how).ok()?;
    readlinkat(&link, "").ok().map(PathBuf::from)
}

/// A line of `/proc/self/mountinfo` (proc(5)).
struct Mount<'t> {
    number: u64,
    /// The mount point, with a space as `\040`.
    point: &'t str,
}

fn mounts() -> io::Result<String> {
    std::fs::read_to_string("/proc/self/mountinfo")
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
fn rows(table: &str) -> impl Iterator<Item = Mount<'_>> {
    table.lines().filter_map(|line| {
        let (mount, _) = line.split_once(" - ")?;
        let mut fields = mount.split(' ');
        let number = fields.next()?.parse().ok()?;
        Some(Mount { number, point: fields.nth(3)? })
    })
}

/// The mount id of a directory by the table of mounts. It does not wait for locks of the kernel, and does not resolve
/// symbolic links.
pub fn mount_by_name(directory: &Path) -> io::Result<Option<u64>> {
    Ok(nearest_mount(&mounts()?, directory))
}

/// The mount with the longest mount point that contains the path; of several with one mount point, the last.
fn nearest_mount(table: &str, path: &Path) -> Option<u64> {
    let containing = rows(table).filter(|row| path.starts_with(row.point));
    containing.max_by_key(|row| row.point.len()).map(|row| row.number)
}

/// Whether a file is on tmpfs or ramfs, so that reading it never waits for a disk.
pub fn is_ramfs(file: &File) -> bool {
    fstatfs(file).is_ok_and(|system| [TMPFS_MAGIC, RAMFS_MAGIC].contains(&system.filesystem_type()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn link_is_read_from_the_cache_of_the_kernel() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::os::unix::fs::symlink("../target", at("link")).unwrap();
        // Old kernels do not have the call.
        let Ok(Some(_)) = mount_of(folder.path()) else { return };
        assert_eq!(cached_link(&at("link")), Some(PathBuf::from("../target")));
        assert_eq!(cached_link(folder.path()), None);
        assert_eq!(cached_link(&at("none")), None);
    }

    #[test]
    fn mount_of_a_path_is_that_of_the_longest_mount_point() {
        let table = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            40 22 0:33 / /srv/tftp rw shared:9 - nfs4 host:/tftp rw\n\
            41 40 0:34 / /srv/tftp rw - tmpfs tmpfs rw\n";
        for (path, mount) in [("/srv/tftp/a", 41), ("/srv/tftp", 41), ("/srv/tftpd", 22), ("/", 22)]
        {
            assert_eq!(nearest_mount(table, Path::new(path)), Some(mount), "{path}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn data_in_the_page_cache_is_read_without_waiting() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 9000], 0).unwrap();
        let mut buffer = [0; 5000];
        match read_nonblocking(&file, 4096, &mut buffer).unwrap() {
            NonBlockingRead::Read(read) => assert_eq!(buffer[..read], vec![7; 9000 - 4096]),
            // Not every file system of temporary files supports it.
            NonBlockingRead::Unsupported => {}
            NonBlockingRead::WouldBlock => panic!("it was written just now"),
        }
    }
}
