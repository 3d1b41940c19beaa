//! `--explain` as text and as JSON. Needs no root, and no network except the loopback interface.

mod common;

use common::boot_rom::parse_request;
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// The machine has no address in this network, so `--explain` assumes an interface.
const CONFIG: &str = "port=0\n\
    dhcp-range=192.0.2.0,proxy\n\
    enable-tftp\n\
    tftp-root=@/tftp\n\
    dhcp-host=52:54:00:00:00:07,set:seven\n\
    dhcp-match=set:ipxe,175\n\
    dhcp-boot=tag:ipxe,http://192.0.2.1/menu.ipxe,,192.0.2.1\n\
    pxe-service=tag:!ipxe,x86PC,\"One\",undionly.kpxe\n\
    pxe-service=tag:!ipxe,x86-64_EFI,\"Two\",boot.efi\n\
    dhcp-ignore=tag:seven\n";

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(TempDir::new().expect("a temporary directory"));
        let root = place.0.path().to_str().expect("the path is UTF-8").to_owned();
        fs::create_dir(place.path("tftp")).expect("the directory can be created");
        fs::write(place.path("tftp/undionly.kpxe"), b"\xfa\x31\xc0\x8e\xf4")
            .expect("the file can be created");
        fs::write(place.path("c"), CONFIG.replace('@', &root)).expect("the file can be created");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pxemasq"));
        command.env("COLUMNS", "160");
        command.args(words).arg("-C").arg(self.path("c")).output().expect("it runs")
    }

    /// Exit code and text, with `@` for the directory.
    fn explain(&self, clients: &[&str]) -> (Option<i32>, String) {
        let words: Vec<&str> = clients.iter().flat_map(|client| ["--explain", client]).collect();
        let Output { status, stdout, stderr } = self.run(&words);
        let text = String::from_utf8([stdout, stderr].concat()).expect("a text");
        (status.code(), text.replace(self.0.path().to_str().expect("the path is UTF-8"), "@"))
    }
}

const ON: &str = "interface=pxe0,address=192.0.2.50";

#[test]
fn simulated_boot_is_reported_with_the_line_of_each_part() {
    let (code, report) = Place::new().explain(&[&format!("mac=52:54:00:12:34:56,arch=x86PC,{ON}")]);
    let wanted = "\
52:54:00:12:34:56, architecture 0 (x86PC), on pxe0 (192.0.2.1)
  assumed: this machine has an interface pxe0 with the address 192.0.2.1
  1. DISCOVER to port 67, by broadcast, to all servers of the network
     OFFER to 255.255.255.255:68
       server identifier      192.0.2.1                                    @/c:2 (dhcp-range)
";
    assert!(report.contains(wanted), "{report}");
    for wanted in [
        "menu entry             “One”, type 0x8000, served by 192.0.2.1      @/c:8 (pxe-service)",
        "not used: @/c:9 (pxe-service) is for architecture 7 (x86-64_EFI): boots boot.efi",
        "not used: @/c:7 (dhcp-boot) requires the tag ipxe, which is not set: boots http://192.0.2.1/menu.ipxe",
        "@/c:6 (dhcp-match) sets it for option 175",
        "2. REQUEST to port 4011, “One” is chosen from the menu",
        "boot file              undionly.kpxe                                @/c:8 (pxe-service)",
        "file: undionly.kpxe (“One”), from 192.0.2.1: @/tftp/undionly.kpxe, 5 bytes, can be read",
        "=> boots undionly.kpxe (@/c:8)",
        // The loaded iPXE sends its own requests.
        "user class iPXE, on pxe0",
        "tags: pxe0 (the interface), ipxe (@/c:6)",
        "=> it cannot be known from here: @/c:7: the server of http://192.0.2.1/menu.ipxe has to send it",
    ] {
        assert!(report.contains(wanted), "{wanted}\n{report}");
    }
    assert_eq!(code, Some(0));
}

#[test]
fn failed_boot_is_reported_with_its_line() {
    for (client, why) in [
        ("arch=7", "=> it does not boot: @/c:9: pxe-service: @/tftp/boot.efi does not exist"),
        (
            "arch=11",
            "=> it does not boot: the reply names no boot file: no pxe-service and no dhcp-boot matches architecture 11 (ARM64_EFI). \
             @/c:8 (pxe-service) is for architecture 0 (x86PC). @/c:9 (pxe-service) is for architecture 7 (x86-64_EFI)",
        ),
        ("arch=0,mac=52:54:00:00:00:07", "no answer: @/c:10 ignores this client"),
        (
            "arch=0,vendor-class=Linux",
            "no answer: it is no PXE client: its vendor class (option 60) is no PXE vendor class",
        ),
    ] {
        let (code, report) = Place::new().explain(&[&format!("{client},{ON}")]);
        assert!(report.contains(why), "{client}: {why}\n{report}");
        assert_eq!(code, Some(1), "{client}");
    }
}

