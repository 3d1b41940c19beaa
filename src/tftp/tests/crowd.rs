//! More requests than places.

use super::*;
use crate::boot_monitor::event::ClientEvent;
use std::time::Duration;

const REQUEST: &[u8] = b"\0\x01f\0octet\0";
const FIRST: [u8; 4] = [10, 9, 0, 2];
const SECOND: [u8; 4] = [10, 9, 0, 3];
const THIRD: [u8; 4] = [10, 9, 0, 4];

/// A server with places for so many, one after the other, and what it did.
struct Hall {
    bench: Bench,
    next: usize,
}

impl Hall {
    fn new(places: usize) -> Self {
        let tftp = Tftp { max_transfers: places - 1, ..Tftp::default() };
        Self { bench: Bench::new(tftp, &[("/f", &[1; 3000])]), next: 1 }
    }

    /// A request; the number of its transfer, if it has a place.
    fn asks(&mut self, client: [u8; 4], port: u16) -> Option<usize> {
        let peer = SocketAddr::from((Ipv4Addr::from(client), port));
        let local = Ipv4Addr::new(10, 9, 0, 1).into();
        let arrival = ReceivedDatagram { bytes: REQUEST, peer, local, interface: 2 };
        let Bench { server, tftp, interfaces, files, now } = &mut self.bench;
        let mut around = Context { tftp, interfaces, files, now: *now };
        let mut effects = Vec::new();
        let has = server.admit(0, &arrival, &mut around, &mut effects);
        has.then(|| self.begins(&arrival))
    }

    fn begins(&mut self, arrival: &ReceivedDatagram<'_>) -> usize {
        self.next += 1;
        let Bench { server, tftp, interfaces, files, now } = &mut self.bench;
        let mut around = Context { tftp, interfaces, files, now: *now };
        server.handle_request(
            ReplySocket::Dedicated(self.next),
            arrival,
            &mut around,
            &mut Vec::new(),
        );
        self.next
    }

    /// Who has waited, and has a place now.
    fn calls(&mut self, now: u64) -> Vec<SocketAddr> {
        self.bench.now = Timestamp(now);
        let mut called = Vec::new();
        loop {
            let Bench { server, tftp, interfaces, files, now } = &mut self.bench;
            let mut around = Context { tftp, interfaces, files, now: *now };
            let Some(next) = server.next_queued(&mut around, &mut Vec::new()) else {
                return called;
            };
            called.push(next.datagram().peer);
            self.begins(&next.datagram());
        }
    }

    /// What an acknowledgement brings.
    fn answers(&mut self, id: usize, client: [u8; 4], port: u16, block: u8) -> Vec<Effect> {
        let peer = SocketAddr::from((Ipv4Addr::from(client), port));
        let Bench { server, tftp, interfaces, files, now } = &mut self.bench;
        let mut around = Context { tftp, interfaces, files, now: *now };
        let mut effects = Vec::new();
        let bytes: &[u8] = &[0, 4, 0, block];
        server.handle_datagrams(id, [(peer, bytes)].into_iter(), &mut around, &mut effects);
        effects
    }
}

/// As it is in dnsmasq.
#[test]
fn a_client_alone_waits_until_it_has_ended_something() {
    let mut hall = Hall::new(2);
    let first = hall.asks(FIRST, 1).unwrap();
    assert!(hall.asks(FIRST, 2).is_some());
    assert_eq!((hall.asks(FIRST, 3), hall.asks(FIRST, 4), hall.asks(FIRST, 3)), (None, None, None));
    assert_eq!(hall.calls(9_000), []);
    (1..=6).for_each(|block| drop(hall.answers(first, FIRST, 1, block)));
    assert_eq!(hall.calls(9_000), [SocketAddr::from((FIRST, 3))], "once, and before the other");
    assert_eq!(hall.calls(10_000), [SocketAddr::from((FIRST, 4))], "what it never answered goes");
}

#[test]
fn what_was_never_answered_makes_room_for_another_client() {
    let mut hall = Hall::new(4);
    hall.asks(THIRD, 1);
    let ids: Vec<_> = (1..=3).map(|port| hall.asks(FIRST, port).unwrap()).collect();
    hall.answers(ids[0], FIRST, 1, 1);
    hall.answers(2, THIRD, 1, 1);
    assert_eq!(hall.asks(SECOND, 1), None, "a client needs some time to answer");
    assert_eq!(hall.calls(249), []);
    assert_eq!(hall.calls(350), [SocketAddr::from((SECOND, 1))]);
    let has = |id: &usize| hall.bench.server.has(*id);
    assert_eq!(ids.iter().map(has).collect::<Vec<_>>(), [true, false, true], "the oldest");
}

