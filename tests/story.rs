//! `--story`: the log of a boot that was served, by pxemasq and by the installed dnsmasq, told; and its page as a browser
//! shows it.

mod common;

use common::download::Download;
use common::lab::{Lab, eventually};
use common::machine::Machine;
use common::packet::Ears;
use common::rom::Rom;
use common::{installed_dnsmasq, required};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

crate::tests![
    a_boot_that_dnsmasq_served_is_told,
    a_boot_that_we_served_is_told,
    with_log_debug_it_is_told_how_fast,
    a_page_is_shown_as_it_is_meant,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const OURS: &str = env!("CARGO_BIN_EXE_pxemasq");
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const CONFIG: &str = "port=0\ndhcp-range=10.9.0.0,proxy\nenable-tftp\ntftp-root=/srv/tftp\n\
                      pxe-service=x86PC,Network,pxelinux.0\n";

fn story(words: &[&str], log: &str) -> String {
    let mut command = Command::new(OURS);
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    // It is closed behind that, and so the log ends.
    child.stdin.take().expect("a pipe").write_all(log.as_bytes()).expect("it reads");
    String::from_utf8(child.wait_with_output().expect("it ends").stdout).expect("a text")
}

/// A BIOS machine boots pxelinux from a program; its log.
fn log_of(program: &Path, more: &[&str]) -> Option<String> {
    let lab = required(Lab::new(["server", "client"]))?;
    lab.file("/srv/dnsmasq.conf", CONFIG);
    for (name, size) in [("pxelinux.0", 3000), ("pxelinux.cfg/default", 100), ("vmlinuz", 200_000)]
    {
        lab.file(&format!("/srv/tftp/{name}"), vec![7; size]);
    }
    let machine = Machine::new(&lab, ["server", "client"], &[format!("eth0 {SERVER}/24")]);
    lab.host("client").ip(&format!("addr add {CLIENT}/24 dev c0"));
    let running = machine.start(program, "/srv/dnsmasq.conf", more).expect("it starts");
    let ears = Ears::new(lab.host("client"));
    let told = Rom::new("arch=x86PC", &ears, SERVER, CLIENT).boot().expect("an answer");
    assert_eq!(told.file, "pxelinux.0");
    for file in
        ["pxelinux.0", "pxelinux.cfg/01-52", "pxelinux.cfg/0A", "pxelinux.cfg/default", "vmlinuz"]
    {
        let asked = Download { file, server: "10.9.0.1:69", ..Download::USUAL };
        let verdict = if asked.bytes(lab.host("client")).is_ok() { "sent" } else { "file" };
        // dnsmasq may write what came first behind what came after it.
        let line = format!("{verdict} /srv/tftp/{file} ");
        let is_logged = || lab.syslog().iter().any(|said| said.contains(&line)).then_some(());
        eventually(Duration::from_secs(5), is_logged).expect("it is logged");
    }
    drop(running);
    // As syslog writes it down.
    let lines =
        lab.syslog().into_iter().map(|line| line.split_once('>').expect("a priority").1.to_owned());
    Some(lines.map(|line| line + "\n").collect())
}

/// A story without its times.
fn timeless(story: &str) -> String {
    let lines = story
        .lines()
        .skip(1)
        .map(|line| line.split_once(" s  ").map_or(line, |(_, rest)| rest).trim());
    lines.map(|line| format!("{line}\n")).collect()
}

const TOLD: &str = "answered\n\
    chose from the menu: pxelinux.0\n\
    pxelinux.0\n\
    2 names that are not there, pxelinux.cfg/0A the last\n\
    pxelinux.cfg/default\n\
    vmlinuz\n\
    => it has its operating system: vmlinuz was the last file\n";

fn a_boot_that_dnsmasq_served_is_told() {
    let Some(dnsmasq) = required(installed_dnsmasq()) else { return };
    let Some(log) = log_of(&dnsmasq, &[]) else { return };
    let told = story(&["--story"], &log);
    assert!(told.starts_with("52:54:00:aa:bb:01 (10.9.0.2), "), "{told}");
    assert_eq!(timeless(&told), TOLD, "{log}");
}

fn a_boot_that_we_served_is_told() {
    let Some(log) = log_of(Path::new(OURS), &[]) else { return };
    assert_eq!(timeless(&story(&["--story", "-"], &log)), TOLD, "{log}");
}

fn with_log_debug_it_is_told_how_fast() {
    let Some(log) = log_of(Path::new(OURS), &["--log-debug"]) else { return };
    let told = story(&["--story"], &log);
    assert!(
        told.starts_with("52:54:00:aa:bb:01 (10.9.0.2), architecture 0 (x86PC), "),
        "{told}\n{log}"
    );
    let kernel = told.lines().find(|line| line.contains("vmlinuz  ")).expect("the kernel");
    assert!(kernel.contains("0.2 MB in ") && kernel.ends_with(" MB/s"), "{kernel}");
}

/// A busy boot with long names, which might lie on each other, and with what is markup elsewhere.
fn busy() -> String {
    let mut log = String::new();
    let mut say = |second: u32, part: &str, text: &str| {
        writeln!(
            log,
            "Nov 22 17:{:02}:{:02} b dnsmasq-{part}[9]: {text}",
            second / 60,
            second % 60
        )
        .expect("memory");
    };
    say(0, "dhcp", "PXE(eth0) 52:54:00:12:34:56 proxy");
    say(
        4,
        "dhcp",
        "PXE(eth0) 10.9.0.2 52:54:00:12:34:56 a-rather-long-name-of-a-loader-for-bios-machines.0",
    );
    for second in 5..65 {
        let path =
            format!("/srv/tftp/<b>&\"{second}\"</b>/a-rather-long-name-for-a-file-{second}.c32");
        say(second, "tftp", &format!("sent {path} to 10.9.0.2"));
        say(
            second,
            "tftp",
            &format!("10.9.0.2 has {path}: {} bytes in 0.900 s, 1 kB/s", second * 100_000),
        );
    }
    say(66, "tftp", "file /srv/tftp/WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW.c32 not found for 10.9.0.2");
    say(119, "tftp", "sent /srv/tftp/last to 10.9.0.2");
    say(119, "tftp", "10.9.0.2 has /srv/tftp/last: 900000000 bytes in 110.000 s, 1 kB/s");
    log
}

/// What the browser is to find out: texts outside of their pictures, and texts on each other.
const CHECK: &str = "<script>
const bad = [];
for (const svg of document.querySelectorAll('svg')) {
  const box = svg.getBoundingClientRect();
  const texts = [...svg.querySelectorAll('text')].map(text => [text.textContent, text.getBoundingClientRect()]);
  for (const [text, one] of texts) {
    if (one.left < box.left - 1 || one.right > box.right + 1 || one.bottom > box.bottom + 1) bad.push('outside: ' + text);
  }
  texts.forEach(([text, one], at) => texts.slice(at + 1).forEach(([other, two]) => {
    const apart = one.right <= two.left + 1 || two.right <= one.left + 1 || one.bottom <= two.top + 4 || two.bottom <= one.top + 4;
    if (!apart) bad.push('on each other: ' + text + ' / ' + other);
  }));
}
document.title = 'pictures ' + document.querySelectorAll('svg').length + ', bars ' +
  document.querySelectorAll('svg rect').length + ', bold ' + document.querySelectorAll('p b').length + ', bad ' + bad.slice(0, 5).join('; ');
</script></body>";

fn a_page_is_shown_as_it_is_meant() {
    let Some(browser) = required(browser()) else { return };
    let page = story(&["--story=html"], &busy());
    assert!(!page.contains("http://") || !page.contains("src="), "it needs nothing else");
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("page.html");
    fs::write(&path, page.replace("</body>", CHECK)).expect("room");
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", folder.path().display()));
    let output = command.arg(format!("file://{}", path.display())).output().expect("it runs");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    let title = shown.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let title = title.map_or_else(
        || String::from_utf8_lossy(&output.stderr).into_owned(),
        |(title, _)| title.to_owned(),
    );
    assert_eq!(title, "pictures 1, bars 64, bold 1, bad ");
}

fn browser() -> Result<PathBuf, String> {
    let path = PathBuf::from("/usr/bin/chromium");
    if path.exists() { Ok(path) } else { Err("no chromium (Debian: chromium)".to_owned()) }
}