#[test]
fn json_report_has_the_same_contents() {
    let place = Place::new();
    let client = format!("arch=0,{ON}");
    let output = place.run(&["--json", "--explain", &client, "--explain", &format!("arch=7,{ON}")]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let [first, ipxe, last] = &report["clients"].as_array().expect("a list")[..] else {
        panic!("{report}")
    };
    let verdicts = [first, ipxe, last].map(|client| client["verdict"]["verdict"].as_str());
    assert_eq!(verdicts, [Some("boots"), Some("unknown"), Some("does_not_boot")]);
    let verdict = &last["verdict"];
    assert_eq!((&report["schema"], &verdict["line"]), (&1.into(), &9.into()));
    assert_eq!(verdict["id"], "file-not-found");
    assert!(verdict["file"].as_str().expect("a file").ends_with("/c"), "{verdict}");
    assert_eq!(first["architecture_name"], "x86PC");
    let offer = &first["exchanges"][0];
    assert_eq!((&offer["message"], &offer["port"]), (&"DISCOVER".into(), &67.into()));
    assert_eq!(offer["answer"]["message"], "OFFER");
    let range = &offer["answer"]["fields"][0];
    assert_eq!(
        (&range["name"], &range["keyword"]),
        (&"server identifier".into(), &"dhcp-range".into())
    );
    assert_eq!(range["line"], 2);
    assert!(range["file"].as_str().expect("a file").ends_with("/c"), "{range}");
    assert_eq!(first["boots"][0]["bytes"], 5);
    assert_eq!(ipxe["boots"][0]["name"], "http://192.0.2.1/menu.ipxe");
}

#[test]
fn usual_clients_are_reported_as_a_table() {
    let place = Place::new();
    for clients in ["arch=all,", "", "mac=52:54:00:12:34:56,"] {
        let (code, report) = place.explain(&[&format!("{clients}{ON}")]);
        let rows: Vec<&str> =
            report.lines().skip_while(|line| !line.starts_with("client ")).collect();
        assert_eq!(code, Some(0), "{report}");
        assert!(rows[1].starts_with("BIOS (0) "), "{report}");
        assert!(rows[1].ends_with("@/c:8  boots, 5 bytes"), "{report}");
        assert!(report.contains("iPXE on UEFI"), "{report}");
        assert_eq!(report.matches("menu.ipxe  ").count(), 1, "equal rows are one: {report}");
    }
    let (_, report) = place.explain(&[&format!("arch=every,{ON}")]);
    assert!(report.contains("(arm rpiboot)") && report.contains("1 (PC98)"), "{report}");
}

#[test]
fn option_without_value_simulates_the_usual_clients() {
    let place = Place::new();
    let config = fs::read_to_string(place.path("c")).expect("it can be read");
    fs::write(place.path("c"), config.replace("192.0.2.0", "198.51.100.0"))
        .expect("it can be written");
    let output = place.run(&["--explain"]);
    let report = String::from_utf8(output.stdout).expect("a text");
    assert!(report.contains("BIOS (0)"), "{report}");
    let assumed = "assumed: the server is another machine, with an interface ";
    assert_eq!(report.matches(assumed).count(), 1, "{report}");
    let output = place.run(&["--explain", "arch=bios", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["clients"][0]["architecture"], 0);
}

#[test]
fn clients_of_a_capture_are_simulated_with_their_requests() {
    let place = Place::new();
    let mut capture =
        [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 101].map(u32::to_le_bytes).concat();
    for words in [
        "DISCOVER from=0.0.0.0:68 arch=7",
        "DISCOVER from=0.0.0.0:68 arch=7",
        "REQUEST port=4011 arch=7",
    ] {
        let request = parse_request(words);
        let length = |size: usize| u16::try_from(size).expect("small").to_be_bytes();
        let (from, to) = (request.from.port().to_be_bytes(), request.to.port().to_be_bytes());
        let udp =
            [&from[..], &to, &length(request.bytes.len() + 8), &[0, 0], &request.bytes].concat();
        let ip = [
            &[0x45, 0][..],
            &length(udp.len() + 20),
            &[0, 0, 0, 0, 64, 17, 0, 0],
            &[192, 0, 2, 50],
            &[192, 0, 2, 1],
            &udp,
        ]
        .concat();
        let size = u32::try_from(ip.len()).expect("small").to_le_bytes();
        capture.extend([&[0; 8][..], &size, &size, &ip].concat());
    }
    fs::write(place.path("seen.pcap"), capture).expect("the file can be created");
    let source = format!("pcap={},interface=pxe0", place.path("seen.pcap").display());
    let (_, report) = place.explain(&[&source]);
    assert_eq!(report.matches("DISCOVER to port 67, as in the capture").count(), 1, "{report}");
    assert!(report.contains("REQUEST to port 4011, as in the capture"), "{report}");
    assert!(report.contains("@/c:9: pxe-service: @/tftp/boot.efi does not exist"), "{report}");
    let (code, report) = place.explain(&["pcap=/nowhere"]);
    assert_eq!(
        (code, &report[..]),
        (Some(3), "\ndnsmasq: cannot read /nowhere: No such file or directory\n")
    );
}

#[test]
fn clients_of_a_log_are_simulated() {
    let place = Place::new();
    let log = "Nov 22 17:50:08 b dnsmasq-dhcp[9]: 7 vendor class: PXEClient:Arch:00007:UNDI:003016\n\
               Nov 22 17:50:08 b dnsmasq-dhcp[9]: 7 PXE(eth0) 52:54:00:12:34:56 proxy\n\
               Nov 22 17:50:09 b dnsmasq-tftp[9]: file /t/Boot.efi not found for 192.0.2.50\n";
    fs::write(place.path("log"), log).expect("the file can be created");
    let (_, report) =
        place.explain(&[&format!("log={},interface=pxe0", place.path("log").display())]);
    for wanted in [
        "52:54:00:12:34:56, architecture 7 (x86-64_EFI), on pxe0",
        "in the log: it stopped at /t/Boot.efi, which does not exist",
        "@/c:9: pxe-service: @/tftp/boot.efi does not exist",
    ] {
        assert!(report.contains(wanted), "{wanted}\n{report}");
    }
}

#[test]
fn invalid_client_is_reported_with_the_mistake() {
    let place = Place::new();
    for (client, report) in [
        ("arch=x", "bad --explain: arch=x: unknown architecture; use bios, uefi, uefi32, arm64,"),
        ("arch=7,colour=red", "bad --explain: colour=red: unknown keyword; use mac="),
    ] {
        let (code, text) = place.explain(&[client]);
        assert!(code == Some(1) && text.starts_with(&format!("\ndnsmasq: {report}")), "{text}");
    }
}

#[test]
fn warning_is_complete_if_the_file_name_starts_with_warning() {
    let place = Place::new();
    fs::rename(place.path("c"), place.path("warning: c")).expect("the file can be renamed");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pxemasq"));
    command.current_dir(place.0.path()).args(["--explain", "arch=0", "-C", "warning: c"]);
    let Output { stdout, .. } = command.output().expect("it runs");
    let report = String::from_utf8(stdout).expect("a text");
    assert!(report.contains("warning: c:9: pxe-service"), "{report}");
}

/// Exit code, standard output and standard error of this command line.
fn printed(words: &[&OsStr]) -> (Option<i32>, Vec<u8>, Vec<u8>) {
    let ended = Command::new(env!("CARGO_BIN_EXE_pxemasq")).args(words).output();
    let Output { status, stdout, stderr } = ended.expect("it runs");
    (status.code(), stdout, stderr)
}

#[test]
fn files_whose_names_are_not_utf8_are_read() {
    let place = Place::new();
    let bytes = OsStr::from_bytes;
    let log = place.path("").join(bytes(b"l\xE9"));
    fs::write(&log, "Nov  2 01:02:03 dnsmasq-tftp[12]: sent /srv/tftp/a to 192.0.2.9\n")
        .expect("the file can be created");
    let (code, report, _) = printed(&[bytes(b"--story"), log.as_os_str()]);
    assert_eq!(code, Some(0));
    assert!(String::from_utf8(report).expect("a text").contains("192.0.2.9"));

    let config = place.path("c");
    for kind in ["log", "pcap"] {
        let asked = [format!("--explain={kind}=").as_bytes(), log.as_os_str().as_bytes()].concat();
        let (code, _, report) = printed(&[bytes(&asked), bytes(b"-C"), config.as_os_str()]);
        assert_eq!(code, Some(3), "{kind}");
        let path = log.as_os_str().as_bytes();
        assert!(report.windows(path.len()).any(|part| part == path), "{}", report.escape_ascii());
        assert!(!report.ends_with(b"No such file or directory\n"), "{}", report.escape_ascii());
    }
}

#[test]
fn json_is_utf8_whatever_bytes_are_in_the_configuration() {
    let place = Place::new();
    let config = place.path("").join(OsStr::from_bytes(b"c\xE9"));
    fs::write(
        &config,
        b"port=0\ndhcp-range=192.0.2.0,proxy\npxe-service=x86PC,One,a\xE9.0,192.0.2.1\n",
    )
    .expect("the file can be created");
    let words = ["--json", "--explain", "arch=x86PC,interface=pxe0,address=192.0.2.50", "-C"];
    let words: Vec<&OsStr> = words.iter().map(OsStr::new).chain([config.as_os_str()]).collect();
    let (_, json, _) = printed(&words);
    let report: Value = serde_json::from_slice(&json).expect("JSON");
    assert!(report.to_string().contains("a\u{fffd}.0"), "{report}");
}
