//! An attacker that sends requests and ACKs with the address of a victim, and sees no reply. It knows the file, and the port
//! of the server because of `tftp-single-port`.

use super::*;
use std::time::Duration;

const VICTIM: ([u8; 4], u16) = ([10, 9, 0, 9], 4000);
const REQUEST: &[u8] = b"\0\x01f\0octet\0blksize\x001468\0windowsize\x0064\0";
/// IPv4 and UDP headers.
const HEADERS_LEN: usize = 28;
const BLKSIZE: usize = 1468;
const BLOCKS: usize = 3000;
/// What dnsmasq 2.90 sends for each byte of a forged ACK: a block of 1468 bytes for 4 bytes, with headers.
const DNSMASQ_FACTOR: usize = 47;

struct Attack {
    bench: Bench,
    forged_bytes: usize,
    victim_bytes: usize,
}

impl Attack {
    fn new(tftp: Tftp) -> Self {
        let file = vec![1; BLOCKS * BLKSIZE];
        Self { bench: Bench::new(tftp, &[("/f", &file)]), forged_bytes: 0, victim_bytes: 0 }
    }

    fn single_port() -> Self {
        Self::new(Tftp { single_port: true, ..Tftp::default() })
    }

    fn forge(&mut self, bytes: &[u8]) {
        self.forged_bytes += HEADERS_LEN + bytes.len();
        let effects = self.bench.request_from(VICTIM.into(), 0, bytes);
        self.count(&effects);
    }

    fn forge_ack(&mut self, block: usize) {
        let [.., high, low] = block.to_be_bytes();
        self.forge(&[0, 4, high, low]);
    }

    /// The victim has no socket for the port.
    fn refuse(&mut self) {
        let refusal = Input::PortUnreachable { id: None, peer: VICTIM.into() };
        let effects = self.bench.input(refusal);
        self.count(&effects);
    }

    fn wait_until(&mut self, now: u64) {
        let effects = self.bench.expire(now);
        self.count(&effects);
    }

    fn count(&mut self, effects: &[Effect]) {
        let sizes = effects.iter().map(|effect| match effect {
            Effect::Send(datagram) => HEADERS_LEN + datagram.bytes.len(),
            Effect::SendBatch(batch) => {
                batch.bytes.chunks(batch.segment).map(|block| HEADERS_LEN + block.len()).sum()
            }
            _ => 0,
        });
        self.victim_bytes += sizes.sum::<usize>();
    }

    fn factor(&self) -> usize {
        self.victim_bytes / self.forged_bytes
    }
}

/// A victim sends at most one ICMP message per second to one address (`icmp_ratelimit`, icmp(7)).
#[test]
fn victim_that_refuses_datagrams_gets_no_windows() {
    let mut attack = Attack::single_port();
    for second in 0..59 {
        attack.bench.now = Timestamp(1000 * second);
        attack.forge(REQUEST);
        for window in 0..40 {
            // Before the first ICMP message, the attacker can acknowledge windows of 64 blocks.
            attack.forge_ack(if second == 0 { 64 * window } else { window });
            if second == 0 && window == 1 {
                attack.refuse();
            }
        }
        attack.refuse();
    }
    assert_eq!(attack.bench.files.in_use, 0, "each transfer has ended");
    assert!(attack.factor() <= 2 * DNSMASQ_FACTOR, "{}", attack.factor());
}

#[test]
fn refused_transfer_ends_without_a_datagram() {
    let mut attack = Attack::single_port();
    attack.forge(REQUEST);
    let refusal = || Input::PortUnreachable { id: None, peer: VICTIM.into() };
    let lines = shown(&attack.bench.input(refusal()));
    assert_eq!(lines, ["log failed sending /f to 10.9.0.9"]);
    assert_eq!(attack.bench.input(refusal()), [], "there is no transfer any more");
    let other = (CLIENT, 9);
    let oack = shown(&attack.bench.request_from(other.into(), 0, REQUEST));
    assert_eq!(oack, ["oack blksize 1468 windowsize 64 "], "other addresses are not affected");
    attack.bench.now = Timestamp(59_999);
    let oack = shown(&attack.bench.request_from(VICTIM.into(), 0, REQUEST));
    assert_eq!(oack, ["oack blksize 1468 windowsize 1 "]);
    attack.bench.now = Timestamp(60_000) + Duration::from_secs(60);
    let oack = shown(&attack.bench.request_from((VICTIM.0, 4001).into(), 0, REQUEST));
    assert_eq!(oack, ["oack blksize 1468 windowsize 64 "]);
}

#[test]
fn refusal_of_another_port_does_not_end_transfer() {
    let mut bench = Bench::new(Tftp { ports: Some((7, 9)), ..Tftp::default() }, &[("/f", b"1")]);
    bench.request(9, b"\0\x01f\0octet\0");
    let peer = (CLIENT, 10).into();
    assert_eq!(bench.input(Input::PortUnreachable { id: Some(7), peer }), []);
    let peer = (CLIENT, 9).into();
    let ends = ["log failed sending /f to 10.9.0.2", "CloseSocket(7)"];
    assert_eq!(shown(&bench.input(Input::PortUnreachable { id: Some(7), peer })), ends);
}

/// If the victim drops the datagrams without an ICMP message.
#[test]
fn first_window_is_sent_once_if_port_is_known() {
    let window = 64 * (BLKSIZE + 4 + HEADERS_LEN);
    let sent = |tftp: Tftp, expected: usize| {
        let mut attack = Attack::new(tftp);
        attack.forge(REQUEST);
        attack.forge_ack(0);
        attack.victim_bytes = 0;
        for second in 1..=121 {
            attack.wait_until(1000 * second);
        }
        assert!(attack.victim_bytes < expected, "{}", attack.victim_bytes);
    };
    sent(Tftp { single_port: true, ..Tftp::default() }, window / 2);
}

/// An attacker that acknowledges whole windows cannot be distinguished from a client. What it causes is a transfer of the
/// file.
#[test]
fn whole_windows_acknowledged_by_attacker_send_the_file_once() {
    let mut attack = Attack::single_port();
    attack.forge(REQUEST);
    for window in 0..2 * BLOCKS / 64 {
        attack.forge_ack(64 * window);
    }
    attack.forge_ack(BLOCKS);
    attack.forge_ack(BLOCKS + 1);
    let file = (BLOCKS + 1) * (BLKSIZE + 4 + HEADERS_LEN);
    assert!(attack.victim_bytes < file + 200, "{}", attack.victim_bytes);
    assert_eq!(attack.bench.files.in_use, 0);
}

/// Each of these ACKs can come from a client that has lost blocks.
#[test]
fn acks_inside_windows_send_the_file_ten_times_at_most() {
    for (step, copies) in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 2), (5, 3), (63, 2), (63, 60)] {
        let mut attack = Attack::single_port();
        attack.forge(REQUEST);
        for block in (0..=BLOCKS + 1).step_by(step) {
            (0..copies).for_each(|_| attack.forge_ack(block));
        }
        let files = attack.victim_bytes / (BLOCKS * (BLKSIZE + 4 + HEADERS_LEN));
        assert!(files <= 10, "{step} {copies}: {files}");
    }
}
