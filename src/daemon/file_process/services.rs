//! What the file process does besides look-ups. Each task that may wait for a disk has a thread, so that none waits for
//! another.

use super::config_files::ConfigFiles;
use super::inspect::Inspector;
use super::protocol::{Reply, Request};
use crate::logging::{Connected, SyslogConnector, open_log_file_again};
use crate::sys::channel::Channel;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

/// The tasks of a configuration.
pub struct Services {
    channel: Arc<Channel>,
    tasks: Arc<Tasks>,
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
}

impl Services {
    /// Services that reply by this channel.
    pub fn new(channel: Arc<Channel>, tasks: Tasks) -> Self {
        let services = Self { channel, tasks: Arc::new(tasks) };
        services.start(|channel, tasks| tasks.config_files.watch(channel));
        services
    }

    /// Handles a request that is not for look-ups.
    pub fn handle(&self, request: Request) {
        match request {
            Request::ReadConfig => {
                return self.start(|channel, tasks| tasks.config_files.send_all(channel));
            }
            // It takes no time.
            Request::ConnectSyslog => return self.tasks.connect_syslog(&self.channel),
            _ => {}
        }
        self.start(move |channel, tasks| {
            if let Some((reply, file)) = tasks.perform(request) {
                let fds: Vec<_> = file.iter().map(AsFd::as_fd).collect();
                // If it fails, the packet process has ended.
                let _ = channel.send_fds(&reply.encode(), &fds);
            }
        });
    }

    /// Starts a thread for a task.
    fn start(&self, task: impl FnOnce(&Channel, &Tasks) + Send + 'static) {
        let (channel, tasks) = (self.channel.clone(), self.tasks.clone());
        let work = move || task(&channel, &tasks);
        let thread = thread::Builder::new().stack_size(super::STACK_SIZE).spawn(work);
        // Without a thread there is no reply. The packet process sends the next request when there is a reason.
        drop(thread);
    }
}

impl Tasks {
    fn connect_syslog(&self, channel: &Channel) {
        let (error, stream) = match self.syslog.connect() {
            Ok(Connected::Datagram) => (0, None),
            Ok(Connected::Stream(stream)) => (0, Some(stream)),
            Err(error) => (error_number(&error), None),
        };
        let fds: Vec<_> = stream.iter().map(AsFd::as_fd).collect();
        // If it fails, the packet process has ended.
        let _ = channel.send_fds(&Reply::SyslogConnected(error).encode(), &fds);
    }

    /// The reply to a request, and the descriptor for it.
    fn perform(&self, request: Request) -> Option<(Reply, Option<File>)> {
        match request {
            Request::Lookups(_) | Request::ReadConfig | Request::ConnectSyslog => None,
            Request::Inspect { id, files } => {
                Some((Reply::Inspected { id, cause: self.inspector.find_cause(&files) }, None))
            }
            Request::ReopenLog => {
                let opened = open_log_file_again(self.log_file.as_deref()?);
                let error = opened.as_ref().err().map_or(0, error_number);
                Some((Reply::LogOpened(error), opened.ok()))
            }
            Request::RemovePidFile => {
                // Without the right to remove it, it stays, as in dnsmasq.
                let _ = fs::remove_file(self.pid_file.as_deref()?);
                Some((Reply::PidFileRemoved, None))
            }
        }
    }
}

fn error_number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}
