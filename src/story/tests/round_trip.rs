//! Each log line that pxemasq writes is parsed again: the formatter and the parser must agree.

use crate::log_line::decision::{Boot, Drop, Near, Outcome};
use crate::log_line::{
    DecisionLine, DhcpLine, DropKind, Line, NoticeClient, NoticeLine, ProcessLine, PxeOutcome,
    ReplyPorts, Restrictions, SandboxLine, StatusLine, TftpLine,
};
use crate::proxydhcp::DropReason;
use crate::reason::BootReason;
use crate::status::{Counters, Transfer};
use crate::story::boot::TransferStats;
use crate::story::correlate::BootCorrelator;
use crate::story::event::{Detail, Event, RefusalReason, ServerEvent, event};
use crate::story::log_record::log_record;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::message;
use conf_parser::Keyword;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

fn mac() -> String {
    "52:54:00:12:34:56".to_owned()
}

fn ip() -> IpAddr {
    IP.into()
}

/// A path that contains the separators of log lines.
fn path() -> String {
    "/srv/a to b for c: sent".to_owned()
}

fn parse(line: &Line) -> Option<Event> {
    event(&log_record(&format!("{}: {line}", line.identity()))?)
}

fn tftp_lines() -> Vec<TftpLine> {
    let client = || IP.to_string();
    let root = |secure, single_port| TftpLine::Root { path: Some(path()), secure, single_port };
    vec![
        root(false, false),
        root(true, false),
        root(false, true),
        root(true, true),
        TftpLine::Root { path: None, secure: true, single_port: true },
        TftpLine::RootMissing(path()),
        TftpLine::InterfaceRootMissing(path()),
        TftpLine::Restricted(7),
        TftpLine::WriteRequest(client()),
        TftpLine::NoFileName(client()),
        TftpLine::Unsupported(client()),
        TftpLine::NotFound { path: path(), client: client() },
        TftpLine::NoAccess { path: path() },
        TftpLine::Unreadable { path: path(), reason: "Is a directory".into() },
        TftpLine::WrongPort(client()),
        TftpLine::NoPort,
        TftpLine::ClientError { code: 8, text: "User aborted".into(), client: client() },
        TftpLine::Failed { path: path(), client: client() },
        TftpLine::TimedOut { path: path(), client: client() },
        TftpLine::Sent { path: path(), client: client() },
    ]
}

/// The event that the parser must return for each TFTP line.
fn expected_tftp_event(line: &TftpLine) -> Option<Event> {
    let (ip, path) = (ip(), path());
    let reason = RefusalReason::NotFound;
    match line {
        TftpLine::Root { path: Some(root), .. } => Some(enabled(Some(root.clone()))),
        TftpLine::NotFound { .. } => Some(Event::Refused { ip: Some(ip), path, reason }),
        TftpLine::NoAccess { .. } => {
            Some(Event::Refused { ip: None, path, reason: RefusalReason::PermissionDenied })
        }
        TftpLine::ClientError { code, text, .. } => {
            Some(Event::ClientError { ip, text: format!("{code} {text}") })
        }
        TftpLine::Failed { .. } => Some(Event::Failed { ip, path }),
        TftpLine::TimedOut { .. } => Some(Event::TimedOut { ip, path }),
        TftpLine::Sent { .. } => Some(Event::Sent { ip, path }),
        TftpLine::Root { path: None, .. } => Some(enabled(None)),
        TftpLine::RootMissing(path) => Some(problem(format!("{path} inaccessible"))),
        TftpLine::InterfaceRootMissing(path) => {
            Some(problem(format!("TFTP directory {path} inaccessible")))
        }
        TftpLine::NoPort => Some(problem(line.to_string())),
        TftpLine::WriteRequest(_) | TftpLine::NoFileName(_) | TftpLine::Unsupported(_) => {
            Some(Event::BadRequest { ip, text: line.to_string() })
        }
        TftpLine::Unreadable { reason, .. } => {
            let reason = RefusalReason::Unreadable(reason.clone());
            Some(Event::Refused { ip: None, path, reason })
        }
        TftpLine::Restricted(_) | TftpLine::WrongPort(_) => None,
    }
}

fn enabled(root: Option<String>) -> Event {
    Event::Server(ServerEvent::TftpEnabled(root))
}

fn problem(text: String) -> Event {
    Event::Server(ServerEvent::Problem(text))
}

#[test]
fn each_tftp_line_is_parsed_into_its_event() {
    for line in tftp_lines() {
        let expected = expected_tftp_event(&line);
        let line = Line::Tftp(line);
        assert_eq!(parse(&line), expected, "{line}");
        // A log can have the message only.
        if expected.is_some() {
            let text = line.to_string();
            assert_eq!(log_record(&text).and_then(|record| event(&record)), expected, "{line}");
        }
    }
}

