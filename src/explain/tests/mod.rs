//! Configurations and clients with their results.

mod clients;

use super::client_spec::ClientSpec;
use super::environment::Environment;
use super::findings::findings;
use super::scenario::{Place, Scenario};
use super::{ExplainRequest, StartErrors, explain};
use crate::config::read::build::built;
use crate::config::server_names::ServerNames;
use crate::config::{Config, Origin};
use crate::diagnose::port_owner::PortOwner;
use crate::net::{Address, Interfaces, Link};
use crate::terminal::{Layout, Style};
use serde_json::Value;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use tempfile::TempDir;

/// `@` is the TFTP root, which has some files.
const BASE: &str = "port=0\ndhcp-range=192.168.1.0,proxy\nenable-tftp\ntftp-root=@\n";

struct Scene {
    root: TempDir,
    tftp_port: fn(Ipv4Addr) -> PortOwner,
}

impl Scene {
    fn new() -> Self {
        let root = TempDir::new().unwrap();
        fs::create_dir(root.path().join("1a2b3c4d")).unwrap();
        for (name, contents) in [
            ("pxelinux.0", &b"\xfa\x31\xc0\x8e\xd8\xf4"[..]),
            ("undionly.kpxe", b"\xfa\x31\xc0\x8e\xd8\xf4"),
            ("boot.ipxe", b"#!ipxe\nshell\n"),
            ("1a2b3c4d/start4.elf", b"firmware"),
            ("bootcode.bin", b"firmware"),
        ] {
            fs::write(root.path().join(name), contents).unwrap();
        }
        fs::write(root.path().join("ipxe.efi"), efi_application(0x8664)).unwrap();
        fs::write(root.path().join("boot.efi"), efi_application(0x8664)).unwrap();
        fs::write(root.path().join("arm64.efi"), efi_application(0xaa64)).unwrap();
        Self { root, tftp_port: |_| PortOwner::Nothing }
    }

    fn config(&self, text: &str) -> Config {
        let text = text.replace('@', self.root.path().to_str().unwrap());
        built(&text).config
    }

    fn environment(&self, text: &str) -> Environment {
        Environment {
            config: self.config(text),
            names: ServerNames::default(),
            interfaces: interfaces(),
            identity: None,
            tftp_port: self.tftp_port,
        }
    }

    fn report(&self, text: &str, client: &str) -> Value {
        let request = ExplainRequest {
            clients: &[client.to_owned()],
            json: true,
            layout: Layout::PLAIN,
            files: Vec::new(),
            findings: Vec::new(),
            start: StartErrors::default(),
        };
        let output = explain(request, &mut self.environment(text)).unwrap();
        serde_json::from_str(&output.text).unwrap()
    }

    /// The verdict of each client: `boots boots-file c:5`.
    fn verdicts(&self, text: &str, client: &str) -> Vec<String> {
        let report = self.report(text, client);
        let clients = report["clients"].as_array().unwrap().iter();
        clients
            .map(|client| {
                let verdict = &client["verdict"];
                let text = |key: &str| verdict[key].as_str().unwrap();
                let line = match verdict["line"].as_u64() {
                    Some(line) => format!(" {line}"),
                    None => String::new(),
                };
                format!("{} {}{line}", text("verdict"), text("id"))
            })
            .collect()
    }

    /// The identifiers of the findings, with their lines.
    fn findings(&self, text: &str) -> Vec<String> {
        let found = findings(&mut self.environment(text));
        let line = |origin: Option<Origin>| {
            origin.map_or_else(|| "-".to_owned(), |origin| origin.line.to_string())
        };
        found.into_iter().map(|one| format!("{} {}", one.reason.id(), line(one.origin))).collect()
    }
}

/// The headers of an EFI application.
fn efi_application(machine: u16) -> Vec<u8> {
    let mut bytes = vec![0; 0x400];
    bytes[..2].copy_from_slice(b"MZ");
    bytes[0x3c] = 0x80;
    bytes[0x80..0x84].copy_from_slice(b"PE\0\0");
    bytes[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
    // No sections; an optional header of PE32+ with 112 bytes, subsystem 10.
    bytes[0x94] = 112;
    bytes[0x96] = 2;
    bytes[0x98..0x9a].copy_from_slice(&0x20b_u16.to_le_bytes());
    bytes[0x98 + 68] = 10;
    bytes
}

/// `lan0` 192.168.1.2, `wlan0` 10.0.0.5.
fn interfaces() -> Interfaces {
    let link = |index, name: &str, loopback| Link {
        index,
        name: name.into(),
        loopback,
        mtu: 1500,
        ..Link::default()
    };
    let address = |interface, ip: [u8; 4], prefix| Address {
        interface,
        ip: IpAddr::from(ip),
        prefix,
        label: None,
    };
    Interfaces {
        links: vec![link(1, "lo", true), link(2, "lan0", false), link(3, "wlan0", false)],
        addresses: vec![
            address(1, [127, 0, 0, 1], 8),
            address(2, [192, 168, 1, 2], 24),
            address(3, [10, 0, 0, 5], 24),
        ],
    }
}

/// Lines after [`BASE`], a client, its verdict and those of the iPXE that it loads.
type Row = (&'static str, &'static str, &'static [&'static str]);

