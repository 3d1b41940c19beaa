//! A capture on all interfaces has a datagram that crosses a bridge several times: they are not retransmissions.

use super::Datagram;
use super::blocks::Frame;
use pcap_parser::Linktype;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// The datagrams of the last [`WINDOW`].
#[derive(Default)]
pub struct Repetitions {
    recent: VecDeque<Seen>,
}

struct Seen {
    time: Duration,
    content: u64,
    link: u64,
}

/// A datagram crosses a bridge in microseconds; retransmissions come after tenths of a second.
const WINDOW: Duration = Duration::from_millis(5);
/// Limits the comparisons for each datagram.
const MAX_RECENT: usize = 64;

impl Repetitions {
    /// Whether the same datagram was captured on another interface just before; otherwise it is stored.
    pub fn contains(&mut self, frame: &Frame<'_>, datagram: &Datagram<'_>) -> bool {
        let Some(time) = frame.time else { return false };
        let is_old = |seen: &Seen| time.abs_diff(seen.time) > WINDOW;
        while self.recent.len() >= MAX_RECENT || self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
        let content = hash(&(datagram.from, datagram.to, datagram.len, datagram.bytes));
        let link = hash(&(frame.interface, link_header(frame)));
        let is_repeated =
            self.recent.iter().any(|seen| seen.content == content && seen.link != link);
        if !is_repeated {
            self.recent.push_back(Seen { time, content, link });
        }
        is_repeated
    }
}

/// The part of a Linux cooked header that names the interface, or at least the direction.
fn link_header<'b>(frame: &Frame<'b>) -> Option<&'b [u8]> {
    match frame.link_type {
        Linktype::LINUX_SLL => frame.bytes.get(..2),
        Linktype::LINUX_SLL2 => frame.bytes.get(4..8),
        _ => None,
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn datagram_on_another_interface_just_after_is_a_repetition() {
    let mut repetitions = Repetitions::default();
    let mut contains = |millis, interface, bytes: &[u8]| {
        let time = Some(Duration::from_millis(millis));
        let frame = Frame { interface, link_type: Linktype::ETHERNET, time, bytes: &[] };
        let address = ([10, 0, 0, 1], 69).into();
        let len = bytes.len();
        repetitions.contains(&frame, &Datagram { time, from: address, to: address, bytes, len })
    };
    assert!(!contains(0, 0, b"a"), "the first one");
    assert!(contains(1, 1, b"a"), "another interface");
    assert!(!contains(1, 1, b"b"), "other contents");
    assert!(!contains(2, 0, b"a"), "a retransmission on the same interface");
    assert!(!contains(100, 1, b"a"), "later");
}
