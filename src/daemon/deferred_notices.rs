//! Notices that are logged some seconds after their cause: the client may get its boot file by then, from another reply. The
//! lines of dnsmasq about one boot stay together.

use crate::boot_monitor::event::{ClientEvent, Mac};
use crate::boot_monitor::{ClientKey, Finding};
use crate::time::Timestamp;
use std::time::Duration;

/// Findings that are not logged yet, and when they are.
#[derive(Debug, Default)]
pub struct DeferredNotices(Vec<(Timestamp, Finding)>);

/// A client requests its boot file again with other options within this time, if it does.
const NO_BOOT_FILE_DELAY: Duration = Duration::from_secs(5);
const UNREADABLE_FILE_DELAY: Duration = Duration::from_secs(2);
/// More findings than in a minute are logged.
const MAX_DEFERRED: usize = 256;

impl DeferredNotices {
    /// Returns the finding if it is logged at once.
    pub fn defer(&mut self, finding: Finding, now: Timestamp) -> Option<Finding> {
        let delay = match finding {
            Finding::NoBootFile { .. } => NO_BOOT_FILE_DELAY,
            Finding::FileUnreadable { .. } => UNREADABLE_FILE_DELAY,
            _ => return Some(finding),
        };
        if self.0.len() < MAX_DEFERRED {
            self.0.push((now + delay, finding));
        }
        None
    }

    /// Forgets that a client has no boot file, if this event shows that it has one.
    pub fn observe(&mut self, event: &ClientEvent) {
        if self.0.is_empty() {
            return;
        }
        if let ClientEvent::ReplySent(reply) = event
            && reply.boot_file.is_some()
        {
            self.forget(reply.mac);
        }
    }

    fn forget(&mut self, mac: Mac) {
        let client = ClientKey::Mac(mac);
        let is_of_client = |finding: &Finding| match finding {
            Finding::NoBootFile { client: one, .. } => *one == client,
            _ => false,
        };
        self.0.retain(|(_, finding)| !is_of_client(finding));
    }

    /// When the next one is due.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.0.iter().map(|(due, _)| *due).min()
    }

    /// Removes and returns those that are due, in the order of their causes.
    pub fn take_due(&mut self, now: Timestamp) -> Vec<Finding> {
        self.0.extract_if(.., |(due, _)| *due <= now).map(|(_, finding)| finding).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot_monitor::event::{AnswerKind, ExpectedStep, ReplySent};
    use crate::config::Origin;
    use crate::reason::BootReason;

    const MAC: Mac = [2, 0, 0, 0, 0, 1];

    fn without_file(last: u8) -> Finding {
        let reason = BootReason::NoReply { reason: "it is too short".into() };
        Finding::NoBootFile { client: ClientKey::Mac([2, 0, 0, 0, 0, last]), reason }
    }

    fn replied(boot_file: Option<&[u8]>) -> ClientEvent {
        ClientEvent::ReplySent(ReplySent {
            mac: MAC,
            answer: AnswerKind::Offer,
            ip: None,
            architecture: None,
            is_ipxe: false,
            boot_file: boot_file.map(<[u8]>::to_vec),
            next: ExpectedStep::Unknown,
            line: Origin::default(),
        })
    }

    #[test]
    fn client_that_gets_a_boot_file_within_the_delay_is_not_reported() {
        let mut deferred = DeferredNotices::default();
        for last in [1, 2] {
            assert_eq!(deferred.defer(without_file(last), Timestamp(0)), None);
        }
        deferred.observe(&replied(None));
        assert_eq!(deferred.take_due(Timestamp(4999)), []);
        deferred.observe(&replied(Some(b"a.efi")));
        assert_eq!(deferred.next_deadline(), Some(Timestamp(5000)));
        assert_eq!(deferred.take_due(Timestamp(5000)), [without_file(2)]);
        assert_eq!(deferred.next_deadline(), None);
    }

    #[test]
    fn number_of_deferred_notices_is_limited() {
        let mut deferred = DeferredNotices::default();
        for _ in 0..1000 {
            deferred.defer(without_file(1), Timestamp(0));
        }
        assert_eq!(deferred.take_due(Timestamp(5000)).len(), MAX_DEFERRED);
    }
}
