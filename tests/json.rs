//! The documentation of JSON output: `docs/json.md` has each key, and each reason with its sentence.

mod common;

use common::status_server::{StatusServer, full_state};
use pxemasq::log_line::DropKind;
use pxemasq::reason::Reason;
use pxemasq::status::Stage;
use pxemasq::status_query::words::drop_reason;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

crate::tests![
    each_reason_has_a_row_with_its_sentence,
    keys_of_test_are_documented_and_exist,
    keys_of_explain_are_documented_and_exist,
    keys_of_story_are_documented_and_exist,
    keys_of_status_are_documented_and_exist,
    same_things_have_the_same_keys_in_all_documents,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    fs::read_to_string(path).expect("the file exists")
}

/// The text from a heading to the next one.
fn section(document: &str, heading: &str) -> String {
    let lines = document.lines().skip_while(|line| *line != heading).skip(1);
    let lines: Vec<&str> = lines.take_while(|line| !line.starts_with('#')).collect();
    assert!(!lines.is_empty(), "docs/json.md has no section {heading}");
    lines.join("\n")
}

/// A failure prints the whole table, to copy it.
fn each_reason_has_a_row_with_its_sentence() {
    let document = document();
    let families = Reason::TABLES.iter().filter(|(_, reasons)| !reasons.is_empty());
    for (family, reasons) in families {
        let heading = format!("### {}", family.to_lowercase());
        let mut table = "| `id` | `text` |\n|---|---|\n".to_owned();
        for (id, text) in *reasons {
            let text = text.replace('|', "\\|").replace('<', "\\<").replace('*', "\\*");
            writeln!(table, "| `{id}` | {text} |").expect("a string takes any text");
        }
        let rows = section(&document, &heading);
        let rows: Vec<&str> = rows.lines().filter(|line| line.starts_with('|')).collect();
        assert!(rows.join("\n") == table.trim_end(), "{heading} must have this table:\n{table}");
    }
}

/// A program run in a directory with a configuration, a root and logs.
struct Scene(TempDir);

impl Scene {
    fn new() -> Self {
        let scene = Self(TempDir::new().expect("a temporary directory"));
        fs::create_dir(scene.path("root")).expect("the directory is made");
        fs::write(scene.path("root/pxelinux.0"), [0xeb; 600]).expect("the file is written");
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file. `@` is the directory.
    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        let folder = self.0.path().to_str().expect("it is UTF-8");
        fs::write(&path, text.replace('@', folder)).expect("the file is written");
        path.to_str().expect("it is UTF-8").to_owned()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pxemasq"));
        let output = command.args(arguments).current_dir(self.0.path()).output();
        let output = output.expect("pxemasq runs");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr))
        })
    }

    fn tests(&self) -> Vec<Value> {
        let ignored = self.write("ignored.conf", "port=0\nenable-tftp\nenable-dbus\n");
        let unknown = self.write("unknown.conf", "port=0\nbogus\n");
        [ignored, unknown].map(|file| self.json(&["--test=json", "-C", &file])).into()
    }

    fn explanations(&self) -> Vec<Value> {
        let file = self.write("explain.conf", EXPLAINED);
        let log = self.write("explain.log", LOG);
        let from_log = format!("--explain=log={log}");
        let clients = ["--explain=bios", "--explain=uefi", "--explain", &from_log];
        clients.map(|client| self.json(&[client, "--json", "-C", &file])).into()
    }

    fn stories(&self) -> Vec<Value> {
        let log = self.write("story.log", LOG);
        let capture = self.path("boot.pcap");
        fs::write(&capture, pcap()).expect("the file is written");
        let capture = capture.to_str().expect("it is UTF-8");
        [&log, capture].map(|file| self.json(&["--story=json", file])).into()
    }
}

/// With findings, a rule that is not used, a menu, a missing file and a request without reply.
const EXPLAINED: &str = "port=0\ndhcp-range=192.168.1.0,proxy\nenable-tftp\ntftp-root=@/root\nenable-dbus\n\
    dhcp-match=set:ipxe,175\ndhcp-boot=tag:ipxe,http://boot/menu.ipxe\n\
    pxe-service=x86PC,Install,pxelinux\npxe-service=x86PC,Local disk,0\npxe-service=x86-64_EFI,Install,boot.efi\n\
    pxe-prompt=Boot,10\n";

