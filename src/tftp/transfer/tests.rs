//! A transfer in virtual time.

use super::*;

const LOCKSTEP: TransferOptions = TransferOptions {
    window: 1,
    current_timeout: Duration::from_secs(2),
    timeout_negotiated: false,
    oack: false,
    is_port_known: false,
};

/// A transfer whose first blocks were sent.
pub fn start(
    options: TransferOptions,
    last: Option<u64>,
    now: Timestamp,
) -> (Transfer, Range<u64>) {
    let (mut transfer, first) = Transfer::start(options, last, now);
    transfer.mark_sent(first.end);
    (transfer, first)
}

/// Handles an event, and marks the blocks as sent.
pub fn on(transfer: &mut Transfer, event: Event, now: Timestamp) -> Action {
    let action = transfer.on(event, now);
    if let Action::Send(blocks) = &action {
        transfer.mark_sent(blocks.end);
    }
    action
}

fn silence(mut transfer: Transfer) -> (Vec<u64>, Outcome, u64) {
    let mut sent_at = Vec::new();
    loop {
        let now = transfer.deadline();
        match transfer.on(Event::Tick, now) {
            Action::Close(outcome) => return (sent_at, outcome, now.0 / 1000),
            Action::Send(_) => sent_at.push(now.0 / 1000),
            Action::Wait => unreachable!("a deadline is never early"),
        }
    }
}

/// As measured with dnsmasq 2.92.
#[test]
fn silent_client_gets_retransmissions_on_schedule_of_dnsmasq() {
    let (transfer, _) = start(LOCKSTEP, Some(1), Timestamp(0));
    assert_eq!(
        silence(transfer),
        (vec![2, 5, 9, 13, 19, 25, 35, 45, 63, 81, 115], Outcome::Sent, 121)
    );
    // The ACK of a retransmission is no sample, so dnsmasq's schedule continues.
    let (mut transfer, _) = start(LOCKSTEP, Some(9), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Tick, Timestamp(2000)), Action::Send(1..2));
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(2500)), Action::Send(2..3));
    assert_eq!(
        silence(transfer),
        (vec![5, 8, 12, 16, 22, 28, 38, 48, 66, 84, 118], Outcome::TimedOut, 123)
    );
}

/// The times of retransmissions in milliseconds, after the client has acknowledged `answers` blocks, each `after`
/// milliseconds.
fn repeats(options: TransferOptions, answers: u16, after: u64) -> Vec<u64> {
    let (mut transfer, _) = start(options, Some(1000), Timestamp(0));
    let mut now = Timestamp(0);
    for block in 1..=answers {
        now = now + Duration::from_millis(after);
        assert!(matches!(on(&mut transfer, Event::Ack(block), now), Action::Send(_)));
    }
    let mut sent_at = Vec::new();
    loop {
        let due = transfer.deadline();
        match on(&mut transfer, Event::Tick, due) {
            Action::Send(_) => sent_at.push(due.0 - now.0),
            Action::Close(_) => return sent_at,
            Action::Wait => unreachable!("a deadline is never early"),
        }
    }
}

#[test]
fn measured_round_trip_shortens_intervals() {
    let near = repeats(LOCKSTEP, 20, 0);
    assert_eq!(near[..6], [50, 150, 350, 750, 1550, 3150], "doubling from the minimum");
    let far = repeats(LOCKSTEP, 100, 200);
    assert_eq!(far[..2], [250, 750]);
    assert!(near.windows(2).all(|two| two[1] - two[0] <= 34_000), "{near:?}");
}

#[test]
fn negotiated_timeout_is_maximum_interval() {
    let agreed = TransferOptions {
        current_timeout: Duration::from_secs(1),
        timeout_negotiated: true,
        ..LOCKSTEP
    };
    let near = repeats(agreed, 20, 0);
    assert_eq!(near[..7], [50, 150, 350, 750, 1550, 2550, 3550]);
    assert_eq!(
        repeats(TransferOptions { current_timeout: Duration::ZERO, ..agreed }, 20, 0),
        near,
        "0 counts as a second"
    );
}