#[test]
fn clients_have_their_turns() {
    let mut hall = Hall::new(1);
    let first = hall.asks(FIRST, 1).unwrap();
    for port in 2..2000 {
        assert_eq!(hall.asks(FIRST, port), None);
    }
    assert_eq!(hall.asks(SECOND, 1), None);
    assert_eq!(hall.bench.server.queue.clients().count(), 2);
    for id in first..first + 4 {
        (1..=6).for_each(|block| {
            [(FIRST, 1), (FIRST, 2), (SECOND, 1), (FIRST, 3)]
                .iter()
                .for_each(|(client, port)| drop(hall.answers(id, *client, *port, block)));
        });
        hall.calls(0);
    }
    let mut ports = Vec::new();
    while let Some(waiting) = hall.bench.server.queue.take(Ipv4Addr::from(FIRST).into()) {
        ports.push(waiting.datagram().peer.port());
    }
    assert_eq!(ports.first(), Some(&5), "1 and 2, then the second client, then 3 and 4");
    assert_eq!(ports.len(), 1024 - 3, "no more than half of the room is one client's");
}

#[test]
fn nobody_who_answers_makes_room_unless_he_has_many() {
    let mut hall = Hall::new(8);
    for (client, count) in [(FIRST, 3), (SECOND, 3), ([10, 9, 0, 5], 2)] {
        for port in 1..=count {
            let id = hall.asks(client, port).unwrap();
            hall.answers(id, client, port, 1);
        }
    }
    hall.bench.now = Timestamp(9_999);
    assert_eq!(hall.asks(THIRD, 1), None, "three are not many");

    let mut hall = Hall::new(4);
    let ids: Vec<_> = (1..=4).map(|port| hall.asks(FIRST, port).unwrap()).collect();
    for (port, id) in (1..=4).zip(&ids).rev() {
        hall.bench.now = hall.bench.now + Duration::from_secs(2);
        hall.answers(*id, FIRST, port, 1);
    }
    assert!(hall.asks(SECOND, 1).is_some());
    assert!(!hall.bench.server.has(ids[3]), "the one that has not moved for the longest time");
    assert_eq!(hall.asks(SECOND, 2), None, "who has something waits");
}

/// What a client asks for, or asks for again, comes before what it may have given up; and that is forgotten.
#[test]
fn nobody_waits_behind_what_nobody_wants() {
    let mut hall = Hall::new(1);
    let id = hall.asks(FIRST, 1).unwrap();
    hall.answers(id, FIRST, 1, 1);
    for (now, port) in [(0, 2), (2_000, 3), (2_500, 4), (4_000, 2)] {
        hall.bench.now = Timestamp(now);
        assert_eq!(hall.asks(FIRST, port), None);
    }
    (2..=6).for_each(|block| drop(hall.answers(id, FIRST, 1, block)));
    assert_eq!(hall.calls(4_000), [SocketAddr::from((FIRST, 2))], "it has just asked again");
    assert_eq!(hall.calls(17_499), [SocketAddr::from((FIRST, 4))], "the other one is forgotten");
    assert!(!hall.bench.server.has_queued_requests());
}

/// What is sent to an address that may never have asked has a bound.
#[test]
fn silence_is_answered_sixteen_times() {
    let mut hall = Hall::new(100);
    let ids: Vec<_> = (1..=40).map(|port| hall.asks(FIRST, port).unwrap()).collect();
    let sent = |hall: &mut Hall, now| {
        let mut effects = Vec::new();
        hall.bench.expire(now, &mut effects);
        effects.iter().filter(|effect| matches!(effect, Effect::SendBatch(_))).count()
    };
    assert_eq!(sent(&mut hall, 2_000), 16);
    let seen = hall.answers(ids[39], FIRST, 40, 1);
    assert!(matches!(seen[0], Effect::Observe(ClientEvent::FirstAck { .. })));
    assert_eq!(sent(&mut hall, 5_000), 40, "it is there");
}

/// What was owed while the disk was slow is no repeat.
#[test]
fn everybody_is_sent_his_first_datagram() {
    let mut hall = Hall::new(100);
    hall.asks(FIRST, 1).unwrap();
    let ids: Vec<_> = (2..=20).map(|port| hall.asks(FIRST, port).unwrap()).collect();
    // They have read something, and then the disk is slow.
    hall.bench.files.slow = true;
    let more: Vec<_> = (1..=20).map(|port| hall.asks(SECOND, port)).collect();
    hall.bench.files.slow = false;
    assert_eq!(more.iter().flatten().count() + ids.len(), 39);
    let told = hall.bench.tells(&DiskLookup::File(b"/f".to_vec()));
    assert_eq!(told.iter().filter(|line| line.starts_with("data 1")).count(), 20);
}

