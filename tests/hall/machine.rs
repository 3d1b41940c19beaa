//! One machine of the hall: it loads its files one after the other.

use super::case::{MICROSECOND, MILLISECOND, Nanos, Stage};
use super::manner::Manner;

/// A datagram of the server, as it arrives.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub at: Nanos,
    pub from: Tid,
    /// The port that it is sent to. Each transfer has another one.
    pub port: u16,
    pub bytes: &'a [u8],
}

/// A socket of the server. The generation differs each time that the number is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tid {
    pub socket: u32,
    pub generation: u32,
}

/// A datagram of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// A read request for the file of this stage. A probe is another transfer than the one after it.
    Request {
        stage: u8,
        probe: bool,
    },
    Ack {
        to: Tid,
        block: u16,
    },
    /// The error that ends a probe.
    Abort {
        to: Tid,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Between two files.
    Pausing,
    /// A request was sent.
    Asked,
    Loading,
    Up,
    Failed,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    pub state: State,
    stage: u8,
    probe: bool,
    server: Option<Tid>,
    /// The block that comes next.
    next: u64,
    block_size: u64,
    window: u16,
    in_window: u16,
    tries: u32,
    adapted: Nanos,
    last_sent_at: Nanos,
    /// When it stops to wait.
    pub deadline: Nanos,
    /// The time of its entry in the event queue.
    pub timer_at: Option<Nanos>,
    /// When it has processed all datagrams that it has received.
    busy_until: Nanos,
    client_time: Nanos,
    last_block_at: Option<Nanos>,
    /// The longest time between two new blocks.
    pub longest_wait: Nanos,
    pub up_at: Nanos,
    /// How often nothing has arrived in time.
    pub timeouts: u32,
}

/// Time between two files.
const PAUSE: Nanos = 5 * MILLISECOND;
/// Datagrams that its network card can hold.
const RING: u64 = 256;

impl Machine {
    pub fn new(start: Nanos, client_time: Nanos, first: Stage) -> Self {
        Self {
            state: State::Pausing,
            stage: 0,
            probe: first.manner.probes(),
            server: None,
            next: 1,
            block_size: 512,
            window: 1,
            in_window: 0,
            tries: 0,
            adapted: 0,
            last_sent_at: 0,
            deadline: start,
            timer_at: None,
            busy_until: 0,
            client_time,
            last_block_at: None,
            longest_wait: 0,
            up_at: 0,
            timeouts: 0,
        }
    }

    /// Whether its deadline counts.
    pub fn is_waiting(&self) -> bool {
        !matches!(self.state, State::Up | State::Failed)
    }

    /// The deadline has come.
    pub fn on_deadline(&mut self, stages: &[Stage], sent: &mut Vec<(Nanos, Message)>) {
        let now = self.deadline;
        match self.state {
            State::Pausing => {
                self.state = State::Asked;
                self.send_again(now, stages, sent);
            }
            State::Asked | State::Loading => {
                self.timeouts += 1;
                self.in_window = 0;
                self.send_again(now, stages, sent);
            }
            State::Up | State::Failed => {}
        }
    }

    /// Sends the request or the last ACK once more, or gives up.
    fn send_again(&mut self, now: Nanos, stages: &[Stage], sent: &mut Vec<(Nanos, Message)>) {
        let manner = self.manner(stages);
        let Some(wait) = manner.patience(self.tries, self.adapted) else {
            self.state = State::Failed;
            return;
        };
        self.tries += 1;
        self.last_sent_at = now;
        self.deadline = now + wait;
        sent.push((
            now,
            match self.server {
                Some(to) if self.state == State::Loading => {
                    Message::Ack { to, block: low(self.next - 1) }
                }
                _ => Message::Request { stage: self.stage, probe: self.probe },
            },
        ));
    }

    /// Receives a datagram of the server.
    pub fn receive(
        &mut self,
        Received { at, from, port, bytes }: Received<'_>,
        stages: &[Stage],
        sent: &mut Vec<(Nanos, Message)>,
    ) {
        while self.is_waiting() && self.deadline < at {
            self.on_deadline(stages, sent);
        }
        if self.busy_until.saturating_sub(at) / self.client_time.max(1) >= RING {
            return;
        }
        self.busy_until = self.busy_until.max(at) + self.client_time;
        let now = self.busy_until;
        if !matches!(self.state, State::Asked | State::Loading)
            || port != client_port(self.stage, self.probe)
            || self.server.is_some_and(|server| server != from)
        {
            return;
        }
        match *bytes {
            [0, 6, ref options @ ..] => self.receive_oack(now, from, options, stages, sent),
            [0, 3, high, low, ref data @ ..] => {
                let block = u16::from_be_bytes([high, low]);
                self.receive_data(now, from, (block, data.len() as u64), stages, sent);
            }
            _ => self.state = State::Failed,
        }
    }

