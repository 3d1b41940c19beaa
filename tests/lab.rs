//! The laboratory itself.

mod common;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use common::lab::{Lab, Switch, eventually};
use common::required;

#[test]
fn two_hosts_on_a_wire_hear_each_other_and_nobody_else() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("eth0", "02:00:00:00:00:02"));
    server.ip("addr add 10.9.0.1/24 dev eth0");
    client.ip("addr add 10.9.0.2/24 dev eth0");
    let (ear, mouth) = (server.udp("0.0.0.0:67"), client.udp("10.9.0.2:68"));
    mouth.send_to(b"hello", "10.9.0.255:67").unwrap();
    let mut datagram = [0; 9];
    let (length, from) = ear.recv_from(&mut datagram).unwrap();
    assert_eq!((&datagram[..length], from.to_string()), (&b"hello"[..], "10.9.0.2:68".into()));
    assert!(server.listens_on_udp(67) && !client.listens_on_udp(67) && client.listens_on_udp(68));
}

#[test]
fn a_switch_joins_three_hosts() {
    let Some(lab) = required(Lab::new(["one", "two", "three"])) else { return };
    let switch = Switch::new().unwrap();
    for (n, name) in ["one", "two", "three"].iter().enumerate() {
        switch.attach(&lab, lab.host(name).plug("eth0", &format!("02:00:00:00:00:0{n}")));
        lab.host(name).ip(&format!("addr add 10.9.0.{}/24 dev eth0", n + 1));
    }
    let ear = lab.host("three").udp("10.9.0.3:69");
    lab.host("one").udp("10.9.0.1:0").send_to(b"1", "10.9.0.3:69").unwrap();
    lab.host("two").udp("10.9.0.2:0").send_to(b"2", "10.9.0.3:69").unwrap();
    let mut byte = [0];
    assert_eq!(ear.recv_from(&mut byte).unwrap().1.ip().to_string(), "10.9.0.1");
    assert_eq!(ear.recv_from(&mut byte).unwrap().1.ip().to_string(), "10.9.0.2");
}

#[test]
fn programs_see_private_files_and_their_syslog_lines_are_read() {
    let Some(lab) = required(Lab::new(["server"])) else { return };
    lab.file("/home/tftpboot/a", "text");
    let said = lab.host("server").run(Command::new("sh").args(["-c", "cat /home/*/*; ls /srv"]));
    assert_eq!(said, "text");
    lab.host("server").run(Command::new("busybox").args(["logger", "-t", "me", "hello"]));
    let heard = || lab.syslog().iter().any(|line| line.ends_with("me: hello")).then_some(());
    eventually(Duration::from_secs(2), heard).expect("a line");
}

#[test]
fn the_thread_comes_back_even_from_a_panic() {
    let network = || fs::read_link("/proc/thread-self/ns/net").unwrap();
    let Some(lab) = required(Lab::new(["server"])) else { return };
    let home = network();
    assert_ne!(lab.host("server").inside(network), home);
    let ended =
        catch_unwind(AssertUnwindSafe(|| lab.host("server").inside(|| panic!("on purpose"))));
    assert!(ended.is_err());
    assert_eq!(network(), home);
}

#[test]
fn a_dropped_program_is_gone() {
    let Some(lab) = required(Lab::new(["server"])) else { return };
    let process = lab.host("server").spawn(Command::new("sleep").arg("1000").stdout(Stdio::null()));
    let path = format!("/proc/{}", process.id());
    assert!(Path::new(&path).exists());
    drop(process);
    assert!(!Path::new(&path).exists());
}

#[test]
fn the_real_machine_is_out_of_reach() {
    let Some(lab) = required(Lab::new([])) else { return };
    let written = catch_unwind(AssertUnwindSafe(|| lab.file("/var/log/x", "")));
    let complaint = *written.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(complaint, "/var/log/x is not private to the laboratory");
}

#[test]
fn etc_is_the_same_on_every_machine() {
    let Some(_lab) = required(Lab::new([])) else { return };
    let names = fs::read_dir("/etc").unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| !name.starts_with("ld.so."));
    names.sort();
    assert_eq!(names, ["group", "hosts", "nsswitch.conf", "passwd"]);
}
