//! The private directories of the lab.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::with_context;

/// Mounts empty directories over those of the machine, for this thread and its children only.
pub fn lay_out() -> Result<(), String> {
    unshare(CloneFlags::CLONE_NEWNS)
        .map_err(with_context("needs root, or `unshare -Urn cargo test`: no mount namespace"))?;
    no_propagation()?;
    let linker: Vec<_> = LINKER_FILES.iter().map(|&file| (file, fs::read(file))).collect();
    let build = kept_in_sight();
    PRIVATE_DIRECTORIES.iter().try_for_each(|directory| fresh(directory))?;
    build.iter().try_for_each(|(path, original)| show_again(path, original))?;
    for (file, contents) in linker {
        contents
            .map_or(Ok(()), |contents| fs::write(file, contents))
            .map_err(with_context(file))?;
    }
    ETC.iter().try_for_each(|(file, text)| fs::write(file, text).map_err(with_context(file)))?;
    private_devices()
}

/// Otherwise the mounts would be visible on the machine.
fn no_propagation() -> Result<(), String> {
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, flags, None::<&str>)
        .map_err(with_context("mounts stay shared"))
}

fn fresh(directory: &str) -> Result<(), String> {
    let flags = MsFlags::empty();
    match mount(Some("tmpfs"), directory, Some("tmpfs"), flags, Some("mode=755")) {
        Err(nix::Error::ENOENT) if directory == "/var/lib/misc" => Ok(()),
        done => done.map_err(with_context(directory)),
    }
}

/// The program under test and the test data may be below `/home` or `/srv`.
fn kept_in_sight() -> Vec<(PathBuf, File)> {
    let build = std::env::current_exe().ok();
    let build = build.as_deref().and_then(Path::parent).and_then(Path::parent);
    let places = [build, Some(Path::new(env!("CARGO_MANIFEST_DIR")))];
    let hidden =
        |path: &&Path| PRIVATE_DIRECTORIES.iter().any(|directory| path.starts_with(directory));
    let open = |path: &Path| Some((path.to_owned(), File::open(path).ok()?));
    places.into_iter().flatten().filter(hidden).filter_map(open).collect()
}

fn show_again(path: &Path, original: &File) -> Result<(), String> {
    fs::create_dir_all(path).map_err(with_context(path.display()))?;
    bind(&format!("/proc/self/fd/{}", original.as_raw_fd()), path)
}

fn bind(original: &str, path: &Path) -> Result<(), String> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    mount(Some(original), path, None::<&str>, flags, None::<&str>)
        .map_err(with_context(path.display()))
}

/// mknod fails in a user namespace, but the device files of the machine can be bind-mounted.
fn private_devices() -> Result<(), String> {
    let new_dev = Path::new("/run/dev");
    fs::create_dir(new_dev).map_err(with_context(new_dev.display()))?;
    fresh("/run/dev")?;
    fs::create_dir(new_dev.join("net")).map_err(with_context("/run/dev/net"))?;
    for device in DEVICES {
        let original = format!("/dev/{device}");
        match fs::metadata(&original).map_err(|fault| fault.kind()) {
            Err(ErrorKind::NotFound) => continue,
            _ => File::create(new_dev.join(device)).map_err(with_context(device))?,
        };
        bind(&original, &new_dev.join(device))?;
    }
    symlink("/proc/self/fd", new_dev.join("fd")).map_err(with_context("/dev/fd"))?;
    mount(Some(new_dev), "/dev", None::<&str>, MsFlags::MS_MOVE, None::<&str>)
        .map_err(with_context("/dev"))?;
    fs::remove_dir(new_dev).map_err(with_context(new_dev.display()))
}

/// Creates the parent directories of a path. Panics if the path is not in a private directory.
pub fn place(path: &str) -> PathBuf {
    let path = PathBuf::from(path);
    let private = PRIVATE_DIRECTORIES.iter().any(|directory| path.starts_with(directory));
    assert!(private, "{} is not private to the lab", path.display());
    let above = path.parent().expect("a private path has a directory");
    fs::create_dir_all(above).unwrap_or_else(|fault| panic!("{}: {fault}", above.display()));
    path
}

const PRIVATE_DIRECTORIES: [&str; 5] = ["/etc", "/home", "/run", "/srv", "/var/lib/misc"];

/// For machines that have libraries in unusual directories.
const LINKER_FILES: [&str; 2] = ["/etc/ld.so.cache", "/etc/ld.so.conf"];

const DEVICES: [&str; 7] = ["null", "zero", "full", "random", "urandom", "tty", "net/tun"];

const ETC: [(&str, &str); 4] = [
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
         dnsmasq:x:990:65534:dnsmasq:/var/lib/misc:/usr/sbin/nologin\n",
    ),
    ("/etc/group", "root:x:0:\nnogroup:x:65534:\ndip:x:30:\n"),
    ("/etc/hosts", "127.0.0.1 localhost\n"),
    ("/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\nservices: files\n"),
];
