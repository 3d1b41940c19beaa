//! The sinks of log lines. Clients do not wait for them.

use crate::common::lab::{allow, eventually};
use crate::common::{installed_dnsmasq, required, subject};
use crate::setup::{CONFIG, Setup, TIMEOUT, bare, signal};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, symlink};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

crate::tests![
    stalled_syslog_does_not_delay_clients,
    restarted_syslog_is_used_again,
    syslog_on_a_stream_socket_gets_the_lines,
    moved_log_file_is_opened_again_after_sigusr2,
    full_disk_of_the_log_file_is_reported_to_syslog,
    stalled_standard_error_does_not_delay_clients,
    syslog_that_accepts_no_connection_does_not_delay_clients,
    nonblocking_standard_error_gets_all_lines,
    restarted_syslog_gets_the_line_of_the_end,
    failure_of_the_log_file_is_reported_to_restarted_syslog_without_a_request,
    fifo_without_reader_at_sigusr2_does_not_delay_clients,
    log_file_has_owner_and_mode_as_by_dnsmasq,
    line_that_no_other_one_follows_is_written_to_the_log_file,
    log_file_has_all_lines_when_the_daemon_has_ended,
];

/// Requests missing files, one after the other. Each request causes one line.
fn ask(setup: &Setup, names: std::ops::Range<usize>) -> Duration {
    let start = Instant::now();
    for name in names {
        let answer = setup.get(&format!("m{name}"));
        assert!(answer.is_err_and(|error| error.contains("not found")), "m{name}");
    }
    start.elapsed()
}

fn line(name: usize) -> String {
    format!("3 dnsmasq-tftp: file /srv/tftp/m{name} not found for 10.9.0.2")
}

/// A datagram socket of the test at `/dev/log`, in place of that of the lab.
fn syslog() -> UnixDatagram {
    drop(fs::remove_file("/dev/log"));
    let socket = UnixDatagram::bind("/dev/log").expect("a socket");
    allow("/dev/log", 0o666);
    socket.set_read_timeout(Some(Duration::from_millis(500))).expect("a socket");
    socket
}

/// Ends a system log. A child process of another test, which has not executed its program yet, may have a copy of the
/// descriptor, so closing it is not enough.
fn close(log: UnixDatagram) {
    log.shutdown(Shutdown::Both).expect("a socket");
    drop(log);
}

/// A stream socket at `/dev/log`.
fn stream() -> UnixListener {
    fs::remove_file("/dev/log").expect("the file can be deleted");
    let log = UnixListener::bind("/dev/log").expect("a socket");
    allow("/dev/log", 0o666);
    log
}

fn all(socket: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 2048];
    std::iter::from_fn(|| socket.recv(&mut buffer).ok().map(|size| buffer[..size].to_vec()))
        .map(|line| bare(&String::from_utf8_lossy(&line)))
        .collect()
}

fn lost(lines: &[String]) -> usize {
    let number = |line: &String| {
        line.strip_prefix("4 dnsmasq: overflow: ")?
            .strip_suffix(" log entries lost")?
            .parse::<usize>()
            .ok()
    };
    lines.iter().filter_map(number).sum::<usize>()
}

/// D-027: dnsmasq serves no clients in this case, or waits for each line.
fn stalled_syslog_does_not_delay_clients() {
    for (words, capacity) in [(&[][..], 512), (&["--log-async=5"], 5)] {
        let Some(setup) = required(Setup::new("")) else { return };
        let log = syslog();
        let daemon = setup.foreground(&mut Setup::program(&[&["-k", "-x", ""], words].concat()));
        let asked = capacity + 60;
        let took = ask(&setup, 0..asked);
        assert!(took < Duration::from_secs(5), "{took:?} for {asked} requests");
        // The program sends the lines when the socket has space; the kernel decides when.
        let mut lines = Vec::new();
        let end = Instant::now() + 4 * TIMEOUT;
        while lost(&lines) == 0 && Instant::now() < end {
            let wanted = |line: &String| line.contains("not found") || line.contains("overflow");
            lines.extend(all(&log).into_iter().filter(wanted));
        }
        let received = lines.len() - 1;
        assert_eq!(received + lost(&lines), asked, "{:?}", lines.last());
        assert!(lost(&lines) > 0 && received >= capacity, "{received} lines of {asked}");
        assert!(
            lines.last().is_some_and(|last| last.contains("overflow")),
            "the overflow line is not the last one"
        );
        let sent: Vec<String> = (0..received).map(line).collect();
        assert_eq!(lines[..received], sent, "the first lines must arrive in order");
        drop(daemon);
    }
}