/// In a small hall, sixteen clients that have something wait for more. Who has nothing does not wait behind them.
#[test]
fn who_has_nothing_is_found_behind_those_who_have() {
    let mut hall = Hall::new(48);
    let client = |nth: u8| [10, 9, 1, nth];
    for nth in 0..16 {
        (1..=3).for_each(|port| assert!(hall.asks(client(nth), port).is_some()));
    }
    for nth in 0..16 {
        assert_eq!(hall.asks(client(nth), 4), None);
    }
    assert_eq!(hall.asks(FIRST, 1), None);
    assert_eq!(hall.calls(300), [SocketAddr::from((FIRST, 1))]);
}

#[test]
fn timers_of_what_is_over_are_forgotten() {
    let mut hall = Hall::new(3);
    let alive = hall.asks(FIRST, 1).unwrap();
    for _ in 0..20_000 {
        let id = hall.asks(SECOND, 1).unwrap();
        let peer = SocketAddr::from((SECOND, 1));
        let Bench { server, tftp, interfaces, files, now } = &mut hall.bench;
        let mut around = Context { tftp, interfaces, files, now: *now };
        let error: &[u8] = b"\0\x05\0\0no\0";
        server.handle_datagrams(id, [(peer, error)].into_iter(), &mut around, &mut Vec::new());
    }
    assert!(hall.bench.server.timers.len() < 5000);
    let mut effects = Vec::new();
    hall.bench.expire(2000, &mut effects);
    assert!(matches!(effects[..], [Effect::SendBatch(_)]), "{alive} is still looked after");
}

#[test]
fn a_disk_that_hangs_keeps_no_places() {
    let mut hall = Hall::new(2);
    hall.bench.files.slow = true;
    assert!(hall.asks(FIRST, 1).is_some() && hall.asks(FIRST, 2).is_some());
    assert_eq!(hall.asks(SECOND, 1), None);
    assert_eq!(hall.calls(4_900), []);
    assert_eq!(hall.calls(5_000), [SocketAddr::from((SECOND, 1))]);
}

/// Because their disk has stopped in the middle, or their clients have.
#[test]
fn transfers_that_stand_still_keep_no_places() {
    for slow in [true, false] {
        let mut hall = Hall::new(2);
        let ids = [FIRST, THIRD].map(|client| (client, hall.asks(client, 1).unwrap()));
        hall.bench.files.slow = slow;
        ids.iter().for_each(|(client, id)| drop(hall.answers(*id, *client, 1, 1)));
        assert_eq!(hall.asks(SECOND, 1), None);
        assert_eq!(hall.calls(9_999), []);
        assert_eq!(hall.calls(10_100), [SocketAddr::from((SECOND, 1))]);
    }
}

/// A storm of requests that nobody repeats: each has its quarter of a second, and who asks again is served before those
/// who have not.
#[test]
fn a_storm_is_over_soon() {
    let mut hall = Hall::new(50);
    let stranger = |nth: usize| {
        let [.., high, low] = nth.to_be_bytes();
        [10, 9, 100 + high, low]
    };
    let (asked, newcomer) = (1_000, SocketAddr::from((FIRST, 1)));
    for nth in 0..asked {
        hall.asks(stranger(nth), 1);
    }
    assert_eq!(hall.asks(FIRST, 1), None);
    hall.calls(240);
    assert_eq!(hall.calls(500).len(), 50);
    hall.asks(FIRST, 1);
    assert_eq!(hall.calls(750)[0], newcomer);
    let rest: usize = (4..30).map(|quarter| hall.calls(250 * quarter).len()).sum();
    assert_eq!(rest, asked - 50 - 50 - 49, "all have their turn");
}

/// While one waits for the disk, others come and go.
#[test]
fn nobody_is_woken_who_has_gone() {
    let mut hall = Hall::new(10);
    let [stays, ..] = [FIRST, SECOND].map(|client| hall.asks(client, 1).unwrap());
    let ids: Vec<_> = (2..6).map(|port| hall.asks(SECOND, port).unwrap()).collect();
    hall.bench.files.slow = true;
    hall.answers(stays, FIRST, 1, 1);
    for (port, id) in (2..).zip(ids) {
        hall.answers(id, SECOND, port, 1);
        let Bench { server, files, .. } = &mut hall.bench;
        assert_eq!(server.disk_waiters.values().flatten().count(), 2);
        server.abort(id, files, &mut Vec::new());
    }
    let waiting: Vec<_> = hall.bench.server.disk_waiters.values().flatten().collect();
    assert_eq!(waiting, [&stays]);
}
