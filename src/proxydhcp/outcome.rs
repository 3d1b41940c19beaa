//! What requests have led to, counted.

use super::{Decision, DropReason, Evaluated, ReplyKind, message};
use crate::boot_monitor::event::AnswerKind;
use crate::log_line::DropKind;

/// What a request has led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A reply is sent.
    Answered(AnswerKind),
    /// No reply is sent.
    Dropped(DropKind),
}

/// The outcomes of all requests, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Offers.
    pub offers: u64,
    /// Answers to requests on port 4011, and to choices from the menu.
    pub pxe_answers: u64,
    drops: [u64; DropKind::COUNT],
}

impl Outcome {
    /// The outcome of a request. A client of `dhcp-ignore` gets no reply, although one is made and logged.
    pub fn of(result: &Result<Evaluated<'_>, DropReason>) -> Self {
        let reason = match result {
            Ok(Evaluated { decision: Decision::Drop(reason), .. }) | Err(reason) => reason,
            Ok(Evaluated { decision: Decision::Reply(reply), .. }) => {
                return match reply.kind {
                    ReplyKind::Ignored => Self::Dropped(DropKind::Ignored),
                    _ => Self::Answered(answer_kind(reply.message_type)),
                };
            }
        };
        Self::Dropped(reason.kind())
    }
}

/// The kind of a reply with this message type.
pub fn answer_kind(message_type: u8) -> AnswerKind {
    if message_type == message::OFFER { AnswerKind::Offer } else { AnswerKind::Pxe }
}

impl Counters {
    /// Counts a request.
    pub fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answered(AnswerKind::Offer) => self.offers += 1,
            Outcome::Answered(AnswerKind::Pxe) => self.pxe_answers += 1,
            Outcome::Dropped(kind) => self.drops[kind.index()] += 1,
        }
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        self.offers + self.pxe_answers + self.drops.iter().sum::<u64>()
    }

    /// The reasons for which requests were dropped, and the number of requests.
    pub fn drops(&self) -> impl Iterator<Item = (DropKind, u64)> {
        DropKind::all().map(|kind| (kind, self.drops[kind.index()])).filter(|(_, count)| *count > 0)
    }
}