fn restarted_syslog_is_used_again() {
    for words in [&[][..], &["--log-async=3"]] {
        let Some(setup) = required(Setup::new("")) else { return };
        let first = syslog();
        let daemon = setup.foreground(&mut Setup::program(&[&["-k", "-x", ""], words].concat()));
        ask(&setup, 0..1);
        assert_eq!(all(&first).last(), Some(&line(0)));
        close(first);
        fs::remove_file("/dev/log").expect("the file can be deleted");
        ask(&setup, 1..7);
        // The line is logged after the reply was sent.
        std::thread::sleep(Duration::from_millis(100));
        let second = syslog();
        ask(&setup, 7..9);
        let kept = if words.is_empty() { 1 } else { 3 };
        let mut wanted: Vec<String> = (1..=kept).map(line).collect();
        wanted.push(format!("4 dnsmasq: overflow: {} log entries lost", 7 - kept));
        wanted.push(line(8));
        assert_eq!(all(&second), wanted);
        drop(daemon);
    }
}

fn syslog_on_a_stream_socket_gets_the_lines() {
    let Some(setup) = required(Setup::new("")) else { return };
    let log = stream();
    let daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    ask(&setup, 0..2);
    let (stream, _) = log.accept().expect("the program has connected");
    let lines = BufReader::new(stream)
        .split(0)
        .take(5)
        .map(|line| bare(&String::from_utf8_lossy(&line.expect("a line"))));
    assert_eq!(lines.skip(3).collect::<Vec<_>>(), [line(0), line(1)]);
    drop(daemon);
}

fn moved_log_file_is_opened_again_after_sigusr2() {
    let Some(setup) = required(Setup::new("log-facility=/srv/log/log\n")) else { return };
    setup.lab.file("/srv/log/old", "");
    std::os::unix::fs::chown("/srv/log", Some(65534), None).expect("it is ours to give");
    let daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    let text = |path: &str| {
        let text = fs::read_to_string(path).unwrap_or_default();
        text.lines().map(|line| bare(&format!("<27>{line}"))).collect::<Vec<_>>()
    };
    let has = |path: &str, wanted: &String| {
        let there = || text(path).contains(wanted).then_some(());
        assert!(eventually(TIMEOUT, there).is_some(), "{path}: {:?}", text(path));
    };
    ask(&setup, 0..1);
    has("/srv/log/log", &line(0));
    let found = fs::metadata("/srv/log/log").expect("a file");
    assert_eq!((found.mode() & 0o7777, found.uid(), found.gid()), (0o660, 65534, 0));
    fs::rename("/srv/log/log", "/srv/log/log.1").expect("the file can be renamed");
    ask(&setup, 1..2);
    has("/srv/log/log.1", &line(1));
    signal(daemon.id(), Signal::SIGUSR2);
    eventually(TIMEOUT, || fs::exists("/srv/log/log").ok()?.then_some(())).expect("a new file");
    ask(&setup, 2..3);
    has("/srv/log/log", &line(2));
    let found = fs::metadata("/srv/log/log").expect("a file");
    assert_eq!((found.mode() & 0o7777, found.uid()), (0o640, 65534));
    assert_eq!(text("/srv/log/log.1").len(), 5);

    // If the file cannot be opened, lines are written to syslog, with one tag.
    setup.lab.take_syslog();
    fs::rename("/srv/log", "/srv/gone").expect("the file can be renamed");
    signal(daemon.id(), Signal::SIGUSR2);
    std::thread::sleep(Duration::from_millis(200));
    ask(&setup, 3..4);
    assert_eq!(setup.logged(1), [line(3).replace("dnsmasq-tftp", "dnsmasq")]);
    fs::rename("/srv/gone", "/srv/log").expect("the file can be renamed");
    signal(daemon.id(), Signal::SIGUSR2);
    std::thread::sleep(Duration::from_millis(200));
    ask(&setup, 4..5);
    has("/srv/log/log", &line(4));
    assert_eq!(setup.logged(1).len(), 1);
}

