//! How a session sends its unsent blocks.

use super::super::Context;
use super::super::block_source::{DATA_HEADER_LEN, RenderResult};
use super::super::congestion::{Bound, Permit};
use super::super::counters::{Ending, SentData};
use super::super::files::Files;
use super::{Phase, Progress, Session, sanitized};
use crate::effect::Effect;
use crate::log_line::{Line, TftpLine};
use crate::wire::tftp::{error, error_code};
use std::ops::Range;

impl Session {
    /// Sends the unsent blocks that are permitted, if the disk has them. `buffers` are reused for the bytes.
    pub fn flush(
        &mut self,
        phase: Phase,
        permit: Permit,
        bound: &mut Bound,
        buffers: &mut Vec<Vec<u8>>,
        context: &mut Context<'_, impl Files>,
    ) -> Progress {
        let Some(unsent) = self.unsent.take() else { return Progress::Continue };
        self.awaiting_disk_at = None;
        if unsent.start == 0
            && let Some(oack) = &self.oack
        {
            context.effects.push(self.client.send(oack.clone()));
            self.transfer.mark_sent(unsent.end);
            return Progress::Continue;
        }
        let end = match permit {
            Permit::All => unsent.end,
            Permit::OneBlock => unsent.end.min(unsent.start + 1),
            Permit::Hold => {
                self.unsent = Some(unsent);
                return Progress::Continue;
            }
        };
        let progress = self.send_blocks(unsent.start..end, phase, bound, buffers, context);
        if end < unsent.end {
            let next = if self.awaiting_disk_at.is_some() { unsent.start } else { end };
            self.unsent = Some(next..unsent.end);
        }
        progress
    }

    fn send_blocks(
        &mut self,
        blocks: Range<u64>,
        phase: Phase,
        bound: &mut Bound,
        buffers: &mut Vec<Vec<u8>>,
        context: &mut Context<'_, impl Files>,
    ) -> Progress {
        let mut datagrams = buffers.pop().unwrap_or_default();
        datagrams.clear();
        match self.source.render(blocks.clone(), context.files, &mut datagrams) {
            RenderResult::Added(last) => {
                if let Some(block) = last {
                    self.transfer.set_last_block(block);
                }
                self.count_sent(&blocks, datagrams.len());
                self.transfer.mark_sent(blocks.end);
                context.effects.push(self.client.send_batch(datagrams, self.source.segment()));
                self.flight.send(&blocks, bound, context.now);
                self.last_sent = blocks;
                Progress::Continue
            }
            RenderResult::Pending(offset) => {
                self.transfer.mark_disk_wait();
                self.unsent = Some(blocks);
                buffers.push(datagrams);
                self.awaiting_disk_at = Some(offset);
                Progress::Continue
            }
            RenderResult::Failed(reason) => {
                buffers.push(datagrams);
                self.report_unreadable(phase, reason, context.effects);
                Progress::Finished(match phase {
                    Phase::Starting => Ending::Refused,
                    Phase::Running => Ending::Failed,
                })
            }
        }
    }

    /// Counts blocks before they are marked as sent. `len`: the bytes of their datagrams.
    fn count_sent(&mut self, blocks: &Range<u64>, len: usize) {
        let headers = (blocks.end - blocks.start) * DATA_HEADER_LEN as u64;
        self.last_bytes = (len as u64).saturating_sub(headers);
        let first_unsent = self.transfer.next_unsent();
        self.sent += SentData::of(blocks, first_unsent, self.last_bytes, self.source.blksize());
    }

    fn report_unreadable(&self, phase: Phase, reason: String, effects: &mut Vec<Effect>) {
        let line = TftpLine::Unreadable { path: sanitized(&self.path), reason };
        let bytes = error(error_code::UNDEFINED, &line.to_string());
        effects.push(Effect::Log(Line::Tftp(line)));
        effects.push(self.client.send(bytes));
        if phase == Phase::Running {
            effects.push(Effect::Log(Line::Tftp(self.failed())));
        }
    }

    /// Of the blocks that were sent last only the first `sent` fitted into the send buffer. The others are unsent.
    pub fn mark_unsent(&mut self, sent: u64, bound: &mut Bound) {
        let first_unsent = self.last_sent.start + sent;
        let unsent_bytes = self.last_bytes.saturating_sub(sent * self.source.blksize());
        self.sent.take_back(SentData::of(
            &(first_unsent..self.last_sent.end),
            self.transfer.prev_unsent(),
            unsent_bytes,
            self.source.blksize(),
        ));
        self.transfer.mark_partly_sent(first_unsent);
        self.flight.cut(first_unsent, bound);
        let end = self.unsent.as_ref().map_or(self.last_sent.end, |rest| rest.end);
        self.unsent = Some(first_unsent..end);
    }

    /// The session ends: none of its blocks is in flight.
    pub fn leave_network(&mut self, bound: &mut Bound) {
        self.flight.leave(bound);
    }

    /// The bytes from the first unsent block to the end of the file, 0 for the rest of a window. `None`: no block is unsent, or
    /// the session waits for the disk.
    pub fn held_bytes(&self) -> Option<u64> {
        let blocks = self.unsent.as_ref().filter(|_| self.awaiting_disk_at.is_none())?;
        let is_rest = blocks.start > self.transfer.unacknowledged();
        Some(if is_rest { 0 } else { self.source.remaining(blocks.start) })
    }

    /// The index of the interface that received the request.
    pub fn interface(&self) -> u32 {
        self.client.interface
    }
}
