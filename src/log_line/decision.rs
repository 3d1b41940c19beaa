//! Lines of `log-debug`: each decision and its reasons.

use super::Priority;
use super::words::{
    ARCHITECTURE, BYTES_COMMA, BYTES_IN, DROPPED, FROM, HAS, PORT, SECONDS, SENDING, TO,
};
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::message;
use crate::wire::option_display::mac;
use conf_parser::Keyword;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

/// A decision about a datagram or a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecisionLine {
    /// A DHCP message was answered or dropped.
    Dhcp {
        /// The destination port.
        port: u16,
        /// DHCP message type (RFC 2132, section 9.6); `None`: BOOTP.
        message: Option<u8>,
        /// The client's hardware address.
        mac: Vec<u8>,
        /// The ingress interface.
        interface: String,
        /// Client architecture (option 93), if present.
        architecture: Option<Architecture>,
        /// Tags of the request, newest first.
        tags: Vec<String>,
        /// The result.
        outcome: Outcome,
    },
    /// A datagram was dropped before its options were parsed.
    Malformed {
        /// The destination port.
        port: u16,
        /// Message type and hardware address, if it is a DHCP message.
        sender: Option<(Option<u8>, Vec<u8>)>,
        /// The reason.
        drop: Drop,
    },
    /// A transfer starts. Sizes are in bytes, the window is in blocks.
    TransferStarted { path: String, client: String, size: u64, blksize: usize, windowsize: u64 },
    /// A transfer is complete: `size` bytes in `millis` milliseconds.
    TransferEnded { path: String, client: String, size: u64, millis: u64 },
    /// Number of decisions that were not logged because of the rate limit.
    Suppressed(u64),
}

/// The result for a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The request is dropped.
    Dropped(Drop),
    /// A reply is made.
    Answered {
        /// DHCP message type of the reply.
        message: u8,
        /// Destination; `None`: the reply is not sent.
        to: Option<SocketAddr>,
        /// What the client boots by this reply.
        boot: Boot,
        /// The lines that determine the reply: keyword and `file:number`.
        lines: Vec<(Keyword, String)>,
        /// Lines that almost applied.
        near: Vec<Near>,
    },
}

/// Why a request is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drop {
    /// The sentence of [`DropKind`](super::DropKind).
    pub reason: String,
    /// Lines that almost applied.
    pub near: Vec<Near>,
}

/// What a client boots by a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// A file and the server that has it.
    File { name: String, server: Ipv4Addr },
    /// The reply of port 4011 names the file.
    OnPxePort,
    /// The choice from the menu.
    Menu,
    /// The reply names no boot file.
    Nothing,
}

/// A line that almost applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// Keyword of the line.
    pub keyword: Keyword,
    /// Location as `file:number`.
    pub line: String,
    /// Why the line does not apply.
    pub reason: String,
}

impl DecisionLine {
    pub(super) fn identity(&self) -> &'static str {
        match self {
            Self::TransferStarted { .. } | Self::TransferEnded { .. } => super::TFTP,
            Self::Dhcp { .. } | Self::Malformed { .. } | Self::Suppressed(_) => super::DHCP,
        }
    }

    #[expect(clippy::unused_self, reason = "the same signature as the other kinds of line")]
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
                "{SENDING}{path}{TO}{client}: {size}{BYTES_COMMA}blksize {blksize}, windowsize {windowsize}"
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
                write!(f, "{count} more decisions suppressed this minute")
            }
        }
    }
}

/// DHCP message type; `None`: BOOTP, which has none.
struct Message(Option<u8>);

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(message_type) => f.write_str(&message::name(message_type)),
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
            Self::OnPxePort => f.write_str("the file follows on port 4011"),
            Self::Menu => f.write_str("a menu"),
            Self::Nothing => f.write_str("no boot file"),
        }
    }
}

fn write_near(f: &mut fmt::Formatter<'_>, near: &[Near]) -> fmt::Result {
    for Near { keyword, line, reason } in near {
        write!(f, "; {keyword} {line} {reason}")?;
    }
    Ok(())
}
