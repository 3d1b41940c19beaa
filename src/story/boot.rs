//! One boot of one client, as a list of steps.

use super::file_kind::{is_loader, is_optional, is_system, is_system_part};
use crate::wire::client_arch::Architecture;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

/// The steps of one client from the first reply to the last file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Boot {
    /// The hardware address, if the log has it.
    pub mac: Option<String>,
    /// The IP address, if the log has it.
    pub ip: Option<IpAddr>,
    /// The host name, from DHCP or a `dhcp-host` line, if the log has it.
    pub name: Option<String>,
    /// Where its requests arrive, if the log does not name the client: `via eth0`, or empty.
    pub origin: Option<String>,
    /// Whether its vendor class is that of a network boot, if the log has it.
    pub is_network_boot: Option<bool>,
    /// The client architecture (option 93), if the log has it.
    pub architecture: Option<Architecture>,
    /// The start time, as in the log; empty if the log has no time stamps.
    pub raw_time: String,
    /// The start time in seconds, as in `LogTime`.
    pub started_at: Option<f64>,
    /// The steps, in the order of the log.
    pub steps: Vec<Step>,
    /// The client got a file of an operating system, and no loader after it. The next DHCP exchange starts another boot.
    pub is_complete: bool,
    /// The time from the start to the last step.
    pub length: Duration,
    /// The hardware address of another client in the log is unknown: its files may belong to this boot.
    pub has_other_clients: bool,
    /// What the last reply contains, if the log has it.
    pub offer: Offer,
    /// What the log shows about the server.
    pub server: Rc<ServerState>,
}

/// The contents of a reply, with `log-dhcp` or `log-debug` only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// The boot file or URL.
    pub file: Option<String>,
    /// The server that has the file.
    pub next_server: Option<IpAddr>,
    /// The address of the server that replied.
    pub own_address: Option<IpAddr>,
    /// The client shows a menu.
    pub has_menu: bool,
}

impl Offer {
    /// Replaces the contents, or, if the new ones are of the same reply, adds to them.
    pub fn update(&mut self, new: Self, is_same_reply: bool) {
        let old = std::mem::take(self);
        *self = new;
        if is_same_reply {
            self.file = self.file.take().or(old.file);
            self.next_server = self.next_server.or(old.next_server);
            self.own_address = self.own_address.or(old.own_address);
            self.has_menu |= old.has_menu;
        }
    }
}

/// A server of the log, since its last start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerState {
    /// Its start is in the log.
    pub is_start_known: bool,
    /// The log shows that it serves files.
    pub has_tftp: bool,
    /// Its warnings and errors, oldest first: they may be the cause.
    pub problems: Vec<String>,
}

/// One step of a boot.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The time since the start of the boot; `None` if the log has no time stamps.
    pub offset: Option<Duration>,
    /// What happened.
    pub kind: StepKind,
}

/// The size of a file and the duration of its transfer, with `log-debug` or from a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferStats {
    /// Bytes.
    pub size: u64,
    /// From the request to the last acknowledgement.
    pub duration: Duration,
    /// The datagrams of the transfer, from a capture only.
    pub datagrams: Option<DatagramStats>,
}

/// The datagrams of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DatagramStats {
    /// Bytes of a block (RFC 2348).
    pub blksize: usize,
    /// Blocks per acknowledgement (RFC 7440), if it was negotiated.
    pub windowsize: Option<usize>,
    /// DATA datagrams.
    pub blocks: u64,
    /// ACK datagrams.
    pub acknowledgements: u64,
    /// DATA datagrams with a block that was sent before.
    pub repeated: u64,
}

/// What happened in a step.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// One or more requests to a DHCP server in succession; `message` is its type, such as `DHCPDISCOVER`.
    Requested {
        /// The message type.
        message: String,
        /// The number of requests.
        count: usize,
    },
    /// A DHCP server offers or assigns an address: the message type.
    AddressAssigned(String),
    /// One or more replies with the same outcome in succession.
    Answered {
        /// The port, with `log-debug` only.
        port: Option<u16>,
        /// The outcome of the decision, with `log-debug` only.
        outcome: Option<String>,
        /// The number of replies.
        count: usize,
    },
    /// `dhcp-ignore` applies to the client.
    Ignored,
    /// One or more requests dropped for the same reason in succession.
    Dropped {
        /// The reason.
        reason: String,
        /// The number of requests.
        count: usize,
    },
    /// The client selected a menu entry; its boot file.
    Chosen(String),
    /// A file was sent.
    File {
        /// The path.
        path: String,
        /// Size and duration.
        stats: Option<TransferStats>,
    },
    /// One or more missing files in succession.
    NotFound {
        /// The path of the last one.
        path: String,
        /// The number of files.
        count: usize,
    },
    /// Permission denied for a file.
    Denied(String),
    /// A file cannot be read, for example because it is a directory.
    Unreadable {
        /// The path.
        path: String,
        /// The reason.
        error: String,
    },
    /// The capture has no reply to a request, which can be outside of the capture.
    NoReply(String),
    /// A file is being sent, with `log-debug` only.
    Loading {
        /// The path.
        path: String,
        /// Bytes.
        size: u64,
    },
    /// The client ended one or more transfers of a file in succession by an error.
    ClientError {
        /// The path, if the log has it.
        path: Option<String>,
        /// Code and message.
        error: String,
        /// The number of errors.
        count: usize,
    },
    /// The client did not acknowledge a file.
    TimedOut(String),
    /// A notice of the server about the client.
    Notice(String),
}

