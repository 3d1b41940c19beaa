//! Sending replies.

use super::protocol::{Reply, Request};
use crate::sys::channel::Channel;
use crate::sys::limits::EAGAIN;
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

impl Reply {
    /// The reply if the task of a request cannot be started.
    pub fn failure(request: &Request) -> Option<Self> {
        match request {
            Request::Lookups(_) => None,
            Request::ReadConfig => Some(Self::Config { size: 0, unwatched: Vec::new() }),
            Request::Inspect { id, .. } => Some(Self::Inspected { id: *id, cause: None }),
            Request::ExamineProgram(program) => {
                Some(Self::ProgramExamined { id: program.id, reason: None })
            }
            Request::ReopenLog => Some(Self::LogOpened(EAGAIN)),
            Request::ConnectSyslog => Some(Self::SyslogConnected(EAGAIN)),
            Request::RemovePidFile => Some(Self::PidFileRemoved),
        }
    }
}