fn check(scene: &Scene, base: &str, rows: &[Row]) {
    let wrong = rows.iter().filter_map(|(lines, client, expected)| {
        let verdicts = scene.verdicts(&format!("{base}{lines}"), client);
        (verdicts != *expected)
            .then(|| format!("{client} with {lines}: {verdicts:?}, not {expected:?}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const PI: &str = "pxe-service=x86PC,\"Raspberry Pi Boot   \"";

#[test]
fn interfaces_and_networks_decide_for_which_machine_a_configuration_is() {
    let service = "pxe-service=0,One,pxelinux\nenable-tftp\ntftp-root=@\n";
    let of = |lines: &str| Scene::new().verdicts(&format!("port=0\n{service}{lines}"), "bios");
    for (lines, expected) in [
        ("dhcp-range=192.168.1.0,proxy", "boots boots-file 2"),
        ("dhcp-range=192.168.1.0,proxy\ninterface=lan0", "boots boots-file 2"),
        // The network is here, and its interface is not served.
        (
            "dhcp-range=192.168.1.0,proxy\ninterface=eth0",
            "does_not_boot served-interface-missing 6",
        ),
        (
            "dhcp-range=192.168.1.0,proxy\ninterface=eth0\nbind-dynamic",
            "does_not_boot served-interface-missing 6",
        ),
        ("dhcp-range=192.168.1.0,proxy\ninterface=wlan0", "does_not_boot interface-left-out 5"),
        (
            "dhcp-range=192.168.1.0,proxy\nexcept-interface=lan0",
            "does_not_boot interface-left-out 5",
        ),
        (
            "dhcp-range=192.168.1.0,proxy\nlisten-address=192.168.1.77",
            "does_not_boot interface-left-out 5",
        ),
        // Neither is here.
        ("dhcp-range=172.16.5.0,proxy", "boots boots-file 2"),
        ("dhcp-range=172.16.5.0,proxy\ninterface=eth0", "boots boots-file 2"),
        ("dhcp-range=172.16.5.0,proxy\nlisten-address=172.16.5.77", "boots boots-file 2"),
        ("dhcp-range=172.16.5.0,proxy\ntftp-root=/nowhere", "unknown tftp-root-elsewhere 2"),
        // Only the interface is here.
        ("dhcp-range=172.16.5.0,proxy\ninterface=lan0", "unknown network-elsewhere 5"),
    ] {
        assert_eq!(of(lines), [expected], "{lines}");
    }
    let relayed = "port=0\ndhcp-range=10.20.0.0,proxy,255.255.255.0\nenable-tftp\ntftp-root=@\npxe-service=0,One,pxelinux";
    let verdicts = Scene::new().verdicts(relayed, "bios,relay=10.20.0.1");
    assert_eq!(verdicts, ["boots boots-file 5"]);
    let text = format!("port=0\n{service}dhcp-range=172.16.5.0,proxy\ninterface=new0");
    let mut environment = Scene::new().environment(&text);
    let without_address = Link { index: 9, name: "new0".into(), ..Link::default() };
    environment.interfaces.links.push(without_address);
    let scenario = Scenario::of(&environment.config, &environment.interfaces, &ClientSpec::new());
    assert!(matches!(scenario.place, Place::NetworkElsewhere { .. }));
}

#[test]
fn name_that_is_cut_in_the_reply_does_not_boot() {
    let name = format!("{}pxelinux.0", "a/".repeat(60));
    let text = format!("{BASE}pxe-service=0,One,{name}");
    let verdicts = Scene::new().verdicts(&text, "bios");
    assert_eq!(verdicts, ["does_not_boot file-name-too-long 5"]);
}

#[test]
fn refused_start_is_the_result_of_each_client() {
    let scene = Scene::new();
    let text = format!("{BASE}pxe-service=0,One,pxelinux");
    let error = crate::finding::Finding::general(
        crate::finding::Level::Error,
        crate::reason::StartReason::NothingToServe,
    );
    let request = ExplainRequest {
        clients: &["bios".to_owned()],
        json: false,
        layout: Layout::PLAIN,
        files: Vec::new(),
        findings: vec![error.clone()],
        start: StartErrors { anywhere: Some(error), here: None },
    };
    let output = explain(request, &mut scene.environment(&text)).unwrap();
    assert!(output.has_failure);
    assert!(output.text.contains("=> it does not boot: the program does not start: "));
}

#[test]
fn usual_clients_are_a_table_with_equal_rows_as_one() {
    let scene = Scene::new();
    let text = format!("{BASE}pxe-service=0,One,pxelinux\npxe-service=7,Two,boot.efi");
    let output = |width, style| {
        let request = ExplainRequest {
            clients: &[String::new()],
            json: false,
            layout: Layout { width, style },
            files: Vec::new(),
            findings: Vec::new(),
            start: StartErrors::default(),
        };
        explain(request, &mut scene.environment(&text)).unwrap()
    };
    let wide = output(200, Style::Plain).text;
    let rows: Vec<&str> = wide.lines().skip_while(|line| !line.starts_with("client ")).collect();
    assert!(rows[1].starts_with("BIOS (0)"), "{wide}");
    assert!(rows.iter().any(|row| row.contains("c:6") && row.contains("boots, ")), "{wide}");
    assert_eq!(wide.matches("no pxe-service and no dhcp-boot is for this client").count(), 1);
    assert!(!output(200, Style::Plain).has_failure);
    for width in [60, 80, 100] {
        let text = output(width, Style::Plain).text;
        let table = text.lines().skip_while(|line| !line.starts_with("BIOS"));
        let path = scene.root.path().to_str().unwrap().len();
        for line in table {
            assert!(line.chars().count() <= width.max(path + 20), "{width}: {line}");
        }
    }
    assert!(output(100, Style::Colored).text.contains("\x1b[32m"));
    let report = scene.report(&text, "every");
    assert_eq!(report["tables"][0].as_array().unwrap().len(), 42);
    assert_eq!(report["schema"], 1);
}

#[test]
fn findings_are_the_faults_of_clients_that_the_configuration_names() {
    let scene = Scene::new();
    for (lines, expected) in [
        ("pxe-service=0,One,pxelinux\npxe-service=7,Two,boot.efi", &[][..]),
        ("pxe-service=0,One,pxelinux", &[]),
        ("pxe-service=0,One,missing", &["file-not-found 5"]),
        ("pxe-service=7,One,pxelinux", &["program-not-efi 5"]),
        ("pxe-service=0,One,pxelinux\npxe-service=0,Two,missing", &["file-not-found 6"]),
        ("pxe-service=0,One,a,192.168.1.9", &[]),
        ("pxe-prompt=x\ndhcp-boot=missing.0", &[]),
        ("pxe-prompt=x\ndhcp-boot=missing.0,,192.168.1.2", &["file-not-found 6"]),
        ("pxe-prompt=x\ndhcp-boot=pxelinux.0,,192.168.1.2", &[]),
        ("pxe-prompt=x\ndhcp-boot=http://x/y", &["url-for-firmware 6"]),
        (
            "dhcp-match=set:i,175\npxe-service=tag:!i,0,One,undionly.kpxe\ndhcp-boot=tag:i,boot.ipxe",
            &["no-server-address 7"],
        ),
        ("pxe-service=0,One,pxelinux\ndhcp-mac=set:k,52:*:*:*:*:*\ndhcp-ignore=tag:!k", &[]),
        ("pxe-service=0,One,undionly.kpxe", &["ipxe-loop-without-script 5"]),
        ("pxe-service=0,One,undionly.kpxe,192.168.1.9", &[]),
        (PI, &[]),
        (
            "dhcp-mac=set:rpi4,dc:a6:32:*:*:*\ndhcp-mac=set:rpi3,b8:27:eb:*:*:*\npxe-service=tag:rpi3,0,\"Raspberry Pi Boot\"",
            &[],
        ),
        (
            "dhcp-match=set:h,option:client-arch,16\npxe-prompt=x\ndhcp-boot=tag:h,http://x/y",
            &["http-class-missing 5"],
        ),
        ("pxe-service=0,One,pxelinux\ninterface=eth0", &[]),
        ("pxe-service=0,One,pxelinux\ninterface=lan0", &[]),
        ("pxe-service=0,One,pxelinux\ndhcp-alternate-port", &["alternate-port -"]),
    ] {
        assert_eq!(scene.findings(&format!("{BASE}{lines}")), expected, "{lines}");
    }
}
