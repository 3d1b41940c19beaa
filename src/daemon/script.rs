//! `dhcp-script`, which is called for each file that was sent (docs/dnsmasq/tftp.md, section 13).
//!
//! A child process runs it. That process keeps the rights that the daemon gives up, and does nothing else.

use super::MAX_DATAGRAMS_PER_TURN;
use super::startup::privileges::drop_privileges;
use crate::boot_monitor::event::CompletedTransfer;
use crate::byte_text::{path_text, to_bytes, to_text};
use crate::config::{Config, Process};
use crate::error::StartupError;
use crate::log_line::ScriptLine;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::helper_process::{self, HelperProcess, PidFd, set_nonblocking};
use crate::sys::privilege::Identity;
use crate::sys::script_exec;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, PipeReader, Read};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The daemon's side: the queue of calls.
pub struct Script {
    process: HelperProcess,
    path: String,
    queue: VecDeque<Vec<u8>>,
    /// Bytes in the queue.
    queued_bytes: usize,
    /// Whether the process runs a call.
    busy: bool,
    /// Whether the process has ended. Then the script is not called any more, as in dnsmasq.
    ended: bool,
}

/// The kind of a report about a call, in its first byte.
mod report_kind {
    pub const OUTPUT: u8 = b'l';
    pub const EXITED: u8 = b'x';
    pub const KILLED: u8 = b's';
    pub const FAILED: u8 = b'f';
    pub const DONE: u8 = b'd';
}

/// Longer than any path of a request, and any line of output.
const MAX_MESSAGE_LEN: usize = 8 * 1024;
/// Limits of the queue: with a script that hangs, further calls are dropped.
const MAX_QUEUED_CALLS: usize = 16_384;
const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;
/// Bytes in a pipe (pipe(7)).
const PIPE_CAPACITY: usize = 64 * 1024;
/// A longer line is logged in pieces.
const MAX_LINE_LEN: usize = 2266;

impl Script {
    /// Starts the process, unless there is no script or no TFTP. `user`: the user of the script, if it is not that of this
    /// process.
    pub fn new(config: &Config, user: Option<Identity>) -> Result<Option<Self>, StartupError> {
        let Process { script: Some(path), debug, .. } = &config.process else { return Ok(None) };
        if config.tftp.is_none() {
            return Ok(None);
        }
        let failed =
            |error| StartupError::other(format!("failed to create helper: {}", strerror(&error)));
        let output = if *debug { Output::Inherited } else { Output::Logged };
        Self::start(path.clone(), user, output).map(Some).map_err(failed)
    }

    /// `output`: where the output of the script is written.
    fn start(path: PathBuf, user: Option<Identity>, output: Output) -> io::Result<Self> {
        let shown = path_text(&path);
        let process = helper_process::start(c"pxemasq-script", &[], move |channel| {
            match user.map_or(Ok(()), |user| drop_privileges(&user, &[])) {
                Ok(()) => serve(&channel, &path, output),
                Err(error) => report(&channel, report_kind::FAILED, &to_bytes(&error.to_string())),
            }
        })?;
        Ok(Self {
            process,
            path: shown,
            queue: VecDeque::new(),
            queued_bytes: 0,
            busy: false,
            ended: false,
        })
    }

    /// Queues a call of the script.
    pub fn report(&mut self, sent: &CompletedTransfer) {
        let CompletedTransfer { size, client, path } = sent;
        let message = [format!("{size}\0{client}\0").as_bytes(), path].concat();
        if self.ended
            || self.queue.len() >= MAX_QUEUED_CALLS
            || self.queued_bytes + message.len() > MAX_QUEUED_BYTES
        {
            return;
        }
        self.queued_bytes += message.len();
        self.queue.push_back(message);
        self.next();
    }

    /// Sends the next call, unless one runs.
    fn next(&mut self) {
        if !self.busy
            && let Some(message) = self.queue.pop_front()
        {
            self.queued_bytes -= message.len();
            self.busy = self.process.channel.send(&message).is_ok();
        }
    }

    /// Sends all queued calls to the process, which runs them after the daemon has ended. It waits while the channel is full.
    pub fn hand_over(mut self) {
        while let Some(message) = self.queue.pop_front() {
            if self.process.channel.send_blocking(&message).is_err() {
                return;
            }
        }
    }

    /// The lines of reports of the process, and whether there may be more reports.
    pub fn poll_reports(&mut self) -> (Vec<ScriptLine>, bool) {
        let (mut lines, mut buffer) = (Vec::new(), [0; MAX_MESSAGE_LEN]);
        for _ in 0..MAX_DATAGRAMS_PER_TURN {
            match self.process.channel.receive(&mut buffer) {
                Ok([report_kind::DONE]) => {
                    self.busy = false;
                    self.next();
                }
                Ok([kind, content @ ..]) => lines.push(self.line(*kind, content)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return (lines, false),
                Ok([]) | Err(_) => {
                    self.ended = true;
                    self.queue = VecDeque::new();
                    self.process.reap();
                    return (lines, false);
                }
            }
        }
        (lines, true)
    }

    fn line(&self, kind: u8, content: &[u8]) -> ScriptLine {
        let text = to_text(content);
        let number = content.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
        match kind {
            report_kind::EXITED => ScriptLine::Exited(number),
            report_kind::KILLED => ScriptLine::Killed(number),
            report_kind::FAILED => {
                ScriptLine::Unexecutable { script: self.path.clone(), reason: text }
            }
            _ => ScriptLine::Output(text),
        }
    }
}

impl AsRawFd for Script {
    fn as_raw_fd(&self) -> i32 {
        self.process.as_raw_fd()
    }
}

/// Where the output of the script is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Output {
    /// To standard output and error of this process: debug mode.
    Inherited,
    /// To the log, line by line.
    Logged,
}

