//! `--story` for the log of a boot that pxemasq or the installed dnsmasq served, and the HTML page in a browser.

mod common;

use common::boot_rom::BootRom;
use common::download::Download;
use common::lab::{Lab, eventually};
use common::packet::PacketSocket;
use common::recorder::Recorder;
use common::server_host::ServerHost;
use common::{installed_dnsmasq, required};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

crate::tests![
    log_of_dnsmasq_is_shown_as_steps,
    log_of_pxemasq_is_shown_as_steps,
    log_debug_adds_architecture_size_and_rate,
    words_after_story_select_boots_of_several_logs,
    steps_of_a_running_log_are_printed_as_they_come,
    capture_of_a_boot_is_shown_as_steps_with_sizes,
    browser_shows_html_page_without_overlapping_text,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const OURS: &str = env!("CARGO_BIN_EXE_pxemasq");
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const CONFIG: &str = "port=0\ndhcp-range=10.9.0.0,proxy\nenable-tftp\ntftp-root=/srv/tftp\n\
                      pxe-service=x86PC,Network,pxelinux.0\n";

fn story(arguments: &[&str], input: impl AsRef<[u8]>) -> String {
    let mut command = Command::new(OURS);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("pxemasq starts");
    // Standard input is closed after this line: the log ends.
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    stdin.write_all(input.as_ref()).expect("pxemasq reads standard input");
    drop(stdin);
    String::from_utf8(child.wait_with_output().expect("pxemasq ends").stdout).expect("UTF-8")
}

/// Boots a simulated BIOS client from the program and returns the log.
fn log_of(program: &Path, more: &[&str]) -> Option<String> {
    log_and_capture_of(program, more).map(|(log, _)| log)
}

/// As [`log_of`], with a capture of the frames of the client.
fn log_and_capture_of(program: &Path, more: &[&str]) -> Option<(String, Vec<u8>)> {
    let lab = required(Lab::new(["server", "client"]))?;
    lab.file("/srv/dnsmasq.conf", CONFIG);
    for (name, size) in [("pxelinux.0", 3000), ("pxelinux.cfg/default", 100), ("vmlinuz", 200_000)]
    {
        lab.file(&format!("/srv/tftp/{name}"), vec![7; size]);
    }
    let machine = ServerHost::new(&lab, ["server", "client"], &[format!("eth0 {SERVER}/24")]);
    lab.host("client").ip(&format!("addr add {CLIENT}/24 dev c0"));
    let running = machine.start(program, "/srv/dnsmasq.conf", more).expect("the program starts");
    let recorder = Recorder::start(lab.host("client"));
    let packets = PacketSocket::new(lab.host("client"));
    let reply = BootRom::new("arch=x86PC", &packets, SERVER, CLIENT).boot().expect("a reply");
    assert_eq!(reply.file, "pxelinux.0");
    for file in
        ["pxelinux.0", "pxelinux.cfg/01-52", "pxelinux.cfg/0A", "pxelinux.cfg/default", "vmlinuz"]
    {
        let download = Download { file, server: "10.9.0.1:69", ..Download::DEFAULT };
        let prefix = if download.bytes(lab.host("client")).is_ok() { "sent" } else { "file" };
        // dnsmasq logs `sent` after the last acknowledgement: wait for it, so that the order is always the same.
        let line = format!("{prefix} /srv/tftp/{file} ");
        let is_logged = || lab.syslog().iter().any(|logged| logged.contains(&line)).then_some(());
        eventually(Duration::from_secs(5), is_logged).expect("the line is logged");
    }
    let capture = recorder.finish();
    drop(running);
    // A syslog daemon does not write the priority to the file.
    let lines =
        lab.syslog().into_iter().map(|line| line.split_once('>').expect("a priority").1.to_owned());
    Some((lines.map(|line| line + "\n").collect(), capture))
}

/// The output without its summary and the line of the client, and without times.
fn without_times(story: &str) -> String {
    let lines = story
        .lines()
        .skip(3)
        .map(|line| line.split_once(" s  ").map_or(line, |(_, rest)| rest).trim());
    lines.map(|line| format!("{line}\n")).collect()
}

const STEPS: &str = "answered\n\
    selected: pxelinux.0\n\
    pxelinux.0\n\
    2 files do not exist, the last is pxelinux.cfg/0A\n\
    pxelinux.cfg/default\n\
    vmlinuz\n\
    => boots: it has its operating system: vmlinuz was the last file\n";

const CAPTURED_STEPS: &str = "DHCPDISCOVER\n\
    answered on port 67: OFFER from 10.9.0.1: menu\n\
    DHCPREQUEST to port 4011\n\
    selected: pxelinux.0\n\
    pxelinux.0 3000 bytes blksize 1468, windowsize 1, 3 DATA, 4 ACK\n\
    2 files do not exist, the last is pxelinux.cfg/0A\n\
    pxelinux.cfg/default 100 bytes blksize 1468, windowsize 1, 1 DATA, 2 ACK\n\
    vmlinuz 0.2 MB blksize 1468, windowsize 1, 137 DATA, 138 ACK\n\
    => boots: it has its operating system: vmlinuz was the last file\n";

fn log_of_dnsmasq_is_shown_as_steps() {
    let Some(dnsmasq) = required(installed_dnsmasq()) else { return };
    let Some(log) = log_of(&dnsmasq, &[]) else { return };
    let output = story(&["--story"], &log);
    let start = "1 network boot: boots\n\n52:54:00:aa:bb:01 (10.9.0.2), ";
    assert!(output.starts_with(start), "{output}");
    assert_eq!(without_times(&output), STEPS, "{log}");
}

fn log_of_pxemasq_is_shown_as_steps() {
    let Some(log) = log_of(Path::new(OURS), &[]) else { return };
    assert_eq!(without_times(&story(&["--story", "-"], &log)), STEPS, "{log}");
}

fn log_debug_adds_architecture_size_and_rate() {
    let Some(log) = log_of(Path::new(OURS), &["--log-debug"]) else { return };
    let output = story(&["--story"], &log);
    assert!(
        output.contains("\n52:54:00:aa:bb:01 (10.9.0.2), architecture 0 (x86PC), "),
        "{output}\n{log}"
    );
    let kernel =
        output.lines().find(|line| line.contains("vmlinuz  ")).expect("a line about the kernel");
    assert!(kernel.contains("0.2 MB in ") && kernel.ends_with(" MB/s"), "{kernel}");
}

/// Filters and formats are words; a log can be in several files.
fn words_after_story_select_boots_of_several_logs() {
    let directory = TempDir::new().expect("a temporary directory");
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("the log is written");
        path.display().to_string()
    };
    let old = write("log.1", "Nov 22 17:50:08 b dnsmasq-tftp[9]: sent /t/pxelinux.0 to 10.9.0.2\n");
    let new = write(
        "log",
        "Nov 22 17:50:09 b dnsmasq-tftp[9]: sent /t/vmlinuz to 10.9.0.2\n\
         Nov 22 17:55:00 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:12:34:56 proxy-ignored\n",
    );
    let output = story(&["--story=json", "last", &old, &new], "");
    let document: serde_json::Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(document["boots"][0]["verdict"]["id"], "client-ignored", "{output}");
    let output = story(&["--story", "ip=10.9.0.2", &old, &new], "");
    assert!(output.starts_with("1 network boot: boots\n"), "{output}");
    let output = Command::new(OURS).args(["--story=pdf"]).output().expect("pxemasq runs");
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && message.contains("unknown word pdf"), "{message}");
}

