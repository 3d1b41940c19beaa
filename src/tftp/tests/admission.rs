//! More requests than transfer slots.

mod sockets;

use super::*;
use std::time::Duration;

const REQUEST: &[u8] = b"\0\x01f\0octet\0";
const FIRST: [u8; 4] = [10, 9, 0, 2];
const SECOND: [u8; 4] = [10, 9, 0, 3];
const THIRD: [u8; 4] = [10, 9, 0, 4];

/// A server with few slots. Each transfer has the next number.
struct SlotBench {
    bench: Bench,
}

impl SlotBench {
    fn new(slots: usize) -> Self {
        let tftp = Tftp { max_transfers: slots - 1, ..Tftp::default() };
        Self { bench: Bench::new(tftp, &[("/f", &[1; 3000])]) }
    }

    /// A request. Returns the number of its transfer, if it got a slot.
    fn request(&mut self, client: [u8; 4], port: u16) -> Option<usize> {
        let peer = SocketAddr::from((client, port));
        let datagram =
            ReceivedDatagram { bytes: REQUEST, peer, local: SERVER.into(), interface: 2 };
        let mut effects = self.bench.input(Input::Request { listener: 0, datagram });
        let token = take_open_socket(&mut effects)?;
        Some(self.open_socket(token))
    }

    fn open_socket(&mut self, token: SocketToken) -> usize {
        self.bench.next_socket += 1;
        let id = self.bench.next_socket;
        self.bench.input(Input::SocketOpened { token, id });
        id
    }

    /// Clients of requests in the queue that get a slot now.
    fn admitted(&mut self, now: u64) -> Vec<SocketAddr> {
        self.bench.now = Timestamp(now);
        let mut clients = Vec::new();
        loop {
            let (admitted, mut effects) = self.bench.call(Server::admit_next);
            if !admitted {
                return clients;
            }
            let Some(token) = take_open_socket(&mut effects) else {
                // It waits for the disk.
                clients.extend(self.bench.server.pending.newest());
                continue;
            };
            let opening = self.bench.server.opening.take(token).unwrap();
            clients.push(opening.purpose.peer());
            self.bench.server.opening.put_back(opening);
            self.open_socket(token);
        }
    }

    /// An ACK. Returns its effects.
    fn ack(&mut self, id: usize, client: [u8; 4], port: u16, block: u8) -> Vec<Effect> {
        self.datagram(id, (client, port).into(), &[0, 4, 0, block])
    }

    fn datagram(&mut self, id: usize, peer: SocketAddr, bytes: &[u8]) -> Vec<Effect> {
        let datagrams = std::iter::once((peer, bytes));
        self.bench.call(|server, context| server.handle_datagrams(id, datagrams, context)).1
    }

    fn has(&self, id: usize) -> bool {
        self.bench.server.sessions.get(id).is_some()
    }
}

/// As in dnsmasq.
#[test]
fn client_with_all_slots_waits_until_one_of_its_transfers_ends() {
    let mut slots = SlotBench::new(2);
    let first = slots.request(FIRST, 1).unwrap();
    assert!(slots.request(FIRST, 2).is_some());
    assert_eq!(
        (slots.request(FIRST, 3), slots.request(FIRST, 4), slots.request(FIRST, 3)),
        (None, None, None)
    );
    assert_eq!(slots.admitted(9_000), []);
    for block in 1..=6 {
        slots.ack(first, FIRST, 1, block);
    }
    assert_eq!(slots.admitted(9_000), [SocketAddr::from((FIRST, 3))], "once, and before the other");
    assert_eq!(
        slots.admitted(10_000),
        [SocketAddr::from((FIRST, 4))],
        "a transfer that it never answered is evicted"
    );
}

