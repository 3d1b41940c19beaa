//! The server in virtual time, with one client.

mod admission;
mod congestion;
mod counters;
mod names;
mod reflection;
mod refusals;

use super::files::memory::Memory;
use super::files::{DiskLookup, FileId};
use super::{Context, Input, Movement, PartialSend, Server, SocketError, SocketErrorKind};
use crate::boot_monitor::event::ClientEvent;
use crate::config::{Located, Origin, Tftp};
use crate::effect::{Effect, SocketToken};
use crate::net::{Address, EgressSocket, Interfaces, Link, ReceivedDatagram};
use crate::time::Timestamp;
use conf_parser::UniqueRoot;
use std::net::{Ipv4Addr, SocketAddr};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
const NOTHING: [&str; 0] = [];

/// A server and what is around it.
struct Bench {
    server: Server,
    tftp: Tftp,
    interfaces: Interfaces,
    files: Memory,
    now: Timestamp,
    /// The number of the socket that is opened next.
    next_socket: usize,
}

impl Bench {
    fn new(tftp: Tftp, files: &[(&str, &[u8])]) -> Self {
        let link = Link { index: 2, name: "eth0".to_owned(), mtu: 1500, ..Link::default() };
        let address = Address { interface: 2, ip: SERVER.into(), prefix: 24, label: None };
        Self {
            server: Server::default(),
            tftp,
            interfaces: Interfaces { links: vec![link], addresses: vec![address] },
            files: Memory::with(files),
            now: Timestamp(0),
            next_socket: 7,
        }
    }

    /// Calls the server. Returns its result and its effects.
    fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Server, &mut Context<'_, Memory>) -> R,
    ) -> (R, Vec<Effect>) {
        let Self { server, tftp, interfaces, files, now, .. } = self;
        let mut effects = Vec::new();
        let mut context = Context { tftp, interfaces, files, effects: &mut effects, now: *now };
        let result = call(server, &mut context);
        while server.has_held() {
            server.serve_next(&mut context);
        }
        (result, effects)
    }

    fn input(&mut self, input: Input<'_>) -> Vec<Effect> {
        self.call(|server, context| server.handle_input(input, context)).1
    }

    /// Passes a datagram on port 69, and opens the socket that the server asks for.
    fn request_from(&mut self, peer: SocketAddr, listener: usize, bytes: &[u8]) -> Vec<Effect> {
        let datagram = ReceivedDatagram { bytes, peer, local: SERVER.into(), interface: 2 };
        let mut effects = self.input(Input::Request { listener, datagram });
        if let Some(token) = take_open_socket(&mut effects) {
            effects.extend(self.input(Input::SocketOpened { token, id: self.next_socket }));
        }
        effects
    }

    fn request(&mut self, port: u16, bytes: &[u8]) -> Vec<String> {
        shown(&self.request_from((CLIENT, port).into(), 0, bytes))
    }

    /// Passes a datagram from the client to the socket of transfer 7.
    fn datagram(&mut self, port: u16, bytes: &[u8]) -> Vec<String> {
        let datagrams = std::iter::once((SocketAddr::from((CLIENT, port)), bytes));
        shown(&self.call(|server, context| server.handle_datagrams(7, datagrams, context)).1)
    }

    /// Passes a result of the disk, and resumes what has waited for it.
    fn disk_done(&mut self, input: Input<'_>) -> Vec<String> {
        let mut all = self.input(input);
        loop {
            let (resumed, mut effects) = self.call(Server::resume_next);
            if let Some(token) = take_open_socket(&mut effects) {
                effects.extend(self.input(Input::SocketOpened { token, id: self.next_socket }));
                self.next_socket += 1;
            }
            all.extend(effects);
            if !resumed {
                return shown(&all);
            }
        }
    }

    fn expire(&mut self, now: u64) -> Vec<Effect> {
        self.now = Timestamp(now);
        let mut all = Vec::new();
        while let Some(id) = self.server.next_timeout(self.now, &mut all) {
            all.extend(self.input(Input::Timeout(id)));
        }
        all
    }
}

