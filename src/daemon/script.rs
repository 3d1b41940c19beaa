//! `dhcp-script`: somebody who is told of each file that was sent (docs/dnsmasq/tftp.md, section 13).
//!
//! A process of its own runs it, which keeps the rights that we give up, and has nothing else to do.

use super::startup::privileges::drop_privileges;
use crate::boot_monitor::event::CompletedTransfer;
use crate::byte_text::{path_text, to_bytes, to_text};
use crate::config::{Config, Process};
use crate::error::StartupError;
use crate::log_line::ScriptLine;
use crate::strerror::strerror;
use crate::sys::helper_process::{self, Channel, PidFd, set_nonblocking};
use crate::sys::privilege::Identity;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// Our side: who is still to be told.
pub struct Script {
    channel: Channel,
    path: String,
    queue: VecDeque<Vec<u8>>,
    /// Bytes of those that wait.
    waiting: usize,
    /// Whether one call is under way.
    busy: bool,
    /// Whether the process has gone. Then nobody is told any more, as in dnsmasq.
    gone: bool,
}

/// What is told of a call: the kind in the first byte.
mod kind {
    pub const OUTPUT: u8 = b'l';
    pub const EXITED: u8 = b'x';
    pub const KILLED: u8 = b's';
    pub const FAILED: u8 = b'f';
    pub const DONE: u8 = b'd';
}

/// Longer than any path that a request can name, and any line that is logged.
const MESSAGE: usize = 8 * 1024;
/// Calls that wait, at most, and what they may hold: a script that hangs for good is no reason to remember all that is sent.
const MAX_QUEUED_CALLS: usize = 16_384;
const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;
/// Reports that are heard in one turn of the loop.
const MAX_REPORTS_PER_TURN: usize = 64;
/// Bytes that a pipe holds (pipe(7)).
const PIPE_CAPACITY: usize = 64 * 1024;
/// A longer line is told in pieces.
const MAX_LINE_LEN: usize = 2266;

impl Script {
    /// The script is told of files that are sent: without TFTP there is nothing to tell.
    pub fn new(config: &Config, user: Option<Identity>) -> Result<Option<Self>, StartupError> {
        let Process { script: Some(path), debug, .. } = &config.process else { return Ok(None) };
        if config.tftp.is_none() {
            return Ok(None);
        }
        let failed =
            |error| StartupError::other(format!("failed to create helper: {}", strerror(&error)));
        Self::start(path.clone(), user, *debug).map(Some).map_err(failed)
    }

    /// Starts the process. `user`: as whom it runs, where it is not as we are. `echo`: what it prints is not for the log.
    fn start(path: PathBuf, user: Option<Identity>, echo: bool) -> io::Result<Self> {
        let shown = path_text(&path);
        let channel = helper_process::start(move |channel| {
            match user.map_or(Ok(()), |user| drop_privileges(&user, &[])) {
                Ok(()) => serve(&channel, &path, echo),
                Err(failure) => report(&channel, kind::FAILED, &to_bytes(&failure.to_string())),
            }
        })?;
        Ok(Self {
            channel,
            path: shown,
            queue: VecDeque::new(),
            waiting: 0,
            busy: false,
            gone: false,
        })
    }

    /// Has the script told.
    pub fn report(&mut self, sent: &CompletedTransfer) {
        let CompletedTransfer { size, client, path } = sent;
        let words = [format!("{size}\0{client}\0").as_bytes(), path].concat();
        if self.gone
            || self.queue.len() >= MAX_QUEUED_CALLS
            || self.waiting + words.len() > MAX_QUEUED_BYTES
        {
            return;
        }
        self.waiting += words.len();
        self.queue.push_back(words);
        self.next();
    }

    /// One call after the other.
    fn next(&mut self) {
        if !self.busy
            && let Some(words) = self.queue.pop_front()
        {
            self.waiting -= words.len();
            self.busy = self.channel.send(&words).is_ok();
        }
    }

    /// We end: whoever is still to be told will be, when we have gone. Waits while the script has too much to do.
    pub fn hand_over(mut self) {
        while let Some(words) = self.queue.pop_front() {
            if self.channel.send_blocking(&words).is_err() {
                return;
            }
        }
    }

