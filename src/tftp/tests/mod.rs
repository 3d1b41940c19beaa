//! Conversations with a client that is not there.

mod crowd;

use super::files::memory::Memory;
use super::files::{DiskLookup, FileId};
use super::{Context, ReplySocket, Server};
use crate::config::{Located, Origin, Tftp};
use crate::effect::Effect;
use crate::net::{Address, EgressSocket, Interfaces, Link, ReceivedDatagram};
use crate::time::Timestamp;
use conf_parser::UniqueRoot;
use std::net::{Ipv4Addr, SocketAddr};

struct Bench {
    server: Server,
    tftp: Tftp,
    interfaces: Interfaces,
    files: Memory,
    now: Timestamp,
}

impl Bench {
    fn new(tftp: Tftp, files: &[(&str, &[u8])]) -> Self {
        let link = Link {
            index: 2,
            name: "eth0".to_owned(),
            loopback: false,
            mtu: 1500,
            ..Link::default()
        };
        let address = Address {
            interface: 2,
            ip: Ipv4Addr::new(10, 9, 0, 1).into(),
            prefix: 24,
            label: None,
        };
        let interfaces = Interfaces { links: vec![link], addresses: vec![address] };
        Self {
            server: Server::default(),
            tftp,
            interfaces,
            files: Memory::with(files),
            now: Timestamp(0),
        }
    }

    /// What comes of a datagram from a port of the client's, in words.
    fn hears(&mut self, socket: Option<ReplySocket>, port: u16, bytes: &[u8]) -> Vec<String> {
        let peer = SocketAddr::from((Ipv4Addr::new(10, 9, 0, 2), port));
        let local = Ipv4Addr::new(10, 9, 0, 1).into();
        let arrival = ReceivedDatagram { bytes, peer, local, interface: 2 };
        let Self { server, tftp, interfaces, files, now } = self;
        let mut around = Context { tftp, interfaces, files, now: *now };
        let mut effects = Vec::new();
        match socket {
            Some(socket) => server.handle_request(socket, &arrival, &mut around, &mut effects),
            None => {
                server.handle_datagrams(7, [(peer, bytes)].into_iter(), &mut around, &mut effects);
            }
        }
        effects.iter().filter_map(told).collect()
    }

    /// The disk has told what was awaited.
    fn tells(&mut self, awaited: &DiskLookup) -> Vec<String> {
        let mut effects = Vec::new();
        for request in self.server.take_resolved(awaited) {
            let Self { server, tftp, interfaces, files, now } = self;
            let mut around = Context { tftp, interfaces, files, now: *now };
            server.retry_request(request, &mut around, &mut effects);
        }
        effects.iter().filter_map(told).collect()
    }

    fn expire(&mut self, now: u64, effects: &mut Vec<Effect>) {
        while let Some(id) = self.server.next_due(Timestamp(now)) {
            self.server.handle_timeout(id, Timestamp(now), &mut self.files, effects);
        }
    }
}

/// What is only seen is not done.
fn told(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Observe(_) => return None,
        Effect::Log(line) => format!("log {line}"),
        Effect::SendBatch(batch) => {
            let told = batch.bytes.chunks(batch.segment).map(|datagram| match datagram {
                [0, 3, high, low, data @ ..] => {
                    format!("data {} [{}]", u16::from_be_bytes([*high, *low]), data.len())
                }
                other => format!("{other:?}"),
            });
            told.collect::<Vec<_>>().join(", ")
        }
        Effect::Send(datagram) => match &datagram.bytes[..] {
            [0, 6, options @ ..] => {
                format!("oack {}", String::from_utf8_lossy(options).replace('\0', " "))
            }
            [0, 5, _, code, text @ ..] => {
                format!("error {code} {}", String::from_utf8_lossy(text).trim_end_matches('\0'))
            }
            other => format!("{other:?}"),
        },
        Effect::RunScript(sent) => {
            format!("script {} {} {}", sent.size, sent.client, String::from_utf8_lossy(&sent.path))
        }
        other => format!("{other:?}"),
    })
}

const OWN: Option<ReplySocket> = Some(ReplySocket::Dedicated(7));
const SHARED: Option<ReplySocket> = Some(ReplySocket::Listener(0));

