//! What is counted, compared with the datagrams that leave.

use super::*;
use crate::tftp::admission::slots;
use crate::tftp::counters::{Counters, SentData, TransferState, WaitingRequest, WaitsFor};
use std::collections::{BTreeMap, BTreeSet};

/// Sends requests and answers of clients at random, and counts the blocks that leave.
struct Traffic {
    bench: Bench,
    random: u64,
    /// The client of each transfer, the blocks that have left, and the last one that it has received.
    transfers: BTreeMap<usize, (SocketAddr, BTreeSet<u64>, u64)>,
    sent: SentData,
    requests: u64,
}

impl Traffic {
    fn new(seed: u64) -> Self {
        let tftp = Tftp { max_transfers: 5, ..Tftp::default() };
        let files: [(&str, &[u8]); 4] =
            [("/a", &[1; 5000]), ("/b", &[2; 1024]), ("/c", b""), ("/d/", b"")];
        let bench = Bench::new(tftp, &files);
        let (transfers, sent) = (BTreeMap::new(), SentData::default());
        Self { bench, random: seed, transfers, sent, requests: 0 }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.random >> 33) % end
    }

    fn step(&mut self) {
        self.bench.now.0 += self.below(300);
        match self.below(10) {
            0 | 1 => self.request(),
            2 => {
                let late = self.bench.now.0 + self.below(4000);
                let effects = self.bench.expire(late);
                self.perform(effects);
            }
            _ => self.answer(),
        }
        loop {
            let (admitted, effects) = self.bench.call(Server::admit_next);
            self.perform(effects);
            if !admitted {
                return;
            }
        }
    }

    fn request(&mut self) {
        let client = [10, 9, 0, 2 + u8::try_from(self.below(5)).unwrap()];
        let peer = (client, 1000 + u16::try_from(self.below(9000)).unwrap()).into();
        let index = usize::try_from(self.below(6)).unwrap();
        let file = ["a", "a", "b", "c", "d/", "none"][index];
        let options =
            ["", "windowsize\x004\0", "tsize\x000\0"][usize::try_from(self.below(3)).unwrap()];
        let bytes = format!("\0\x01{file}\0octet\0{options}").into_bytes();
        let datagram = ReceivedDatagram { bytes: &bytes, peer, local: SERVER.into(), interface: 2 };
        let effects = self.bench.input(Input::Request { listener: 0, datagram });
        self.requests += 1;
        self.perform(effects);
    }

    /// A client acknowledges a block, ends its transfer, or has no socket.
    fn answer(&mut self) {
        let count = self.transfers.len() as u64;
        if count == 0 {
            return;
        }
        let nth = usize::try_from(self.below(count)).unwrap();
        let (&id, (peer, _, last)) = self.transfers.iter().nth(nth).unwrap();
        let (peer, last) = (*peer, *last);
        let effects = match self.below(20) {
            0 => self.bench.input(Input::PortUnreachable { id: Some(id), peer }),
            1 => self.send(id, peer, &[0, 5, 0, 8, 0]),
            lost => {
                let block = if lost < 5 { last.saturating_sub(1) } else { last };
                let [high, low] = u16::try_from(block).unwrap().to_be_bytes();
                self.send(id, peer, &[0, 4, high, low])
            }
        };
        self.perform(effects);
    }

    fn send(&mut self, id: usize, peer: SocketAddr, bytes: &[u8]) -> Vec<Effect> {
        let datagrams = std::iter::once((peer, bytes));
        self.bench.call(|server, context| server.handle_datagrams(id, datagrams, context)).1
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::OpenSocket { token, .. } => {
                    let peer = self.opening_peer(token);
                    let id = self.bench.next_socket;
                    self.bench.next_socket += 1;
                    self.transfers.insert(id, (peer, BTreeSet::new(), 0));
                    let effects = self.bench.input(Input::SocketOpened { token, id });
                    self.perform(effects);
                }
                Effect::SendBatch(batch) => self.send_batch(&batch),
                Effect::CloseSocket(id) => _ = self.transfers.remove(&id),
                _ => {}
            }
        }
    }

    fn opening_peer(&mut self, token: SocketToken) -> SocketAddr {
        let opening = self.bench.server.opening.take(token).unwrap();
        let peer = opening.purpose.peer();
        self.bench.server.opening.put_back(opening);
        peer
    }

    /// Counts the datagrams of a batch. Sometimes the send buffer has no space for all of them.
    fn send_batch(&mut self, batch: &crate::net::Batch) {
        let EgressSocket::Transfer(id) = batch.via else { panic!("{batch:?}") };
        let count = batch.bytes.len().div_ceil(batch.segment) as u64;
        let fits = if self.below(5) == 0 { self.below(count) } else { count };
        for datagram in batch.bytes.chunks(batch.segment).take(usize::try_from(fits).unwrap()) {
            let block = u64::from(u16::from_be_bytes([datagram[2], datagram[3]]));
            let (_, blocks, last) = self.transfers.get_mut(&id).unwrap();
            *last = block;
            if blocks.insert(block) {
                self.sent.bytes += datagram.len() as u64 - 4;
            } else {
                self.sent.repeated += 1;
            }
        }
        let partial = (fits < count).then_some(PartialSend { id, sent: fits });
        self.bench.input(Input::BatchSent { buffer: Vec::new(), partial });
    }
}