/// The log is written while it is read.
fn steps_of_a_running_log_are_printed_as_they_come() {
    let mut child = Command::new(OURS)
        .arg("--story")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pxemasq starts");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let stdout = child.stdout.take().expect("stdout is a pipe");
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    let mut log = |text: &str| stdin.write_all(text.as_bytes()).expect("pxemasq reads");
    let next = |limit| lines.recv_timeout(limit).expect("a line");
    log("dnsmasq: started, version 2.90 DNS disabled\n");
    // After a pause the log is a running one.
    thread::sleep(Duration::from_secs(2));
    let mac = "52:54:00:12:34:56";
    log(&format!("dnsmasq-dhcp: PXE(eth0) 10.9.0.2 {mac} x.efi\n"));
    let step = next(Duration::from_secs(3));
    assert!(step.starts_with(mac) && step.ends_with("+0.0 s  selected: x.efi"), "{step}");
    log("dnsmasq-tftp: error 8 User aborted the transfer received from 10.9.0.2\n\
         dnsmasq-tftp: failed sending /t/x.efi to 10.9.0.2\n\
         dnsmasq-tftp: sent /t/x.efi to 10.9.0.2\n\
         dnsmasq-tftp: sent /t/vmlinuz to 10.9.0.2\n");
    for file in ["x.efi", "vmlinuz"] {
        let step = next(Duration::from_secs(3));
        assert!(step.ends_with(&format!(" s  /t/{file}")), "{step}");
    }
    let verdict = next(Duration::from_secs(10));
    assert!(verdict.contains("=> boots: it has its operating system"), "{verdict}");
    drop(stdin);
    assert_eq!(next(Duration::from_secs(3)), "1 network boot: boots");
    child.wait().expect("pxemasq ends");
}