/// Removes the last effect if it is [`Effect::OpenSocket`].
fn take_open_socket(effects: &mut Vec<Effect>) -> Option<SocketToken> {
    let Some(Effect::OpenSocket { token, .. }) = effects.last() else { return None };
    let token = *token;
    effects.pop();
    Some(token)
}

/// Effects as text, without those that are not seen from outside.
fn shown(effects: &[Effect]) -> Vec<String> {
    effects.iter().filter_map(shown_effect).collect()
}

fn shown_effect(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Observe(ClientEvent::TransferCompleted(sent)) => {
            format!("sent {} {} {}", sent.size, sent.client, String::from_utf8_lossy(&sent.path))
        }
        Effect::Observe(_) | Effect::WatchSocket { .. } => return None,
        Effect::Log(line) => format!("log {line}"),
        Effect::SendBatch(batch) => {
            let datagrams = batch.bytes.chunks(batch.segment).map(|datagram| match datagram {
                [0, 3, high, low, data @ ..] => {
                    format!("data {} [{}]", u16::from_be_bytes([*high, *low]), data.len())
                }
                other => format!("{other:?}"),
            });
            datagrams.collect::<Vec<_>>().join(", ")
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
        other => format!("{other:?}"),
    })
}

#[test]
fn file_is_sent_block_by_block_in_lockstep() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 600])]);
    assert_eq!(bench.request(9, b"\0\x01f\0octet\0"), ["data 1 [512]"]);
    assert_eq!(bench.datagram(9, &[0, 4, 0, 1]), ["data 2 [88]"]);
    assert_eq!(bench.datagram(9, &[0, 4, 0, 1]), NOTHING);
    let ends = ["log sent /f to 10.9.0.2", "sent 600 10.9.0.2 /f", "CloseSocket(7)"];
    assert_eq!(bench.datagram(9, &[0, 4, 0, 2]), ends);
    assert_eq!((bench.files.in_use, bench.server.deadline()), (0, None));
}

#[test]
fn directory_with_options_fails_after_oack() {
    let mut bench = Bench::new(Tftp::default(), &[("/d/", b"")]);
    assert_eq!(bench.request(9, b"\0\x01d/\0octet\0tsize\x000\0"), ["oack tsize 0 "]);
    let ends = [
        "log cannot read /d/: Is a directory",
        "error 0 cannot read /d/: Is a directory",
        "log failed sending /d/ to 10.9.0.2",
        "CloseSocket(7)",
    ];
    assert_eq!(bench.datagram(9, &[0, 4, 0, 0]), ends);
}

#[test]
fn datagram_from_other_port_gets_error_and_transfer_goes_on() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 600])]);
    bench.request(9, b"\0\x01f\0octet\0");
    let line = "ignoring packet from 10.9.0.2 (TID mismatch)";
    assert_eq!(
        bench.datagram(10, &[0, 4, 0, 1]),
        [format!("log {line}"), format!("error 5 {line}")]
    );
    assert_eq!(bench.datagram(9, &[0, 4, 0, 1]), ["data 2 [88]"]);
}

#[test]
fn new_request_over_shared_port_replaces_transfer() {
    let mut bench = Bench::new(
        Tftp { single_port: true, max_transfers: 1, ..Tftp::default() },
        &[("/f", &[1; 600]), ("/g", b"1")],
    );
    assert_eq!(bench.request(9, b"\0\x01f\0octet\0"), ["data 1 [512]"]);
    bench.now = Timestamp(249);
    assert_eq!(bench.request(9, b"\0\x01g\0octet\0"), ["data 1 [1]"]);
    assert_eq!(bench.request(9, b"\0\x01g\0octet\0"), NOTHING, "it was restarted just now");
    bench.now = Timestamp(499);
    assert_eq!(bench.request(9, b"\0\x01g\0octet\0"), ["data 1 [1]"]);
    assert_eq!(bench.request(10, b"\0\x01g\0octet\0"), NOTHING, "the limit is 1");
    let ends = ["log sent /g to 10.9.0.2", "sent 1 10.9.0.2 /g"];
    assert_eq!(bench.request(9, &[0, 4, 0, 1]), ends);
    assert_eq!(bench.request(9, &[0, 4, 0, 1]), NOTHING);
    assert_eq!(bench.files.in_use, 0);
}