#[test]
fn a_file_is_sent_block_by_block() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 600])]);
    assert_eq!(bench.hears(OWN, 9, b"\0\x01f\0octet\0"), ["data 1 [512]"]);
    assert_eq!(bench.hears(None, 9, &[0, 4, 0, 1]), ["data 2 [88]"]);
    assert_eq!(bench.hears(None, 9, &[0, 4, 0, 1]), Vec::<String>::new());
    let ends = ["log sent /f to 10.9.0.2", "script 600 10.9.0.2 /f", "CloseSocket(7)"];
    assert_eq!(bench.hears(None, 9, &[0, 4, 0, 2]), ends);
    assert_eq!((bench.files.in_use, bench.server.deadline()), (0, None));
}

#[test]
fn refusals_are_logged_sent_and_end_the_socket() {
    let mut bench = Bench::new(Tftp::default(), &[("/d/", b"")]);
    for (request, line, code) in [
        (&b"\0\x01no\0octet\0"[..], "file /no not found for 10.9.0.2", 1),
        (b"\0\x01\0octet\0", "empty filename in request from 10.9.0.2", 4),
        (b"\0\x01f\0mail\0", "unsupported request from 10.9.0.2", 4),
        (b"\0\x02f\0octet\0", "unsupported write request from 10.9.0.2", 4),
        (b"\0\x01d/\0octet\0", "cannot read /d/: Is a directory", 0),
    ] {
        let wanted =
            [format!("log {line}"), format!("error {code} {line}"), "CloseSocket(7)".to_owned()];
        assert_eq!(bench.hears(OWN, 9, request), wanted);
    }
    assert_eq!(bench.hears(OWN, 9, b"\0\x09"), ["CloseSocket(7)"]);
    assert_eq!(bench.files.in_use, 0);
}

#[test]
fn a_directory_with_options_fails_after_the_oack() {
    let mut bench = Bench::new(Tftp::default(), &[("/d/", b"")]);
    assert_eq!(bench.hears(OWN, 9, b"\0\x01d/\0octet\0tsize\x000\0"), ["oack tsize 0 "]);
    let ends = [
        "log cannot read /d/: Is a directory",
        "error 0 cannot read /d/: Is a directory",
        "log failed sending /d/ to 10.9.0.2",
        "CloseSocket(7)",
    ];
    assert_eq!(bench.hears(None, 9, &[0, 4, 0, 0]), ends);
}

#[test]
fn a_stranger_does_not_disturb() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 600])]);
    bench.hears(OWN, 9, b"\0\x01f\0octet\0");
    let words = "ignoring packet from 10.9.0.2 (TID mismatch)";
    assert_eq!(
        bench.hears(None, 10, &[0, 4, 0, 1]),
        [format!("log {words}"), format!("error 5 {words}")]
    );
    assert_eq!(bench.hears(None, 9, &[0, 4, 0, 1]), ["data 2 [88]"]);
}

#[test]
fn over_one_port_a_new_request_replaces_the_old_one() {
    let mut bench = Bench::new(
        Tftp { single_port: true, max_transfers: 1, ..Tftp::default() },
        &[("/f", &[1; 600]), ("/g", b"1")],
    );
    assert_eq!(bench.hears(SHARED, 9, b"\0\x01f\0octet\0"), ["data 1 [512]"]);
    let nothing: [&str; 0] = [];
    bench.now = Timestamp(249);
    assert_eq!(bench.hears(SHARED, 9, b"\0\x01g\0octet\0"), ["data 1 [1]"]);
    assert_eq!(bench.hears(SHARED, 9, b"\0\x01g\0octet\0"), nothing, "it was answered just now");
    bench.now = Timestamp(499);
    assert_eq!(bench.hears(SHARED, 9, b"\0\x01g\0octet\0"), ["data 1 [1]"]);
    assert_eq!(
        bench.hears(SHARED, 10, b"\0\x01g\0octet\0"),
        Vec::<String>::new(),
        "one is the most"
    );
    let ends = ["log sent /g to 10.9.0.2", "script 1 10.9.0.2 /g"];
    assert_eq!(bench.hears(SHARED, 9, &[0, 4, 0, 1]), ends);
    assert_eq!(bench.hears(SHARED, 9, &[0, 4, 0, 1]), Vec::<String>::new());
    assert_eq!(bench.files.in_use, 0);
}

