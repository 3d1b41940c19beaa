//! Requests that get an error.

use super::*;

/// Requests that are refused, with the line and the code of the error.
const REFUSALS: [(&[u8], &str, u16); 4] = [
    (b"\0\x01no\0octet\0", "file /no not found for 10.9.0.2", 1),
    (b"\0\x01\0octet\0", "empty filename in request from 10.9.0.2", 4),
    (b"\0\x01f\0mail\0", "unsupported request from 10.9.0.2", 4),
    (b"\0\x02f\0octet\0", "unsupported write request from 10.9.0.2", 4),
];

#[test]
fn refusal_is_logged_and_sent_without_a_socket_of_its_own() {
    let mut bench = Bench::new(Tftp::default(), &[]);
    for (request, line, code) in REFUSALS {
        let datagram = ReceivedDatagram {
            bytes: request,
            peer: (CLIENT, 9).into(),
            local: SERVER.into(),
            interface: 2,
        };
        let effects = bench.input(Input::Request { listener: 0, datagram });
        assert_eq!(shown(&effects), [format!("log {line}"), format!("error {code} {line}")]);
        let Some(Effect::Send(error)) = effects.last() else { panic!("{effects:?}") };
        assert_eq!((error.via, error.from), (EgressSocket::TftpErrors, Some(SERVER.into())));
    }
    assert_eq!(bench.request(9, b"\0\x09"), NOTHING);
    assert_eq!((bench.files.in_use, bench.server.load().transfers), (0, 0));
}

/// A firewall may pass only the ports of the range.
#[test]
fn refusal_has_a_port_of_the_range_and_closes_socket() {
    let mut bench = Bench::new(Tftp { ports: Some((7, 9)), ..Tftp::default() }, &[]);
    for (request, line, code) in REFUSALS {
        let effects = bench.request_from((CLIENT, 9).into(), 0, request);
        let wanted = [format!("log {line}"), format!("error {code} {line}")];
        assert_eq!(shown(&effects), [&wanted[..], &["CloseSocket(7)".to_owned()]].concat());
        let via = EgressSocket::Transfer(7);
        let is_via_socket =
            |effect: &Effect| matches!(effect, Effect::Send(error) if error.via == via);
        assert!(effects.iter().any(is_via_socket), "{effects:?}");
    }
    assert_eq!(bench.request(9, b"\0\x09"), NOTHING, "no request, so no socket");
}

#[test]
fn directory_without_options_fails_when_the_transfer_begins() {
    let mut bench = Bench::new(Tftp::default(), &[("/d/", b"")]);
    let line = "cannot read /d/: Is a directory";
    let wanted = [format!("log {line}"), format!("error 0 {line}"), "CloseSocket(7)".to_owned()];
    assert_eq!(bench.request(9, b"\0\x01d/\0octet\0"), wanted);
    assert_eq!(bench.files.in_use, 0);
}
