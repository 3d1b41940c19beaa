//! Lines of `log-debug`: what was decided, and why.

use super::Priority;
use super::words::{ARCHITECTURE, BYTES_IN, DROPPED, FROM, HAS, PORT, SECONDS};
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::message;
use crate::wire::option_display::mac;
use conf_parser::Keyword;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// A decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionLine {
    /// About a DHCP message.
    Dhcp {
        /// The port it came to.
        port: u16,
        /// Its type (RFC 2132, section 9.6); `None`: it is BOOTP.
        message: Option<u8>,
        /// The client's hardware address.
        mac: Vec<u8>,
        /// The interface it came by.
        interface: String,
        /// The client's architecture, if the message has one.
        architecture: Option<Architecture>,
        /// Its tags, newest first.
        tags: Vec<String>,
        /// What becomes of it.
        outcome: Outcome,
    },
    /// About a datagram that is dropped before its options are read.
    Malformed {
        /// The port it came to.
        port: u16,
        /// Message type and hardware address, if it is a DHCP message.
        sender: Option<(Option<u8>, Vec<u8>)>,
        /// Why.
        drop: Drop,
    },
    /// A transfer begins.
    TransferStarted { path: String, client: String, size: u64, blksize: usize, windowsize: u64 },
    /// A transfer has ended well.
    TransferEnded { path: String, client: String, size: u64, millis: u64 },
    /// So many decisions were not told, to spare the disk.
    Suppressed(u64),
}

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is dropped.
    Dropped(Drop),
    /// It is answered.
    Answered {
        /// The type of the answer.
        message: u8,
        /// Where it goes; `None`: it is not sent.
        to: Option<SocketAddr>,
        /// What the client boots.
        boot: Boot,
        /// The lines that made the answer: keyword and `file:number`.
        lines: Vec<(Keyword, String)>,
        /// Lines that were passed over.
        near: Vec<Near>,
    },
}

/// Why a request is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drop {
    /// The reason in the words of [`DropKind`](super::DropKind).
    pub reason: String,
    /// Lines that were passed over.
    pub near: Vec<Near>,
}

/// What an answer tells a client to boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// A file of that server.
    File { name: String, server: Ipv4Addr },
    /// Port 4011 tells.
    OnPxePort,
    /// The menu tells.
    Menu,
    /// Nothing.
    Nothing,
}

/// A line that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// Its keyword.
    pub keyword: Keyword,
    /// Where it stands, as `file:number`.
    pub line: String,
    /// Why it was passed over.
    pub reason: String,
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
                let (message, mac, tags) = (Message(*message), mac(bytes), tags.join(", "));
                write!(f, "{PORT} {port}: {message}{FROM}{mac} by {interface}")?;
                if let Some(architecture) = architecture {
                    write!(f, ", {ARCHITECTURE}{architecture}")?;
                }
                write!(f, ", tags {tags}: {outcome}")
            }
            Self::Malformed { port, sender, drop: Drop { reason, near } } => {
                write!(f, "{PORT} {port}: {DROPPED}")?;
                if let Some((message, bytes)) = sender {
                    write!(f, "{}{FROM}{}: ", Message(*message), mac(bytes))?;
                }
                write!(f, "{reason}")?;
                write_near(f, near)
            }
            Self::TransferStarted { path, client, size, blksize, windowsize } => write!(
                f,
                "sending {path} to {client}: {size} bytes, blksize {blksize}, windowsize {windowsize}"
            ),
            Self::TransferEnded { path, client, size, millis } => {
                let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
                write!(f, "{client}{HAS}{path}: {size}{BYTES_IN}{seconds}{SECONDS}")?;
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

/// The type of a message; `None`: BOOTP has none.
struct Message(Option<u8>);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(kind) => f.write_str(&message::name(kind)),
            None => f.write_str("BOOTP"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dropped(Drop { reason, near }) => {
                write!(f, "{DROPPED}{reason}")?;
                write_near(f, near)
            }
            Self::Answered { message, to, boot, lines, near } => {
                f.write_str(&message::name(*message))?;
                match to {
                    Some(to) => write!(f, " to {to}")?,
                    None => f.write_str(" is not sent")?,
                }
                let lines: Vec<String> =
                    lines.iter().map(|(keyword, line)| format!("{keyword} {line}")).collect();
                write!(f, ", {boot} ({})", lines.join(", "))?;
                write_near(f, near)
            }
        }
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, server } => write!(f, "file {name} from {server}"),
            Self::OnPxePort => f.write_str("the file is told on port 4011"),
            Self::Menu => f.write_str("a menu"),
            Self::Nothing => f.write_str("no boot file"),
        }
    }
}

fn write_near(f: &mut fmt::Formatter<'_>, near: &[Near]) -> fmt::Result {
    near.iter()
        .try_for_each(|Near { keyword, line, reason }| write!(f, "; {keyword} {line} {reason}"))
}