/// The ACK may have been forged. Its address must not get many datagrams.
#[test]
fn unanswered_window_shrinks_to_one_block() {
    let options = TransferOptions {
        window: 64,
        current_timeout: Duration::from_secs(1),
        timeout_negotiated: true,
        oack: true,
        is_port_known: false,
    };
    let (mut transfer, _) = start(options, Some(1000), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Ack(0), Timestamp(1)), Action::Send(1..65));
    let mut sent = Vec::new();
    loop {
        let due = transfer.deadline();
        match on(&mut transfer, Event::Tick, due) {
            Action::Send(blocks) => sent.push(blocks.end - blocks.start),
            Action::Close(_) => break,
            Action::Wait => unreachable!("a deadline is never early"),
        }
    }
    assert_eq!(sent[..4], [1, 64, 64, 1]);
    assert!(sent.len() < 25, "{} repeats", sent.len());
    let (mut transfer, _) = start(options, Some(1000), Timestamp(0));
    on(&mut transfer, Event::Ack(0), Timestamp(1));
    for _ in 0..5 {
        let due = transfer.deadline();
        assert!(matches!(on(&mut transfer, Event::Tick, due), Action::Send(_)));
    }
    assert_eq!(
        on(&mut transfer, Event::Ack(1), Timestamp(9000)),
        Action::Send(2..66),
        "the client answers again"
    );
}

#[test]
fn duplicate_ack_of_window_retransmits_once() {
    let options = TransferOptions { window: 4, ..LOCKSTEP };
    let (mut transfer, _) = start(options, Some(100), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(10)), Action::Send(2..6));
    assert_eq!(
        on(&mut transfer, Event::Ack(1), Timestamp(20)),
        Action::Send(2..6),
        "block 2 is lost"
    );
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(21)), Action::Wait, "sent for block 4");
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(40)), Action::Wait, "sent for block 5");
    assert_eq!(
        on(&mut transfer, Event::Ack(3), Timestamp(41)),
        Action::Send(6..8),
        "blocks 4 and 5 may be on their way"
    );
    assert_eq!(
        on(&mut transfer, Event::Ack(3), Timestamp(42)),
        Action::Send(4..8),
        "block 4 is lost again"
    );
}

/// A client that was late once acknowledges both copies of a window. If each ACK sent a window, all windows up to the end
/// would be sent twice.
#[test]
fn late_acks_do_not_double_following_windows() {
    let options = TransferOptions { window: 4, ..LOCKSTEP };
    let (mut transfer, _) = start(options, Some(100), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(1)), Action::Send(2..6));
    let late = transfer.deadline();
    assert_eq!(on(&mut transfer, Event::Tick, late), Action::Send(5..6));
    assert_eq!(
        on(&mut transfer, Event::Ack(5), late + Duration::from_millis(10)),
        Action::Send(6..10)
    );
    assert_eq!(
        on(&mut transfer, Event::Ack(5), late + Duration::from_millis(20)),
        Action::Wait,
        "for the second copy"
    );
    assert_eq!(
        on(&mut transfer, Event::Ack(9), late + Duration::from_millis(30)),
        Action::Send(10..14)
    );
    assert_eq!(
        on(&mut transfer, Event::Ack(9), late + Duration::from_millis(40)),
        Action::Send(10..14),
        "this window was sent once"
    );
}

#[test]
fn last_block_that_was_never_sent_times_out() {
    let (mut transfer, _) = start(LOCKSTEP, Some(1), Timestamp(0));
    transfer.mark_disk_wait();
    assert_eq!(silence(transfer).1, Outcome::TimedOut);
}

#[test]
fn duplicate_ack_in_lockstep_sends_nothing() {
    let (mut transfer, _) = start(LOCKSTEP, Some(100), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(10)), Action::Send(2..3));
    assert_eq!(
        on(&mut transfer, Event::Ack(1), Timestamp(60)),
        Action::Wait,
        "Sorcerer's Apprentice"
    );
}

#[test]
fn negotiated_timeout_shifts_schedule() {
    let (transfer, _) = start(
        TransferOptions { current_timeout: Duration::ZERO, ..LOCKSTEP },
        Some(1),
        Timestamp(0),
    );
    assert_eq!(silence(transfer).0[..6], [0, 1, 3, 5, 9, 13]);
    let (transfer, _) = start(
        TransferOptions { current_timeout: Duration::from_secs(255), ..LOCKSTEP },
        Some(9),
        Timestamp(0),
    );
    assert_eq!(silence(transfer), (vec![], Outcome::TimedOut, 121));
}

