//! Lines of TFTP (docs/dnsmasq/tftp.md, section 12). The text of an error is also sent to the client.

use super::words::{
    CANNOT_ACCESS, CANNOT_READ, ERROR, FAILED, FILE, FOR, NOT_FOUND, RECEIVED_FROM, SECURE, SENT,
    SINGLE_PORT, TFTP_ENABLED, TFTP_ROOT, TIMED_OUT, TO,
};
use super::{Priority, USUAL_LINE_LEN, truncated};
use std::fmt;

/// A line of TFTP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the texts below describe them")]
pub enum TftpLine {
    Root { path: Option<String>, secure: bool, single_port: bool },
    RootMissing(String),
    InterfaceRootMissing(String),
    Restricted(usize),

    WriteRequest(String),
    NoFileName(String),
    Unsupported(String),
    NotFound { path: String, client: String },
    NoAccess { path: String },
    Unreadable { path: String, reason: String },
    WrongPort(String),
    NoPort,

    ClientError { code: u16, text: String, client: String },
    Failed { path: String, client: String },
    TimedOut { path: String, client: String },
    Sent { path: String, client: String },
}

impl TftpLine {
    pub(super) fn priority(&self) -> Priority {
        match self {
            Self::Root { .. } | Self::Sent { .. } => Priority::Info,
            Self::RootMissing(_) | Self::InterfaceRootMissing(_) | Self::Restricted(_) => {
                Priority::Warning
            }
            _ => Priority::Error,
        }
    }
}

/// Bytes of the text of an ERROR. dnsmasq cuts its log line too. Fixture tftp/long-names.
const MAX_ERROR_TEXT_LEN: usize = 499;

impl fmt::Display for TftpLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound { .. } | Self::NoAccess { .. } | Self::Unreadable { .. } => {
                let mut text = String::with_capacity(USUAL_LINE_LEN);
                self.write_text(&mut text)?;
                f.write_str(truncated(&text, MAX_ERROR_TEXT_LEN))
            }
            _ => self.write_text(f),
        }
    }
}

impl TftpLine {
    fn write_text(&self, f: &mut impl fmt::Write) -> fmt::Result {
        match self {
            // Both words are optional; the spaces are always there, as in dnsmasq.
            Self::Root { path, secure, single_port } => {
                match path {
                    Some(path) => write!(f, "{TFTP_ROOT}{path} ")?,
                    None => write!(f, "{TFTP_ENABLED} ")?,
                }
                write!(f, "{} ", if *secure { SECURE } else { "" })?;
                f.write_str(if *single_port { SINGLE_PORT } else { "" })
            }
            Self::RootMissing(path) => write!(f, "warning: {path} inaccessible"),
            Self::InterfaceRootMissing(path) => {
                write!(f, "warning: TFTP directory {path} inaccessible")
            }
            Self::Restricted(max) => {
                write!(f, "restricting maximum simultaneous TFTP transfers to {max}")
            }
            Self::WriteRequest(client) => write!(f, "unsupported write request from {client}"),
            Self::NoFileName(client) => write!(f, "empty filename in request from {client}"),
            Self::Unsupported(client) => write!(f, "unsupported request from {client}"),
            Self::NotFound { path, client } => write!(f, "{FILE}{path}{NOT_FOUND}{FOR}{client}"),
            Self::NoAccess { path } => write!(f, "{CANNOT_ACCESS}{path}: Permission denied"),
            Self::Unreadable { path, reason } => write!(f, "{CANNOT_READ}{path}: {reason}"),
            Self::WrongPort(client) => write!(f, "ignoring packet from {client} (TID mismatch)"),
            Self::NoPort => f.write_str("unable to get free port for TFTP"),
            Self::ClientError { code, text, client } => {
                write!(f, "{ERROR}{code} {text}{RECEIVED_FROM}{client}")
            }
            Self::Failed { path, client } => write!(f, "{FAILED}{path}{TO}{client}"),
            Self::TimedOut { path, client } => write!(f, "{TIMED_OUT}{path}{TO}{client}"),
            Self::Sent { path, client } => write!(f, "{SENT}{path}{TO}{client}"),
        }
    }
}
