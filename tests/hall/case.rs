//! The parameters of one run.

use super::manner::Manner;

/// Nanoseconds since the start of the run.
pub type Nanos = u64;

pub const MICROSECOND: Nanos = 1_000;
pub const MILLISECOND: Nanos = 1_000_000;
pub const SECOND: Nanos = 1_000_000_000;

/// A hall of machines, a server, and the network between them.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub machines: u32,
    /// The machines start within this time.
    pub spread: Nanos,
    /// The files that each machine loads, one after the other.
    pub stages: Vec<Stage>,
    /// The link that all machines share.
    pub link: LinkSpec,
    /// The link of some machines that have a slower one behind it.
    pub slow: Option<SlowLinks>,
    /// Datagrams that are lost without a full buffer, in each direction, of one million.
    pub loss_ppm: usize,
    /// The time that a machine needs for one datagram.
    pub client_time: Nanos,
    pub processor: Processor,
    /// Whether the server controls congestion.
    pub control: bool,
    pub seed: u64,
    /// The run ends here, whether all machines are up or not.
    pub limit: Nanos,
}

/// A file, and how it is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    pub manner: Manner,
    pub bytes: u64,
    /// Blocks of a window; 1: no window is asked for.
    pub window: u16,
}

/// A link with a drop-tail buffer in front of it.
#[derive(Clone, Copy, Debug)]
pub struct LinkSpec {
    pub mbit: u64,
    pub buffer: u64,
    /// One way.
    pub delay: Nanos,
}

/// The first `machines` machines are behind a link of their own each.
#[derive(Clone, Copy, Debug)]
pub struct SlowLinks {
    pub machines: u32,
    pub link: LinkSpec,
}

/// The times of the server's processor.
#[derive(Clone, Copy, Debug)]
pub struct Processor {
    /// To poll.
    pub turn: Nanos,
    /// To receive one datagram, or the first of several.
    pub receive: Nanos,
    /// To receive each further datagram.
    pub receive_more: Nanos,
    /// To send one datagram, or the first of a batch.
    pub send: Nanos,
    /// To send each further datagram of a batch.
    pub send_more: Nanos,
    /// To open a socket and a file.
    pub open: Nanos,
}

impl Processor {
    /// The virtual machine of the measurements in `docs/scaling.md`: 13 us for each block in lockstep, and a third of that
    /// in windows of four.
    pub fn measured() -> Self {
        Self {
            turn: MICROSECOND / 2,
            receive: 4 * MICROSECOND,
            receive_more: MICROSECOND,
            send: 8_500,
            send_more: 1_500,
            open: 30 * MICROSECOND,
        }
    }

    /// A processor that is `times` as fast.
    pub fn faster(self, times: u64) -> Self {
        let Self { turn, receive, receive_more, send, send_more, open } = self;
        Self {
            turn: turn / times,
            receive: receive / times,
            receive_more: receive_more / times,
            send: send / times,
            send_more: send_more / times,
            open: open / times,
        }
    }
}

impl Case {
    /// Machines that load a loader of 1 MB and a kernel with windows of this size, without random loss.
    pub fn new(machines: u32, window: u16, mbit: u64, buffer: u64) -> Self {
        let loader = Stage { manner: Manner::Edk2, bytes: 1 << 20, window };
        let manner = if window == 1 { Manner::Pxelinux } else { Manner::Edk2 };
        let kernel = Stage { manner, bytes: 1 << 20, window };
        Self {
            name: String::new(),
            machines,
            spread: 100 * MILLISECOND,
            stages: vec![loader, kernel],
            link: LinkSpec { mbit, buffer, delay: 50 * MICROSECOND },
            slow: None,
            loss_ppm: 0,
            client_time: 20 * MICROSECOND,
            processor: Processor::measured().faster(4),
            control: true,
            seed: 1,
            limit: 600 * SECOND,
        }
    }

    /// The same without congestion control.
    pub fn uncontrolled(&self) -> Self {
        Self { control: false, ..self.clone() }
    }
}