#[test]
fn retransmission_over_shared_port_uses_socket_of_request() {
    let tftp = Tftp { single_port: true, ..Tftp::default() };
    let mut bench = Bench::new(tftp, &[("/f", b"1")]);
    bench.request_from((CLIENT, 9).into(), 3, b"\0\x01f\0octet\0");
    bench.request_from((CLIENT, 10).into(), 4, b"\0\x01f\0octet\0");
    let effects = bench.expire(2000);
    let vias = effects.iter().map(|effect| match effect {
        Effect::SendBatch(batch) => (batch.to.port(), batch.via),
        other => panic!("{other:?}"),
    });
    let mut vias: Vec<_> = vias.collect();
    vias.sort_by_key(|(port, _)| *port);
    assert_eq!(vias, [(9, EgressSocket::Tftp(3)), (10, EgressSocket::Tftp(4))]);
}

#[test]
fn transfer_waits_for_slow_disk_and_resumes_once() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 600])]);
    bench.request(9, b"\0\x01f\0octet\0");
    bench.files.slow = true;
    assert_eq!(bench.datagram(9, &[0, 4, 0, 1]), NOTHING);
    bench.files.slow = false;
    let read = || Input::DiskRead { file: FileId(0), offset: 512 };
    assert_eq!(bench.disk_done(read()), ["data 2 [88]"]);
    assert_eq!(bench.disk_done(read()), NOTHING, "no transfer waits any more");
}

#[test]
fn error_from_client_ends_transfer() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.request(9, b"\0\x01f\0octet\0tsize\x000\0");
    let ends = [
        "log error 8 User aborted received from 10.9.0.2",
        "log failed sending /f to 10.9.0.2",
        "CloseSocket(7)",
    ];
    assert_eq!(bench.datagram(9, b"\0\x05\0\x08User aborted\0"), ends);
}

#[test]
fn silent_client_times_out() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.request(9, b"\0\x01f\0octet\0");
    assert_eq!(bench.server.deadline(), Some(Timestamp(2000)));
    assert_eq!(bench.expire(1999), []);
    assert_eq!(shown(&bench.expire(121_000)).last().unwrap(), "CloseSocket(7)");
}

#[test]
fn request_waits_for_slow_disk() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.files.slow = true;
    assert_eq!(bench.request(9, b"\0\x01f\0octet\0"), NOTHING);
    assert_eq!(bench.server.deadline(), Some(Timestamp(121_000)));
    bench.files.slow = false;
    assert_eq!(bench.disk_done(Input::LookedUp(&DiskLookup::File(b"/f".to_vec()))), ["data 1 [1]"]);
}

#[test]
fn request_that_waits_for_disk_expires() {
    for (ports, closed) in [(None, &[][..]), (Some((7, 9)), &[Effect::CloseSocket(7)])] {
        let mut bench = Bench::new(Tftp { ports, ..Tftp::default() }, &[("/f", b"1")]);
        bench.files.slow = true;
        bench.request(9, b"\0\x01f\0octet\0");
        assert_eq!(bench.expire(120_999), []);
        assert_eq!(bench.server.pending.count(), 1);
        assert_eq!(bench.expire(121_000), closed);
        assert_eq!(bench.server.pending.count(), 0);
    }
}

#[test]
fn only_last_of_several_acks_is_answered() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 9000])]);
    bench.request(9, b"\0\x01f\0octet\0windowsize\x004\0");
    let peer = SocketAddr::from((CLIENT, 9));
    let packets = |acks: &[u8]| acks.iter().map(|ack| [0, 4, 0, *ack]).collect::<Vec<_>>();
    for (acks, answer) in [
        (packets(&[0]), "data 1 [512], data 2 [512], data 3 [512], data 4 [512]"),
        (packets(&[2, 4, 4, 1]), "data 5 [512], data 6 [512], data 7 [512], data 8 [512]"),
    ] {
        let datagrams = acks.iter().map(|ack| (peer, &ack[..]));
        let (_, effects) =
            bench.call(|server, context| server.handle_datagrams(7, datagrams, context));
        assert_eq!(shown(&effects), [answer]);
    }
}