#[test]
fn over_one_port_repeats_leave_by_the_socket_that_was_asked() {
    let tftp = Tftp { single_port: true, ..Tftp::default() };
    let mut bench = Bench::new(tftp, &[("/f", b"1")]);
    bench.hears(Some(ReplySocket::Listener(3)), 9, b"\0\x01f\0octet\0");
    bench.hears(Some(ReplySocket::Listener(4)), 10, b"\0\x01f\0octet\0");
    let mut effects = Vec::new();
    bench.expire(2000, &mut effects);
    let vias = effects.iter().map(|effect| match effect {
        Effect::SendBatch(batch) => (batch.to.port(), batch.via),
        other => panic!("{other:?}"),
    });
    let mut vias: Vec<_> = vias.collect();
    vias.sort_by_key(|(port, _)| *port);
    assert_eq!(vias, [(9, EgressSocket::Tftp(3)), (10, EgressSocket::Tftp(4))]);
}

#[test]
fn a_slow_disk_parks_one_transfer() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 600])]);
    bench.hears(OWN, 9, b"\0\x01f\0octet\0");
    bench.files.slow = true;
    assert_eq!(bench.hears(None, 9, &[0, 4, 0, 1]), Vec::<String>::new());
    bench.files.slow = false;
    let mut effects = Vec::new();
    assert_eq!(bench.server.waiters_for(FileId(0), 512), [7].into());
    assert_eq!(bench.server.waiters_for(FileId(0), 512), [].into(), "told once");
    bench.server.resume(7, &mut bench.files, &mut effects);
    assert_eq!(effects.iter().filter_map(told).collect::<Vec<_>>(), ["data 2 [88]"]);
}

#[test]
fn a_client_that_gives_up_is_let_go() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.hears(OWN, 9, b"\0\x01f\0octet\0tsize\x000\0");
    let ends = [
        "log error 8 User aborted received from 10.9.0.2",
        "log failed sending /f to 10.9.0.2",
        "CloseSocket(7)",
    ];
    assert_eq!(bench.hears(None, 9, b"\0\x05\0\x08User aborted\0"), ends);
}

#[test]
fn time_is_kept_for_all_transfers() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.hears(OWN, 9, b"\0\x01f\0octet\0");
    assert_eq!(bench.server.deadline(), Some(Timestamp(2000)));
    let mut effects = Vec::new();
    assert_eq!(bench.server.next_due(Timestamp(1999)), None);
    bench.expire(121_000, &mut effects);
    assert_eq!(
        effects.iter().filter_map(told).collect::<Vec<_>>().last().unwrap(),
        "CloseSocket(7)"
    );
}

#[test]
fn a_request_waits_for_a_slow_disk_too() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.files.slow = true;
    assert_eq!(bench.hears(OWN, 9, b"\0\x01f\0octet\0"), Vec::<String>::new());
    assert_eq!(bench.server.deadline(), Some(Timestamp(121_000)));
    bench.files.slow = false;
    assert_eq!(bench.tells(&DiskLookup::File(b"/f".to_vec())), ["data 1 [1]"]);
    // Nobody waits for ever.
    bench.files.slow = true;
    bench.hears(Some(ReplySocket::Dedicated(8)), 9, b"\0\x01f\0octet\0");
    let mut effects = Vec::new();
    bench.server.expire_pending(Timestamp(120_999), &mut effects);
    assert_eq!(effects, []);
    bench.server.expire_pending(Timestamp(121_000), &mut effects);
    assert_eq!(effects, [Effect::CloseSocket(8)]);
}