fn capture_of_a_boot_is_shown_as_steps_with_sizes() {
    let Some((_, capture)) = log_and_capture_of(Path::new(OURS), &[]) else { return };
    let directory = TempDir::new().expect("a temporary directory");
    let path = directory.path().join("boot.pcap");
    fs::write(&path, &capture).expect("the capture is written");
    let path = path.to_str().expect("UTF-8");
    let output = story(&["--story", path], "");
    let boot = output.strip_prefix("1 network boot: boots\n\n").expect("a summary");
    let (head, steps) = boot.split_once('\n').expect("lines");
    assert!(
        head.starts_with("52:54:00:aa:bb:01 (10.9.0.2), architecture 0 (x86PC), 20"),
        "{output}"
    );
    assert!(head.ends_with(" UTC"), "{head}");
    let texts = steps.lines().map(|line| {
        let (_, text) = line.split_once(" s  ").unwrap_or(("", line));
        // The duration of a transfer is not the same each time.
        let (file, details) = text.split_once(';').unwrap_or((text, ""));
        let file =
            if details.is_empty() { file } else { file.split(" in ").next().unwrap_or(file) };
        format!("{}{details}\n", file.split_whitespace().collect::<Vec<_>>().join(" "))
    });
    assert_eq!(texts.collect::<String>(), CAPTURED_STEPS, "{output}");
    assert_eq!(story(&["--story"], &capture), output, "from standard input");
}

/// A log with many steps, with long names that could overlap in the image, and with names that contain markup.
fn busy_log() -> String {
    let mut log = String::new();
    let mut add = |second: u32, component: &str, text: &str| {
        writeln!(
            log,
            "Nov 22 17:{:02}:{:02} b dnsmasq-{component}[9]: {text}",
            second / 60,
            second % 60
        )
        .expect("writing into a String cannot fail");
    };
    add(0, "dhcp", "PXE(eth0) 52:54:00:12:34:56 proxy");
    add(
        4,
        "dhcp",
        "PXE(eth0) 10.9.0.2 52:54:00:12:34:56 a-rather-long-name-of-a-loader-for-bios-machines.0",
    );
    for second in 5..65 {
        let path =
            format!("/srv/tftp/<b>&\"{second}\"</b>/a-rather-long-name-for-a-file-{second}.c32");
        add(second, "tftp", &format!("sent {path} to 10.9.0.2"));
        add(
            second,
            "tftp",
            &format!("10.9.0.2 has {path}: {} bytes in 0.900 s, 1 kB/s", second * 100_000),
        );
    }
    add(66, "tftp", "file /srv/tftp/WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW.c32 not found for 10.9.0.2");
    add(119, "tftp", "sent /srv/tftp/last to 10.9.0.2");
    add(119, "tftp", "10.9.0.2 has /srv/tftp/last: 900000000 bytes in 110.000 s, 1 kB/s");
    // Another client, and a server that did not start.
    add(130, "dhcp", "PXE(eth0) 52:54:00:12:34:57 proxy");
    log.push_str(
        "Nov 22 17:59:00 b dnsmasq[9]: cannot open log /<i>nowhere</i>: Permission denied\n",
    );
    log.push_str("Nov 22 17:59:00 b dnsmasq[9]: FAILED to start up\n");
    log
}

