//! Transfers that wait because of the bound of the bytes in flight.

use super::*;
use std::time::Duration;

/// As many as `sockets` below.
const CLIENTS: u64 = 12;
const FIRST_SOCKET: usize = 100;

fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (*state >> 33) % below
}

fn peer(index: u64) -> SocketAddr {
    let [.., last] = index.to_be_bytes();
    (Ipv4Addr::new(10, 9, 1, last), 9).into()
}

impl Bench {
    /// Starts a transfer of a client with windows of eight blocks.
    fn start_window(&mut self, index: u64, socket: usize) {
        self.next_socket = socket;
        self.request_from(peer(index), 0, b"\0\x01f\0octet\0blksize\x001000\0windowsize\x008\0");
        self.receive(index, socket, &[0, 4, 0, 0]);
    }

    fn receive(&mut self, index: u64, socket: usize, bytes: &[u8]) -> Vec<String> {
        let datagrams = std::iter::once((peer(index), bytes));
        shown(&self.call(|server, context| server.handle_datagrams(socket, datagrams, context)).1)
    }

    /// One turn of the loop.
    fn turn(&mut self, now: u64) -> Vec<String> {
        let mut all = self.expire(now);
        all.extend(self.call(|server, context| while server.serve_next(context).is_some() {}).1);
        shown(&all)
    }

    fn set_bound(&mut self, bytes: u64) {
        self.server.congestion.bound(2).set(bytes, self.now);
    }

    /// No transfer waits for longer than the limit.
    fn assert_no_hold_is_overdue(&mut self, seed: u64) {
        let overdue = self.server.congestion.held.overdue(self.now);
        assert_eq!(overdue, None, "seed {seed}, {} ms", self.now.0);
    }
}

#[test]
fn second_window_waits_for_ack_of_first_if_bound_is_reached() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &vec![1; 30_000])]);
    bench.set_bound(5000);
    bench.start_window(1, 101);
    bench.start_window(2, 102);
    assert_eq!(
        bench.receive(2, 102, &[0, 4, 0, 0]),
        NOTHING,
        "the window of the first is in flight"
    );
    let sent = bench.receive(1, 101, &[0, 4, 0, 8]);
    assert_eq!(sent.len(), 1, "one of the two sends: {sent:?}");
}

#[test]
fn held_transfer_sends_one_block_after_limit() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", &vec![1; 30_000])]);
    bench.set_bound(1);
    bench.start_window(1, 101);
    // The blocks of the first leave the network by their age. So others are in flight all the time.
    let mut sent = Vec::new();
    for ms in 1..=450 {
        bench.now = Timestamp(ms);
        let now = bench.now;
        bench.server.congestion.bound(2).add(1000, now);
        if ms == 1 {
            bench.start_window(2, 102);
        }
        sent.extend(bench.turn(ms).into_iter().map(|line| (ms, line)));
    }
    let data: Vec<u64> = sent
        .iter()
        .filter(|(_, line)| line == "data 1 [1000]" || line == "data 2 [1000]")
        .map(|(ms, _)| *ms)
        .collect();
    assert_eq!(data, [201, 401], "{sent:?}");
}

/// Clients that acknowledge, end, repeat requests, fall silent or do not exist, in any order.
#[test]
fn no_transfer_waits_longer_than_limit_and_no_bytes_are_left_at_the_end() {
    for seed in 1..=20 {
        let tftp = Tftp { max_transfers: 8, ..Tftp::default() };
        let mut bench = Bench::new(tftp, &[("/f", &vec![1; 100_000])]);
        let (mut state, mut socket) = (seed, FIRST_SOCKET);
        let mut sockets = [0; 12];
        for ms in 1..3000 {
            bench.turn(ms);
            bench.assert_no_hold_is_overdue(seed);
            bench.set_bound(1 + random(&mut state, 20_000));
            let index = random(&mut state, CLIENTS);
            let own = &mut sockets[usize::try_from(index).unwrap()];
            let block = random(&mut state, 110).to_be_bytes()[7];
            match random(&mut state, 20) {
                0 => {
                    socket += 1;
                    *own = socket;
                    bench.start_window(index, socket);
                }
                1 => _ = bench.receive(index, *own, b"\0\x05\0\0\0"),
                2 => {
                    bench.input(Input::PortUnreachable { id: Some(*own), peer: peer(index) });
                }
                3 => {
                    let partial = Some(PartialSend { id: *own, sent: 0 });
                    bench.input(Input::BatchSent { buffer: Vec::new(), partial });
                }
                4..12 => _ = bench.receive(index, *own, &[0, 4, 0, block]),
                _ => {}
            }
        }
        for ms in (3000..400_000).step_by(50) {
            bench.turn(ms);
        }
        assert_eq!(bench.server.load().transfers, 0, "seed {seed}");
        assert_eq!(bench.server.congestion.bound(2).in_flight(), 0, "seed {seed}");
        assert_eq!(bench.server.congestion.held.deadline(), None, "seed {seed}");
        assert!(bench.now > Timestamp(0) + Duration::from_secs(300));
    }
}
