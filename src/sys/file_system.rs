//! Whether each change of a directory is made by this kernel, so that inotify reports it.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::statfs::{FsType, fstatfs};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// What inotify (inotify(7)) reports of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reported {
    /// All changes of its names and its attributes.
    All,
    /// All changes of directories that have a mounted file system below them. Overlayfs keeps these directories in memory, but
    /// the names beside them also change by changes of its layers, which are not reported.
    MountPoints,
    /// Not all.
    Some,
}

/// statfs(2). nix does not have all of these constants for all C libraries.
mod magic {
    use super::FsType;

    pub const EXT: FsType = FsType(0xef53);
    pub const XFS: FsType = FsType(0x5846_5342);
    pub const BTRFS: FsType = FsType(0x9123_683e);
    pub const F2FS: FsType = FsType(0xf2f5_2010);
    pub const TMPFS: FsType = FsType(0x0102_1994);
    pub const RAMFS: FsType = FsType(0x8584_58f6);
    pub const SQUASHFS: FsType = FsType(0x7371_7368);
    pub const EROFS: FsType = FsType(0xe0f5_e1e2);
    pub const OVERLAYFS: FsType = FsType(0x794c_7630);
}

/// What inotify reports of a directory, by the file system.
///
/// # Errors
/// It is not a directory, or it cannot be found out.
pub fn reported(directory: &Path) -> io::Result<Reported> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let directory = open(directory, flags, Mode::empty())?;
    // Names in an encrypted directory change when its key is added (fscrypt), which is not reported.
    if is_encrypted(&directory)? {
        return Ok(Reported::Some);
    }
    Ok(reported_by(fstatfs(&directory)?.filesystem_type()))
}

/// Whether a file is on a file system that changes only by calls of this kernel which inotify reports.
pub fn has_only_reported_changes(file: &File) -> bool {
    fstatfs(file).is_ok_and(|system| reported_by(system.filesystem_type()) == Reported::All)
}

/// File systems that change only by calls of this kernel which inotify reports. Others change by other hosts (NFS, SMB, Ceph), by
/// processes (FUSE, 9p, virtiofs), by themselves (autofs, proc) or by `zfs rollback`; FAT has names that are not in the list of
/// names.
fn reported_by(system: FsType) -> Reported {
    match system {
        magic::EXT
        | magic::XFS
        | magic::BTRFS
        | magic::F2FS
        | magic::TMPFS
        | magic::RAMFS
        | magic::SQUASHFS
        | magic::EROFS => Reported::All,
        magic::OVERLAYFS => Reported::MountPoints,
        _ => Reported::Some,
    }
}

/// Whether the names in a directory are encrypted (`STATX_ATTR_ENCRYPTED`, statx(2)).
fn is_encrypted(directory: &OwnedFd) -> io::Result<bool> {
    let mut facts = MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: the path ends with NUL, and the kernel writes at most a `struct statx`. All its fields may be zero.
    let facts = unsafe {
        let fd = directory.as_raw_fd();
        let result = libc::syscall(
            libc::SYS_statx,
            fd,
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            libc::STATX_TYPE,
            facts.as_mut_ptr(),
        );
        Errno::result(result)?;
        facts.assume_init()
    };
    Ok(facts.stx_attributes & u64::from(libc::STATX_ATTR_ENCRYPTED.unsigned_abs()) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_file_systems_report_all_changes() {
        for system in [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994] {
            assert_eq!(reported_by(FsType(system)), Reported::All, "{system:x}");
        }
        assert_eq!(reported_by(magic::OVERLAYFS), Reported::MountPoints);
        let others = [
            ("nfs", 0x6969),
            ("smb", 0x517b),
            ("cifs", 0xff53_4d42),
            ("smb2", 0xfe53_4d42),
            ("ceph", 0x00c3_6400),
            ("fuse", 0x6573_5546),
            ("9p", 0x0102_1997),
            ("vfat", 0x4d44),
            ("exfat", 0x2011_bab0),
            ("autofs", 0x0187),
            ("proc", 0x9fa0),
            ("zfs", 0x2fc1_2fc1),
            ("iso9660", 0x9660),
            ("ntfs3", 0x7366_746e),
            ("ocfs2", 0x7461_636f),
            ("gfs2", 0x0116_1970),
            ("ecryptfs", 0xf15f),
            ("afs", 0x5346_414f),
        ];
        for (name, system) in others {
            assert_eq!(reported_by(FsType(system)), Reported::Some, "{name}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn directory_is_required_and_links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(".", folder.path().join("link")).unwrap();
        assert!(reported(folder.path()).is_ok());
        assert!(reported(&folder.path().join("link")).is_err());
        assert_eq!(reported(Path::new("/proc")).unwrap(), Reported::Some);
    }
}
