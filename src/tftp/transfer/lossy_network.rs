//! A transfer over a network that loses datagrams, in virtual time.

use super::*;
use std::collections::BTreeMap;

/// How a client answers a block that it does not expect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// With an ACK of the last good block, each time (EDK2).
    AnswerEach,
    /// With an ACK of the last good block, once (U-Boot).
    AnswerOnce,
    /// With an ACK of the last good block if it was accepted before. Blocks ahead are not answered.
    IgnoreAhead,
    /// It acknowledges each block of a window, and answers as EDK2.
    AckEachBlock,
}

/// A network and a client.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    pub manner: Manner,
    pub window: u64,
    pub last: u64,
    /// Datagrams of 10,000 that are lost, in each direction.
    pub loss: u64,
    /// The longest delay of a datagram, in milliseconds. The order of datagrams is kept.
    pub delay: u64,
    /// How long blocks wait at most until they are sent, in milliseconds.
    pub hold: u64,
    /// Datagrams of 10,000 that arrive a millisecond after the next ones.
    pub reorder: u64,
    pub seed: u64,
}

impl Setup {
    /// EDK2's client.
    pub const EDK2: Self = Self {
        manner: Manner::AnswerEach,
        window: 4,
        last: 300,
        loss: 0,
        delay: 0,
        hold: 0,
        reorder: 0,
        seed: 1,
    };
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The duration in milliseconds.
    pub millis: u64,
    /// Datagrams that were lost.
    pub lost: u64,
    /// Blocks that the client had already accepted.
    pub repeated: u64,
    /// Blocks that were sent, the OACK included.
    pub sent: u64,
}

/// A datagram on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    Data(u64),
    Ack(u64),
}

struct Client {
    expected: u64,
    in_window: u64,
    /// The last block when the client has last answered a block that it did not expect.
    answered: Option<u64>,
    patience: u64,
    has_oack: bool,
}

/// Blocks that are sent at a time, in milliseconds.
type Held = Option<(u64, Range<u64>)>;

struct Network<'a> {
    setup: Setup,
    random: u64,
    now: u64,
    /// By arrival time and order.
    packets: BTreeMap<(u64, u64), Packet>,
    /// The arrival of the last datagram of each direction.
    last_arrival: [u64; 2],
    order: u64,
    client: Client,
    count: Count,
    /// Datagrams that are lost besides: the packet, and which copy of it, counted from 0.
    losses: &'a [(Packet, usize)],
    copies: Vec<Packet>,
}

/// The client asks again after this time, in milliseconds.
const PATIENCE: u64 = 4000;

impl<'a> Network<'a> {
    fn new(setup: Setup, losses: &'a [(Packet, usize)]) -> Self {
        let client = Client {
            expected: 1,
            in_window: 0,
            answered: None,
            patience: PATIENCE,
            has_oack: false,
        };
        Self {
            setup,
            random: setup.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: 0,
            packets: BTreeMap::new(),
            last_arrival: [0; 2],
            order: 0,
            client,
            count: Count::default(),
            losses,
            copies: Vec::new(),
        }
    }