#[test]
fn oldest_unanswered_transfer_is_evicted_for_other_client() {
    let mut slots = SlotBench::new(4);
    let third = slots.request(THIRD, 1).unwrap();
    let ids: Vec<_> = (1..=3).map(|port| slots.request(FIRST, port).unwrap()).collect();
    slots.ack(ids[0], FIRST, 1, 1);
    slots.ack(third, THIRD, 1, 1);
    assert_eq!(slots.request(SECOND, 1), None, "a client needs some time to answer");
    assert_eq!(slots.admitted(249), []);
    assert_eq!(slots.admitted(350), [SocketAddr::from((SECOND, 1))]);
    assert_eq!(
        ids.iter().map(|id| slots.has(*id)).collect::<Vec<_>>(),
        [true, false, true],
        "the oldest"
    );
}

#[test]
fn clients_in_queue_take_turns() {
    let mut slots = SlotBench::new(1);
    let first = slots.request(FIRST, 1).unwrap();
    for port in 2..2000 {
        assert_eq!(slots.request(FIRST, port), None);
    }
    assert_eq!(slots.request(SECOND, 1), None);
    assert_eq!(slots.bench.server.queue.clients().count(), 2);
    for id in first..first + 4 {
        for block in 1..=6 {
            for (client, port) in [(FIRST, 1), (FIRST, 2), (SECOND, 1), (FIRST, 3)] {
                slots.ack(id, client, port, block);
            }
        }
        slots.admitted(0);
    }
    let mut ports = Vec::new();
    while let Some(waiting) = slots.bench.server.queue.take(Ipv4Addr::from(FIRST).into()) {
        ports.push(waiting.peer.port());
    }
    assert_eq!(ports.first(), Some(&5), "1 and 2, then the second client, then 3 and 4");
    assert_eq!(ports.len(), 1024 - 3, "one client has at most half of the queue");
}

#[test]
fn answered_transfer_is_not_evicted_unless_client_holds_quarter() {
    let mut slots = SlotBench::new(8);
    for (client, count) in [(FIRST, 3), (SECOND, 3), ([10, 9, 0, 5], 2)] {
        for port in 1..=count {
            let id = slots.request(client, port).unwrap();
            slots.ack(id, client, port, 1);
        }
    }
    slots.bench.now = Timestamp(9_999);
    assert_eq!(slots.request(THIRD, 1), None, "three transfers are not many");

    let mut slots = SlotBench::new(4);
    let ids: Vec<_> = (1..=4).map(|port| slots.request(FIRST, port).unwrap()).collect();
    for (port, id) in (1..=4).zip(&ids).rev() {
        slots.bench.now = slots.bench.now + Duration::from_secs(2);
        slots.ack(*id, FIRST, port, 1);
    }
    assert!(slots.request(SECOND, 1).is_some());
    assert!(!slots.has(ids[3]), "the one without progress for the longest time");
    assert_eq!(slots.request(SECOND, 2), None, "a client with a transfer waits");
}

/// A request that was not repeated for 15 seconds is dropped.
#[test]
fn repeated_request_comes_before_older_ones() {
    let mut slots = SlotBench::new(1);
    let id = slots.request(FIRST, 1).unwrap();
    slots.ack(id, FIRST, 1, 1);
    for (now, port) in [(0, 2), (2_000, 3), (2_500, 4), (4_000, 2)] {
        slots.bench.now = Timestamp(now);
        assert_eq!(slots.request(FIRST, port), None);
    }
    for block in 2..=6 {
        slots.ack(id, FIRST, 1, block);
    }
    assert_eq!(slots.admitted(4_000), [SocketAddr::from((FIRST, 2))], "it was repeated just now");
    assert_eq!(slots.admitted(17_499), [SocketAddr::from((FIRST, 4))], "the other one is dropped");
    assert_eq!(slots.bench.server.load().queued, 0);
}