/// What has come together is answered together: by the last that moves the transfer.
#[test]
fn of_several_acknowledgements_the_last_is_answered() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 9000])]);
    bench.hears(OWN, 9, b"\0\x01f\0octet\0windowsize\x004\0");
    let peer = SocketAddr::from((Ipv4Addr::new(10, 9, 0, 2), 9));
    let come = |acks: &[u8]| acks.iter().map(|ack| [0, 4, 0, *ack]).collect::<Vec<_>>();
    for (acks, answer) in [
        (come(&[0]), "data 1 [512], data 2 [512], data 3 [512], data 4 [512]"),
        (come(&[2, 4, 4, 1]), "data 5 [512], data 6 [512], data 7 [512], data 8 [512]"),
    ] {
        let Bench { server, tftp, interfaces, files, now } = &mut bench;
        let mut around = Context { tftp, interfaces, files, now: *now };
        let mut effects = Vec::new();
        let arrived = acks.iter().map(|ack| (peer, &ack[..]));
        server.handle_datagrams(7, arrived, &mut around, &mut effects);
        assert_eq!(effects.iter().filter_map(told).collect::<Vec<_>>(), [answer]);
    }
}

/// What finds no room is sent when there is some, unless the client has moved on meanwhile.
#[test]
fn what_finds_no_room_is_owed() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 9000])]);
    bench.hears(OWN, 9, b"\0\x01f\0octet\0windowsize\x004\0");
    bench.hears(None, 9, &[0, 4, 0, 0]);
    bench.server.mark_unsent(7, 3);
    let mut effects = Vec::new();
    bench.server.resume(7, &mut bench.files, &mut effects);
    assert_eq!(effects.iter().filter_map(told).collect::<Vec<_>>(), ["data 4 [512]"]);
    bench.server.mark_unsent(7, 0);
    let next = "data 4 [512], data 5 [512], data 6 [512], data 7 [512]";
    assert_eq!(bench.hears(None, 9, &[0, 4, 0, 4]), ["data 4 [512]"], "it was never sent");
    assert_eq!(bench.hears(None, 9, &[0, 4, 0, 3]), [next]);
}

/// A request may have to wait for one thing after the other: what it was told before is still known then.
#[test]
fn a_request_that_waits_twice_is_answered() {
    let root = Located { origin: Origin::default(), value: b"/r".to_vec() };
    let unique = vec![UniqueRoot::Address, UniqueRoot::Mac];
    let tftp = Tftp { root: Some(root), unique_roots: unique, ..Tftp::default() };
    let mut bench = Bench::new(tftp, &[("/r/10.9.0.2/f", b"1")]);
    bench.files.slow = true;
    bench.hears(OWN, 9, b"\0\x01f\0octet\0");
    for awaited in [
        DiskLookup::Directory(b"/r/10.9.0.2/".to_vec()),
        DiskLookup::Directory(b"/r/10.9.0.2/02-00-00-0c-00-00/".to_vec()),
    ] {
        bench.files.told = Some(awaited.clone());
        assert_eq!(bench.tells(&awaited), Vec::<String>::new());
    }
    assert_eq!(bench.server.deadline(), Some(Timestamp(121_000)), "it has waited from the start");
    bench.files.slow = false;
    assert_eq!(bench.tells(&DiskLookup::File(b"/r/10.9.0.2/f".to_vec())), ["data 1 [1]"]);
}

#[test]
fn a_client_that_asks_again_waits_once() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.files.slow = true;
    assert_eq!(bench.hears(OWN, 9, b"\0\x01f\0octet\0"), Vec::<String>::new());
    assert_eq!(
        bench.hears(Some(ReplySocket::Dedicated(8)), 9, b"\0\x01f\0octet\0"),
        ["CloseSocket(7)"]
    );
    assert_eq!(bench.server.take_resolved(&DiskLookup::File(b"/f".to_vec())).len(), 1);
}

/// Somebody who writes to a transfer of somebody else does not move it.
#[test]
fn only_the_client_moves_its_transfer() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 600])]);
    bench.hears(OWN, 9, b"\0\x01f\0octet\0");
    let Bench { server, tftp, interfaces, files, now } = &mut bench;
    let mut around = Context { tftp, interfaces, files, now: *now };
    for (port, moved) in [(10, false), (9, true), (9, false)] {
        let peer = SocketAddr::from((Ipv4Addr::new(10, 9, 0, 2), port));
        let arrived = std::iter::once((peer, &[0, 4, 0, 1][..]));
        assert_eq!(server.handle_datagrams(7, arrived, &mut around, &mut Vec::new()), moved);
    }
}
