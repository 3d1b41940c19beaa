//! Names that must not be served: both programs give the same answers, and none has the contents of a file outside.

use crate::common::lab::eventually;
use crate::pair::{Pair, Row, SIDES};
use std::net::UdpSocket;
use std::time::Duration;

crate::tests![
    names_outside_the_root_are_refused,
    names_outside_the_directory_of_the_client_are_refused,
    names_outside_the_root_are_refused_by_root,
    names_with_zero_bytes_are_refused,
];

const SECRET: &str = "not served";
const BEFORE: &str = "put /srv/secret 'not served'; put /home/secret 'not served'; put /srv/tftp/10.9.0.3/secret 'not served';
    put /srv/tftp/sub/file served; ln -s /srv/images /srv/tftp/images; put /srv/images/sub/file served;
    put /srv/images/secret/file served; put /srv/tftp2/secret 'not served'";
/// An empty name is not here: the message is that of 2.92 (D-004).
const NAMES: &[&str] = &[
    "../secret",
    "/../secret",
    "//../secret",
    "./../secret",
    ".//..//secret",
    "sub/../../secret",
    "sub/./../../secret",
    "a/../../secret",
    "sub/file/../../../secret",
    "images/../secret",
    "images/../../secret",
    "images/sub/../../secret",
    "..\\secret",
    "\\..\\secret",
    "sub\\..\\..\\secret",
    "sub/..\\../secret",
    "..\\/secret",
    "%2e%2e/secret",
    "..%2fsecret",
    "%2e%2e%2fsecret",
    "..%5csecret",
    "..%00/secret",
    "....//secret",
    ".../secret",
    "\u{ff0e}\u{ff0e}/secret",
    "\u{2025}/secret",
    "..;/secret",
    " ../secret",
    "../ secret",
    "~/secret",
    "/srv/secret",
    "//srv/secret",
    "\\srv\\secret",
    "/home/secret",
    "/etc/shadow",
    "/srv/tftp2/secret",
    "/srv/tftp../secret",
    "/srv/tftp/../secret",
    "/srv/tftp/../tftp2/secret",
    "/srv/tftp/sub/../../secret",
    "\\srv\\tftp\\..\\secret",
    "/srv/tftp//../secret",
    "/srv/./tftp/../secret",
    "srv/secret",
    "file:///srv/secret",
    "/proc/self/cwd/srv/secret",
    "/proc/self/root/srv/secret",
    "/dev/fd/0",
    "..",
    "../",
    "/..",
    "/srv/tftp/..",
    "sub/..",
    "sub/../..",
    "images/..",
    "sub/file/..",
    ".",
    "/",
    "../tftp/../secret",
    "../tftp/sub/file",
    "sub/../sub/file",
    "sub/file/",
    "sub/file/.",
    "sub//file",
    "./sub/./file",
    "/srv/tftp/sub/file",
    "//srv/tftp/sub/file",
    "sub\\file",
    "images/sub/../secret/file",
];

/// Requests all names, and compares the answers and the log.
fn check(row: Row, names: &[&str]) {
    let Some(pair) = Pair::new(&Row { before: BEFORE, ..row }) else { return };
    for name in names {
        let [ours, theirs] = pair.get(name);
        assert_eq!(ours, theirs, "{name:?}: pxemasq and dnsmasq");
        assert_ne!(ours, Ok(SECRET.into()), "{name:?}");
    }
    pair.assert_same_log();
}

fn names_outside_the_root_are_refused() {
    check(Row::DEFAULT, NAMES);
}

fn names_outside_the_directory_of_the_client_are_refused() {
    let config = "tftp-root=/srv/tftp\ntftp-unique-root";
    let more = ["10.9.0.3/../secret", "../10.9.0.3/secret", "..\\10.9.0.3\\secret"];
    check(Row { config, ..Row::DEFAULT }, &[NAMES, &more].concat());
}

fn names_outside_the_root_are_refused_by_root() {
    check(Row { words: &["-u", "root"], ..Row::DEFAULT }, NAMES);
}

/// A zero byte ends the name (RFC 1350, section 5), so what follows is the mode.
fn names_with_zero_bytes_are_refused() {
    let Some(pair) = Pair::new(&Row { before: BEFORE, ..Row::DEFAULT }) else { return };
    let requests: [&[u8]; 4] = [
        b"\0\x01sub/file\0/../../secret\0octet\0",
        b"\0\x01..\0/secret\0octet\0",
        b"\0\x01../secret\0octet\0\0\0",
        b"\0\x01/srv/tftp\0/../secret\0octet\0",
    ];
    for request in requests {
        let [ours, theirs] = SIDES.map(|[_, client]| {
            let socket = pair.lab.host(client).udp("10.9.0.2:0");
            socket.send_to(request, "10.9.0.1:69").expect("the link is up");
            // The answer to the second request comes after that to the first one.
            let next = pair.lab.host(client).udp("10.9.0.2:0");
            next.send_to(b"\0\x01none\0octet\0", "10.9.0.1:69").expect("the link is up");
            next.recv(&mut [0; 600]).expect("an answer");
            answer(&socket)
        });
        assert_eq!(ours, theirs, "{request:?}");
        let secret = SECRET.as_bytes();
        let has_secret = |bytes: &Vec<u8>| bytes.windows(secret.len()).any(|part| part == secret);
        assert!(!ours.is_some_and(|bytes| has_secret(&bytes)), "{request:?}");
    }
    pair.assert_same_log();
}

/// The datagram that has arrived, if any.
fn answer(socket: &UdpSocket) -> Option<Vec<u8>> {
    socket.set_nonblocking(true).expect("a socket");
    let mut buffer = [0; 600];
    let received = || socket.recv(&mut buffer).ok().map(|size| buffer[..size].to_vec());
    eventually(Duration::from_millis(100), received)
}