    /// A random number below `end` (xorshift64*).
    fn random(&mut self, end: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    fn send(&mut self, packet: Packet) {
        let direction = usize::from(matches!(packet, Packet::Ack(_)));
        self.count.sent += u64::from(direction == 0);
        if self.random(10_000) < self.setup.loss || self.is_chosen(packet) {
            self.count.lost += 1;
            return;
        }
        let delay = self.random(self.setup.delay + 1);
        let mut arrival = self.last_arrival[direction].max(self.now + delay);
        self.last_arrival[direction] = arrival;
        if self.setup.reorder > 0 {
            arrival += u64::from(self.random(10_000) < self.setup.reorder);
        }
        self.order += 1;
        self.packets.insert((arrival, self.order), packet);
    }

    fn is_chosen(&mut self, packet: Packet) -> bool {
        if self.losses.is_empty() {
            return false;
        }
        let nth = self.copies.iter().filter(|copy| **copy == packet).count();
        self.copies.push(packet);
        self.losses.contains(&(packet, nth))
    }

    /// The client receives a block.
    fn receive(&mut self, block: u64) {
        let Setup { manner, window, last, .. } = self.setup;
        let good = self.client.expected - 1;
        if block == 0 {
            self.client.has_oack = true;
            self.count.repeated += u64::from(good > 0);
            if good == 0 {
                self.acknowledge();
            }
            return;
        }
        if block != self.client.expected {
            self.count.repeated += u64::from(block <= good);
            let answers = match manner {
                // A client without windows does not know blocks ahead.
                Manner::AnswerEach | Manner::AckEachBlock => window > 1 || block <= good,
                Manner::AnswerOnce => self.client.answered != Some(good),
                Manner::IgnoreAhead => block <= good,
            };
            if answers {
                self.client.answered = Some(good);
                self.acknowledge();
            }
            return;
        }
        self.client.patience = self.now + PATIENCE;
        self.client.expected += 1;
        self.client.in_window += 1;
        let is_end = self.client.in_window >= window || block == last;
        if is_end || manner == Manner::AckEachBlock {
            self.acknowledge();
        }
    }

    fn acknowledge(&mut self) {
        self.client.in_window = 0;
        self.send(Packet::Ack(self.client.expected - 1));
    }

    /// The client has waited too long.
    fn ask_again(&mut self) {
        self.client.patience = self.now + PATIENCE;
        if self.client.has_oack {
            self.acknowledge();
        }
    }
}

struct Server {
    transfer: Transfer,
    held: Held,
    outcome: Option<Outcome>,
}

impl Server {
    fn new(setup: &Setup) -> Self {
        let options = TransferOptions {
            window: setup.window,
            current_timeout: Duration::from_secs(2),
            timeout_negotiated: false,
            oack: true,
            is_port_known: false,
        };
        let (transfer, first) = Transfer::start(options, Some(setup.last), Timestamp(0));
        Self { transfer, held: Some((0, first)), outcome: None }
    }

    fn handle(&mut self, event: Event, network: &mut Network<'_>) {
        if self.outcome.is_some() {
            return;
        }
        match self.transfer.on(event, Timestamp(network.now)) {
            Action::Wait => {}
            Action::Send(blocks) => {
                let hold = if event == Event::Tick { 0 } else { network.setup.hold };
                let until = network.now + network.random(hold + 1);
                let until = self.held.as_ref().map_or(until, |held| held.0.min(until));
                self.held = Some((until, blocks));
            }
            Action::Close(outcome) => self.outcome = Some(outcome),
        }
    }

    fn flush(&mut self, network: &mut Network<'_>) {
        if self.held.as_ref().is_some_and(|held| held.0 <= network.now)
            && let Some((_, blocks)) = self.held.take()
        {
            self.transfer.mark_sent(blocks.end);
            blocks.for_each(|block| network.send(Packet::Data(block)));
        }
    }

    fn deadline(&self) -> u64 {
        let held = self.held.as_ref().map_or(u64::MAX, |held| held.0);
        held.min(self.transfer.deadline().0)
    }
}

/// A transfer from the OACK to its end.
pub fn transfer(setup: Setup, losses: &[(Packet, usize)]) -> Count {
    let (mut network, mut server) = (Network::new(setup, losses), Server::new(&setup));
    while server.outcome.is_none() {
        server.flush(&mut network);
        let arrival = network.packets.first_key_value().map_or(u64::MAX, |((at, _), _)| *at);
        network.now = arrival.min(network.client.patience).min(server.deadline()).max(network.now);
        if arrival > network.now {
            if network.now >= network.client.patience {
                network.ask_again();
            }
            server.handle(Event::Tick, &mut network);
            continue;
        }
        match network.packets.pop_first() {
            Some((_, Packet::Data(block))) => network.receive(block),
            Some((_, Packet::Ack(block))) => {
                let low = u16::try_from(block & 0xffff).unwrap();
                server.handle(Event::Ack(low), &mut network);
            }
            None => unreachable!("there is one"),
        }
    }
    assert_eq!(server.outcome, Some(Outcome::Sent), "{setup:?}");
    assert_eq!(network.client.expected, setup.last + 1, "{setup:?}");
    Count { millis: network.now, ..network.count }
}
