//! Boots from datagrams.

use super::*;
use crate::reason::Verdict::{self, Boots, DoesNotBoot, Unknown};
use crate::wire::dhcp::{BOOT_REPLY, BOOT_REQUEST, MAGIC_COOKIE, field};
use std::net::SocketAddr;

const SERVER: &str = "10.0.0.1";
const CLIENT: &str = "10.0.0.9";

/// The datagrams of a capture.
#[derive(Clone, Default)]
struct Wire {
    now: Duration,
    datagrams: Vec<(Duration, SocketAddr, SocketAddr, Vec<u8>)>,
}

impl Wire {
    /// Waits, then sends a datagram.
    fn send(&mut self, millis: u64, from: &str, to: &str, bytes: &[u8]) {
        self.now += Duration::from_millis(millis);
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        self.datagrams.push((self.now, address(from), address(to), bytes.to_vec()));
    }

    fn boots(self) -> Vec<Boot> {
        let mut correlator = BootCorrelator::default();
        let mut observer = Observer::new(&mut correlator);
        for (time, from, to, bytes) in &self.datagrams {
            let (time, from, to, len) = (Some(*time), *from, *to, bytes.len());
            observer.add(&Datagram { time, from, to, bytes, len });
        }
        observer.finish();
        let mut boots = correlator.into_boots();
        finish(&mut boots);
        boots
    }

    fn client(&mut self, to_port: u16, bytes: &[u8]) {
        self.send(10, &format!("{CLIENT}:2070"), &format!("{SERVER}:{to_port}"), bytes);
    }

    fn server(&mut self, bytes: &[u8]) {
        self.send(10, &format!("{SERVER}:40000"), &format!("{CLIENT}:2070"), bytes);
    }

    fn request(&mut self, file: &str) {
        self.client(69, &[b"\0\x01", file.as_bytes(), b"\0octet\0tsize\x000\0"].concat());
    }

    fn data(&mut self, block: u16, len: usize) {
        self.server(&[&[0, 3][..], &block.to_be_bytes(), &vec![7; len]].concat());
    }

    fn ack(&mut self, block: u16) {
        self.client(40000, &[&[0, 4][..], &block.to_be_bytes()].concat());
    }

    fn dhcp_request(&mut self, port: u16, message_type: u8, more: &[u8]) {
        let options =
            [&[53, 1, message_type, 60, 9][..], b"PXEClient", &[93, 2, 0, 7], more, &[255]];
        let bytes = dhcp(BOOT_REQUEST, &options.concat());
        self.send(10, "0.0.0.0:68", &format!("255.255.255.255:{port}"), &bytes);
    }

    fn dhcp_reply(&mut self, server: &str, change: impl FnOnce(&mut Vec<u8>), options: &[u8]) {
        let mut bytes = dhcp(BOOT_REPLY, options);
        change(&mut bytes);
        self.send(10, &format!("{server}:67"), "255.255.255.255:68", &bytes);
    }

    /// The steps and the verdict of the only boot.
    fn boot(self) -> (Vec<String>, Verdict) {
        let boots = self.boots();
        assert_eq!(boots.len(), 1, "{boots:?}");
        let text = boots[0].to_string();
        let lines = text.lines().skip(1);
        let steps = lines.map(|line| line.split_once(" s  ").map_or(line, |(_, text)| text).trim());
        let steps = steps.map(|step| step.split_whitespace().collect::<Vec<_>>().join(" "));
        (steps.collect(), boots[0].verdict().verdict)
    }
}

fn dhcp(op: u8, options: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; field::OPTIONS];
    bytes[..8].copy_from_slice(&[op, 1, 6, 0, 1, 2, 3, 4]);
    bytes[field::CHADDR.start..field::CHADDR.start + 6].copy_from_slice(&[0x52, 0x54, 0, 1, 2, 3]);
    bytes[field::COOKIE].copy_from_slice(&MAGIC_COOKIE);
    bytes.extend_from_slice(options);
    bytes
}

fn assigns(last: u8) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| bytes[field::YIADDR].copy_from_slice(&[10, 0, 0, last])
}

