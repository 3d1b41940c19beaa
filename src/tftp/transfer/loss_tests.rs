//! Which blocks are sent again when datagrams are lost.

use super::lossy_network::{Count, Manner, Packet, Setup, transfer};
use super::tests::{on, start};
use super::*;

const WINDOWS: [u64; 3] = [4, 16, 64];
/// The loss of datagrams, in each direction, per 10,000.
const LOSSES: [u64; 4] = [50, 100, 300, 500];

/// The sum over many transfers.
fn sum(setup: Setup) -> Count {
    (1..=20).map(|seed| transfer(Setup { seed, ..setup }, &[])).fold(
        Count::default(),
        |sum, count| Count {
            millis: sum.millis + count.millis,
            lost: sum.lost + count.lost,
            repeated: sum.repeated + count.repeated,
            sent: sum.sent + count.sent,
        },
    )
}

/// Delays of datagrams and times that blocks wait until they are sent, in milliseconds.
const DELAYS: [(u64, u64); 3] = [(0, 0), (5, 0), (1, 20)];

/// If each ACK inside a window sent the rest of the window again, it would be 12 with windows of 4, and 9 with windows of 16.
#[test]
fn edk2_client_gets_one_repeated_block_per_lost_datagram() {
    for window in WINDOWS {
        for loss in LOSSES {
            for (delay, hold) in DELAYS {
                let setup = Setup { window, loss, delay, hold, ..Setup::EDK2 };
                let count = sum(setup);
                assert!(count.repeated <= count.lost, "{setup:?} {count:?}");
            }
        }
    }
}

#[test]
fn lockstep_client_gets_one_repeated_block_per_lost_datagram() {
    for loss in LOSSES {
        for (delay, hold) in DELAYS {
            let count = sum(Setup { window: 1, loss, delay, hold, ..Setup::EDK2 });
            assert!(count.repeated <= count.lost, "{count:?}");
        }
    }
}

/// The OACK and its ACK have no measured round trip: each loss takes 2 seconds or more.
#[test]
fn lost_datagram_delays_edk2_client_by_one_timeout() {
    for window in WINDOWS {
        for loss in LOSSES {
            let count = sum(Setup { window, loss, ..Setup::EDK2 });
            let oack = 20 * 2 * 2500 * loss / 10_000;
            assert!(count.millis <= 60 * count.lost + 2 * oack, "{window} {loss} {count:?}");
        }
    }
}

#[test]
fn file_arrives_whatever_client_answers_to_unexpected_blocks() {
    let manners =
        [Manner::AnswerEach, Manner::AnswerOnce, Manner::IgnoreAhead, Manner::AckEachBlock];
    for manner in manners {
        for window in [1, 4, 16, 64] {
            for last in [1, window, window + 1, 100] {
                for (delay, hold) in DELAYS {
                    let setup =
                        Setup { manner, window, last, loss: 500, delay, hold, ..Setup::EDK2 };
                    let count = sum(setup);
                    assert!(count.millis / 20 < 6000, "{setup:?} {count:?}");
                }
            }
        }
    }
}

#[test]
fn each_block_is_sent_once_if_nothing_is_lost() {
    for manner in [Manner::AnswerEach, Manner::AnswerOnce, Manner::IgnoreAhead] {
        for window in [1, 4, 16, 64] {
            for (delay, hold) in DELAYS {
                let count = transfer(Setup { manner, window, delay, hold, ..Setup::EDK2 }, &[]);
                assert_eq!(count.sent, Setup::EDK2.last + 1, "{manner:?} {window}");
            }
        }
    }
}

/// If each ACK sent a window, it would be 4 and 16 times.
#[test]
fn client_that_acknowledges_each_block_gets_file_twice_at_most() {
    for window in WINDOWS {
        let setup = Setup { manner: Manner::AckEachBlock, window, ..Setup::EDK2 };
        let count = transfer(setup, &[]);
        assert!(count.sent <= 2 * setup.last + 1, "{setup:?} {count:?}");
    }
}

/// A block that arrives too late looks like a lost one.
#[test]
fn block_out_of_order_causes_one_window_again() {
    for window in [4, 16] {
        let setup = Setup { window, reorder: 100, ..Setup::EDK2 };
        let count = sum(setup);
        let late = 20 * setup.last / 100;
        assert!(count.repeated <= late * window, "{setup:?} {count:?}");
    }
}

#[test]
fn file_of_more_than_65535_blocks_arrives_despite_losses() {
    for window in [4, 64] {
        let count = transfer(Setup { window, last: 66_000, loss: 100, ..Setup::EDK2 }, &[]);
        assert!(count.repeated <= count.lost, "{count:?}");
    }
}

