//! Changes of the tree by single system calls, so that a request follows at once.

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// A change. A path is that of the host.
#[derive(Clone, Debug)]
pub enum Change {
    /// Writes a file with these contents.
    Write(String, &'static str),
    Mkdir(String),
    Rename(String, String),
    /// Exchanges two names.
    Exchange(String, String),
    /// A hard link with the second name.
    Link(String, String),
    /// A symbolic link: its target, and its name.
    Symlink(String, String),
    /// Removes a file or a link.
    Remove(String),
    /// Removes a directory and all that is below it.
    RemoveAll(String),
    Chmod(String, u32),
    /// Mounts an empty file system.
    Mount(String),
    Bind(String, String),
    MoveMount(String, String),
    Unmount(String),
}

pub use Change::{
    Bind, Chmod, Exchange, Link, Mkdir, Mount, MoveMount, Remove, RemoveAll, Rename, Symlink,
    Unmount, Write,
};

impl Change {
    pub fn make(&self) -> io::Result<()> {
        const NONE: Option<&str> = None;
        match self {
            Write(path, text) => fs::write(path, text),
            Mkdir(path) => fs::create_dir(path),
            Rename(from, to) => fs::rename(from, to),
            Exchange(one, other) => {
                let (one, other) = (Path::new(one), Path::new(other));
                Ok(renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)?)
            }
            Link(file, path) => fs::hard_link(file, path),
            Symlink(target, path) => symlink(target, path),
            Remove(path) => fs::remove_file(path),
            RemoveAll(path) => fs::remove_dir_all(path),
            Chmod(path, mode) => fs::set_permissions(path, Permissions::from_mode(*mode)),
            Mount(path) => {
                let (kind, mode) = (Some("tmpfs"), Some("mode=755"));
                Ok(mount(kind, Path::new(path), kind, MsFlags::empty(), mode)?)
            }
            Bind(from, to) => {
                Ok(mount(Some(&**from), Path::new(to), NONE, MsFlags::MS_BIND, NONE)?)
            }
            MoveMount(from, to) => {
                Ok(mount(Some(&**from), Path::new(to), NONE, MsFlags::MS_MOVE, NONE)?)
            }
            // A server may still have a file open.
            Unmount(path) => Ok(umount2(Path::new(path), MntFlags::MNT_DETACH)?),
        }
    }
}