#[test]
fn dhcp_server_proxy_and_files_are_steps_of_one_boot() {
    let mut wire = Wire::default();
    wire.dhcp_request(67, 1, &[]);
    wire.dhcp_reply("10.0.0.254", assigns(9), &[53, 1, 2, 54, 4, 10, 0, 0, 254, 255]);
    wire.dhcp_reply(SERVER, |_| {}, &[&[53, 1, 2, 60, 9][..], b"PXEClient", &[255]].concat());
    wire.dhcp_request(67, 3, &[]);
    let ack = [&[53, 1, 5, 12, 3][..], b"pc7", &[54, 4, 10, 0, 0, 254, 255]].concat();
    wire.dhcp_reply("10.0.0.254", assigns(9), &ack);
    wire.dhcp_request(4011, 3, &[]);
    let file = |bytes: &mut Vec<u8>| {
        bytes[field::SIADDR].copy_from_slice(&[10, 0, 0, 1]);
        bytes[field::FILE.start..field::FILE.start + 8].copy_from_slice(b"grub.efi");
    };
    wire.dhcp_reply(SERVER, file, &[53, 1, 5, 255]);
    wire.request("grub.efi");
    wire.data(1, 512);
    wire.data(1, 512);
    wire.ack(1);
    wire.data(2, 88);
    wire.ack(2);
    wire.request("vmlinuz");
    wire.data(1, 0);
    wire.ack(1);
    assert_eq!(wire.clone().boots()[0].name.as_deref(), Some("pc7"));
    let (steps, verdict) = wire.boot();
    assert_eq!(
        steps,
        [
            "DHCPDISCOVER",
            "DHCPOFFER from 10.0.0.254: address 10.0.0.9",
            "answered on port 67: OFFER from 10.0.0.1",
            "DHCPREQUEST",
            "DHCPACK from 10.0.0.254: address 10.0.0.9",
            "DHCPREQUEST to port 4011",
            "answered on port 4011: ACK from 10.0.0.1: file grub.efi of 10.0.0.1",
            "grub.efi 600 bytes in 0.050 s, 1 block sent again; blksize 512, 3 DATA, 2 ACK",
            "vmlinuz 0 bytes in 0.020 s; blksize 512, 1 DATA, 1 ACK",
            "=> boots: it has its operating system: vmlinuz was the last file"
        ]
    );
    assert_eq!(verdict, Boots);
}

#[test]
fn repeated_request_without_reply_is_a_boot_that_never_began() {
    let mut wire = Wire::default();
    wire.dhcp_request(67, 1, &[]);
    wire.dhcp_request(67, 1, &[]);
    let (steps, verdict) = wire.boot();
    assert_eq!(
        steps[..2],
        ["DHCPDISCOVER, 2 times", "=> does not boot: it sent DHCPDISCOVER and got no reply"]
    );
    assert_eq!(verdict, DoesNotBoot);
}

#[test]
fn one_request_without_reply_is_unknown() {
    let mut wire = Wire::default();
    wire.dhcp_request(67, 1, &[&[77, 4][..], b"iPXE"].concat());
    let (steps, verdict) = wire.boot();
    assert_eq!(steps[0], "DHCPDISCOVER of iPXE: the capture has no reply");
    assert_eq!(verdict, Unknown);
    let mut wire = Wire::default();
    wire.request("a.efi");
    let (steps, verdict) = wire.boot();
    assert_eq!(steps[0], "TFTP request for a.efi to 10.0.0.1: the capture has no reply");
    assert_eq!(verdict, Unknown, "the capture can have port 69 only");
}

#[test]
fn error_of_the_server_is_the_step_of_its_file() {
    for (code, step) in [
        (1, "x does not exist"),
        (2, "x: permission denied"),
        (0, "x cannot be read: 0 it is a directory"),
    ] {
        let mut wire = Wire::default();
        wire.request("x");
        wire.server(&[&[0, 5, 0, code][..], b"it is a directory\0"].concat());
        let (steps, verdict) = wire.boot();
        assert_eq!((&*steps[0], verdict), (step, DoesNotBoot));
    }
}

