//! All log lines as data, and their text. Other modules decide what is logged; the text is defined only here.

pub mod decision;
mod dhcp;
mod drop;
mod files;
mod notice;
mod process;
mod sandbox;
pub mod sanitize;
mod script;
mod status;
mod tftp;
pub mod words;

pub use decision::DecisionLine;
pub use dhcp::{DhcpLine, PxeOutcome};
pub use drop::DropKind;
pub use files::{FileLine, LinePart};
pub use notice::{NoticeClient, NoticeLine, ReplyPorts};
pub use process::{COMPILE_TIME_OPTIONS, ProcessLine, VERSION};
pub use sandbox::{Restrictions, Sandbox, SandboxLine};
pub use script::ScriptLine;
pub use status::StatusLine;
pub use tftp::TftpLine;

use crate::byte_text::to_utf8;
use std::fmt::{self, Write};
use words::{DHCP, PROCESS, TFTP};

/// A log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The process, identity `dnsmasq`.
    Process(ProcessLine),
    /// proxyDHCP, identity `dnsmasq-dhcp`; some begin with the transaction id.
    Dhcp(Option<u32>, DhcpLine),
    /// TFTP, identity `dnsmasq-tftp`.
    Tftp(TftpLine),
    /// Files that are read at run time: identity `dnsmasq` or `dnsmasq-dhcp`.
    File(FileLine),
    /// The script; its output has identity `dnsmasq-script`.
    Script(ScriptLine),
    /// A decision, for `log-debug`.
    Decision(DecisionLine),
    /// A notice about a client that cannot boot.
    Notice(NoticeLine),
}

/// Severity of a line, with the numbers of syslog (RFC 5424, section 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// The process does not start.
    Critical = 2,
    /// An operation failed.
    Error = 3,
    /// A condition that probably needs a change of the configuration.
    Warning = 4,
    /// A significant condition; all warnings of our own.
    Notice = 5,
    /// Normal operation.
    Info = 6,
    /// Details for diagnosis.
    Debug = 7,
}

impl Priority {
    /// The level of the `log` crate, which has fewer levels.
    pub fn level(self) -> log::Level {
        match self {
            Self::Critical | Self::Error => log::Level::Error,
            Self::Warning => log::Level::Warn,
            Self::Notice | Self::Info => log::Level::Info,
            Self::Debug => log::Level::Debug,
        }
    }
}

/// Maximum length of a message in bytes, as in dnsmasq.
const MAX_LINE_LEN: usize = 1023;
/// Most lines are not longer.
const USUAL_LINE_LEN: usize = 128;

impl Line {
    /// The syslog identity.
    pub fn identity(&self) -> &'static str {
        match self {
            Self::Process(_) => PROCESS,
            Self::Dhcp(..) => DHCP,
            Self::Tftp(_) => TFTP,
            Self::File(line) => line.identity(),
            Self::Script(line) => line.identity(),
            Self::Decision(line) => line.identity(),
            Self::Notice(line) => line.identity(),
        }
    }

    /// The severity.
    pub fn priority(&self) -> Priority {
        match self {
            Self::Process(line) => line.priority(),
            Self::Dhcp(_, line) => line.priority(),
            Self::Tftp(line) => line.priority(),
            Self::File(line) => line.priority(),
            Self::Script(line) => line.priority(),
            Self::Decision(line) => line.priority(),
            Self::Notice(line) => line.priority(),
        }
    }
}

impl fmt::Display for Line {
    /// Always valid UTF-8, cut at the maximum length (D-019).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(USUAL_LINE_LEN);
        match self {
            Self::Process(line) => write!(text, "{line}"),
            Self::Dhcp(Some(xid), line) => write!(text, "{xid} {line}"),
            Self::Dhcp(None, line) => write!(text, "{line}"),
            Self::Tftp(line) => write!(text, "{line}"),
            Self::File(line) => write!(text, "{line}"),
            Self::Script(line) => write!(text, "{line}"),
            Self::Decision(line) => write!(text, "{line}"),
            Self::Notice(line) => write!(text, "{line}"),
        }?;
        f.write_str(truncated(&to_utf8(&text), MAX_LINE_LEN))
    }
}

/// The longest beginning of a text that has at most `max` bytes.
pub fn truncated(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::byte_text::to_text;
    use crate::wire::option_display::LoggedOption;
    use std::net::Ipv4Addr;

    fn lines() -> Vec<Line> {
        let client = Ipv4Addr::new(10, 9, 0, 2);
        let pxe =
            |outcome| DhcpLine::Pxe { interface: "lan0".into(), mac: vec![0x52, 0x54, 0], outcome };
        let path = || "/srv/tftp/a".to_owned();
        vec![
            Line::Process(ProcessLine::Started),
            Line::Process(ProcessLine::NoUpstream),
            Line::Process(ProcessLine::InterfaceMissing("eth9".into())),
            Line::Dhcp(None, DhcpLine::ProxyRange(client)),
            Line::Dhcp(None, DhcpLine::NoRange("via lan0".into())),
            Line::Dhcp(Some(1), DhcpLine::Subnet(client, Ipv4Addr::new(255, 255, 255, 0))),
            Line::Dhcp(Some(1), DhcpLine::VendorClass(String::new())),
            Line::Dhcp(Some(1), pxe(PxeOutcome::Proxy)),
            Line::Dhcp(None, DhcpLine::NoAddressFor("boot".into())),
            Line::Dhcp(Some(1), DhcpLine::Sent(LoggedOption { code: 53, value: vec![2] })),
            Line::Tftp(TftpLine::Root {
                path: Some("/srv/tftp".into()),
                secure: false,
                single_port: false,
            }),
            Line::Tftp(TftpLine::Root { path: None, secure: true, single_port: true }),
            Line::Tftp(TftpLine::NotFound { path: path(), client: client.to_string() }),
            Line::Tftp(TftpLine::Sent { path: path(), client: client.to_string() }),
            Line::Tftp(TftpLine::ClientError {
                code: 65535,
                text: String::new(),
                client: client.to_string(),
            }),
        ]
    }

    #[test]
    fn lines_are_equal_to_the_golden_file() {
        let written: String = lines()
            .iter()
            .map(|line| format!("{} {:?} {line}|\n", line.identity(), line.priority()))
            .collect();
        let written = written.replace(env!("CARGO_PKG_VERSION"), "X.Y.Z");
        assert_eq!(written, include_str!("golden.txt"));
    }

    #[test]
    fn long_line_is_cut_at_a_character() {
        let line = Line::Dhcp(Some(1), DhcpLine::VendorClass("é".repeat(2000)));
        assert!((1022..=1023).contains(&line.to_string().len()));
    }

    #[test]
    fn line_of_bytes_that_are_not_utf8_is_utf8() {
        for bytes in [&b"/srv/\xE9"[..], b"\xE2\x82", "\u{10FFE9}é".as_bytes()] {
            let line = Line::Process(ProcessLine::Failure(to_text(bytes)));
            assert_eq!(line.to_string(), String::from_utf8_lossy(bytes));
        }
    }
}
