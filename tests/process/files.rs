//! Files that are read again: on SIGHUP, and when they change.

use crate::common::lab::eventually;
use crate::common::required;
use crate::setup::{CONFIG as CONFIG_FILE, RANGE, Setup, signal};
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

crate::tests![
    changed_files_of_a_watched_directory_are_read,
    fifo_and_endless_file_do_not_stop_the_service,
    fifo_and_endless_file_at_the_start_are_errors,
    configuration_from_a_pipe_is_read_to_its_end,
];

const CONFIG: &str =
    "dhcp-range=10.9.0.0,proxy\npxe-prompt=x\ndhcp-hostsdir=/srv/hosts\ndhcp-optsfile=/srv/opts\n";

fn changed_files_of_a_watched_directory_are_read() {
    let Some(setup) = required(Setup::new(CONFIG)) else { return };
    setup.lab.file("/srv/hosts/one", "52:54:00:00:00:01,set:a\n");
    setup.lab.file("/srv/opts", "bad\n");
    let daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    let before = setup.logged(7);
    assert_eq!(
        before[4..],
        [
            "3 dnsmasq: bad dhcp-option at line 1 of /srv/opts".to_owned(),
            read("/srv/opts"),
            read("/srv/hosts/one")
        ]
    );
    setup.lab.take_syslog();

    fs::write("/srv/hosts/two", "52:54:00:00:00:0g\n").expect("the file can be written");
    fs::write("/srv/hosts/.three", "x").expect("the file can be written");
    fs::write("/srv/hosts/four~", "x").expect("the file can be written");
    fs::create_dir("/srv/hosts/five").expect("the directory can be created");
    fs::write("/srv/six", "52:54:00:00:00:02,set:b\n").expect("the file can be written");
    fs::rename("/srv/six", "/srv/hosts/six").expect("the file can be renamed");
    let changed = |path: &str| format!("6 dnsmasq: inotify: {path} new or modified");
    let bad = "3 dnsmasq: bad hex constant at line 1 of /srv/hosts/two".to_owned();
    let mut wanted = vec![changed("/srv/hosts/two"), read("/srv/hosts/two"), bad.clone()];
    wanted.extend([changed("/srv/hosts/six"), read("/srv/hosts/six")]);
    assert_eq!(setup.logged(5), wanted);
    setup.lab.take_syslog();

    // The optsfile is read on SIGHUP only. Entries of deleted files are removed at the same time.
    fs::write("/srv/opts", "vendor:PXEClient,30,x\n").expect("the file can be written");
    fs::remove_dir_all("/srv/hosts").expect("the file can be deleted");
    std::thread::sleep(Duration::from_millis(200));
    if !crate::common::subject_is_theirs() {
        // 2.92 logs nothing about files that are deleted.
        assert_eq!(setup.logged(0), [""; 0]);
    }
    setup.lab.take_syslog();
    signal(daemon.id(), Signal::SIGHUP);
    let gone = "3 dnsmasq: bad dynamic directory /srv/hosts: No such file or directory";
    assert_eq!(setup.logged(2), [read("/srv/opts"), gone.to_owned()]);
    setup.lab.take_syslog();
    fs::create_dir("/srv/hosts").expect("the directory can be created");
    fs::write("/srv/hosts/one", "").expect("the file can be written");
    signal(daemon.id(), Signal::SIGHUP);
    assert_eq!(setup.logged(2), [read("/srv/opts"), read("/srv/hosts/one")]);
    if crate::common::subject_is_theirs() {
        return;
    }
    // The directory is watched again, and a FIFO in it does not block (D-031).
    setup.lab.take_syslog();
    mkfifo("/srv/fifo", Mode::S_IRWXU).expect("root can do this");
    fs::rename("/srv/fifo", "/srv/hosts/fifo").expect("the file can be renamed");
    fs::write("/srv/hosts/two", "").expect("the file can be written");
    let wanted = [
        changed("/srv/hosts/fifo"),
        read("/srv/hosts/fifo"),
        changed("/srv/hosts/two"),
        read("/srv/hosts/two"),
    ];
    assert_eq!(setup.logged(4), wanted);
}

fn read(path: &str) -> String {
    format!("6 dnsmasq-dhcp: read {path}")
}

const FIFO: &str = "it is a FIFO, use a regular file";
const TOO_LARGE: &str = "with it, more than 256 MiB must be read, use smaller files";
/// Reading 256 MiB takes some time in a debug build.
const LONG: Duration = Duration::from_secs(60);