impl Boot {
    /// Adds a step. A repetition of the last step only increases its count.
    pub fn add(&mut self, offset: Option<Duration>, kind: StepKind) {
        if let StepKind::File { path, .. } = &kind {
            self.is_complete = is_system(path) || self.is_complete && !is_loader(path);
        }
        let is_repetition = self.steps.last_mut().is_some_and(|last| last.kind.absorb(&kind));
        if !is_repetition {
            self.steps.push(Step { offset, kind });
        }
        self.length = self.length.max(offset.unwrap_or_default());
    }

    /// Takes back the last request of the last step: the next line is about the same one.
    pub fn take_back(&mut self) {
        let last = self.steps.last_mut().map(|step| &mut step.kind);
        let Some(StepKind::Answered { outcome: None, count, .. } | StepKind::Dropped { count, .. }) =
            last
        else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.steps.pop();
        }
    }

    /// The time of the last step.
    pub fn last(&self) -> Option<f64> {
        Some(self.started_at? + self.length.as_secs_f64())
    }

    /// `52:54:00:12:34:56 (10.0.0.9)`
    pub fn client(&self) -> String {
        let ip = self.ip.map(|ip| ip.to_string());
        match (&self.mac, ip) {
            (Some(mac), Some(ip)) => format!("{mac} ({ip})"),
            (Some(mac), None) => mac.clone(),
            (None, Some(ip)) => ip,
            (None, None) => match &self.origin {
                Some(origin) if !origin.is_empty() => format!("unknown client {origin}"),
                _ => "unknown client".to_owned(),
            },
        }
    }

    /// The log shows a network boot: not only that a client got its IP address from a DHCP server.
    pub fn is_evident(&self) -> bool {
        let last = self.steps.last().map(|step| &step.kind);
        let is_unanswered = matches!(last, Some(StepKind::Requested { .. }));
        self.is_certain() || is_unanswered && self.is_network_boot.is_none()
    }

    /// The log shows more than a request for an IP address.
    pub fn is_certain(&self) -> bool {
        let is_lease = |kind: &StepKind| {
            matches!(kind, StepKind::Requested { .. } | StepKind::AddressAssigned(_))
        };
        self.is_network_boot == Some(true) || self.steps.iter().any(|step| !is_lease(&step.kind))
    }

    /// The paths of the files that were sent, in order.
    pub fn files(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.kind {
            StepKind::File { path, .. } => Some(&**path),
            _ => None,
        })
    }
}

impl StepKind {
    /// The file that the step is about.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File { path, .. }
            | Self::NotFound { path, .. }
            | Self::Denied(path)
            | Self::Unreadable { path, .. }
            | Self::Loading { path, .. }
            | Self::TimedOut(path) => Some(path),
            Self::ClientError { path, .. } => path.as_deref(),
            _ => None,
        }
    }

    /// A message of DHCP, not of TFTP.
    pub fn is_dhcp(&self) -> bool {
        matches!(
            self,
            Self::Requested { .. }
                | Self::AddressAssigned(_)
                | Self::Answered { .. }
                | Self::Ignored
                | Self::Dropped { .. }
                | Self::Chosen(_)
        )
    }

    /// The first message of a client after it was switched on can cause this step.
    pub fn can_begin_boot(&self) -> bool {
        self.is_dhcp() && !matches!(self, Self::AddressAssigned(_) | Self::Chosen(_))
    }

    /// Increases the count if `next` is the same step again; `false` if it is another step.
    fn absorb(&mut self, next: &Self) -> bool {
        let count = match (self, next) {
            (
                Self::Answered { port, outcome, count },
                Self::Answered { port: p, outcome: o, .. },
            ) if port == p && outcome == o => count,
            (Self::NotFound { path, count }, Self::NotFound { path: last, .. })
                if is_optional(path) == is_optional(last)
                    && is_system_part(path) == is_system_part(last) =>
            {
                last.clone_into(path);
                count
            }
            (Self::Dropped { reason, count }, Self::Dropped { reason: r, .. }) if reason == r => {
                count
            }
            (Self::Requested { message, count }, Self::Requested { message: m, .. })
                if message == m =>
            {
                count
            }
            (
                Self::ClientError { path, error, count },
                Self::ClientError { path: p, error: e, .. },
            ) if path == p && error == e => count,
            _ => return false,
        };
        *count += 1;
        true
    }
}

/// The notice in a boot that was going on when the server ended.
pub const SERVER_STOPPED: &str = "the server was stopped";