/// Lines that follow each other are written together, some milliseconds later.
fn line_that_no_other_one_follows_is_written_to_the_log_file() {
    let Some(setup) = required(Setup::new("log-facility=/srv/log\n")) else { return };
    let _daemon =
        setup.foreground(&mut Setup::program(&["-k", "-x", "", "-u", "root", "--group="]));
    for name in 0..20 {
        ask(&setup, name..name + 1);
        let text = || fs::read_to_string("/srv/log").unwrap_or_default();
        let is_written = || text().contains(&format!("/m{name} not found")).then_some(());
        assert!(eventually(TIMEOUT, is_written).is_some(), "m{name}: {}", text());
    }
}

fn log_file_has_all_lines_when_the_daemon_has_ended() {
    let Some(setup) = required(Setup::new("log-facility=/srv/log\n")) else { return };
    let words = ["-k", "-x", "", "-u", "root", "--group="];
    let mut daemon = setup.foreground(&mut Setup::program(&words));
    ask(&setup, 0..200);
    signal(daemon.id(), Signal::SIGTERM);
    assert!(eventually(TIMEOUT, || daemon.ended()).is_some_and(|ended| ended.success()));
    let text = fs::read_to_string("/srv/log").expect("a file");
    let lines: Vec<String> = text.lines().map(|line| bare(&format!("<27>{line}"))).collect();
    let asked: Vec<String> = (0..200).map(line).collect();
    let end = "3 dnsmasq: exiting on receipt of SIGTERM".to_owned();
    assert!(lines.ends_with(&[&asked[..], &[end]].concat()), "{text}");
}

fn full_disk_of_the_log_file_is_reported_to_syslog() {
    let Some(setup) = required(Setup::new("log-facility=/srv/log\n")) else { return };
    symlink("/dev/full", "/srv/log").expect("the link can be created");
    let daemon = setup.foreground(&mut Setup::program(&["-k", "-x", "", "-u", "root", "--group="]));
    setup.logged(1);
    // Lines that are logged together with the first failed line are reported with it. So the requests must come later.
    std::thread::sleep(Duration::from_millis(200));
    ask(&setup, 0..2);
    let logged = || setup.logged(1).iter().any(|line| line.contains("m1 not found")).then_some(());
    eventually(TIMEOUT, logged).expect("syslog has the line");
    let log = setup.logged(3);
    assert_eq!(log[0], "2 dnsmasq: log failed: No space left on device");
    let plain = |name| line(name).replace("dnsmasq-tftp", "dnsmasq");
    assert_eq!(log[log.len() - 2..], [plain(0), plain(1)]);
    // The line whose write failed is written to the new file.
    fs::remove_file("/srv/log").expect("the file can be deleted");
    signal(daemon.id(), Signal::SIGUSR2);
    eventually(TIMEOUT, || fs::metadata("/srv/log").ok().filter(|file| file.len() > 0))
        .expect("a new file");
    assert!(fs::read_to_string("/srv/log").expect("a file").contains("started, version"));
    // Later lines are written there too.
    ask(&setup, 2..3);
    let has = || fs::read_to_string("/srv/log").ok()?.contains("dnsmasq-tftp").then_some(());
    eventually(TIMEOUT, has).expect("the new file is used");
    assert!(!setup.logged(1).contains(&plain(2)));
    drop(daemon);
}

