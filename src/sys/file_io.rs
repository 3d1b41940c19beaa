//! Files, read without waiting for a disk.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::stat::Mode;
use nix::sys::statfs::{FsType, TMPFS_MAGIC, fstatfs};
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// openat2(2); nix passes it on without having a name for it.
const RESOLVE_CACHED: u64 = 0x20;
/// statfs(2); nix has most of them, and not this one.
const RAMFS_MAGIC: FsType = FsType(0x8584_58f6);

/// What a read that must not wait gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonBlockingRead {
    /// So many bytes.
    Read(usize),
    /// Some of it is not in memory.
    WouldBlock,
    /// The file system cannot tell.
    Unsupported,
}

/// Opens a file to be read. Links are followed, out of the root too, for images are mounted elsewhere; but none of those
/// that lead to what a process has open (`RESOLVE_NO_MAGICLINKS`, openat2(2)). A FIFO does not make us wait for its
/// writer, and no terminal becomes ours. What may be read of it, and how much, is asked of what was opened. One that somebody
/// else has a lease on (fcntl(2)) is not waited for: `EWOULDBLOCK`.
pub fn open(path: &OsStr) -> io::Result<File> {
    open_by(path, OFlag::O_NONBLOCK)
}

/// Opens a file that somebody has a lease on, when he gives way.
pub fn open_blocking(path: &OsStr) -> io::Result<File> {
    open_by(path, OFlag::empty())
}

fn open_by(path: &OsStr, wait: OFlag) -> io::Result<File> {
    let flags = wait | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    match openat2(AT_FDCWD, path, how) {
        // Before Linux 5.6, and in containers that were made before it.
        Err(Errno::ENOSYS | Errno::EPERM) => {
            Ok(nix::fcntl::open(path, flags, Mode::empty())?.into())
        }
        opened => Ok(opened?.into()),
    }
}

/// Reads what is in memory of a file (`RWF_NOWAIT`, preadv2(2)).
pub fn read_nonblocking(
    file: &File,
    offset: u64,
    buffer: &mut [u8],
) -> io::Result<NonBlockingRead> {
    let Ok(offset) = libc::off_t::try_from(offset) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: `part` describes `buffer`, which lives through the call and is ours alone.
    let read =
        unsafe { libc::preadv2(file.as_raw_fd(), &raw const part, 1, offset, libc::RWF_NOWAIT) };
    match Errno::result(read) {
        Ok(read) => Ok(NonBlockingRead::Read(read.unsigned_abs())),
        Err(Errno::EAGAIN) => Ok(NonBlockingRead::WouldBlock),
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => Ok(NonBlockingRead::Unsupported),
        Err(error) => Err(error.into()),
    }
}

/// The number of the mount that a directory is on (mountinfo, proc(5)), as far as the kernel knows without asking the
/// file system (`RESOLVE_CACHED`, openat2(2)); `None`: it would have to.
pub fn mount_of(directory: &Path) -> io::Result<Option<u64>> {
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::from_bits_retain(RESOLVE_CACHED));
    let place = match openat2(AT_FDCWD, directory, how) {
        Err(Errno::EAGAIN) => return Ok(None),
        // Before Linux 5.12, and in containers that were made before it: links on the way are not seen then.
        Err(Errno::ENOSYS | Errno::EINVAL | Errno::EPERM) => {
            return mount_by_name(directory);
        }
        opened => opened?,
    };
    let about = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", place.as_raw_fd()))?;
    let number = about.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    Ok(number)
}

/// The type of the file system of a mount.
pub fn file_system(mount: u64) -> Option<String> {
    let table = mounts().ok()?;
    rows(&table).find(|row| row.number == mount).map(|row| row.kind.to_owned())
}

/// A row of the table of mounts.
struct Mount<'t> {
    number: u64,
    /// Where it is, with spaces and the like as `\040`.
    point: &'t str,
    kind: &'t str,
}

fn mounts() -> io::Result<String> {
    std::fs::read_to_string("/proc/self/mountinfo")
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
fn rows(table: &str) -> impl Iterator<Item = Mount<'_>> {
    table.lines().filter_map(|line| {
        let (place, about) = line.split_once(" - ")?;
        let mut place = place.split(' ');
        let number = place.next()?.parse().ok()?;
        Some(Mount { number, point: place.nth(3)?, kind: about.split(' ').next()? })
    })
}

/// The same by the table of mounts, which no lock of the kernel keeps from us; links are not seen.
pub fn mount_by_name(directory: &Path) -> io::Result<Option<u64>> {
    Ok(nearest_mount(&mounts()?, directory))
}

/// The mount whose place is the longest beginning of a path, and of those in one place the last.
fn nearest_mount(table: &str, path: &Path) -> Option<u64> {
    let around = rows(table).filter(|row| path.starts_with(row.point));
    around.max_by_key(|row| row.point.len()).map(|row| row.number)
}

/// Whether a file is in memory for as long as it is.
pub fn is_ramfs(file: &File) -> bool {
    fstatfs(file).is_ok_and(|system| [TMPFS_MAGIC, RAMFS_MAGIC].contains(&system.filesystem_type()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no such call")]
    fn links_lead_to_files_and_not_to_what_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| open(folder.path().join(name).as_os_str());
        std::fs::write(folder.path().join("file"), "text").unwrap();
        for (name, target) in [("plain", "file"), ("magic", "/proc/self/fd/0")] {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        }
        assert_eq!(open("plain").unwrap().metadata().unwrap().len(), 4);
        assert_eq!(open("magic").unwrap_err().raw_os_error(), Some(libc::ELOOP));
        assert_eq!(open("none").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no such call")]
    fn a_directory_tells_its_mount() {
        // Nothing needs to be asked for the root, and old kernels have no such call.
        let Ok(mount) = mount_of(Path::new("/")) else { return };
        assert!(file_system(mount.unwrap()).is_some());
        assert_eq!(file_system(u64::MAX), None);
    }

    #[test]
    fn names_tell_mounts_too() {
        let table = "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            40 22 0:33 / /srv/tftp rw shared:9 - nfs4 host:/tftp rw\n\
            41 40 0:34 / /srv/tftp rw - tmpfs tmpfs rw\n";
        for (path, mount) in [("/srv/tftp/a", 41), ("/srv/tftp", 41), ("/srv/tftpd", 22), ("/", 22)]
        {
            assert_eq!(nearest_mount(table, Path::new(path)), Some(mount), "{path}");
        }
        assert_eq!(rows(table).map(|row| row.kind).collect::<Vec<_>>(), ["ext4", "nfs4", "tmpfs"]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no such call")]
    fn what_is_in_memory_is_read_at_once() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 9000], 0).unwrap();
        let mut buffer = [0; 5000];
        match read_nonblocking(&file, 4096, &mut buffer).unwrap() {
            NonBlockingRead::Read(read) => assert_eq!(buffer[..read], vec![7; 9000 - 4096]),
            // Not every file system that holds temporary files can tell.
            NonBlockingRead::Unsupported => {}
            NonBlockingRead::WouldBlock => panic!("it was written just now"),
        }
    }
}