#[test]
fn transfer_that_is_not_finished_is_running_or_stopped() {
    let begin = || {
        let mut wire = Wire::default();
        wire.request("vmlinuz");
        wire.data(1, 512);
        wire.ack(1);
        wire.data(2, 512);
        wire
    };
    assert_eq!(begin().boot().0[0], "vmlinuz 1024 bytes, being sent");
    let mut wire = begin();
    // Another client sends a datagram later.
    wire.send(60_000, "10.0.0.7:1", "10.0.0.8:2", b"x");
    assert_eq!(wire.boot().0[0], "the client stopped acknowledging vmlinuz");
    let mut wire = begin();
    wire.ack(2);
    wire.send(60_000, "10.0.0.7:1", "10.0.0.8:2", b"x");
    let (steps, verdict) = wire.boot();
    assert_eq!(steps[0], "acknowledgement of a block of vmlinuz: the capture has no reply");
    assert_eq!(verdict, Unknown);
}

#[test]
fn file_is_complete_if_the_next_request_replaces_the_last_acknowledgement() {
    let mut wire = Wire::default();
    wire.request("a.0");
    wire.data(1, 5);
    wire.request("b.0");
    wire.server(b"\0\x05\0\x01no\0");
    let (steps, _) = wire.boot();
    assert_eq!(steps[0], "a.0 5 bytes in 0.010 s; blksize 512, 1 DATA, 0 ACK");
    assert_eq!(steps[1], "b.0 does not exist");
}

#[test]
fn options_of_the_server_are_those_of_the_transfer() {
    let mut wire = Wire::default();
    wire.request("big");
    wire.server(b"\0\x06blksize\x001024\0windowsize\x002\0");
    wire.ack(0);
    for block in [1, 2, 3, 4] {
        wire.data(block, 1024);
        if block % 2 == 0 {
            wire.ack(block);
        }
    }
    wire.data(5, 0);
    wire.ack(5);
    let (steps, _) = wire.boot();
    assert!(steps[0].starts_with("big 4096 bytes in "), "{steps:?}");
    assert!(steps[0].ends_with("; blksize 1024, windowsize 2, 5 DATA, 4 ACK"), "{steps:?}");
}

#[test]
fn dhcp_of_an_operating_system_is_no_boot() {
    let mut wire = Wire::default();
    let bytes = dhcp(BOOT_REQUEST, &[53, 1, 1, 255]);
    wire.send(10, "0.0.0.0:68", "255.255.255.255:67", &bytes);
    wire.dhcp_reply(SERVER, assigns(9), &[53, 1, 5, 255]);
    assert_eq!(wire.boots(), []);
}

#[test]
fn transfer_over_ipv6_is_a_boot() {
    let mut wire = Wire::default();
    wire.send(1, "[fd00::9]:2070", "[fd00::1]:69", b"\0\x01a.efi\0octet\0");
    wire.send(1, "[fd00::1]:4000", "[fd00::9]:2070", b"\0\x03\0\x01hello");
    wire.send(1, "[fd00::9]:2070", "[fd00::1]:4000", b"\0\x04\0\x01");
    let boots = wire.boots();
    assert_eq!(boots[0].client(), "fd00::9");
    assert_eq!(boots[0].files().collect::<Vec<_>>(), ["a.efi"]);
}

#[test]
fn any_bytes_are_read_without_panic() {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let mut wire = Wire::default();
    let starts =
        [&b"\0\x01a\0octet\0"[..], b"\0\x03", b"\0\x04", b"\0\x05", b"\0\x06blksize\0", b""];
    for _ in 0..20_000 {
        let mut bytes = starts[usize::from(next()) % starts.len()].to_vec();
        bytes.extend((0..next() % 8).map(|_| next()));
        let ports = [69, 2070, 40000, 67, 4011];
        let mut port = || ports[usize::from(next()) % ports.len()];
        let (from, to) = (port(), port());
        wire.send(200, &format!("10.0.0.1:{from}"), &format!("10.0.0.1:{to}"), &bytes);
    }
    assert!(!wire.boots().is_empty());
}