    /// What has come of it since, a fair share of it; and whether there may be more.
    pub fn poll_reports(&mut self) -> (Vec<ScriptLine>, bool) {
        let (mut lines, mut buffer) = (Vec::new(), [0; MESSAGE]);
        for _ in 0..MAX_REPORTS_PER_TURN {
            match self.channel.receive(&mut buffer) {
                Ok([kind::DONE]) => {
                    self.busy = false;
                    self.next();
                }
                Ok([kind, about @ ..]) => lines.push(self.line(*kind, about)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return (lines, false),
                Ok([]) | Err(_) => {
                    self.gone = true;
                    self.queue = VecDeque::new();
                    self.channel.reap();
                    return (lines, false);
                }
            }
        }
        (lines, true)
    }

    fn line(&self, kind: u8, about: &[u8]) -> ScriptLine {
        let text = to_text(about);
        let number = about.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
        match kind {
            kind::EXITED => ScriptLine::Exited(number),
            kind::KILLED => ScriptLine::Killed(number),
            kind::FAILED => ScriptLine::Unexecutable { script: self.path.clone(), reason: text },
            _ => ScriptLine::Output(text),
        }
    }
}

impl AsRawFd for Script {
    fn as_raw_fd(&self) -> i32 {
        self.channel.as_raw_fd()
    }
}

/// The other side: runs the script for each message, until nobody can send one any more.
fn serve(channel: &Channel, script: &Path, echo: bool) {
    let mut buffer = [0; MESSAGE];
    while let Some(words) = channel.recv_blocking(&mut buffer) {
        let Some(words) = parse_message(words) else { continue };
        let mut command = Command::new(script);
        // It is not the script that the manager waits for.
        command.env_remove("NOTIFY_SOCKET");
        command.arg0(script.file_name().unwrap_or(script.as_os_str())).arg("tftp").args(words);
        let (kind, about) = match run(&mut command, channel, echo) {
            Ok(status) => ended(status),
            Err(error) => (kind::FAILED, strerror(&error).into_bytes()),
        };
        // Whoever has gone needs no report.
        if kind != kind::DONE {
            report(channel, kind, &about);
        }
        report(channel, kind::DONE, &[]);
    }
}

/// Of a file that was sent: its size, to whom, its path. Whoever speaks may have been made to; nothing else is told to a
/// script that has more rights than he has.
fn parse_message(words: &[u8]) -> Option<[&OsStr; 3]> {
    let mut words = words.splitn(3, |&byte| byte == 0).map(OsStr::from_bytes);
    let [size, client, path] = [words.next()?, words.next()?, words.next()?];
    let is_size = size.to_str()?.parse::<u64>().is_ok();
    let is_client = client.to_str()?.parse::<IpAddr>().is_ok();
    let path_bytes = path.as_bytes();
    let is_path = !path_bytes.is_empty() && !path_bytes.contains(&0);
    (is_size && is_client && is_path).then_some([size, client, path])
}

fn report(channel: &Channel, kind: u8, about: &[u8]) {
    drop(channel.send_blocking(&[&[kind], about].concat()));
}

fn ended(status: ExitStatus) -> (u8, Vec<u8>) {
    match (status.code(), status.signal()) {
        (Some(0), _) | (None, None) => (kind::DONE, Vec::new()),
        (Some(code), _) => (kind::EXITED, code.to_ne_bytes().to_vec()),
        (None, Some(signal)) => (kind::KILLED, signal.to_ne_bytes().to_vec()),
    }
}

/// Runs the script, and tells what it prints. What it has started may go on and keep its output open: nobody waits for
/// that.
fn run(command: &mut Command, channel: &Channel, echo: bool) -> io::Result<ExitStatus> {
    if echo {
        return command.status();
    }
    let (output, input) = io::pipe()?;
    command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input);
    let mut child = command.spawn()?;
    // Only the script holds the other end of its output now.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let ending = PidFd::of(child.id()).and_then(|ending| {
        set_nonblocking(&output)?;
        Ok(ending)
    });
    listen(output, ending.ok().as_ref(), channel);
    child.wait()
}

/// Tells lines as they come. Where the end of the script cannot be waited for, its output's end is waited for.
fn listen(mut output: PipeReader, ending: Option<&PidFd>, channel: &Channel) {
    let (mut buffer, mut said) = ([0; MESSAGE], Vec::new());
    // What was printed up to the end is in the pipe then. What comes later is not the script's.
    let mut left = None;
    while left != Some(0) {
        if left.is_none() && ending.is_some_and(|ending| ending.wait_exit_or_readable(&output)) {
            left = Some(PIPE_CAPACITY);
        }
        match output.read(&mut buffer) {
            Ok(0) => break,
            Ok(size) => {
                said.extend_from_slice(&buffer[..size]);
                send_lines(&mut said, channel);
                left = left.map(|left| left.saturating_sub(size));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) if left.is_some() => break,
            Err(_) => {}
        }
    }
    if !said.is_empty() {
        send_line(&said, channel);
    }
}

fn send_lines(said: &mut Vec<u8>, channel: &Channel) {
    while let Some(end) = said.iter().take(MAX_LINE_LEN).position(|&byte| byte == b'\n') {
        send_line(&said[..end], channel);
        said.drain(..=end);
    }
    while said.len() >= MAX_LINE_LEN {
        send_line(&said[..MAX_LINE_LEN], channel);
        said.drain(..MAX_LINE_LEN);
        send_lines(said, channel);
    }
}

/// As C ends a text: at its first zero.
fn send_line(line: &[u8], channel: &Channel) {
    report(channel, kind::OUTPUT, line.split(|&byte| byte == 0).next().unwrap_or_default());
}

#[test]
fn a_script_hears_of_files_that_were_sent_and_of_nothing_else() {
    assert!(parse_message(b"6\x0010.9.0.2\0/srv/tftp/a b;$(c)").is_some());
    for forged in
        ["add", "6", "6\x0010.9.0.2", "-6\x0010.9.0.2\0/f", "6\0here\0/f", "6\0::1\0/f\0g"]
    {
        assert_eq!(parse_message(forged.as_bytes()), None, "{forged:?}");
    }
}