/// Its address may be forged.
#[test]
fn at_most_16_transfers_are_retransmitted_to_silent_client() {
    let mut slots = SlotBench::new(100);
    let ids: Vec<_> = (1..=40).map(|port| slots.request(FIRST, port).unwrap()).collect();
    let sent = |slots: &mut SlotBench, now| {
        let effects = slots.bench.expire(now);
        effects.iter().filter(|effect| matches!(effect, Effect::SendBatch(_))).count()
    };
    assert_eq!(sent(&mut slots, 2_000), 16);
    let seen = slots.ack(ids[39], FIRST, 40, 1);
    assert!(matches!(seen[0], Effect::Observe(ClientEvent::FirstAck { .. })));
    assert_eq!(sent(&mut slots, 5_000), 40, "the client exists");
}

/// A first datagram that has waited for the disk is no retransmission.
#[test]
fn first_datagram_is_sent_however_many_transfers_a_client_has() {
    let mut slots = SlotBench::new(100);
    slots.request(FIRST, 1).unwrap();
    let ids: Vec<_> = (2..=20).map(|port| slots.request(FIRST, port).unwrap()).collect();
    // The disk becomes slow after these have read their first block.
    slots.bench.files.slow = true;
    for port in 1..=20 {
        assert_eq!(slots.request(SECOND, port), None, "it waits for the disk");
    }
    slots.bench.files.slow = false;
    assert_eq!(slots.bench.server.pending.count() + ids.len(), 39);
    slots.bench.next_socket += 1;
    let lookup = DiskLookup::File(b"/f".to_vec());
    let resumed = slots.bench.disk_done(Input::LookedUp(&lookup));
    assert_eq!(resumed.iter().filter(|line| line.starts_with("data 1")).count(), 20);
}

/// In a small slots, sixteen clients that have something wait for more. Who has nothing does not wait behind them.
#[test]
fn client_without_transfer_is_admitted_before_clients_with_transfers() {
    let mut slots = SlotBench::new(48);
    let client = |nth: u8| [10, 9, 1, nth];
    for nth in 0..16 {
        (1..=3).for_each(|port| assert!(slots.request(client(nth), port).is_some()));
    }
    for nth in 0..16 {
        assert_eq!(slots.request(client(nth), 4), None);
    }
    assert_eq!(slots.request(FIRST, 1), None);
    assert_eq!(slots.admitted(300), [SocketAddr::from((FIRST, 1))]);
}

#[test]
fn timers_of_ended_transfers_are_removed() {
    let mut slots = SlotBench::new(3);
    let alive = slots.request(FIRST, 1).unwrap();
    for _ in 0..20_000 {
        let id = slots.request(SECOND, 1).unwrap();
        slots.datagram(id, (SECOND, 1).into(), b"\0\x05\0\0no\0");
    }
    assert!(slots.bench.server.timers.len() < 5000);
    let effects = slots.bench.expire(2000);
    assert!(matches!(effects[..], [Effect::SendBatch(_)]), "{alive} still has its timer");
}

#[test]
fn requests_that_wait_for_disk_are_evicted_after_5_s() {
    let mut slots = SlotBench::new(2);
    slots.bench.files.slow = true;
    for (client, port) in [(FIRST, 1), (FIRST, 2), (SECOND, 1)] {
        assert_eq!(slots.request(client, port), None);
    }
    assert_eq!((slots.bench.server.pending.count(), slots.bench.server.load().queued), (2, 1));
    assert_eq!(slots.admitted(4_900), []);
    assert_eq!(slots.admitted(5_000), [SocketAddr::from((SECOND, 1))]);
}

/// Because the disk does not answer, or the client does not.
#[test]
fn transfers_without_progress_are_evicted_after_10_s() {
    for slow in [true, false] {
        let mut slots = SlotBench::new(2);
        let ids = [FIRST, THIRD].map(|client| (client, slots.request(client, 1).unwrap()));
        slots.bench.files.slow = slow;
        for (client, id) in ids {
            slots.ack(id, client, 1, 1);
        }
        assert_eq!(slots.request(SECOND, 1), None);
        assert_eq!(slots.admitted(9_999), []);
        assert_eq!(slots.admitted(10_100), [SocketAddr::from((SECOND, 1))]);
    }
}

