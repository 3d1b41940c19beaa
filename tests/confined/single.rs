//! Operations that the sandbox forbids: a child process enters the sandbox and tries. Without the sandbox they succeed.

use crate::common::required;
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

/// The part of the sandbox that refuses an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Nothing,
    Landlock,
    Seccomp,
}

/// An operation in a directory with `read/file`, `log/file`, `pid/file` and `outside/file`. The program may read in `read`,
/// append in `log` and delete in `pid`.
type Attempt = (&'static str, By, fn(&Path) -> io::Result<()>);

#[rustfmt::skip]
const ATTEMPTS: &[Attempt] = &[
    ("reads a served file",             By::Nothing,  |at| fs::read(at.join("read/file")).map(drop)),
    ("lists a served directory",        By::Nothing,  |at| fs::read_dir(at.join("read")).map(drop)),
    ("creates a log file",              By::Nothing,  |at| fs::write(at.join("log/new"), "")),
    ("appends to the log",              By::Nothing,  |at| OpenOptions::new().append(true).open(at.join("log/file"))?.write_all(b"x")),
    ("deletes the PID file",            By::Nothing,  |at| fs::remove_file(at.join("pid/file"))),
    ("starts a thread",                 By::Nothing,  |_| std::thread::Builder::new().spawn(|| ()).map(drop)),
    ("opens a UDP socket",              By::Nothing,  |_| UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("opens a syslog socket",           By::Nothing,  |_| UnixDatagram::unbound().map(drop)),

    ("reads another file",              By::Landlock, |at| fs::read(at.join("outside/file")).map(drop)),
    ("lists another directory",         By::Landlock, |at| fs::read_dir(at.join("outside")).map(drop)),
    ("lists the parent directory",      By::Landlock, |at| fs::read_dir(at).map(drop)),
    ("reads the log",                   By::Landlock, |at| fs::read(at.join("log/file")).map(drop)),
    ("opens a served file to write",    By::Landlock, |at| OpenOptions::new().append(true).open(at.join("read/file")).map(drop)),
    ("creates a served file",           By::Landlock, |at| fs::write(at.join("read/new"), "")),
    ("deletes a served file",           By::Landlock, |at| fs::remove_file(at.join("read/file"))),
    ("deletes the log",                 By::Landlock, |at| fs::remove_file(at.join("log/file"))),
    ("creates another file",            By::Landlock, |at| fs::write(at.join("outside/new"), "")),
    ("connects to an abstract socket",  By::Landlock, |at| UnixStream::connect_addr(&abstract_address(at)?).map(drop)),

    ("replaces the program (exec)",     By::Seccomp,  |_| Err(Command::new("true").exec())),
    ("starts another program",          By::Seccomp,  |_| Command::new("true").status().map(drop)),
    ("opens a TCP socket",              By::Seccomp,  |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    ("sends a signal",                  By::Seccomp,  |_| Ok(kill(Pid::from_raw(0), None)?)),
    ("renames a served file",           By::Seccomp,  |at| fs::rename(at.join("read/file"), at.join("read/other"))),
    ("creates a symbolic link",         By::Seccomp,  |at| symlink("/", at.join("log/link"))),
    ("creates a hard link",             By::Seccomp,  |at| fs::hard_link(at.join("read/file"), at.join("log/link"))),
    ("creates a directory",             By::Seccomp,  |at| fs::create_dir(at.join("log/more"))),
    ("changes the mode of the log",     By::Seccomp,  |at| fs::set_permissions(at.join("log/file"), PermissionsExt::from_mode(0o666))),
    ("truncates the log",               By::Seccomp,  |at| Ok(nix::unistd::truncate(&at.join("log/file"), 0)?)),
    ("changes the directory",           By::Seccomp,  |_| std::env::set_current_dir("/")),
    ("changes the user",                By::Seccomp,  |_| Ok(nix::unistd::setuid(nix::unistd::getuid())?)),
    ("leaves its namespaces",           By::Seccomp,  |_| Ok(nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS)?)),
    ("allows ptrace and core dumps",    By::Seccomp,  |_| Ok(prctl::set_dumpable(true)?)),
    ("opens a pipe",                    By::Seccomp,  |_| Ok(nix::unistd::pipe().map(drop)?)),
];

/// The address of an abstract socket.
fn abstract_address(at: &Path) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(at.as_os_str().as_encoded_bytes())
}

/// Data of a process that tries an operation: the directory, the number of the attempt, and whether the sandbox is active.
const ROLE: &str = "PXEMASQ_ATTEMPT";
/// Exit code if Landlock is missing or too old; it is no error number of the kernel.
const NO_LANDLOCK: i32 = 200;
/// First version of the Landlock ABI that restricts abstract sockets (landlock(7)).
const OLDEST: u32 = 6;

/// Runs the operation and exits with its error number.
fn act(role: &str) -> ! {
    let mut words = role.splitn(3, ' ');
    let mut word = || words.next().expect("three words");
    let (number, sandboxed, at) = (word(), word() == "sandbox", Path::new(word()));
    let (_, _, attempt) = ATTEMPTS[number.parse::<usize>().expect("a number")];
    if sandboxed {
        let place = |name: &str| vec![at.join(name)];
        let reach = AllowedPaths { read: place("read"), write: place("log"), remove: place("pid") };
        let sandbox = enter_sandbox(&reach);
        if !sandbox.landlock.is_ok_and(|version| version >= OLDEST) {
            std::process::exit(NO_LANDLOCK);
        }
    }
    let error = attempt(at).err();
    std::process::exit(error.map_or(0, |error| error.raw_os_error().unwrap_or(NO_LANDLOCK - 1)))
}

/// Exit status of a process that tries the operation in a new directory.
fn ended(number: usize, mode: &str) -> ExitStatus {
    let folder = tempfile::tempdir().expect("a directory");
    for name in ["read", "log", "pid", "outside"] {
        fs::create_dir(folder.path().join(name)).expect("it is new");
        File::create(folder.path().join(name).join("file")).expect("it is new");
    }
    let _socket =
        UnixListener::bind_addr(&abstract_address(folder.path()).expect("a name")).expect("new");
    let role = format!("{number} {mode} {}", folder.path().display());
    let mut itself = Command::new(std::env::current_exe().expect("it runs"));
    itself.args(["--exact", "single::forbidden_operations_fail_in_the_sandbox"]).env(ROLE, role);
    itself.output().expect("it can be started").status
}

fn forbidden_operations_fail_in_the_sandbox() {
    if let Ok(role) = std::env::var(ROLE) {
        act(&role);
    }
    for (number, (name, by, _)) in ATTEMPTS.iter().enumerate() {
        let free = ended(number, "none");
        assert_eq!(free.code(), Some(0), "without the sandbox: {name}");
        let confined = ended(number, "sandbox");
        let has_landlock = confined.code() != Some(NO_LANDLOCK);
        let needed = has_landlock.then_some(()).ok_or("Landlock of this kernel is too old");
        let Some(()) = required(needed.map_err(str::to_owned)) else { return };
        assert_eq!(judged(confined), Some(*by), "{name}: {confined}");
    }
}

/// The part that refused the operation.
fn judged(ended: ExitStatus) -> Option<By> {
    match (ended.code(), ended.signal()) {
        (Some(0), _) => Some(By::Nothing),
        (Some(libc::EACCES | libc::EPERM), _) => Some(By::Landlock),
        // For a call that is not in the list, the filter kills the process in debug builds and returns ENOSYS in others.
        (Some(libc::ENOSYS), _) | (_, Some(libc::SIGSYS)) => Some(By::Seccomp),
        _ => None,
    }
}
