//! Lines of `log-debug`: what was decided, and why.

use super::Priority;
use crate::wire::architectures::Architecture;
use crate::wire::option_names::mac;
use std::fmt;

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionLine {
    /// About a DHCP message.
    Dhcp {
        /// The port it came to.
        port: u16,
        /// What it is.
        message: String,
        /// From whom.
        mac: Vec<u8>,
        /// By which interface.
        interface: String,
        /// What it runs on, if it says so.
        architecture: Option<Architecture>,
        /// Its tags, newest first.
        tags: String,
        /// The answer and the lines that made it, or why there is none.
        outcome: String,
    },
    /// About a datagram that could not be read so far.
    Malformed { port: u16, reason: String },
    /// A transfer begins.
    TransferStarted { path: String, client: String, size: u64, blksize: usize, windowsize: u64 },
    /// A transfer has ended well.
    TransferEnded { path: String, client: String, size: u64, millis: u64 },
    /// So many decisions were not told, to spare the disk.
    Suppressed(u64),
}

impl DecisionLine {
    pub(super) fn identity(&self) -> &'static str {
        match self {
            Self::TransferStarted { .. } | Self::TransferEnded { .. } => super::TFTP,
            Self::Dhcp { .. } | Self::Malformed { .. } | Self::Suppressed(_) => super::DHCP,
        }
    }

    #[expect(clippy::unused_self, reason = "as of all lines")]
    pub(super) fn priority(&self) -> Priority {
        Priority::Debug
    }
}

impl fmt::Display for DecisionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dhcp { port, message, mac: bytes, interface, architecture, tags, outcome } => {
                write!(f, "port {port}: {message} from {} by {interface}", mac(bytes))?;
                if let Some(architecture) = architecture {
                    write!(f, ", architecture {architecture}")?;
                }
                write!(f, ", tags {tags}: {outcome}")
            }
            Self::Malformed { port, reason: why } => write!(f, "port {port}: dropped: {why}"),
            Self::TransferStarted { path, client, size, blksize, windowsize } => write!(
                f,
                "sending {path} to {client}: {size} bytes, blksize {blksize}, windowsize {windowsize}"
            ),
            Self::TransferEnded { path, client, size, millis } => {
                let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
                write!(f, "{client} has {path}: {size} bytes in {seconds} s")?;
                match size.checked_div(*millis) {
                    Some(rate) => write!(f, ", {rate} kB/s"),
                    None => Ok(()),
                }
            }
            Self::Suppressed(count) => {
                write!(f, "{count} more decisions in this minute are not told")
            }
        }
    }
}