/// D-027: a terminal that was stopped, or a pipe that is not read.
fn stalled_standard_error_does_not_delay_clients() {
    for words in [&["-k", "--log-facility=-"][..], &["-d"]] {
        let Some(setup) = required(Setup::new("")) else { return };
        let mut command = Setup::program(&[words, &["-x", ""]].concat());
        let mut daemon = setup.lab.host("server").inside(|| {
            command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts")
        });
        let serves = || setup.lab.host("server").listens_on_udp(69).then_some(());
        eventually(TIMEOUT, serves).expect("it serves");
        let took = ask(&setup, 0..2000);
        assert!(took < Duration::from_secs(10), "{took:?}");
        drop(daemon.kill());
        drop(daemon.wait());
    }
}

/// The listener at `/dev/log` accepts no connection.
fn syslog_that_accepts_no_connection_does_not_delay_clients() {
    let Some(setup) = required(Setup::new("")) else { return };
    let log = stream();
    nix::sys::socket::listen(&log, nix::sys::socket::Backlog::new(0).expect("a number"))
        .expect("the queue length can be set");
    let _waits = std::os::unix::net::UnixStream::connect("/dev/log")
        .expect("the queue of the listener has space for one");
    let mut daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
    signal(daemon.id(), Signal::SIGTERM);
    assert!(eventually(TIMEOUT, || daemon.ended()).is_some_and(|ended| ended.success()));
}

/// A pipe on which another process has set `O_NONBLOCK`.
fn nonblocking_standard_error_gets_all_lines() {
    let Some(setup) = required(Setup::new("")) else { return };
    let (read, write) = std::io::pipe().expect("a pipe");
    let flags = nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK);
    nix::fcntl::fcntl(&write, flags).expect("a pipe");
    let mut command = Setup::program(&["-k", "--log-facility=-", "-x", ""]);
    let server = setup.lab.host("server");
    let _daemon = server.spawn(command.stderr(write));
    drop(command);
    let serves = || server.listens_on_udp(69).then_some(());
    eventually(TIMEOUT, serves).expect("it serves");
    ask(&setup, 0..1500);
    let mut lines = BufReader::new(read).lines().map(|line| line.expect("a line"));
    assert!(
        lines.any(|line| line.contains("m1499 not found")),
        "the lines after the full pipe are missing"
    );
}

fn restarted_syslog_gets_the_line_of_the_end() {
    let Some(setup) = required(Setup::new("")) else { return };
    let first = syslog();
    let mut daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    ask(&setup, 0..1);
    assert_eq!(all(&first).last(), Some(&line(0)));
    close(first);
    let second = syslog();
    signal(daemon.id(), Signal::SIGTERM);
    assert!(eventually(TIMEOUT, || daemon.ended()).is_some_and(|ended| ended.success()));
    assert_eq!(all(&second), ["6 dnsmasq: exiting on receipt of SIGTERM"]);
}

/// D-027: dnsmasq waits for the reader of the FIFO. The write fails while the program waits for clients.
fn failure_of_the_log_file_is_reported_to_restarted_syslog_without_a_request() {
    let Some(setup) = required(Setup::new("log-facility=/srv/log\n")) else { return };
    mkfifo("/srv/log", Mode::from_bits_truncate(0o666)).expect("a FIFO");
    // A FIFO that is opened for both does not wait for the other end (fifo(7)).
    let mut reader = fs::File::options();
    reader.read(true).write(true).custom_flags(libc::O_NONBLOCK);
    let mut reader = reader.open("/srv/log").expect("a FIFO");
    while reader.write(&[0]).is_ok() {}
    let first = syslog();
    let daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    // The thread of the log is started with the first line, so the process waits for events now, without a timer.
    let waits = || {
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).ok()?;
        (!status.contains("Threads:\t1\n") && status.contains("State:\tS")).then_some(())
    };
    eventually(TIMEOUT, waits).expect("it waits for events");
    close(first);
    let second = syslog();
    second.set_read_timeout(Some(TIMEOUT)).expect("a socket");
    drop(reader);
    let mut buffer = [0; 2048];
    let size = second.recv(&mut buffer).expect("a line without another request");
    let first_line = bare(&String::from_utf8_lossy(&buffer[..size]));
    assert_eq!(first_line, "2 dnsmasq: log failed: Broken pipe");
    drop(daemon);
}