#[test]
fn each_proxydhcp_line_is_parsed_into_its_event() {
    let file = || "a b.0".to_owned();
    for outcome in
        [PxeOutcome::Proxy, PxeOutcome::Ignored, PxeOutcome::BootItem { address: IP, file: file() }]
    {
        let expected = match outcome {
            PxeOutcome::Proxy => {
                Event::Answered { mac: mac(), port: None, architecture: None, outcome: None }
            }
            PxeOutcome::Ignored => Event::Ignored { mac: mac() },
            PxeOutcome::BootItem { .. } => Event::Chosen { mac: mac(), ip: ip(), file: file() },
        };
        let line = DhcpLine::Pxe { interface: "eth0".into(), mac: MAC.to_vec(), outcome };
        assert_eq!(parse(&Line::Dhcp(None, line.clone())), Some(expected.clone()));
        let text = line.to_string();
        assert_eq!(log_record(&text).and_then(|record| event(&record)), Some(expected.clone()));
        let in_transaction = Event::InTransaction { xid: 7, event: Box::new(expected) };
        assert_eq!(parse(&Line::Dhcp(Some(7), line)), Some(in_transaction));
    }
    let class = DhcpLine::VendorClass("PXEClient:Arch:00007:UNDI:003016".into());
    let detail = Detail::VendorClass(true, Some(Architecture(7)));
    let seen = Event::Detail { xid: 7, detail };
    assert_eq!(parse(&Line::Dhcp(Some(7), class)), Some(seen));
    let no_range = DhcpLine::NoRange("via eth0".into());
    let text = no_range.to_string();
    let dropped = Event::DroppedUnnamed { origin: "via eth0".into(), text };
    assert_eq!(parse(&Line::Dhcp(None, no_range)), Some(dropped));
}

#[test]
fn lines_of_the_process_are_parsed_into_events_of_the_server() {
    let server = |event| Some(Event::Server(event));
    let warning = "/etc/c:3: dhcp-range: no interface of this machine is on the network".to_owned();
    let state = |line| ProcessLine::Status(Box::new(line));
    let unconfined = || Restrictions { sandbox: None, capabilities: Vec::new() };
    let sandbox = SandboxLine {
        packets: unconfined().to_string(),
        files: unconfined().to_string(),
        host: Some(unconfined().to_string()),
    };
    for (line, expected) in [
        (ProcessLine::Started, server(ServerEvent::Started)),
        (ProcessLine::CompileTimeOptions(sandbox), None),
        (state(StatusLine::Dhcp(Counters::default())), None),
        (
            state(StatusLine::Slow {
                machine: mac(),
                transfer: Transfer::default(),
                stopped_ms: None,
            }),
            None,
        ),
        (ProcessLine::FailedToStart, server(ServerEvent::StartFailed)),
        (ProcessLine::Terminated, server(ServerEvent::Stopped)),
        (ProcessLine::ConfigWarning(warning.clone()), Some(problem(warning))),
        (
            ProcessLine::InterfaceMissing("eth9".into()),
            Some(problem("interface eth9 does not currently exist".into())),
        ),
        (ProcessLine::Overflow(7), Some(problem("overflow: 7 log entries lost".into()))),
        (
            ProcessLine::Failure("unknown user or group: x".into()),
            server(ServerEvent::Other("unknown user or group: x".into())),
        ),
    ] {
        let line = Line::Process(line);
        assert_eq!(parse(&line), expected, "{line}");
    }
    let ended = Line::Process(ProcessLine::HelperEnded("files".into()));
    assert_eq!(parse(&ended), Some(problem(ended.to_string())));
}

fn notices() -> Vec<NoticeLine> {
    let client = || NoticeClient::Mac(MAC);
    let (line, file) = (|| "/etc/c:3".to_owned(), || "a.efi".to_owned());
    vec![
        NoticeLine::Boot {
            client: client(),
            reason: BootReason::NoProxyRequest { line: line(), seconds: 30 },
        },
        NoticeLine::IpxeLoop {
            client: client(),
            file: file(),
            count: 3,
            line: line(),
            reason: None,
        },
        NoticeLine::BootLoop {
            client: client(),
            file: file(),
            count: 3,
            line: line(),
            reason: Some("/srv/a.efi is empty: copy the file again".to_owned()),
        },
        NoticeLine::TransferEvicted { client: client(), max: 50 },
        NoticeLine::IdleTransferReplaced { client: client(), max: 50 },
        NoticeLine::NoAcks { client: client(), path: path(), count: 3, ports: ReplyPorts::Any },
        NoticeLine::SocketUnavailable { client: client(), reason: "Too many open files".into() },
        NoticeLine::FileRefused {
            client: client(),
            reason: "/t/x does not exist".into(),
            line: Some(line()),
        },
        NoticeLine::OtherServer {
            client: client(),
            server: IP,
            file: file(),
            next_server: IP,
            line: line(),
        },
        NoticeLine::OtherProxy { client: client(), server: IP, file: file(), line: line() },
    ]
}