/// At the start, on SIGHUP and after a change (D-038). dnsmasq waits for a writer, or reads until its memory is used up.
fn fifo_and_endless_file_do_not_stop_the_service() {
    if crate::common::subject_is_theirs() {
        return;
    }
    let config = "dhcp-range=10.9.0.0,proxy\npxe-prompt=x\ndhcp-hostsfile=/srv/fifo\n\
                  dhcp-hostsfile=/dev/zero\ndhcp-optsfile=/srv/opts\ndhcp-hostsdir=/srv/hosts\n";
    let Some(setup) = required(Setup::new(config)) else { return };
    mkfifo("/srv/fifo", Mode::S_IRWXU | Mode::S_IROTH).expect("root can do this");
    setup.lab.file("/srv/hosts/one", "");
    setup.lab.file("/srv/opts", "");
    let daemon = setup.foreground(&mut Setup::program(&["-k", "-x", ""]));
    let expected = [
        format!("3 dnsmasq: cannot read /dev/zero: {TOO_LARGE}"),
        format!("3 dnsmasq: cannot read /srv/fifo: {FIFO}"),
        read("/srv/opts"),
        read("/srv/hosts/one"),
    ];
    let logged = || {
        let logged = setup.logged(0);
        logged.contains(&expected[3]).then_some(logged)
    };
    assert!(eventually(LONG, logged).expect("it has read all files").ends_with(&expected));
    setup.lab.take_syslog();
    signal(daemon.id(), Signal::SIGHUP);
    assert_eq!(eventually(LONG, logged).expect("it has read all files"), expected);
    assert_eq!(setup.get("small"), Ok(b"hello\n".to_vec()));
}

fn fifo_and_endless_file_at_the_start_are_errors() {
    if crate::common::subject_is_theirs() {
        return;
    }
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    mkfifo("/srv/fifo", Mode::S_IRWXU).expect("root can do this");
    let leases = File::create("/srv/leases").expect("the file can be written");
    leases.set_len(10 << 30).expect("the file can have holes");
    setup.lab.file("/srv/includes", "conf-file=/srv/fifo\n");
    setup.lab.program("/srv/script", "#!/bin/sh\nexec cat /dev/zero\n");
    let resolv = ["--domain=#", "--resolv-file=/srv/fifo"];
    let init = ["--leasefile-ro", "--dhcp-script=/srv/script"];
    let cases: [(&[&str], String); 8] = [
        (&["-C", "/srv/fifo"], format!("cannot read /srv/fifo: {FIFO}")),
        (&["-C", "/srv/includes"], format!("cannot read /srv/fifo: {FIFO}")),
        (&["-C", "/dev/zero"], format!("cannot read /dev/zero: {TOO_LARGE}")),
        (&["-C", CONFIG_FILE, "-C", "/dev/zero"], format!("cannot read /dev/zero: {TOO_LARGE}")),
        (
            &["-C", CONFIG_FILE, "--conf-script=cat /dev/zero"],
            format!("cannot read cat /dev/zero: {TOO_LARGE}"),
        ),
        (
            &["-C", CONFIG_FILE, "--dhcp-leasefile=/srv/leases"],
            format!("failed to read lease file /srv/leases: {TOO_LARGE}"),
        ),
        (
            &[&["-C", CONFIG_FILE][..], &resolv].concat(),
            format!("failed to read /srv/fifo: {FIFO}"),
        ),
        (
            &[&["-C", CONFIG_FILE][..], &init].concat(),
            format!("cannot run lease-init script /srv/script: {TOO_LARGE}"),
        ),
    ];
    for (words, message) in cases {
        let stderr = File::create("/run/stderr").expect("/run is writable");
        let mut command = Command::new(crate::common::subject());
        command.args(words).env("LC_ALL", "C").stdout(Stdio::null()).stderr(stderr);
        let mut process = setup.lab.host("server").spawn(&mut command);
        let ended = eventually(LONG, || process.ended()).expect("it ends");
        let stderr = fs::read_to_string("/run/stderr").expect("it was created");
        // Scripts ignore SIGPIPE, as with dnsmasq, so a program that they run may report it first.
        let last = stderr.trim().lines().last().unwrap_or_default();
        assert_eq!((ended.code(), last), (Some(3), &*format!("dnsmasq: {message}")));
    }
    // The lease file is opened for reading and writing, which does not wait, and a FIFO is not read.
    setup.foreground(&mut Setup::program(&["-k", "-x", "", "--dhcp-leasefile=/srv/fifo"]));
}

/// `<(command)` of a shell, and standard input. The writer may be late.
fn configuration_from_a_pipe_is_read_to_its_end() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    let program = crate::common::subject();
    let program = program.display();
    for line in [
        format!("{program} --test -C <(sleep 0.1; echo port=0; sleep 0.1; echo nonsense)"),
        format!("(sleep 0.1; echo port=0; echo nonsense) | {program} --test -C /proc/self/fd/0"),
        format!("(sleep 0.1; echo port=0; echo nonsense) | {program} --test -C -"),
    ] {
        let ended = setup.run(Command::new("bash").args(["-c", &line]));
        let name = ["/dev/fd/63", "/proc/self/fd/0", "stdin"]
            .into_iter()
            .find(|name| ended.stderr.contains(&format!("bad option at line 2 of {name}\n")));
        assert_eq!((ended.code, name.is_some()), (Some(1), true), "{line}: {}", ended.stderr);
    }
}