/// Unless the client has acknowledged them in the meantime.
#[test]
fn blocks_that_did_not_fit_send_buffer_are_sent_later() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 9000])]);
    bench.request(9, b"\0\x01f\0octet\0windowsize\x004\0");
    bench.datagram(9, &[0, 4, 0, 0]);
    let sent =
        |sent| Input::BatchSent { buffer: Vec::new(), partial: Some(PartialSend { id: 7, sent }) };
    bench.input(sent(3));
    let space = |server: &mut Server, context: &mut Context<'_, Memory>| {
        server.handle_datagrams(7, std::iter::empty(), context)
    };
    assert_eq!(shown(&bench.call(space).1), ["data 4 [512]"]);
    bench.input(sent(0));
    let next = "data 4 [512], data 5 [512], data 6 [512], data 7 [512]";
    assert_eq!(bench.datagram(9, &[0, 4, 0, 4]), ["data 4 [512]"], "it was never sent");
    assert_eq!(bench.datagram(9, &[0, 4, 0, 3]), [next]);
}

/// The result of the first look-up is still known after the second one.
#[test]
fn request_that_waits_for_two_lookups_is_answered() {
    let root = Located { origin: Origin::default(), value: b"/r".to_vec() };
    let unique = vec![UniqueRoot::Address, UniqueRoot::Mac];
    let tftp = Tftp { root: Some(root), unique_roots: unique, ..Tftp::default() };
    let mut bench = Bench::new(tftp, &[("/r/10.9.0.2/f", b"1")]);
    bench.files.slow = true;
    bench.request(9, b"\0\x01f\0octet\0");
    for lookup in [
        DiskLookup::Directory(b"/r/10.9.0.2/".to_vec()),
        DiskLookup::Directory(b"/r/10.9.0.2/02-00-00-0c-00-00/".to_vec()),
    ] {
        bench.files.resolved = Some(lookup.clone());
        assert_eq!(bench.disk_done(Input::LookedUp(&lookup)), NOTHING);
    }
    assert_eq!(bench.server.deadline(), Some(Timestamp(121_000)), "its age counts from the start");
    bench.files.slow = false;
    assert_eq!(
        bench.disk_done(Input::LookedUp(&DiskLookup::File(b"/r/10.9.0.2/f".to_vec()))),
        ["data 1 [1]"]
    );
}

#[test]
fn repeated_request_waits_once() {
    for (ports, closed) in [(None, &[][..]), (Some((7, 9)), &["CloseSocket(7)".to_owned()])] {
        let mut bench = Bench::new(Tftp { ports, ..Tftp::default() }, &[("/f", b"1")]);
        bench.files.slow = true;
        assert_eq!(bench.request(9, b"\0\x01f\0octet\0"), NOTHING);
        bench.next_socket = 8;
        bench.now = Timestamp(99);
        assert_eq!(bench.request(9, b"\0\x01f\0octet\0"), NOTHING, "no client repeats so soon");
        assert_eq!(bench.server.pending.count(), 2);
        bench.next_socket = 9;
        bench.now = Timestamp(100);
        assert_eq!(bench.request(9, b"\0\x01f\0octet\0"), closed);
        assert_eq!(bench.server.pending.count(), 2);
    }
}

#[test]
fn only_datagram_of_client_moves_transfer() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 600])]);
    bench.request(9, b"\0\x01f\0octet\0");
    for (port, movement) in [(10, Movement::Unmoved), (9, Movement::Moved), (9, Movement::Unmoved)]
    {
        let datagrams = std::iter::once((SocketAddr::from((CLIENT, port)), &[0, 4, 0, 1][..]));
        let (moved, _) =
            bench.call(|server, context| server.handle_datagrams(7, datagrams, context));
        assert_eq!(moved, movement);
    }
}