/// Each kind of step that a log can have.
const LOG: &str = "\
Nov 22 17:50:08 b dnsmasq-dhcp[9]: DHCPDISCOVER(eth0) 52:54:00:12:34:56
Nov 22 17:50:08 b dnsmasq-dhcp[9]: DHCPOFFER(eth0) 10.0.0.9 52:54:00:12:34:56
Nov 22 17:50:08 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:12:34:56 proxy
Nov 22 17:50:09 b dnsmasq-dhcp[9]: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0
Nov 22 17:50:10 b dnsmasq-tftp[9]: error 0 TFTP Aborted received from 10.0.0.9
Nov 22 17:50:10 b dnsmasq-tftp[9]: failed sending /t/pxelinux.0 to 10.0.0.9
Nov 22 17:50:10 b dnsmasq-tftp[9]: file /t/ldlinux.c32 not found for 10.0.0.9
Nov 22 17:50:10 b dnsmasq-tftp[9]: cannot access /t/x: Permission denied
Nov 22 17:50:10 b dnsmasq-tftp[9]: cannot read /t/y: Is a directory
Nov 22 17:50:11 b dnsmasq-tftp[9]: sending /t/vmlinuz to 10.0.0.9: 2000000 bytes, blksize 1468
Nov 22 17:50:12 b dnsmasq-tftp[9]: sent /t/vmlinuz to 10.0.0.9
Nov 22 17:50:12 b dnsmasq-tftp[9]: 10.0.0.9 has /t/vmlinuz: 2000000 bytes in 0.500 s, 4000 kB/s
Nov 22 17:50:13 b dnsmasq-tftp[9]: timeout sending /t/initrd to 10.0.0.9
Nov 22 17:50:14 b dnsmasq-tftp[9]: sending /t/modules to 10.0.0.9: 2000000 bytes, blksize 1468
Nov 22 17:51:00 b dnsmasq-dhcp[9]: port 67: DISCOVER from 52:54:00:12:34:57 by eth0, architecture 7 (x86-64_EFI), tags eth0: dropped: it is ignored
Nov 22 17:51:30 b dnsmasq-dhcp[9]: 52:54:00:12:34:57 requested a boot file and got no reply: it is ignored
Nov 22 17:52:00 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:12:34:58 proxy-ignored
Nov 22 17:53:00 b dnsmasq[10]: failed to create listening socket for port 69: Address already in use
Nov 22 17:53:00 b dnsmasq[10]: FAILED to start up
";

/// A capture of IPv4 packets: a file with its two datagrams, and a request without reply.
fn pcap() -> Vec<u8> {
    let mut capture = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    capture.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 101, 0, 0, 0]);
    let (client, server) = ([10, 0, 0, 9], [10, 0, 0, 1]);
    for (second, from, to, ports, payload) in [
        (1, client, server, [2070, 69], &b"\0\x01pxelinux.0\0octet\0"[..]),
        (2, server, client, [4000, 2070], b"\0\x03\0\x01data"),
        (3, client, server, [2070, 4000], b"\0\x04\0\x01"),
        (4, client, server, [2071, 69], b"\0\x01next\0octet\0"),
    ] {
        let udp_len = u16::try_from(8 + payload.len()).expect("it is short");
        let mut packet =
            [&[0x45, 0][..], &(20 + udp_len).to_be_bytes(), &[0, second, 0, 0, 64, 17, 0, 0]]
                .concat();
        packet.extend([from, to].concat());
        for field in [ports[0], ports[1], udp_len, 0_u16] {
            packet.extend(field.to_be_bytes());
        }
        packet.extend(payload);
        let len = u32::try_from(packet.len()).expect("it is short");
        for field in [u32::from(second), 0, len, len] {
            capture.extend(field.to_le_bytes());
        }
        capture.extend(packet);
    }
    capture
}

