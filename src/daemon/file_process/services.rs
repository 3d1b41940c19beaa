//! What the file process does besides look-ups. Each task that may wait for a disk has a thread, so that none waits for
//! another.

use super::config_files::ConfigFiles;
use super::control::Control;
use super::directory_lister::DirectoryLister;
use super::inspect::Inspector;
use super::protocol::{Reply, Request};
use super::replies::{send, send_data};
use super::roots::RootNumber;
use crate::logging::{Connected, SyslogConnector, open_log_file_again};
use crate::sys::channel::Channel;
use crate::sys::directory_changes::Watch;
use std::fs;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The tasks of a configuration.
pub struct Services {
    channel: Arc<Channel>,
    tasks: Arc<Tasks>,
    /// The number of tasks that run.
    running: Arc<AtomicUsize>,
}

/// What the tasks may use. The packet process cannot choose other files.
pub struct Tasks {
    /// The log file.
    pub log_file: Option<PathBuf>,
    /// Connects the socket that the packet process has.
    pub syslog: SyslogConnector,
    /// Hosts and option files.
    pub config_files: ConfigFiles,
    /// The pid file.
    pub pid_file: Option<PathBuf>,
    /// Searches for the cause when a file was not sent.
    pub inspector: Inspector,
    /// Lists directories for names that are not there, and watches them.
    pub lister: DirectoryLister,
    /// The control socket and its path.
    pub control: Option<(Arc<Control>, PathBuf)>,
}

impl Services {
    /// Services that reply by this channel.
    pub fn new(channel: Arc<Channel>, tasks: Tasks) -> Self {
        let services = Self { channel, tasks: Arc::new(tasks), running: Arc::default() };
        let (channel, tasks) = (services.channel.clone(), services.tasks.clone());
        // Without a thread, changes in watched directories are not seen before SIGHUP.
        spawn(move || tasks.config_files.watch(&channel));
        services
    }

    /// Handles a request that is not for look-ups.
    pub fn handle(&self, request: Request, fds: Vec<OwnedFd>) {
        match request {
            // They take no time, and must be done before the process ends.
            Request::ConnectSyslog | Request::RemovePidFile => {
                return self.tasks.perform(request, &self.channel);
            }
            Request::StatusWritten(number) => {
                return self.with_control(|control, _| control.written(number));
            }
            Request::StartControl => {
                // Without a thread, `--status` and `--replace` are not answered.
                return self.with_control(|control, channel| {
                    spawn(move || control.serve(&channel, spawn_boxed));
                });
            }
            Request::StopControl => return self.with_control(|control, _| control.stop()),
            Request::ServeConnection => {
                return self.with_control(|control, channel| {
                    for connection in fds {
                        control.serve_passed(connection.into(), &channel, spawn_boxed);
                    }
                });
            }
            _ => {}
        }
        let failure = Reply::failure(&request);
        let (channel, tasks) = (self.channel.clone(), self.tasks.clone());
        let running = Running::begin(&self.running);
        let started = running.is_some_and(|running| {
            spawn(move || {
                tasks.perform(request, &channel);
                drop(running);
            })
        });
        if !started && let Some(failure) = failure {
            send(&self.channel, &failure, None, None);
        }
    }
}

impl Services {
    fn with_control(&self, act: impl FnOnce(Arc<Control>, Arc<Channel>)) {
        if let Some((control, _)) = &self.tasks.control {
            act(control.clone(), self.channel.clone());
        }
    }
}

/// Tasks at the same time. The packet process requests fewer, unless it is compromised.
const MAX_TASKS: usize = 8;

/// A task that is counted until it is dropped.
struct Running(Arc<AtomicUsize>);

impl Running {
    /// `None`: there are too many.
    fn begin(count: &Arc<AtomicUsize>) -> Option<Self> {
        let running = Self(count.clone());
        (count.fetch_add(1, Ordering::Relaxed) < MAX_TASKS).then_some(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts a thread for a task; whether it was started.
fn spawn(task: impl FnOnce() + Send + 'static) -> bool {
    thread::Builder::new().stack_size(super::STACK_SIZE).spawn(task).is_ok()
}

fn spawn_boxed(task: Box<dyn FnOnce() + Send>) -> bool {
    spawn(task)
}

impl Tasks {
    fn connect_syslog(&self) -> (Reply, Option<OwnedFd>) {
        match self.syslog.connect() {
            Ok(Connected::Datagram) => (Reply::SyslogConnected(0), None),
            Ok(Connected::Stream(stream)) => (Reply::SyslogConnected(0), Some(stream)),
            Err(error) => (Reply::SyslogConnected(error_number(&error)), None),
        }
    }

    /// Performs the task of a request, and sends the reply.
    fn perform(&self, request: Request, channel: &Channel) {
        match request {
            Request::ReadConfig => return self.config_files.send_all(channel),
            Request::ListDirectory { root, name, unused } => {
                return self.list(root, &name, &unused, channel);
            }
            _ => {}
        }
        let failure = Reply::failure(&request);
        if let Some((reply, fd)) = self.reply(request) {
            send(channel, &reply, fd.as_ref(), failure);
        }
    }

    fn list(&self, root: RootNumber, name: &[u8], unused: &[Watch], channel: &Channel) {
        let (listed, names) = self.lister.list(root, name, unused);
        let reply = |size| Reply::DirectoryListed(listed.clone(), size);
        match listed.end {
            Some(_) => send_data(channel, |out| out.write_all(&names), reply),
            None => send(channel, &reply(0), None, None),
        }
    }

    /// The reply to a request, and the descriptor for it.
    fn reply(&self, request: Request) -> Option<(Reply, Option<OwnedFd>)> {
        match request {
            Request::Lookups(_)
            | Request::ReadConfig
            | Request::ListDirectory { .. }
            | Request::StatusWritten(_)
            | Request::StartControl
            | Request::StopControl
            | Request::ServeConnection => None,
            Request::ConnectSyslog => Some(self.connect_syslog()),
            Request::Inspect { id, files } => {
                Some((Reply::Inspected { id, cause: self.inspector.find_cause(&files) }, None))
            }
            Request::ExamineProgram(program) => {
                let reason = self.inspector.examine(&program);
                Some((Reply::ProgramExamined { id: program.id, reason }, None))
            }
            Request::ReopenLog => {
                let opened = open_log_file_again(self.log_file.as_deref()?);
                let error = opened.as_ref().err().map_or(0, error_number);
                Some((Reply::LogOpened(error), opened.ok().map(OwnedFd::from)))
            }
            Request::RemovePidFile => {
                let control = self.control.as_ref().map(|(_, path)| path);
                for path in self.pid_file.iter().chain(control) {
                    // Without the right to remove it, it stays, as in dnsmasq.
                    let _ = fs::remove_file(path);
                }
                Some((Reply::PidFileRemoved, None))
            }
        }
    }
}

fn error_number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}