/// dnsmasq waits for a reader.
fn fifo_without_reader_at_sigusr2_does_not_delay_clients() {
    let Some(setup) = required(Setup::new("log-facility=/srv/log\n")) else { return };
    let mut daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    // SIGUSR2 has no effect before the program serves.
    ask(&setup, 0..1);
    fs::rename("/srv/log", "/srv/log.1").expect("the file can be renamed");
    mkfifo("/srv/log", Mode::from_bits_truncate(0o666)).expect("a FIFO");
    allow("/srv/log", 0o666);
    signal(daemon.id(), Signal::SIGUSR2);
    let mut asked = 1;
    let reported = || {
        ask(&setup, asked..asked + 1);
        asked += 1;
        setup.lab.syslog().iter().any(|line| line.contains("not found")).then_some(())
    };
    eventually(TIMEOUT, reported).expect("lines are written to syslog");
    signal(daemon.id(), Signal::SIGTERM);
    assert!(eventually(TIMEOUT, || daemon.ended()).is_some_and(|ended| ended.success()));
}

/// Mode, user and group of the log file, after a program was started with it. `umask`: that of the shell that starts it.
fn log_file(setup: &Setup, program: &Path, umask: &str, words: &[&str]) -> [u32; 3] {
    let mut command = Command::new("sh");
    command.args(["-c", "umask $0; exec \"$@\"", umask]).arg(program);
    command.args(["-C", CONFIG, "--pid-file", "--log-facility=/srv/log"]).args(words);
    let mut process = setup.foreground(&mut command);
    let logged = || fs::read_to_string("/srv/log").ok()?.contains("TFTP root is").then_some(());
    eventually(TIMEOUT, logged).expect("the lines of the start");
    signal(process.id(), Signal::SIGTERM);
    eventually(TIMEOUT, || process.ended()).expect("it ends");
    let found = fs::metadata("/srv/log").expect("a file");
    [found.mode() & 0o7777, found.uid(), found.gid()]
}

/// Compares with the installed dnsmasq. `-d` changes owner and mode too, though the user of the process is not changed.
fn log_file_has_owner_and_mode_as_by_dnsmasq() {
    let Some(dnsmasq) = required(installed_dnsmasq()) else { return };
    let Some(setup) = required(Setup::new("")) else { return };
    let files = [None, Some((0, 0, 0o600)), Some((0, 0, 0o620)), Some((1, 65534, 0o4640))];
    for mode in ["-d", "-k"] {
        for (more, umask) in [(&[][..], "077"), (&["--user=root"], "022"), (&["--user="], "022")] {
            let words = &[&[mode], more].concat();
            for file in files {
                let [theirs, ours] = [&dnsmasq, &subject()].map(|program| {
                    drop(fs::remove_file("/srv/log"));
                    if let Some((user, group, bits)) = file {
                        setup.lab.file("/srv/log", "");
                        std::os::unix::fs::chown("/srv/log", Some(user), Some(group))
                            .expect("root can change the owner");
                        // Root without capabilities clears the set-user-ID bit when it writes, dnsmasq's root has them all.
                        let stays_root = more.iter().any(|word| word.starts_with("--user="));
                        allow("/srv/log", if stays_root { bits & 0o777 } else { bits });
                    }
                    log_file(&setup, program, umask, words)
                });
                assert_eq!(ours, theirs, "{words:?}, file {file:?}, umask {umask}");
                let is_new = file.is_none() && more.is_empty();
                assert!(!is_new || theirs == [0o660, 65534, 0], "{theirs:?}");
            }
        }
    }
}