/// A script for the browser. It reports what it finds: text that overlaps, that is small, that is
/// outside the window, or that has little contrast to its background (WCAG 2.1, success criterion 1.4.3).
const CHECK: &str = "<script>
const bad = [];
for (const details of document.querySelectorAll('details')) details.open = true;
const numbers = color => color.match(/[0-9.]+/g).map(Number);
const light = color => {
  const [r, g, b] = numbers(color).map(part => part / 255).map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const background = element => {
  for (let at = element; at; at = at.parentElement) {
    const color = getComputedStyle(at).backgroundColor;
    if (numbers(color)[3] !== 0) return color;
  }
  return 'rgb(255, 255, 255)';
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const boxes = [];
while (walker.nextNode()) {
  const node = walker.currentNode, parent = node.parentElement, text = node.textContent.trim();
  if (!text || parent.closest('script')) continue;
  const style = getComputedStyle(parent);
  if (parseFloat(style.fontSize) < 11) bad.push('small: ' + text);
  const [one, two] = [light(style.color), light(background(parent))];
  if ((Math.max(one, two) + 0.05) / (Math.min(one, two) + 0.05) < 4.5) bad.push('contrast: ' + text);
  const range = document.createRange();
  range.selectNodeContents(node);
  for (const box of range.getClientRects()) {
    if (box.width < 1 || box.right < 0) continue;
    if (box.right > innerWidth + 1 || box.left < 0) bad.push('outside: ' + text);
    boxes.push([text, box]);
  }
}
boxes.forEach(([text, one], at) => boxes.slice(at + 1).forEach(([other, two]) => {
  const apart = one.right <= two.left + 1 || two.right <= one.left + 1 || one.bottom <= two.top + 5 || two.bottom <= one.top + 5;
  if (!apart) bad.push('overlap: ' + text + ' / ' + other);
}));
if (document.documentElement.scrollWidth > innerWidth) bad.push('wider than the window: ' + document.documentElement.scrollWidth);
const dark = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
const count = selector => document.querySelectorAll(selector).length;
parent.postMessage(innerWidth + ' ' + dark + ', verdicts ' + count('.verdict') + ', rows ' + count('figure ol li:not(.axis)') + ', bars ' + count('.bar') + ', marks ' +
  count('.marks span') + ', markup ' + count('b, i') + ', bad ' + bad.slice(0, 5).join('; '), '*');
</script></body>";

fn browser_shows_html_page_without_overlapping_text() {
    let Some(browser) = required(browser()) else { return };
    let with_times = busy_log();
    let without_times: String = with_times
        .lines()
        .filter_map(|line| Some(format!("{}\n", line.split_once(" b ")?.1)))
        .collect();
    for (log, expected) in [
        (with_times, "verdicts 3, rows 65, bars 64, marks 6, markup 0, bad "),
        (without_times, "verdicts 3, rows 65, bars 0, marks 0, markup 0, bad "),
    ] {
        let page = story(&["--story=html"], &log);
        assert!(!page.contains("src=") && !page.contains("@import"), "an external resource");
        for width in [400, 800, 1600] {
            for (scheme, number) in [("dark", 0), ("light", 1)] {
                let color = format!("--blink-settings=preferredColorScheme={number}");
                let report = report_of_browser(&browser, &page, width, &color);
                assert_eq!(report, format!("{width} {scheme}, {expected}"));
            }
        }
    }
}

/// What [`CHECK`] reports about a page, or the errors of the browser. The page is in a frame, because a window of Chromium
/// has at least 500 pixels.
fn report_of_browser(browser: &Path, page: &str, width: u32, argument: &str) -> String {
    let directory = TempDir::new().expect("a temporary directory");
    let write = |name, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).expect("a file is written");
        format!("file://{}", path.display())
    };
    write("page.html", &page.replace("</body>", CHECK));
    let frame = write(
        "frame.html",
        &format!(
            "<meta name=\"color-scheme\" content=\"light dark\"><script>onmessage = event => document.title = event.data</script>\
             <iframe style=\"border:0;width:{width}px;height:1000px\" src=\"page.html\"></iframe>"
        ),
    );
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=5000"]);
    command.args([argument, "--window-size=1700,1100", "--hide-scrollbars", "--dump-dom"]);
    command.arg(format!("--user-data-dir={}", directory.path().display()));
    let output = command.arg(frame).output().expect("the browser runs");
    let html = String::from_utf8_lossy(&output.stdout).into_owned();
    let title = html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    title.map_or_else(
        || String::from_utf8_lossy(&output.stderr).into_owned(),
        |(title, _)| title.to_owned(),
    )
}

fn browser() -> Result<PathBuf, String> {
    let path = PathBuf::from("/usr/bin/chromium");
    if path.exists() { Ok(path) } else { Err("no chromium (Debian: chromium)".to_owned()) }
}