    fn receive_oack(
        &mut self,
        now: Nanos,
        from: Tid,
        options: &[u8],
        stages: &[Stage],
        sent: &mut Vec<(Nanos, Message)>,
    ) {
        if self.next > 1 {
            return;
        }
        self.server = Some(from);
        if self.probe {
            sent.push((now, Message::Abort { to: from }));
            self.probe = false;
            return self.pause(now);
        }
        let mut words = options.split(|byte| *byte == 0);
        while let (Some(name), Some(value)) = (words.next(), words.next()) {
            let value = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            match name {
                b"blksize" => self.block_size = value.unwrap_or(512),
                b"windowsize" => self.window = u16::try_from(value.unwrap_or(1)).unwrap_or(1),
                _ => {}
            }
        }
        self.state = State::Loading;
        self.progress(now, stages);
        self.acknowledge(now, from, sent);
    }

    fn receive_data(
        &mut self,
        now: Nanos,
        from: Tid,
        (block, len): (u16, u64),
        stages: &[Stage],
        sent: &mut Vec<(Nanos, Message)>,
    ) {
        self.server = Some(from);
        self.state = State::Loading;
        if block != low(self.next) {
            let is_early = block.wrapping_sub(low(self.next)) < 1 << 15;
            if !is_early || self.manner(stages).answers_early_blocks() {
                self.in_window = 0;
                self.acknowledge(now, from, sent);
            }
            return;
        }
        self.longest_wait =
            self.longest_wait.max(self.last_block_at.map_or(0, |before| now - before));
        self.last_block_at = Some(now);
        self.next += 1;
        self.in_window += 1;
        self.progress(now, stages);
        let is_last = len < self.block_size;
        if is_last || self.in_window >= self.window {
            self.in_window = 0;
            self.acknowledge(now, from, sent);
        }
        if is_last {
            self.file_loaded(now, stages);
        }
    }

    /// Something new has arrived: the time to wait begins again.
    fn progress(&mut self, now: Nanos, stages: &[Stage]) {
        let manner = self.manner(stages);
        if self.tries <= 1 {
            self.adapted = manner.adapt(self.adapted, now - self.last_sent_at);
        }
        self.tries = 1;
        self.deadline = now + manner.patience(0, self.adapted).unwrap_or_default();
    }

    fn acknowledge(&mut self, now: Nanos, to: Tid, sent: &mut Vec<(Nanos, Message)>) {
        self.last_sent_at = now;
        sent.push((now, Message::Ack { to, block: low(self.next - 1) }));
    }

    fn file_loaded(&mut self, now: Nanos, stages: &[Stage]) {
        self.stage += 1;
        let Some(stage) = stages.get(usize::from(self.stage)) else {
            (self.state, self.up_at) = (State::Up, now);
            return;
        };
        self.probe = stage.manner.probes();
        self.adapted = 0;
        self.last_block_at = None;
        self.pause(now);
    }

    fn pause(&mut self, now: Nanos) {
        (self.state, self.server, self.next, self.in_window) = (State::Pausing, None, 1, 0);
        (self.block_size, self.window, self.tries) = (512, 1, 0);
        self.deadline = now + PAUSE + now % PAUSE / MICROSECOND;
    }

    fn manner(&self, stages: &[Stage]) -> Manner {
        stages[usize::from(self.stage).min(stages.len() - 1)].manner
    }
}

/// The port of a machine for a transfer.
pub fn client_port(stage: u8, probe: bool) -> u16 {
    2000 + 2 * u16::from(stage) + u16::from(probe)
}

fn low(block: u64) -> u16 {
    let [first, second, ..] = block.to_le_bytes();
    u16::from_le_bytes([first, second])
}

/// The bytes of a message.
pub fn encode(message: Message, stages: &[Stage]) -> Vec<u8> {
    match message {
        Message::Ack { block, .. } => [[0, 4], block.to_be_bytes()].concat(),
        Message::Abort { .. } => b"\0\x05\0\x08User aborted the transfer\0".to_vec(),
        Message::Request { stage, .. } => {
            let Stage { manner, window, .. } = stages[usize::from(stage)];
            let window = if window > 1 { format!("windowsize\0{window}\0") } else { String::new() };
            let size = manner.block_size();
            format!("\0\x01{stage}\0octet\0tsize\x000\0blksize\0{size}\0{window}").into_bytes()
        }
    }
}