/// The child process: runs the script for each message, until the channel is closed.
fn serve(channel: &Channel, script: &Path, output: Output) {
    let mut buffer = [0; MAX_MESSAGE_LEN];
    while let Some(message) = channel.recv_blocking(&mut buffer) {
        let Some(args) = parse_message(message) else { continue };
        let [size, client, path] = args;
        let name = script.file_name().unwrap_or(script.as_os_str());
        let args = [name, OsStr::new("tftp"), size, client, path];
        // The service manager waits for the daemon, not for the script (D-049).
        let command = script_exec::script(script, &args, "NOTIFY_SOCKET");
        let (kind, content) = match command.and_then(|command| run(command, channel, output)) {
            Ok(status) => status_report(status),
            Err(error) => (report_kind::FAILED, strerror(&error).into_bytes()),
        };
        if kind != report_kind::DONE {
            report(channel, kind, &content);
        }
        report(channel, report_kind::DONE, &[]);
    }
}

/// Size, client and path of a file that was sent. The daemon may be compromised: the script, which may have more rights,
/// gets no other arguments.
fn parse_message(message: &[u8]) -> Option<[&OsStr; 3]> {
    let mut fields = message.splitn(3, |&byte| byte == 0).map(OsStr::from_bytes);
    let [size, client, path] = [fields.next()?, fields.next()?, fields.next()?];
    let is_size = size.to_str()?.parse::<u64>().is_ok();
    let is_client = client.to_str()?.parse::<IpAddr>().is_ok();
    let path_bytes = path.as_bytes();
    let is_path = !path_bytes.is_empty() && !path_bytes.contains(&0);
    (is_size && is_client && is_path).then_some([size, client, path])
}

fn report(channel: &Channel, kind: u8, content: &[u8]) {
    // After the daemon has ended, reports are not needed.
    let _ = channel.send_blocking(&[&[kind], content].concat());
}

fn status_report(status: ExitStatus) -> (u8, Vec<u8>) {
    match (status.code(), status.signal()) {
        (Some(0), _) | (None, None) => (report_kind::DONE, Vec::new()),
        (Some(code), _) => (report_kind::EXITED, code.to_ne_bytes().to_vec()),
        (None, Some(signal)) => (report_kind::KILLED, signal.to_ne_bytes().to_vec()),
    }
}

/// Runs the script, and reports its output. A background process of the script may keep the output open: it is not waited
/// for.
fn run(mut command: Command, channel: &Channel, output: Output) -> io::Result<ExitStatus> {
    if output == Output::Inherited {
        return command.status();
    }
    let (reader, writer) = io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn()?;
    // This closes the write end in this process.
    drop(command);
    let pid_fd = PidFd::of(child.id()).and_then(|pid_fd| {
        set_nonblocking(&reader)?;
        Ok(pid_fd)
    });
    forward_output(reader, pid_fd.ok().as_ref(), channel);
    child.wait()
}

/// Reports lines when they are complete, until the script ends. Without a `PidFd`, until the output is closed.
fn forward_output(mut output: PipeReader, pid_fd: Option<&PidFd>, channel: &Channel) {
    let (mut buffer, mut pending) = ([0; MAX_MESSAGE_LEN], Vec::new());
    // When the script has ended, its output is in the pipe. Later output is from background processes.
    let mut left = None;
    while left != Some(0) {
        if left.is_none() && pid_fd.is_some_and(|pid_fd| pid_fd.wait_exit_or_readable(&output)) {
            left = Some(PIPE_CAPACITY);
        }
        match output.read(&mut buffer) {
            Ok(0) => break,
            Ok(size) => {
                pending.extend_from_slice(&buffer[..size]);
                send_lines(&mut pending, channel);
                left = left.map(|left| left.saturating_sub(size));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) if left.is_some() => break,
            Err(_) => {}
        }
    }
    if !pending.is_empty() {
        send_line(&pending, channel);
    }
}

fn send_lines(pending: &mut Vec<u8>, channel: &Channel) {
    while let Some(end) = pending.iter().take(MAX_LINE_LEN).position(|&byte| byte == b'\n') {
        send_line(&pending[..end], channel);
        pending.drain(..=end);
    }
    while pending.len() >= MAX_LINE_LEN {
        send_line(&pending[..MAX_LINE_LEN], channel);
        pending.drain(..MAX_LINE_LEN);
        send_lines(pending, channel);
    }
}

/// Reports a line up to its first NUL, as dnsmasq does.
fn send_line(line: &[u8], channel: &Channel) {
    report(channel, report_kind::OUTPUT, line.split(|&byte| byte == 0).next().unwrap_or_default());
}

#[test]
fn message_is_accepted_only_if_it_is_size_client_and_path() {
    assert!(parse_message(b"6\x0010.9.0.2\0/srv/tftp/a b;$(c)").is_some());
    for forged in
        ["add", "6", "6\x0010.9.0.2", "-6\x0010.9.0.2\0/f", "6\0here\0/f", "6\0::1\0/f\0g"]
    {
        assert_eq!(parse_message(forged.as_bytes()), None, "{forged:?}");
    }
}
