//! What Landlock refuses, without seccomp, because seccomp refuses most of it too; and the restrictions together.

use crate::common::required;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getppid, setgroups};
use pxemasq::sys::privilege::Identity;
use pxemasq::sys::profile::{AllowedPaths, Profile};
use pxemasq::sys::sandbox::{confine, restrict_by_landlock};
use pxemasq::sys::udp;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Output};

crate::tests![
    landlock_allows_each_process_only_its_paths,
    confined_processes_do_their_work,
    supplementary_groups_are_removed_with_the_user,
];

/// The processes in which an operation succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    All,
    Files,
    None,
}

/// An operation in a directory with `log/file`, `pid/file`, `other/file` and a TCP port. The file process may write in `log`
/// and remove in `pid`.
type Operation = (&'static str, In, fn(&Path) -> io::Result<()>);

#[rustfmt::skip]
const OPERATIONS: &[Operation] = &[
    ("binds a UDP socket",              In::All,   |_| UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("starts a thread",                 In::All,   |_| std::thread::Builder::new().spawn(|| ()).map(drop)),
    ("reads a file",                    In::Files, |at| fs::read(at.join("other/file")).map(drop)),
    ("reads the list of users",         In::Files, |_| fs::read("/etc/passwd").map(drop)),
    ("lists a directory",               In::Files, |at| fs::read_dir(at.join("other")).map(drop)),
    ("follows a link",                  In::Files, |at| fs::read(at.join("other/link")).map(drop)),
    ("creates a log file",              In::Files, |at| fs::write(at.join("log/new"), "x")),
    ("appends to the log",              In::Files, |at| append(&at.join("log/file"))),
    ("removes the pid file",            In::Files, |at| fs::remove_file(at.join("pid/file"))),
    ("creates another file",            In::None,  |at| fs::write(at.join("other/new"), "x")),
    ("appends to another file",         In::None,  |at| append(&at.join("other/file"))),
    ("truncates another file",          In::None,  |at| Ok(nix::unistd::truncate(&at.join("other/file"), 0)?)),
    ("creates a file beside the pid file", In::None, |at| fs::write(at.join("pid/new"), "x")),
    ("removes the log",                 In::None,  |at| fs::remove_file(at.join("log/file"))),
    ("removes another file",            In::None,  |at| fs::remove_file(at.join("other/file"))),
    ("renames the pid file",            In::None,  |at| fs::rename(at.join("pid/file"), at.join("log/moved"))),
    ("creates a directory",             In::None,  |at| fs::create_dir(at.join("log/directory"))),
    ("removes a directory",             In::None,  |at| fs::remove_dir(at.join("pid/directory"))),
    ("creates a symbolic link",         In::None,  |at| symlink("/", at.join("log/link"))),
    ("creates a unix socket",           In::None,  |at| UnixDatagram::bind(at.join("log/socket")).map(drop)),
    ("starts a program",                In::None,  |_| Command::new("true").status().map(drop)),
    ("connects to a TCP port",          In::None,  |at| TcpStream::connect((Ipv4Addr::LOCALHOST, port(at))).map(drop)),
    ("binds a TCP port",                In::None,  |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    ("connects to an abstract socket",  In::None,  |at| UnixStream::connect_addr(&abstract_address(at)?).map(drop)),
    ("sends a signal to its parent",    In::None,  |_| Ok(kill(getppid(), None)?)),
    ("sends a signal to process 1",     In::None,  |_| Ok(kill(Pid::from_raw(1), None)?)),
];

fn append(path: &Path) -> io::Result<()> {
    OpenOptions::new().append(true).open(path)?.write_all(b"x")
}

/// The name of the directory ends with the port.
fn port(at: &Path) -> u16 {
    let name = at.file_name().and_then(|name| name.to_str()).expect("a name");
    name.rsplit('-').next().and_then(|port| port.parse().ok()).expect("a port")
}

fn abstract_address(at: &Path) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(at.as_os_str().as_encoded_bytes())
}

/// Data of a child process: what it does, a number, a directory.
const ROLE: &str = "PXEMASQ_RESTRICTED";
/// Exit codes that are no error numbers of the kernel.
const NO_LANDLOCK: i32 = 200;
const OTHER_ERROR: i32 = 201;
/// First version of the Landlock ABI that restricts signals and abstract sockets (landlock(7)).
const OLDEST: u32 = 6;

/// Runs this test binary again with one test, as a child with a role.
fn child(test: &str, role: &str) -> Output {
    let mut itself = Command::new(std::env::current_exe().expect("it runs"));
    itself.args(["--exact", test]).env(ROLE, role).output().expect("it can be started")
}

fn role() -> Option<Vec<String>> {
    let role = std::env::var(ROLE).ok()?;
    Some(role.splitn(3, ' ').map(str::to_owned).collect())
}

/// A directory for one operation, and the listeners whose addresses are its name.
fn place() -> (tempfile::TempDir, TcpListener, UnixListener) {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = tcp.local_addr().expect("it is bound").port();
    let suffix = format!("-{port}");
    let folder = tempfile::Builder::new().suffix(&suffix).tempdir().expect("a directory");
    for name in ["log", "pid", "other"] {
        fs::create_dir(folder.path().join(name)).expect("it is new");
        fs::write(folder.path().join(name).join("file"), "x").expect("it is new");
    }
    fs::create_dir(folder.path().join("pid/directory")).expect("it is new");
    symlink("/etc/passwd", folder.path().join("other/link")).expect("it is new");
    let unix = UnixListener::bind_addr(&abstract_address(folder.path()).expect("a name"));
    (folder, tcp, unix.expect("it is new"))
}

fn exit_code(result: &io::Result<()>) -> i32 {
    match result {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap_or(OTHER_ERROR),
    }
}

/// The paths of a process.
fn paths(process: &str, at: &Path) -> AllowedPaths {
    let files = || Profile::files(vec![at.join("log")], vec![at.join("pid")], &[]);
    if process == "files" { files().paths } else { Profile::packets(&[]).paths }
}

fn landlock_allows_each_process_only_its_paths() {
    const NAME: &str = "landlock::landlock_allows_each_process_only_its_paths";
    if let Some(role) = role() {
        let [process, number, at] = &role[..] else { panic!("three words") };
        let operation = OPERATIONS[number.parse::<usize>().expect("a number")].2;
        let restricted = process == "free"
            || restrict_by_landlock(&paths(process, Path::new(at))).is_ok_and(|abi| abi >= OLDEST);
        let code = if restricted { exit_code(&operation(Path::new(at))) } else { NO_LANDLOCK };
        std::process::exit(code)
    }
    for (number, (name, succeeds, _)) in OPERATIONS.iter().enumerate() {
        for process in ["free", "packets", "files"] {
            let (folder, _tcp, _unix) = place();
            let role = format!("{process} {number} {}", folder.path().display());
            let ended = child(NAME, &role).status;
            let found = (ended.code() != Some(NO_LANDLOCK)).then_some(());
            let found = found.ok_or("Landlock of this kernel is too old".to_owned());
            let Some(()) = required(found) else { return };
            let expected = process == "free"
                || *succeeds == In::All
                || (*succeeds == In::Files && process == "files");
            let refused = matches!(ended.code(), Some(libc::EACCES | libc::EPERM | libc::EXDEV));
            let succeeded = ended.code() == Some(0);
            assert!(succeeded != refused && succeeded == expected, "{process} {name}: {ended}");
        }
    }
}

/// What a confined process does, and then what it must not do.
fn confined_processes_do_their_work() {
    const NAME: &str = "landlock::confined_processes_do_their_work";
    if let Some(role) = role() {
        work(&role[0], Path::new(&role[2]));
    }
    for process in ["packets", "files", "host"] {
        let (folder, _tcp, _unix) = place();
        let output = child(NAME, &format!("{process} 0 {}", folder.path().display()));
        let (ended, log) = (output.status, String::from_utf8_lossy(&output.stderr));
        // A call that is not in the table kills a process in debug builds and returns ENOSYS in others.
        let refused = ended.code() == Some(libc::ENOSYS) || ended.signal() == Some(libc::SIGSYS);
        assert!(refused, "{process}: {ended}");
        assert!(log.ends_with(DONE), "{process}: {ended}: {log}");
    }
}

/// Written after the work, before the forbidden call.
const DONE: &str = "done";

fn work(process: &str, at: &Path) -> ! {
    let profile = match process {
        "packets" => Profile::packets(&[]),
        "files" => Profile::files(vec![at.join("log")], vec![at.join("pid")], &[]),
        _ => Profile::host(&[]),
    };
    let receiver = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = receiver.local_addr().expect("it is bound");
    let status = confine(&profile);
    let complete = status.no_new_privileges && status.seccomp.is_ok();
    let done = match process {
        "packets" => exchange_datagrams(&receiver, address),
        "files" => use_files(at),
        _ => Ok(()),
    };
    if !complete || done.is_err() {
        std::process::exit(OTHER_ERROR);
    }
    // All processes may write to descriptor 2.
    eprint!("{DONE}");
    let forbidden = TcpListener::bind("127.0.0.1:0").map(drop);
    std::process::exit(exit_code(&forbidden))
}

/// Sends a datagram from another thread.
fn exchange_datagrams(receiver: &UdpSocket, to: std::net::SocketAddr) -> io::Result<()> {
    let send = move || {
        let socket = udp::open_transfer((Ipv4Addr::LOCALHOST, 0).into())?;
        udp::send(&socket, b"x", udp::SendAddress { to, from: None, interface: 0 })
    };
    let thread = std::thread::Builder::new().spawn(send)?;
    thread.join().expect("the thread does not panic")?;
    udp::receive_plain(receiver, &mut [0; 16]).map(drop)
}

fn use_files(at: &Path) -> io::Result<()> {
    let read = || fs::read("/etc/passwd");
    std::thread::Builder::new().spawn(read)?.join().expect("the thread does not panic")?;
    fs::read_dir(at)?.try_for_each(|entry| entry.map(drop))?;
    fs::remove_file(at.join("pid/file"))?;
    append(&at.join("log/file"))
}

fn supplementary_groups_are_removed_with_the_user() {
    const NAME: &str = "landlock::supplementary_groups_are_removed_with_the_user";
    if let Some(role) = role() {
        change_user(Path::new(&role[2]));
    }
    let is_root = nix::unistd::geteuid().is_root().then_some(());
    let Some(()) = required(is_root.ok_or("only root can change the user".to_owned())) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a directory");
    let ended = child(NAME, &format!("user 0 {}", folder.path().display())).status;
    assert!(ended.success(), "{ended}");
    let status = fs::read_to_string(folder.path().join("status")).expect("it was written");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(field("Groups:"), "");
    assert_eq!(field("Uid:"), ["65534"; 4].join(" "));
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
        assert_eq!(field(set), "0000000000000000", "{set}");
    }
}

/// Writes the file `status` as proc(5) shows it after the change of user.
fn change_user(at: &Path) -> ! {
    let groups = [1, 2, 3].map(nix::unistd::Gid::from_raw);
    setgroups(&groups).expect("it is root");
    let mut file = fs::File::create(at.join("status")).expect("the directory is writable");
    let Ok(identity) = Identity::find(Some("nobody"), None) else { panic!("no user nobody") };
    assert!(identity.assume(&[]).is_ok(), "the user did not change");
    let status = fs::read("/proc/thread-self/status").expect("it exists");
    file.write_all(&status).expect("the file is open");
    std::process::exit(0)
}
