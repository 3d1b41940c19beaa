//! Sockets that cannot be opened or watched.

use super::*;

#[test]
fn exhausted_sockets_evict_one_transfer_and_then_fail() {
    let mut slots = SlotBench::new(100);
    let id = slots.request(FIRST, 1).unwrap();
    slots.bench.now = Timestamp(250);
    let peer = SocketAddr::from((SECOND, 1));
    let datagram = ReceivedDatagram { bytes: REQUEST, peer, local: SERVER.into(), interface: 2 };
    let mut effects = slots.bench.input(Input::Request { listener: 0, datagram });
    let token = take_open_socket(&mut effects).unwrap();
    let failed = || Input::SocketFailed {
        token,
        error: SocketError { kind: SocketErrorKind::Exhausted, reason: "x".to_owned() },
    };
    let mut effects = slots.bench.input(failed());
    assert_eq!(take_open_socket(&mut effects), Some(token), "it is tried once more");
    assert_eq!(effects.last(), Some(&Effect::CloseSocket(id)), "after this socket is closed");
    assert_eq!(slots.bench.files.in_use, 1, "the file of the transfer that has no socket");
    let effects = slots.bench.input(failed());
    assert!(matches!(effects[..], [Effect::Observe(ClientEvent::SocketUnavailable { .. })]));
    assert_eq!(slots.bench.files.in_use, 0);
}

/// To drop such a request frees no descriptor.
#[test]
fn exhausted_sockets_evict_no_request_that_waits_for_the_disk() {
    let mut slots = SlotBench::new(100);
    slots.bench.files.slow = true;
    assert_eq!(slots.request(FIRST, 1), None);
    slots.bench.files.slow = false;
    slots.bench.now = Timestamp(6_000);
    let peer = SocketAddr::from((SECOND, 1));
    let datagram = ReceivedDatagram { bytes: REQUEST, peer, local: SERVER.into(), interface: 2 };
    let mut effects = slots.bench.input(Input::Request { listener: 0, datagram });
    let token = take_open_socket(&mut effects).unwrap();
    let error = SocketError { kind: SocketErrorKind::Exhausted, reason: "x".to_owned() };
    let effects = slots.bench.input(Input::SocketFailed { token, error });
    assert!(matches!(effects[..], [Effect::Observe(ClientEvent::SocketUnavailable { .. })]));
    assert_eq!(slots.bench.server.pending.count(), 1);
}

#[test]
fn transfer_whose_socket_cannot_be_watched_ends() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    let effects = bench.request_from((CLIENT, 9).into(), 0, b"\0\x01f\0octet\0");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::WatchSocket { id: 7, .. })));
    let failed = ClientEvent::TransferFailed { client: CLIENT.into(), is_cancelled: false };
    let ends = [Effect::Observe(failed), Effect::CloseSocket(7)];
    assert_eq!(bench.input(Input::SocketUnusable(7)), ends);
    assert_eq!(bench.files.in_use, 0);
}

#[test]
fn failed_socket_is_reported_once() {
    let range = Some((4000, 4001));
    for (ports, expected) in [
        (None, "Observe(SocketUnavailable { client: 10.9.0.2, reason: \"x\" })"),
        (range, "log unable to get free port for TFTP"),
    ] {
        let mut bench = Bench::new(Tftp { ports, ..Tftp::default() }, &[("/f", b"1")]);
        let bytes = b"\0\x01f\0octet\0";
        let peer = (CLIENT, 9).into();
        let datagram = ReceivedDatagram { bytes, peer, local: SERVER.into(), interface: 2 };
        let mut effects = bench.input(Input::Request { listener: 0, datagram });
        let token = take_open_socket(&mut effects).unwrap();
        let failed = || Input::SocketFailed {
            token,
            error: SocketError { kind: SocketErrorKind::Exhausted, reason: "x".to_owned() },
        };
        let effects = bench.input(failed());
        let reported = effects.iter().map(|effect| match effect {
            Effect::Log(line) => format!("log {line}"),
            other => format!("{other:?}"),
        });
        assert_eq!(reported.collect::<Vec<_>>(), [expected]);
        assert_eq!(bench.input(failed()), [], "the request is forgotten");
    }
}
