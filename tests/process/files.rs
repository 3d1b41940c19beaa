//! Files that are read again: on SIGHUP, and when they change.

use crate::common::required;
use crate::setup::{Setup, signal};
use nix::sys::signal::Signal;
use std::fs;
use std::time::Duration;

crate::tests![changed_files_of_a_watched_directory_are_read,];

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
    nix::unistd::mkfifo("/srv/fifo", nix::sys::stat::Mode::S_IRWXU).expect("root can do this");
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
