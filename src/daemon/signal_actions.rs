//! Signals.

use super::{Daemon, ExitReason};
use crate::sys::signals::{SignalAction, reap_children};
use crate::time::Timestamp;

impl Daemon {
    /// Handles all signals that have arrived, each kind once. A signal that ends the daemon comes before a reload, which may
    /// take long.
    pub(super) fn handle_signals(&mut self, now: Timestamp) -> Option<ExitReason> {
        // If another process serves already, the signals are for that one.
        if let Some(reason) = self.read_successor(now) {
            return Some(reason);
        }
        let arrived: Vec<SignalAction> =
            std::iter::from_fn(|| self.process.signals.next()).collect();
        if self.replacement.is_replaced() {
            return self.signals_of_replaced(&arrived);
        }
        self.handle_signal_actions(&arrived, now)
    }

    pub(super) fn handle_signal_actions(
        &mut self,
        arrived: &[SignalAction],
        now: Timestamp,
    ) -> Option<ExitReason> {
        if arrived.contains(&SignalAction::Terminate) {
            self.terminate();
            return Some(ExitReason::Terminated);
        }
        if arrived.contains(&SignalAction::Interrupt) && self.config.process.debug {
            return Some(ExitReason::Interrupted);
        }
        if arrived.contains(&SignalAction::ReapChildren) {
            reap_children();
        }
        if arrived.contains(&SignalAction::LogStatus) {
            self.log_status(now);
        }
        if arrived.contains(&SignalAction::Rotate) {
            self.replacement.reopen_log();
            self.reopen_log();
        }
        if arrived.contains(&SignalAction::Reload) {
            self.request_reload(now);
        }
        None
    }
}