#[test]
fn notice_is_assigned_to_its_client() {
    for notice in notices() {
        let line = Line::Notice(notice);
        let Some(Event::Notice { client, text }) = parse(&line) else { panic!("{line}") };
        assert_eq!(client, mac());
        assert!(line.to_string().ends_with(&text), "{line}");
    }
}

fn decision(outcome: Outcome) -> Line {
    Line::Decision(DecisionLine::Dhcp {
        port: 4011,
        message: Some(message::REQUEST),
        mac: MAC.to_vec(),
        interface: "eth0".into(),
        architecture: Some(Architecture(7)),
        tags: vec!["a".into(), "eth0".into()],
        outcome,
    })
}

fn near() -> Vec<Near> {
    let miss = "is for architecture 0 (x86PC)".to_owned();
    vec![Near { keyword: Keyword::PxeService, line: "/etc/c:4".into(), reason: miss }]
}

#[test]
fn decision_with_a_reply_is_parsed_with_its_outcome() {
    let file = Boot::File { name: "a.efi".into(), server: IP };
    let to = || Some((IP, 4011).into());
    for (boot, to, words) in [
        (file, to(), "ACK to 10.0.0.9:4011, file a.efi from 10.0.0.9 (pxe-service /etc/c:3)"),
        (
            Boot::OnPxePort,
            None,
            "ACK is not sent, the file follows on port 4011 (pxe-service /etc/c:3)",
        ),
        (Boot::Menu, to(), "ACK to 10.0.0.9:4011, a menu (pxe-service /etc/c:3)"),
        (
            Boot::Nothing,
            to(),
            "ACK to 10.0.0.9:4011, no boot file (pxe-service /etc/c:3); pxe-service /etc/c:4 is for architecture 0 (x86PC)",
        ),
    ] {
        let expected = Event::Answered {
            mac: mac(),
            port: Some(4011),
            architecture: Some(Architecture(7)),
            outcome: Some(words.into()),
        };
        let near = if boot == Boot::Nothing { near() } else { Vec::new() };
        let lines = vec![(Keyword::PxeService, "/etc/c:3".into())];
        let answered = Outcome::Answered { message: message::ACK, to, boot, lines, near };
        assert_eq!(parse(&decision(answered)), Some(expected));
    }
}

#[test]
fn drop_is_a_step_of_a_boot_unless_the_client_only_requests_an_address() {
    for (reason, is_step) in [
        (DropReason::NotPxe, false),
        (DropReason::UnhandledMessageType(message::REQUEST), false),
        (DropReason::HttpBootClient, true),
        (DropReason::NoProxyRange, true),
        (DropReason::NoArchitecture, true),
    ] {
        for near in [Vec::new(), near()] {
            let line = decision(Outcome::Dropped(Drop { reason: reason.to_string(), near }));
            let Some(Event::Dropped { mac: found, kind, .. }) = parse(&line) else {
                panic!("{line}")
            };
            assert_eq!((found, kind), (mac(), Some(reason.kind())), "{line}");
            let mut correlator = BootCorrelator::default();
            correlator.add(&format!("{}: {line}", line.identity()), None);
            assert_eq!(!correlator.boots().is_empty(), is_step, "{line}");
        }
    }
}

#[test]
fn decision_that_is_not_about_a_reply_is_parsed_into_its_event() {
    let client = || IP.to_string();
    let drop = Drop { reason: DropReason::TooShort.to_string(), near: Vec::new() };
    for (line, expected) in [
        (DecisionLine::Malformed { port: 67, sender: None, drop: drop.clone() }, None),
        (
            DecisionLine::Malformed {
                port: 67,
                sender: Some((Some(message::DISCOVER), MAC.to_vec())),
                drop: drop.clone(),
            },
            Some(Event::Dropped {
                mac: mac(),
                reason: drop.reason,
                kind: Some(DropKind::TooShort),
                architecture: None,
            }),
        ),
        (DecisionLine::Suppressed(7), None),
        (
            DecisionLine::TransferStarted {
                path: path(),
                client: client(),
                size: 7,
                blksize: 512,
                windowsize: 1,
            },
            Some(Event::Loading { ip: ip(), path: path(), size: 7 }),
        ),
        (
            DecisionLine::TransferEnded {
                path: path(),
                client: client(),
                size: 2_000_000,
                millis: 1500,
            },
            Some(Event::TransferStats {
                ip: ip(),
                path: path(),
                stats: TransferStats {
                    size: 2_000_000,
                    duration: Duration::from_millis(1500),
                    datagrams: None,
                },
            }),
        ),
    ] {
        let line = Line::Decision(line);
        assert_eq!(parse(&line), expected, "{line}");
    }
}