#[test]
fn counted_transfers_and_blocks_are_those_that_left() {
    let mut total = Counters::default();
    for seed in 0..60 {
        let mut traffic = Traffic::new(seed);
        for step in 0..400 {
            traffic.step();
            let counters = traffic.bench.server.counters();
            let running = traffic.bench.server.load().transfers as u64;
            assert_eq!(
                counters.started,
                counters.completed + counters.failed + running,
                "seed {seed}, step {step}"
            );
            assert_eq!(counters.sent, traffic.sent, "seed {seed}, step {step}");
            assert_eq!(counters.requests, traffic.requests);
            assert!(counters.cancelled + counters.evicted <= counters.failed);
        }
        let counters = traffic.bench.server.counters();
        total.completed += counters.completed;
        total.cancelled += counters.cancelled;
        total.evicted += counters.evicted;
        total.not_found += counters.not_found;
        total.refused += counters.refused;
        total.sent += counters.sent;
    }
    let Counters { completed, cancelled, evicted, not_found, refused, sent, .. } = total;
    assert!(
        [completed, cancelled, evicted, not_found, refused, sent.repeated].iter().all(|n| *n > 50),
        "each kind is covered: {total:?}"
    );
}

#[test]
fn client_that_reads_the_size_only_has_cancelled_its_transfer() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 2000])]);
    for acknowledged in [false, true] {
        bench.request(9, b"\0\x01f\0octet\0tsize\x000\0");
        if acknowledged {
            bench.datagram(9, &[0, 4, 0, 0]);
            bench.datagram(9, &[0, 4, 0, 1]);
        }
        bench.datagram(9, b"\0\x05\0\x08\0");
    }
    let Counters { started, failed, cancelled, .. } = bench.server.counters();
    assert_eq!((started, failed, cancelled), (2, 2, 1));
}

#[test]
fn refused_requests_are_counted_by_kind_and_no_transfer_has_begun() {
    let mut bench = Bench::new(Tftp::default(), &[("/d/", b"")]);
    for request in
        [&b"\0\x01no\0octet\0"[..], b"\0\x01f\0mail\0", b"\0\x02f\0octet\0", b"\0\x01d/\0octet\0"]
    {
        bench.request(9, request);
    }
    // A write request is in no counter.
    let expected = Counters { requests: 3, not_found: 1, refused: 2, ..Counters::default() };
    assert_eq!(bench.server.counters(), expected);
}

#[test]
fn state_of_a_transfer_has_acknowledged_bytes_and_repeated_blocks() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &[1; 1500])]);
    bench.now = Timestamp(5000);
    bench.request(9, b"\0\x01f\0octet\0");
    bench.expire(7000);
    let state = |bench: &Bench| {
        let mut all = bench.server.transfers();
        let TransferState {
            client, path, size, acknowledged, since, repeated, waits_for_disk, ..
        } = all.next().unwrap();
        assert_eq!((client, path, size), (CLIENT.into(), &b"/f"[..], 1500));
        assert_eq!((since, all.next()), (Timestamp(5000), None));
        (acknowledged, repeated, waits_for_disk)
    };
    assert_eq!(state(&bench), (0, 1, false));
    bench.files.slow = true;
    bench.datagram(9, &[0, 4, 0, 1]);
    assert_eq!(state(&bench), (512, 1, true));
    bench.files.slow = false;
    bench.disk_done(Input::DiskRead { file: FileId(0), offset: 512 });
    bench.datagram(9, &[0, 4, 0, 2]);
    assert_eq!(state(&bench), (1024, 1, false));
    assert_eq!(bench.server.counters().sent, SentData { bytes: 1500, repeated: 1 });
}

#[test]
fn requests_that_wait_are_listed_with_what_they_wait_for() {
    let tftp = Tftp { max_transfers: 0, ..Tftp::default() };
    let mut bench = Bench::new(tftp, &[("/f", &[1; 1500])]);
    bench.files.slow = true;
    bench.request(9, b"\0\x01f\0octet\0");
    bench.now = Timestamp(100);
    let second = Ipv4Addr::new(10, 9, 0, 3);
    bench.request_from((second, 9).into(), 0, b"\0\x01other\0octet\0");
    let mut waiting: Vec<WaitingRequest<'_>> = bench.server.waiting_requests().collect();
    waiting.sort_by_key(|request| request.client);
    let wanted = [(CLIENT, &b"f"[..], WaitsFor::Disk, 0), (second, b"other", WaitsFor::Slot, 100)];
    let wanted = wanted.map(|(client, file, waits_for, at)| WaitingRequest {
        client: client.into(),
        file: Some(file),
        waits_for,
        received_at: Timestamp(at),
    });
    assert_eq!(waiting, wanted);
    assert_eq!(bench.server.used_slots(), 1);
}

