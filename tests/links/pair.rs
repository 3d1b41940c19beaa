//! pxemasq and the installed dnsmasq on two hosts with the same addresses and the same file system, and a client for each.

use crate::common::download::Download;
use crate::common::lab::{Host, Lab, Process, eventually};
use crate::common::{installed_dnsmasq, required};
use std::cell::OnceCell;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// A change after the start, and the answers after it.
#[derive(Clone, Copy)]
pub struct Row {
    /// Lines of the configuration; empty: `tftp-root=/srv/tftp`.
    pub config: &'static str,
    /// Arguments.
    pub words: &'static [&'static str],
    /// A script that creates the tree before the start, besides `/srv/tftp/small`.
    pub before: &'static str,
    /// The answers before the first change.
    pub at_start: &'static str,
    /// Scripts that change the tree, and the answers after each: `file=contents`, or `file=E1` with the code of the ERROR.
    pub steps: &'static [(&'static str, &'static str)],
}

impl Row {
    pub const DEFAULT: Self = Self { config: "", words: &[], before: "", at_start: "", steps: &[] };

    /// Runs all steps on both programs and compares the answers and the log.
    pub fn check(&self) {
        let Some(pair) = Pair::new(self) else { return };
        pair.assert_answers("at the start", self.at_start);
        for (script, answers) in self.steps {
            pair.get_repeatedly(answers);
            let Some(()) = required(pair.run(script)) else { return };
            pair.assert_answers(script, answers);
        }
        pair.assert_same_log();
    }
}

/// Defines a test for each row, and `TESTS`.
#[macro_export]
macro_rules! rows {
    ($($name:ident: $row:expr;)+) => {
        $(fn $name() {
            let row: $crate::pair::Row = $row;
            row.check();
        })+
        $crate::tests![$($name),+];
    };
}

pub struct Pair {
    pub lab: Lab,
    pub programs: [Process; 2],
    /// The process of pxemasq that opens files, once it was searched.
    pub file_process: OnceCell<u32>,
}

/// Names of the hosts: server and client.
pub const SIDES: [[&str; 2]; 2] =
    [["pxemasq", "client-of-pxemasq"], ["dnsmasq", "client-of-dnsmasq"]];
const CONFIG: &str = "/etc/dnsmasq.conf";
const TIMEOUT: Duration = Duration::from_secs(10);
/// Within this time, the line about an answer is in the log, if there is one.
const MAX_LOG_DELAY: Duration = Duration::from_secs(2);
/// After this time another directory is listed.
pub const LISTING_PAUSE: Duration = Duration::from_millis(20);
/// The user of the programs by default.
const NOBODY: u32 = 65534;
/// A name that does not exist. Its line is the last one of the log.
const LAST: &str = "last-request";

/// Functions for the scripts of rows: `put FILE TEXT` writes a file, `unmount DIRECTORY` repeats while the directory is in
/// use, `image FILE NAME TEXT` creates a squashfs image with a file, `loop FILE DIRECTORY` mounts it.
const FUNCTIONS: &str = r#"
put() { mkdir -p "${1%/*}"; printf %s "$2" > "$1"; }
fresh() { mkdir -p "$1"; mount -t tmpfs -o mode=755 fresh "$1"; }
unmount() {
    for attempt in $(seq 100); do umount "$1" 2> /run/unmount && return; sleep 0.05; done
    cat /run/unmount >&2; false
}
image() { put "/run/image/$2" "$3"; mksquashfs /run/image "$1" -quiet -no-progress -no-xattrs; rm -r /run/image; }
devices() {
    test -e /dev/loop-control && return
    mkdir -p /run/devices; mount -t devtmpfs devices /run/devices
    for device in /run/devices/loop*; do
        touch "/dev/${device##*/}"; mount --bind "$device" "/dev/${device##*/}"
    done
}
loop() { devices; mkdir -p "$2"; mount -t squashfs -o loop,ro "$1" "$2"; }
"#;

