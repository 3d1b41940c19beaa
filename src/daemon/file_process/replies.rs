//! Sending replies.

use super::protocol::{ListedDirectory, Reply, Request};
use crate::sys::channel::Channel;
use crate::sys::limits::EAGAIN;
use crate::sys::memory_file;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, OwnedFd};

/// Sends a reply. If its descriptor cannot be sent (unix(7), `ETOOMANYREFS`), sends `failure` instead: without a reply the packet
/// process would wait forever.
pub fn send(channel: &Channel, reply: &Reply, fd: Option<&OwnedFd>, failure: Option<Reply>) {
    let fds: Vec<_> = fd.into_iter().map(AsFd::as_fd).collect();
    if channel.send_fds(&reply.encode(), &fds).is_err()
        && let Some(failure) = failure
    {
        // If it fails too, the packet process has ended.
        let _ = channel.send_fds(&failure.encode(), &[]);
    }
}

/// Sends data as a file in memory. Without memory for it, the reply has no descriptor.
pub fn send_data(
    channel: &Channel,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    reply: impl Fn(u64) -> Reply,
) {
    let (fd, size) = in_memory(write).map_or((None, 0), |(file, size)| (Some(file.into()), size));
    send(channel, &reply(size), fd.as_ref(), Some(reply(0)));
}

/// Data as a file in memory, with its size.
fn in_memory(
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<(File, u64)> {
    let mut out = BufWriter::new(memory_file::create()?);
    write(&mut out)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

impl Reply {
    /// No directory was listed.
    pub fn not_listed() -> Self {
        Self::DirectoryListed(ListedDirectory::default(), 0)
    }

    /// The reply if the task of a request cannot be started.
    pub fn failure(request: &Request) -> Option<Self> {
        match request {
            Request::Lookups(_)
            | Request::StatusWritten(_)
            | Request::StartControl
            | Request::StopControl
            | Request::ServeConnection => None,
            Request::ReadConfig => Some(Self::Config { size: 0, unwatched: Vec::new() }),
            Request::Inspect { id, .. } => Some(Self::Inspected { id: *id, cause: None }),
            Request::ExamineProgram(program) => {
                Some(Self::ProgramExamined { id: program.id, reason: None })
            }
            Request::ListDirectory { .. } => Some(Self::not_listed()),
            Request::ReopenLog => Some(Self::LogOpened(EAGAIN)),
            Request::ConnectSyslog => Some(Self::SyslogConnected(EAGAIN)),
            Request::RemovePidFile => Some(Self::PidFileRemoved),
        }
    }
}
