//! Operations that the sandbox forbids: a child process enters the sandbox and tries. Without the sandbox they succeed.

mod common;

use common::required;
use nix::sys::prctl;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use pxemasq::sys::sandbox::{AllowedPaths, enter_sandbox};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus};

crate::tests![forbidden_operations_fail_in_the_sandbox,];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// The part of the sandbox that refuses an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Nobody,
    Landlock,
    Seccomp,
}

/// Something to try in a directory with `read/file`, `log/file`, `pid/file` and `outside/file`, of which the names say what is
/// allowed there.
type Attempt = (&'static str, By, fn(&Path) -> io::Result<()>);

#[rustfmt::skip]
const ATTEMPTS: &[Attempt] = &[
    ("reads what it serves",      By::Nobody,   |at| fs::read(at.join("read/file")).map(drop)),
    ("lists what it serves",      By::Nobody,   |at| fs::read_dir(at.join("read")).map(drop)),
    ("begins a new log",          By::Nobody,   |at| fs::write(at.join("log/new"), "")),
    ("goes on with the log",      By::Nobody,   |at| OpenOptions::new().append(true).open(at.join("log/file"))?.write_all(b"x")),
    ("takes its pid file away",   By::Nobody,   |at| fs::remove_file(at.join("pid/file"))),
    ("has another thread",        By::Nobody,   |_| std::thread::Builder::new().spawn(|| ()).map(drop)),
    ("sends datagrams",           By::Nobody,   |_| UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("tells the system log",      By::Nobody,   |_| UnixDatagram::unbound().map(drop)),

    ("reads something else",      By::Landlock, |at| fs::read(at.join("outside/file")).map(drop)),
    ("lists something else",      By::Landlock, |at| fs::read_dir(at.join("outside")).map(drop)),
    ("lists what is above",       By::Landlock, |at| fs::read_dir(at).map(drop)),
    ("reads its log",             By::Landlock, |at| fs::read(at.join("log/file")).map(drop)),
    ("writes to what it serves",  By::Landlock, |at| OpenOptions::new().append(true).open(at.join("read/file")).map(drop)),
    ("adds to what it serves",    By::Landlock, |at| fs::write(at.join("read/new"), "")),
    ("takes what it serves away", By::Landlock, |at| fs::remove_file(at.join("read/file"))),
    ("takes its log away",        By::Landlock, |at| fs::remove_file(at.join("log/file"))),
    ("writes something else",     By::Landlock, |at| fs::write(at.join("outside/new"), "")),
    ("finds a hidden socket",     By::Landlock, |at| UnixStream::connect_addr(&hidden(at)?).map(drop)),

    ("becomes another program",   By::Seccomp,  |_| Err(Command::new("true").exec())),
    ("starts another program",    By::Seccomp,  |_| Command::new("true").status().map(drop)),
    ("listens for streams",       By::Seccomp,  |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    ("signals its neighbours",    By::Seccomp,  |_| Ok(kill(Pid::from_raw(0), None)?)),
    ("renames what it serves",    By::Seccomp,  |at| fs::rename(at.join("read/file"), at.join("read/other"))),
    ("makes a link",              By::Seccomp,  |at| symlink("/", at.join("log/link"))),
    ("makes a hard link",         By::Seccomp,  |at| fs::hard_link(at.join("read/file"), at.join("log/link"))),
    ("makes a directory",         By::Seccomp,  |at| fs::create_dir(at.join("log/more"))),
    ("opens its log to others",   By::Seccomp,  |at| fs::set_permissions(at.join("log/file"), PermissionsExt::from_mode(0o666))),
    ("cuts its log",              By::Seccomp,  |at| Ok(nix::unistd::truncate(&at.join("log/file"), 0)?)),
    ("goes elsewhere",            By::Seccomp,  |_| std::env::set_current_dir("/")),
    ("becomes somebody",          By::Seccomp,  |_| Ok(nix::unistd::setuid(nix::unistd::getuid())?)),
    ("has namespaces of its own", By::Seccomp,  |_| Ok(nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS)?)),
    ("may be looked into",        By::Seccomp,  |_| Ok(prctl::set_dumpable(true)?)),
    ("has a pipe",                By::Seccomp,  |_| Ok(nix::unistd::pipe().map(drop)?)),
];

/// The address of an abstract socket.
fn hidden(at: &Path) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(at.as_os_str().as_encoded_bytes())
}

/// Data of a process that tries an operation: the directory, the number of the attempt, and whether the sandbox is active.
const ROLE: &str = "PXEMASQ_ATTEMPT";
/// Of its exit codes the one that is no error of the kernel.
const NO_LANDLOCK: i32 = 200;
/// Interfaces of Landlock since which it knows of hidden sockets.
const OLDEST: u32 = 6;

/// Tries it, and ends with the number of the error.
fn act(role: &str) -> ! {
    let mut words = role.splitn(3, ' ');
    let mut word = || words.next().expect("three words");
    let (number, walls, at) = (word(), word() == "walls", Path::new(word()));
    let (_, _, attempt) = ATTEMPTS[number.parse::<usize>().expect("a number")];
    if walls {
        let place = |name: &str| vec![at.join(name)];
        let reach = AllowedPaths { read: place("read"), write: place("log"), remove: place("pid") };
        let walls = enter_sandbox(&reach);
        if !walls.landlock.is_ok_and(|version| version >= OLDEST) {
            std::process::exit(NO_LANDLOCK);
        }
    }
    let error = attempt(at).err();
    std::process::exit(error.map_or(0, |error| error.raw_os_error().unwrap_or(NO_LANDLOCK - 1)))
}

/// Exit status of a process that tries the operation in a new directory.
fn ended(number: usize, walls: &str) -> ExitStatus {
    let folder = tempfile::tempdir().expect("a directory");
    for name in ["read", "log", "pid", "outside"] {
        fs::create_dir(folder.path().join(name)).expect("it is new");
        File::create(folder.path().join(name).join("file")).expect("it is new");
    }
    let _socket = UnixListener::bind_addr(&hidden(folder.path()).expect("a name")).expect("new");
    let role = format!("{number} {walls} {}", folder.path().display());
    let mut itself = Command::new(std::env::current_exe().expect("it runs"));
    itself.args(["--exact", "forbidden_operations_fail_in_the_sandbox"]).env(ROLE, role);
    itself.output().expect("it can be started").status
}

fn forbidden_operations_fail_in_the_sandbox() {
    if let Ok(role) = std::env::var(ROLE) {
        act(&role);
    }
    for (number, (name, by, _)) in ATTEMPTS.iter().enumerate() {
        let free = ended(number, "none");
        assert_eq!(free.code(), Some(0), "without walls it {name}");
        let walled = ended(number, "walls");
        let has_landlock = walled.code() != Some(NO_LANDLOCK);
        let needed = has_landlock.then_some(()).ok_or("Landlock of this kernel is too old");
        let Some(()) = required(needed.map_err(str::to_owned)) else { return };
        assert_eq!(judged(walled), Some(*by), "it {name}: {walled}");
    }
}

/// The part that refused the operation.
fn judged(ended: ExitStatus) -> Option<By> {
    match (ended.code(), ended.signal()) {
        (Some(0), _) => Some(By::Nobody),
        (Some(libc::EACCES | libc::EPERM), _) => Some(By::Landlock),
        // Ours is killed by what it should not even try, so that a mistake is seen.
        (Some(libc::ENOSYS), _) | (_, Some(libc::SIGSYS)) => Some(By::Seccomp),
        _ => None,
    }
}