/// The path of each key: `findings[].level`. A client of a table has the keys of `clients`.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                keys(value, &path, found);
                found.insert(path);
            }
        }
        Value::Array(values) if path == "tables[]" => {
            for value in values {
                keys(value, "clients[]", found);
            }
        }
        Value::Array(values) => {
            for value in values {
                keys(value, &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

fn real_keys(documents: &[Value]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for document in documents {
        keys(document, "", &mut found);
    }
    found
}

/// The first cell of each row of a table.
fn rows(section: &str) -> BTreeSet<String> {
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    cells.map(|(key, _)| key.to_owned()).filter(|key| key != "key").collect()
}

fn check(heading: &str, documents: &[Value]) {
    let (documented, real) = (rows(&section(&document(), heading)), real_keys(documents));
    let missing: Vec<&String> = real.difference(&documented).collect();
    let unknown: Vec<&String> = documented.difference(&real).collect();
    assert_eq!((missing, unknown), (vec![], vec![]), "{heading}: not documented, not in output");
}

fn keys_of_test_are_documented_and_exist() {
    check("## `--test=json`", &Scene::new().tests());
}

fn keys_of_explain_are_documented_and_exist() {
    check("## `--explain --json`", &Scene::new().explanations());
}

fn keys_of_story_are_documented_and_exist() {
    let stories = Scene::new().stories();
    check("## `--story=json`", &stories);
    let section = section(&document(), "### Steps");
    let mut kinds = BTreeSet::new();
    let boots = stories.iter().flat_map(|story| story["boots"].as_array().expect("an array"));
    for step in boots.flat_map(|boot| boot["steps"].as_array().expect("an array")) {
        let kind = step["kind"].as_str().expect("a text");
        let row = section.lines().find(|line| line.starts_with(&format!("| `{kind}` |")));
        let row = row.unwrap_or_else(|| panic!("{kind} is not documented"));
        for key in step.as_object().expect("an object").keys() {
            let is_documented =
                ["offset", "kind"].contains(&&**key) || row.contains(&format!("`{key}`"));
            assert!(is_documented, "{kind}: {key}");
        }
        kinds.insert(kind.to_owned());
    }
    assert_eq!(rows(&section), kinds);
}

fn statuses() -> Vec<Value> {
    let output = StatusServer::of(&[full_state()]).ask(&["--status=json"]);
    vec![serde_json::from_slice(&output.stdout).expect("it is JSON")]
}

fn keys_of_status_are_documented_and_exist() {
    check("## `--status=json`", &statuses());
    let rows = |heading| rows(&section(&document(), heading));
    let stages = [
        "offered",
        "asked4011",
        "loading",
        "waits_for_disk",
        "waits_for_slot",
        "loaded",
        "failed",
        "refused",
        "unknown",
    ];
    assert_eq!(rows("### Stages"), stages.map(str::to_owned).into());
    for stage in stages {
        let read: Stage = serde_json::from_value(stage.into()).expect("it is a stage");
        assert_eq!(read == Stage::Unknown, stage == "unknown");
    }
    let reasons = section(&document(), "### Reasons without an answer");
    for id in DropKind::all().map(DropKind::id) {
        let row = format!("| `{id}` | {} |", drop_reason(id));
        assert!(reasons.lines().any(|line| line == row), "{row}");
    }
    assert_eq!(rows("### Reasons without an answer").len(), DropKind::COUNT);
}

/// Of two names for one thing, one is wrong.
fn same_things_have_the_same_keys_in_all_documents() {
    let scene = Scene::new();
    let documents = [scene.tests(), scene.explanations(), scene.stories(), statuses()];
    for documents in &documents {
        assert!(documents.iter().all(|document| document["schema"] == 1));
    }
    let [test, explain, story, status] = documents.map(|documents| real_keys(&documents));
    let below = |keys: &BTreeSet<String>, path: &str| -> BTreeSet<String> {
        keys.iter().filter_map(|key| Some(key.strip_prefix(path)?.to_owned())).collect()
    };
    let mut finding = below(&test, "findings[].");
    finding.remove("detail");
    assert_eq!(finding, below(&explain, "findings[]."));
    for key in [
        "mac",
        "ip",
        "architecture",
        "architecture_name",
        "verdict.verdict",
        "verdict.id",
        "verdict.text",
    ] {
        let in_both = [format!("clients[].{key}"), format!("boots[].{key}")];
        assert!(explain.contains(&in_both[0]) && story.contains(&in_both[1]), "{key}");
    }
    for key in ["mac", "ip", "architecture", "architecture_name"] {
        assert!(status.contains(&format!("machines[].{key}")), "{key}");
    }
    assert!(status.contains("started_at") && story.contains("boots[].started_at"));
    for key in ["path", "bytes"] {
        let in_both = [format!("machines[].transfers[].{key}"), format!("boots[].steps[].{key}")];
        assert!(status.contains(&in_both[0]) && story.contains(&in_both[1]), "{key}");
    }
}