#[test]
fn ack_inside_window_sends_rest_again() {
    let options = TransferOptions {
        window: 4,
        current_timeout: Duration::from_secs(2),
        timeout_negotiated: false,
        oack: true,
        is_port_known: false,
    };
    let (mut transfer, first) = start(options, Some(10), Timestamp(0));
    assert_eq!(first, 0..1);
    assert_eq!(on(&mut transfer, Event::Ack(0), Timestamp(1)), Action::Send(1..5));
    assert_eq!(on(&mut transfer, Event::Ack(2), Timestamp(2)), Action::Send(3..7));
    assert_eq!(on(&mut transfer, Event::Ack(2), Timestamp(3)), Action::Wait);
    assert_eq!(
        on(&mut transfer, Event::Ack(7), Timestamp(3)),
        Action::Wait,
        "one ahead of the window"
    );
    assert_eq!(on(&mut transfer, Event::Ack(6), Timestamp(4)), Action::Send(7..11));
    assert_eq!(on(&mut transfer, Event::Ack(10), Timestamp(5)), Action::Close(Outcome::Sent));
}

/// Such an ACK belongs to an earlier transfer, or is guessed.
#[test]
fn ack_of_block_never_sent_is_ignored() {
    let options = TransferOptions { window: 4, ..LOCKSTEP };
    let (mut transfer, _) = Transfer::start(options, Some(100), Timestamp(0));
    assert_eq!(transfer.on(Event::Ack(1), Timestamp(1)), Action::Wait, "it waits for the disk");
    transfer.mark_sent(2);
    assert_eq!(transfer.on(Event::Ack(1), Timestamp(2)), Action::Send(2..6));
    assert_eq!(transfer.on(Event::Ack(2), Timestamp(2)), Action::Wait, "block 2 is not sent yet");
    transfer.mark_sent(6);
    transfer.mark_partly_sent(4);
    assert_eq!(
        transfer.on(Event::Ack(4), Timestamp(3)),
        Action::Wait,
        "it did not fit into the send buffer"
    );
    assert_eq!(transfer.on(Event::Ack(3), Timestamp(4)), Action::Send(4..8));
}

#[test]
fn block_number_65535_is_followed_by_0() {
    let (mut transfer, _) = start(LOCKSTEP, Some(70_000), Timestamp(0));
    for block in 1..70_000_u64 {
        let low = u16::try_from(block & 0xffff).unwrap();
        assert_eq!(
            on(&mut transfer, Event::Ack(low), Timestamp(block)),
            Action::Send(block + 1..block + 2)
        );
    }
}

/// All combinations of losses among the first eight datagrams.
#[test]
fn file_arrives_for_every_early_loss() {
    for window in 1..=4 {
        for lost in 0..1_u16 << 8 {
            assert_eq!(
                deliver(window, |nth| nth < 8 && lost >> nth & 1 == 1),
                Outcome::Sent,
                "{window} {lost:b}"
            );
        }
    }
}

/// A client that acknowledges the last block in order at the end of each burst.
fn deliver(window: u64, lost: impl Fn(u32) -> bool) -> Outcome {
    let last = 9;
    let (mut transfer, mut burst) = start(
        TransferOptions {
            window,
            current_timeout: Duration::from_secs(2),
            timeout_negotiated: false,
            oack: true,
            is_port_known: false,
        },
        Some(last),
        Timestamp(0),
    );
    let (mut nth, mut has, mut now) = (0, None, Timestamp(0));
    loop {
        for block in burst {
            if !lost(nth) && block == has.map_or(0, |have: u64| have + 1) {
                has = Some(block);
            }
            nth += 1;
        }
        let acknowledged =
            has.filter(|_| !lost(nth)).map(|have| Event::Ack(u16::try_from(have).unwrap()));
        nth += 1;
        burst = loop {
            let event = acknowledged.filter(|_| now != transfer.deadline()).unwrap_or(Event::Tick);
            match on(&mut transfer, event, now) {
                Action::Send(blocks) => break blocks,
                Action::Close(outcome) => {
                    assert!(
                        has == Some(last) || outcome != Outcome::Sent,
                        "logged as sent and not received"
                    );
                    return outcome;
                }
                Action::Wait => now = transfer.deadline(),
            }
        };
    }
}