const TWELVE: Setup = Setup { last: 12, ..Setup::EDK2 };

/// The repeated blocks and the milliseconds of a transfer of twelve blocks.
fn after(losses: &[(Packet, usize)]) -> (u64, u64) {
    let count = transfer(TWELVE, losses);
    assert_eq!(count.lost, u64::try_from(losses.len()).unwrap(), "{losses:?}");
    (count.repeated, count.millis)
}

/// A block that ends a window is missed only when the timer ends. The others are reported by the client.
#[test]
fn lost_block_at_each_position_repeats_nothing() {
    for block in 1..=12 {
        let millis = if block % 4 == 0 { 50 } else { 0 };
        assert_eq!(after(&[(Packet::Data(block), 0)]), (0, millis), "{block}");
    }
}

#[test]
fn lost_ack_of_window_repeats_its_last_block() {
    for block in [4, 8, 12] {
        assert_eq!(after(&[(Packet::Ack(block), 0)]), (1, 50), "{block}");
    }
}

#[test]
fn lost_oack_or_its_ack_repeats_no_block() {
    assert_eq!(after(&[(Packet::Data(0), 0)]), (0, 2000));
    assert_eq!(after(&[(Packet::Ack(0), 0)]), (0, 2000));
}

#[test]
fn two_lost_datagrams_repeat_four_blocks_at_most() {
    let packets = || (1..=12).map(Packet::Data).chain([4, 8, 12].map(Packet::Ack));
    for first in packets() {
        for second in packets().filter(|second| *second != first) {
            let losses = [(first, 0), (second, 0)];
            let count = transfer(TWELVE, &losses);
            assert!(count.repeated <= 4 && count.millis <= 150, "{losses:?} {count:?}");
        }
    }
}

#[test]
fn block_lost_twice_repeats_one_window_at_most() {
    for block in 1..=12 {
        let losses = [(Packet::Data(block), 0), (Packet::Data(block), 1)];
        let count = transfer(TWELVE, &losses);
        assert!(count.repeated <= 4 && count.millis <= 150, "{losses:?} {count:?}");
    }
}

const WINDOW_OF_4: TransferOptions = TransferOptions {
    window: 4,
    current_timeout: Duration::from_secs(2),
    timeout_negotiated: false,
    oack: true,
    is_port_known: false,
};

#[test]
fn blocks_held_back_are_sent_when_timer_ends() {
    let (mut transfer, _) = start(WINDOW_OF_4, Some(100), Timestamp(0));
    assert_eq!(transfer.on(Event::Ack(0), Timestamp(1)), Action::Send(1..5));
    let due = transfer.deadline();
    assert_eq!(on(&mut transfer, Event::Tick, due), Action::Send(1..5), "not the last");
    transfer.mark_partly_sent(3);
    assert_eq!(transfer.on(Event::Ack(2), Timestamp(60)), Action::Send(3..7));
}

/// The client is slow, and nothing was lost. Else each window would have a probe.
#[test]
fn early_probe_lengthens_timeout() {
    let (mut transfer, _) = start(WINDOW_OF_4, Some(1000), Timestamp(0));
    let (mut now, mut probes, round_trip) = (Timestamp(1), 0, Duration::from_millis(300));
    on(&mut transfer, Event::Ack(0), now);
    for window in 1..=50 {
        let answered = now + round_trip;
        let mut copies = 1;
        while transfer.deadline() < answered {
            let due = transfer.deadline();
            assert!(matches!(on(&mut transfer, Event::Tick, due), Action::Send(_)));
            copies += 1;
        }
        probes += copies - 1;
        now = answered;
        for copy in 0..copies {
            let action = on(&mut transfer, Event::Ack(4 * window), now);
            assert_eq!(action == Action::Wait, copy > 0, "window {window}, copy {copy}");
        }
    }
    assert!(probes < 10, "{probes}");
}

/// Such a stream may be forged.
#[test]
fn repeated_acks_without_progress_send_three_windows_at_most() {
    let options = TransferOptions { window: 64, ..WINDOW_OF_4 };
    let (mut transfer, _) = start(options, Some(1000), Timestamp(0));
    on(&mut transfer, Event::Ack(0), Timestamp(0));
    let sent =
        (0..10_000).filter(|_| on(&mut transfer, Event::Ack(0), Timestamp(1)) != Action::Wait);
    assert_eq!(sent.count(), 2);
    let due = transfer.deadline();
    on(&mut transfer, Event::Tick, due);
    let sent = (0..10_000).filter(|_| on(&mut transfer, Event::Ack(0), due) != Action::Wait);
    assert_eq!(sent.count(), 1, "once for each timeout");
}