impl Pair {
    /// Creates the tree and starts both programs. The test is ignored if this machine cannot run it.
    pub fn new(row: &Row) -> Option<Self> {
        let dnsmasq = required(installed_dnsmasq())?;
        let lab = required(Lab::new([SIDES[0][0], SIDES[0][1], SIDES[1][0], SIDES[1][1]]))?;
        required(lab.knows_user(NOBODY).then_some(()).ok_or("there is only root here".to_owned()))?;
        for [server, client] in SIDES.map(|side| side.map(|name| lab.host(name))) {
            lab.wire(
                server.plug("eth0", "02:00:00:00:00:01"),
                client.plug("c0", "02:00:00:00:00:02"),
            );
            server.ip("addr add 10.9.0.1/24 dev eth0");
            client.ip("addr add 10.9.0.2/24 dev c0");
        }
        let root = if row.config.is_empty() { "tftp-root=/srv/tftp" } else { row.config };
        lab.file(CONFIG, format!("port=0\nenable-tftp\n{root}\n"));
        required(script(
            lab.host(SIDES[0][0]),
            &format!("put /srv/tftp/small small\n{}", row.before),
        ))?;
        let programs = [PathBuf::from(env!("CARGO_BIN_EXE_pxemasq")), dnsmasq];
        let mut programs = SIDES.iter().zip(programs).map(|([server, _], program)| {
            let mut command = Command::new(program);
            command.args(["-k", "--group=", "-x", "", "-C", CONFIG, "-8", &log(server)]);
            command.args(row.words).stdout(Stdio::null()).stderr(Stdio::null());
            let host = lab.host(server);
            let process = host.spawn(&mut command);
            let ready = || host.listens_on_udp(69).then_some(());
            eventually(TIMEOUT, ready).unwrap_or_else(|| panic!("{server} does not start"));
            process
        });
        let started = [programs.next().expect("two"), programs.next().expect("two")];
        drop(programs);
        Some(Self { lab, programs: started, file_process: OnceCell::new() })
    }

    /// Runs a script; `Err`: what it wrote to standard error.
    pub fn run(&self, text: &str) -> Result<(), String> {
        script(self.lab.host(SIDES[0][0]), text)
    }

    /// The answers of both programs to a request: the contents, or code and text of the ERROR.
    pub fn get(&self, file: &str) -> [Result<Vec<u8>, String>; 2] {
        SIDES.map(|[server, client]| {
            let before = lines(server).len();
            let once = Download { file, max_attempts: 8, ..Download::DEFAULT };
            let answer = once.bytes(self.lab.host(client));
            // The line about a file that was sent comes after the last ACK. The next request would be read first.
            eventually(MAX_LOG_DELAY, || (lines(server).len() > before).then_some(()));
            answer
        })
    }

    /// Requests the files of a step before it: if they are not there, pxemasq keeps the names in their directories.
    fn get_repeatedly(&self, answers: &str) {
        for _ in 0..4 {
            for (file, _) in files(answers) {
                let _ = self.get(file);
            }
            thread::sleep(LISTING_PAUSE);
        }
    }

    fn assert_answers(&self, step: &str, answers: &str) {
        for (file, expected) in files(answers) {
            let [ours, theirs] = self.get(file);
            assert_eq!(short(&theirs), expected, "{step}: {file}: dnsmasq: {theirs:?}");
            assert_eq!(text(&ours), text(&theirs), "{step}: {file}: pxemasq differs");
        }
    }

    /// Compares the lines of dnsmasq about TFTP.
    pub fn assert_same_log(&self) {
        for answer in self.get(LAST) {
            assert!(answer.is_err(), "{answer:?}");
        }
        let [ours, theirs] = SIDES.map(|[server, _]| {
            let complete = || {
                let lines = lines(server);
                lines.last().is_some_and(|line| line.contains(LAST)).then_some(lines)
            };
            eventually(TIMEOUT, complete)
                .unwrap_or_else(|| panic!("{server}: {:#?}", lines(server)))
        });
        assert_eq!(ours, theirs);
    }
}

/// The files of a row with their answers.
fn files(answers: &str) -> impl Iterator<Item = (&str, &str)> {
    answers.split_whitespace().map(|word| word.split_once('=').expect("an answer"))
}

fn log(server: &str) -> String {
    format!("/run/{server}.log")
}

/// The lines about TFTP, without the time and without the notices that only pxemasq has.
fn lines(server: &str) -> Vec<String> {
    let text = fs::read_to_string(log(server)).unwrap_or_default();
    let texts =
        text.lines().filter_map(|line| line.split_once(" dnsmasq-tftp[")?.1.split_once("]: "));
    texts.map(|(_, text)| text.to_owned()).filter(|text| !is_notice(text)).collect()
}

/// D-032.
fn is_notice(text: &str) -> bool {
    text.contains(" did not get a file: ")
}

/// An answer as a row has it.
fn short(answer: &Result<Vec<u8>, String>) -> String {
    match answer {
        Ok(contents) => String::from_utf8_lossy(contents).into_owned(),
        Err(error) => format!("E{}", error.split(' ').next().unwrap_or_default()),
    }
}

fn text(answer: &Result<Vec<u8>, String>) -> Result<String, String> {
    answer.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).map_err(Clone::clone)
}

/// Runs a script on a host.
fn script(host: &Host, text: &str) -> Result<(), String> {
    let mut shell = Command::new("sh");
    let output =
        host.inside(|| shell.args(["-euc", &format!("umask 022\n{FUNCTIONS}\n{text}")]).output());
    let output = output.map_err(|fault| format!("no program sh: {fault}"))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{text}: {complaint}")) }
}