/// Random requests on all kinds of sockets, and what happens meanwhile.
struct Requests {
    bench: Bench,
    random: u64,
}

impl Requests {
    fn new(seed: u64) -> Self {
        let tftp = Tftp {
            max_transfers: 3,
            single_port: seed % 3 == 1,
            ports: (seed % 3 == 2).then_some((5000, 6000)),
            ..Tftp::default()
        };
        let files: [(&str, &[u8]); 3] = [("/a", &[1; 5000]), ("/b", b"2"), ("/d/", b"")];
        Self { bench: Bench::new(tftp, &files), random: seed }
    }

    fn below(&mut self, end: usize) -> usize {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.random >> 33).unwrap() % end
    }

    fn peer(&mut self) -> SocketAddr {
        let client = [10, 9, 0, 2 + u8::try_from(self.below(6)).unwrap()];
        (client, 1000 + u16::try_from(self.below(3)).unwrap()).into()
    }

    fn step(&mut self) {
        self.bench.now.0 += self.below(400) as u64;
        self.bench.files.slow = self.below(3) == 0;
        let now = self.bench.now.0;
        let effects = match self.below(12) {
            0 => {
                let late = now + self.below(40_000) as u64;
                self.bench.expire(late)
            }
            1 | 2 => {
                let file = [&b"/a"[..], b"/b", b"/none"][self.below(3)];
                let lookup = DiskLookup::File(file.to_vec());
                self.bench.input(Input::LookedUp(&lookup))
            }
            3 => {
                let (id, peer) = (7 + self.below(self.bench.next_socket), self.peer());
                let datagrams = std::iter::once((peer, &[0, 5, 0, 0, 0][..]));
                self.bench.call(|server, context| server.handle_datagrams(id, datagrams, context)).1
            }
            _ => self.request(),
        };
        self.perform(effects);
        for next in [Server::resume_next, Server::admit_next] {
            loop {
                let (found, effects) = self.bench.call(next);
                self.perform(effects);
                if !found {
                    break;
                }
            }
        }
    }

    fn request(&mut self) -> Vec<Effect> {
        let long = format!("\0\x01a\0octet\0{}", "x\0".repeat(300));
        let bytes = [
            "\0\x01a\0octet\0",
            "\0\x01a\0octet\0",
            "\0\x01b\0octet\0",
            "\0\x01none\0octet\0",
            "\0\x01d/\0octet\0",
            "\0\x01a\0mail\0",
            "\0\x01",
            "\0\x02a\0octet\0",
            "\0\x05\0\0\0",
            &long,
        ][self.below(10)];
        let (peer, local) = (self.peer(), SERVER.into());
        let datagram = ReceivedDatagram { bytes: bytes.as_bytes(), peer, local, interface: 2 };
        self.bench.input(Input::Request { listener: 0, datagram })
    }

    /// Opens the sockets of requests and transfers, or not.
    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            let Effect::OpenSocket { token, .. } = effect else { continue };
            let input = if self.below(10) == 0 {
                let kind = [SocketErrorKind::Exhausted, SocketErrorKind::Other][self.below(2)];
                let error = SocketError { kind, reason: String::new() };
                Input::SocketFailed { token, error }
            } else {
                self.bench.next_socket += 1;
                Input::SocketOpened { token, id: self.bench.next_socket }
            };
            let effects = self.bench.input(input);
            self.perform(effects);
        }
    }
}

#[test]
fn each_read_request_waits_or_is_counted_by_its_result() {
    let mut total = [0; 5];
    for seed in 0..90 {
        let mut requests = Requests::new(seed);
        let max_slots = slots(&requests.bench.tftp);
        for step in 0..300 {
            requests.step();
            let server = &requests.bench.server;
            let Counters { requests, started, not_found, refused, dropped, .. } = server.counters();
            let waiting = server.waiting_count() as u64;
            assert_eq!(
                requests,
                started + not_found + refused + dropped + waiting,
                "seed {seed}, step {step}"
            );
            let counts = [started, not_found, refused, dropped, waiting];
            total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
            assert!(server.used_slots() <= max_slots, "seed {seed}, step {step}");
        }
    }
    assert!(total.iter().all(|count| *count > 1000), "each result is covered: {total:?}");
}
