//! Notices about clients that get no boot file, and about files that cannot be sent.

use crate::common::boot_rom::parse_request;
use crate::common::download::Download;
use crate::common::lab::{allow, eventually, record};
use crate::common::packet::PacketSocket;
use crate::setup::{FILE, SIZE, Setup, TIMEOUT, contents};
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

crate::tests![
    client_without_a_boot_file_is_reported_once_after_the_line_of_dnsmasq,
    unreadable_file_is_reported_although_the_client_gets_another_file,
    cause_of_a_missing_file_is_reported,
];

const CONFIG: &str = "/srv/dnsmasq.conf";

impl Setup {
    /// The texts of the log.
    fn texts(&self) -> Vec<String> {
        self.lab.syslog().iter().map(|line| record(line).2.to_owned()).collect()
    }

    fn wait_for(&self, text: &str) {
        let logged = || self.has_logged(text).then_some(());
        assert!(eventually(TIMEOUT, logged).is_some(), "{text}: {:#?}", self.texts());
    }
}

fn client_without_a_boot_file_is_reported_once_after_the_line_of_dnsmasq() {
    let Some(setup) = Setup::new("pxe-service=tag:lab,ARM64_EFI,Lab,lab.efi\n") else { return };
    let packets = PacketSocket::new(setup.client());
    let send = |words: &str| {
        let request = parse_request(&format!("DISCOVER from=0.0.0.0:68 {words}"));
        packets.send("eth0", request.from, request.to, &request.bytes);
    };
    let arm = "mac=02:00:00:00:00:0a arch=11 class=PXEClient:Arch:00011:UNDI:003016";
    let http = "mac=02:00:00:00:00:0b arch=16 class=HTTPClient:Arch:00016:UNDI:003016";
    let no_architecture = "mac=02:00:00:00:00:0c arch=none class=PXEClient";
    let no_client = "mac=02:00:00:00:00:0d class=MSFT5";
    for words in [arm, http, no_architecture, no_client].iter().cycle().take(12) {
        send(words);
    }
    let file = CONFIG;
    let expected = [
        format!(
            "02:00:00:00:00:0a got a reply without a boot file: no pxe-service and no dhcp-boot applies to it, architecture 11 \
             (ARM64_EFI); pxe-service {file}:6 is for architecture 0 (x86PC); pxe-service {file}:7 requires the tag lab, which \
             is not set"
        ),
        "02:00:00:00:00:0b requested a boot file and got no reply: it is a client of UEFI HTTP Boot, for which \
         dhcp-pxe-vendor=PXEClient,HTTPClient is missing"
            .to_owned(),
        "02:00:00:00:00:0c requested a boot file and got no reply: it has no client architecture (option 93)".to_owned(),
    ];
    for text in &expected {
        setup.wait_for(text);
    }
    let texts = setup.texts();
    for text in &expected {
        assert_eq!(texts.iter().filter(|line| line.starts_with(text)).count(), 1, "{texts:#?}");
    }
    assert!(!texts.iter().any(|line| line.starts_with("02:00:00:00:00:0d")), "{texts:#?}");
    let at = |text: &str| texts.iter().position(|line| line.starts_with(text)).expect("logged");
    assert!(at("PXE(eth0) 02:00:00:00:00:0a proxy") < at(&expected[0]), "{texts:#?}");
    setup.assert_serves();
}

fn unreadable_file_is_reported_although_the_client_gets_another_file() {
    let Some(setup) = Setup::new("") else { return };
    setup.lab.file("/srv/tftp/closed", "x");
    allow("/srv/tftp/closed", 0o600);
    symlink("loop", "/srv/tftp/loop").expect("the directory is writable");
    for name in ["closed", "loop", "closed", "loop"] {
        assert!(setup.get(name).is_err(), "{name}");
        assert_eq!(setup.get(FILE), Ok(contents(SIZE)));
    }
    let closed = "did not get a file: /srv/tftp/closed cannot be read by root: mode 600, owner root; as root only \
                  world-readable files are served";
    let in_loop = "did not get a file: /srv/tftp/loop cannot be found: the link /srv/tftp/loop leads to itself";
    let lines = [
        ("cannot access /srv/tftp/closed: Permission denied", 2),
        ("cannot read /srv/tftp/loop: Too many levels of symbolic links", 2),
        (closed, 1),
        (in_loop, 1),
    ];
    for (text, _) in lines {
        setup.wait_for(text);
    }
    let texts = setup.texts();
    for (text, count) in lines {
        let found = texts.iter().filter(|line| line.contains(text)).count();
        assert_eq!(found, count, "{text}: {texts:#?}");
    }
    setup.assert_serves();
}

/// Each client requests one file, and nothing after it.
fn cause_of_a_missing_file_is_reported() {
    let Some(setup) = Setup::new("") else { return };
    for name in ["boot/grub/grub.cfg", "grub/grub.efi", "real.efi"] {
        setup.lab.file(&format!("/srv/tftp/{name}"), "x");
    }
    symlink("gone/boot.efi", "/srv/tftp/dangling.efi").expect("the directory is writable");
    let rows = [
        ("grub/grub.cfg", "but /srv/tftp/boot/grub/grub.cfg does (in another directory)"),
        ("dangling.efi", "/srv/tftp/dangling.efi is a link to gone/boot.efi, which does not exist"),
        (
            "/tftpboot/real.efi",
            "but /srv/tftp/real.efi does: the name begins with the root /tftpboot",
        ),
        ("\"real.efi\"", "but /srv/tftp/real.efi does: the quotation marks are part of the name"),
        ("http://10.9.0.1/real.efi", "but /srv/tftp/real.efi does: the name is a URL"),
        (
            "REAL.efi\u{1}",
            "REAL.efi\\x01 does not exist, but /srv/tftp/real.efi does: the byte 0x01",
        ),
        ("none", ""),
    ];
    for (number, (name, _)) in (100..).zip(rows) {
        let address = format!("10.9.0.{number}");
        setup.client().ip(&format!("addr add {address}/24 dev c0"));
        let socket = setup.client().udp(&format!("{address}:0"));
        let download = Download { file: name, ..Download::DEFAULT };
        assert!(download.get_with(socket, |_| ()).is_err(), "{name}");
    }
    // A missing file is reported after five seconds without another one.
    sleep(Duration::from_secs(5));
    for (number, (name, expected)) in (100..).zip(rows) {
        let beginning = format!("10.9.0.{number} did not get a file: ");
        if expected.is_empty() {
            assert!(!setup.has_logged(&beginning), "{name}: {:#?}", setup.texts());
            continue;
        }
        setup.wait_for(&beginning);
        let texts = setup.texts();
        let line = texts.iter().find(|line| line.starts_with(&beginning)).expect("logged");
        assert!(line.contains(expected), "{name}: {line}");
    }
    setup.assert_serves();
}
