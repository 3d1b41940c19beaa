//! A process that was replaced and has finished its transfers, and that must not end while the server runs, because the program that
//! started it waits for its end. It forwards signals to the server, and ends when the server ends.

use super::link::{Received, receive};
use crate::control::replacement::{Control, MAX_MESSAGE_LEN, Message};
use crate::daemon::ExitReason;
use crate::daemon::sd_notify::SdNotify;
use crate::sys::channel::Channel;
use crate::sys::fds::wait_readable;
use crate::sys::signals::{SignalAction, Signals, reap_children};

/// What is left of the process.
pub struct Waiting {
    link: Channel,
    signals: Signals,
    manager: Option<SdNotify>,
}

impl Waiting {
    /// `link`: the connection to the process that has replaced this one.
    pub fn new(link: Channel, signals: Signals, manager: Option<SdNotify>) -> Self {
        Self { link, signals, manager }
    }

    /// Waits until the server has ended; the reason to end.
    pub fn run(self) -> ExitReason {
        let mut buffer = vec![0; MAX_MESSAGE_LEN];
        loop {
            let (signal, message) = wait_readable(&self.signals, Some(&self.link));
            if signal {
                std::iter::from_fn(|| self.signals.next()).for_each(|action| self.forward(action));
            }
            if message && let Some(reason) = ended(&self.link, &mut buffer) {
                return reason;
            }
        }
    }

    fn forward(&self, action: SignalAction) {
        if action == SignalAction::ReapChildren {
            return reap_children();
        }
        forward_signal(&self.link, action);
        // With Type=notify-reload systemd waits for these messages.
        if let Some(manager) = self.manager.as_ref().filter(|_| action == SignalAction::Reload) {
            manager.reloading();
            manager.ready();
        }
    }
}

/// Passes a signal to the server.
pub(super) fn forward_signal(link: &Channel, action: SignalAction) {
    if let Some(name) = action.name() {
        let message = Message::Control(Control::Signal { name: name.to_owned() });
        // If the server has ended, the next read reports it.
        let _ = link.send(&message.encode());
    }
}

/// The reason to end, if the server has ended.
fn ended(link: &Channel, buffer: &mut [u8]) -> Option<ExitReason> {
    match receive(link, buffer) {
        Received::Control(Control::Ended { code }, _) => Some(ExitReason::ServerEnded(code)),
        Received::Closed => Some(ExitReason::HelperEnded),
        Received::Control(..) | Received::Datagram(_) | Received::Other | Received::Nothing => None,
    }
}
