//! `--replace`: the process that replaces this one, and those that this one has replaced (`crate::control::replacement`).
//!
//! ```text
//! Serving ─ request ─► Offered ─ Prepared ─► Stopped ─ Serving ─► Replaced: finishes its transfers, and ends
//!    ▲                    │                     │
//!    └── connection closed ┴─────────────────────┘
//! ```

mod earlier;
mod link;
mod offer;
mod successor;
mod waiting;

pub use self::earlier::EarlierProcess;

use self::waiting::Waiting;
use super::ExitReason;
use super::sd_notify::SdNotify;
use super::startup::fork_status::ForkStatus;
use crate::control::replacement::{Control, HandOver, Message};
use crate::status::Counters;
use crate::sys::channel::Channel;
use crate::sys::signals::Signals;
use crate::time::Timestamp;
use std::time::Duration;

/// The processes before and after this one.
#[derive(Default)]
pub struct Replacement {
    /// The process that replaces this one.
    successor: Option<Successor>,
    /// Processes that were replaced, and that still run. The index of one does not change.
    earlier: Vec<Option<EarlierProcess>>,
    /// What those have counted that have ended.
    pub counters: Counters,
    /// The control group of this process, if a service manager has started it.
    cgroup: Option<String>,
    /// The program that started this process waits for its end.
    is_watched: bool,
    has_replaced: bool,
    /// The process that was started, while it may write the pid file.
    starter: Option<ForkStatus>,
}

/// The process that replaces this one.
struct Successor {
    link: Channel,
    /// Its process id, as soon as it is known.
    pid: u32,
    version: String,
    stage: Stage,
    /// When the stage began.
    since: Timestamp,
    /// Whether this process waits for the end of the server when its transfers have ended.
    waits: bool,
}

/// How far a replacement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The other process prepares itself. This one serves.
    Offered,
    /// The sockets for requests are not read, because the other process will read them.
    Stopped,
    /// The other process serves.
    Replaced,
}

impl Stage {
    /// The time for the next message of the other process.
    fn time_limit(self) -> Option<Duration> {
        match self {
            Self::Offered => Some(MAX_PREPARING_TIME),
            Self::Stopped => Some(MAX_TAKING_OVER_TIME),
            Self::Replaced => None,
        }
    }
}

/// A process that hangs must not prevent that another one replaces this one.
const MAX_PREPARING_TIME: Duration = Duration::from_secs(60);
/// Meanwhile no request is answered. The other process only has to send a message.
const MAX_TAKING_OVER_TIME: Duration = Duration::from_secs(2);

/// After this time transfers that have not ended are ended.
const MAX_FINISHING_TIME: Duration = Duration::from_secs(15 * 60);
/// A process that was replaced does not end before: by then the service manager has read the message about the new one, or the
/// pid file.
const MIN_FINISHING_TIME: Duration = Duration::from_secs(5);
/// The same, if it has added neighbour entries for machines that boot: they are removed at its end.
const MIN_TIME_WITH_NEIGHBOURS: Duration = Duration::from_secs(5 * 60);
/// Processes that were replaced and still run.
const MAX_EARLIER: usize = 100;

impl Replacement {
    /// Of a process that has not replaced another one. `cgroup`: the control group, if a service manager has started this
    /// process. `is_watched`: the program that started this process waits for its end.
    pub fn first(cgroup: Option<String>, is_watched: bool) -> Self {
        Self { cgroup, is_watched, ..Self::default() }
    }

    /// Of a process that replaces another one, which is the last of `earlier`.
    pub fn after(earlier: Vec<EarlierProcess>, cgroup: Option<String>) -> Self {
        let earlier = earlier.into_iter().map(Some).collect();
        Self { earlier, cgroup, has_replaced: true, ..Self::default() }
    }

    /// This process serves now: what it has to know of those before it.
    pub fn begin(&mut self, from: HandOver) {
        self.counters = from.earlier_counters;
        for process in self.earlier.iter_mut().flatten() {
            process.is_finished = from.finished.contains(&process.pid);
        }
    }

    /// What the process that replaces this one has to know.
    fn hand_over(&self) -> HandOver {
        let finished = self.earlier.iter().flatten().filter(|process| process.is_finished);
        HandOver {
            earlier_counters: self.counters.clone(),
            finished: finished.map(|process| process.pid).collect(),
        }
    }

    /// The process that was started waits for this one.
    pub fn set_starter(&mut self, starter: Option<ForkStatus>) {
        self.starter = starter;
    }

    /// Whether the process that was started may still write the pid file.
    fn is_starting(&mut self) -> bool {
        self.starter.take_if(|starter| !starter.is_awaited());
        self.starter.is_some()
    }

    /// The connection to the server that this process replaces.
    pub fn server(&self) -> Option<&Channel> {
        self.earlier.last()?.as_ref().map(|process| &process.link)
    }

    /// Whether this process has replaced another one.
    pub fn has_replaced(&self) -> bool {
        self.has_replaced
    }

    /// Reports that the transfers of this process have ended, with what it has counted. Then it ends, or waits for the end of the
    /// server.
    pub fn leave(
        self,
        counters: Counters,
        signals: Signals,
        manager: Option<SdNotify>,
    ) -> ExitReason {
        let Some(successor) = self.successor else { return ExitReason::Replaced };
        let finished = Control::Finished { counters: Box::new(counters) };
        // A server that has ended needs no counters.
        let _ = successor.link.send(&Message::Control(finished).encode());
        if successor.waits {
            return Waiting::new(successor.link, signals, manager).run();
        }
        ExitReason::Replaced
    }

    /// Whether requests are read.
    pub fn reads_requests(&self) -> bool {
        self.successor.as_ref().is_none_or(|successor| successor.stage == Stage::Offered)
    }

    /// Whether another process serves.
    pub fn is_replaced(&self) -> bool {
        self.replaced_at().is_some()
    }

    /// When the process that replaces this one has to have sent its next message.
    fn successor_deadline(&self) -> Option<Timestamp> {
        let Successor { stage, since, .. } = self.successor.as_ref()?;
        Some(*since + stage.time_limit()?)
    }

    fn replaced_at(&self) -> Option<Timestamp> {
        let Successor { stage, since, .. } = self.successor.as_ref()?;
        (*stage == Stage::Replaced).then_some(*since)
    }

    /// When to look again whether this process can end, or whether the one that replaces it hangs.
    pub fn deadline(&self, now: Timestamp) -> Option<Timestamp> {
        if let Some(limit) = self.successor_deadline() {
            return Some(limit);
        }
        let at = self.replaced_at()?;
        let ends = [MIN_FINISHING_TIME, MIN_TIME_WITH_NEIGHBOURS, MAX_FINISHING_TIME]
            .map(|time| at + time);
        ends.into_iter().find(|end| *end > now)
    }
}