/// Clients behind one NAT address have one address.
#[test]
fn idle_transfer_is_replaced_by_request_from_same_address() {
    let mut slots = SlotBench::new(3);
    let other = slots.request(SECOND, 1).unwrap();
    let ids = [1, 2].map(|port| slots.request(FIRST, port).unwrap());
    slots.ack(other, SECOND, 1, 1);
    slots.ack(ids[0], FIRST, 1, 1);
    slots.bench.now = Timestamp(9_000);
    slots.ack(ids[1], FIRST, 2, 1);
    assert_eq!(slots.request(FIRST, 3), None);
    assert_eq!(slots.admitted(9_999), [], "not before ten seconds");
    slots.bench.now = Timestamp(10_100);
    let ((), effects) = slots.bench.call(|server, context| {
        assert!(server.admit_next(context));
    });
    let evicted =
        ClientEvent::TransferEvicted { client: Ipv4Addr::from(FIRST).into(), by_same_client: true };
    assert!(effects.contains(&Effect::Observe(evicted)), "{effects:?}");
    assert!(!slots.has(ids[0]) && slots.has(ids[1]) && slots.has(other), "only its own");
}

/// Each eviction needs ten seconds without progress, so a forged address gets no more first datagrams than before.
#[test]
fn progressing_transfers_are_not_replaced_by_request_from_same_address() {
    let mut slots = SlotBench::new(2);
    let ids = [1, 2].map(|port| slots.request(FIRST, port).unwrap());
    for second in 0..5 {
        slots.bench.now = Timestamp(9_000 * second);
        for (port, id) in (1..).zip(ids) {
            slots.ack(id, FIRST, port, u8::try_from(second).unwrap() + 1);
        }
        assert_eq!(slots.request(FIRST, 3), None);
        assert_eq!(slots.admitted(9_000 * second + 8_900), []);
    }
    assert!(ids.iter().all(|id| slots.has(*id)));
}

/// No client answers, so each transfer has a slot for a quarter of a second. A client that repeats its request is served
/// before the others.
#[test]
fn requests_from_1000_addresses_are_all_served() {
    let mut slots = SlotBench::new(50);
    let address = |nth: usize| {
        let [.., high, low] = nth.to_be_bytes();
        [10, 9, 100 + high, low]
    };
    let (asked, newcomer) = (1_000, SocketAddr::from((FIRST, 1)));
    for nth in 0..asked {
        slots.request(address(nth), 1);
    }
    assert_eq!(slots.request(FIRST, 1), None);
    slots.admitted(240);
    assert_eq!(slots.admitted(500).len(), 50);
    slots.request(FIRST, 1);
    assert_eq!(slots.admitted(750)[0], newcomer);
    let rest: usize = (4..30).map(|quarter| slots.admitted(250 * quarter).len()).sum();
    assert_eq!(rest, asked - 50 - 50 - 49, "all are served");
}

#[test]
fn ended_transfer_is_not_resumed() {
    let mut slots = SlotBench::new(10);
    let [stays, ..] = [FIRST, SECOND].map(|client| slots.request(client, 1).unwrap());
    let ids: Vec<_> = (2..6).map(|port| slots.request(SECOND, port).unwrap()).collect();
    slots.bench.files.slow = true;
    slots.ack(stays, FIRST, 1, 1);
    for (port, id) in (2..).zip(ids) {
        slots.ack(id, SECOND, port, 1);
        assert_eq!(slots.bench.server.disk_waiters.values().flatten().count(), 2);
        slots.bench.input(Input::SocketUnusable(id));
    }
    let waiting: Vec<_> = slots.bench.server.disk_waiters.values().flatten().collect();
    assert_eq!(waiting, [&stays]);
}
