//! What a transfer does, in virtual time.

use super::*;

const LOCKSTEP: TransferOptions = TransferOptions {
    window: 1,
    current_timeout: Duration::from_secs(2),
    timeout_negotiated: false,
    oack: false,
};

/// A transfer whose first block was sent.
fn start(terms: TransferOptions, last: Option<u64>, now: Timestamp) -> (Transfer, Range<u64>) {
    let (mut transfer, first) = Transfer::start(terms, last, now);
    transfer.mark_sent(first.end);
    (transfer, first)
}

/// What an event asks for, which is done.
fn on(transfer: &mut Transfer, event: Event, now: Timestamp) -> Action {
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

/// As measured of 2.92.
#[test]
fn silence_follows_the_schedule() {
    let (transfer, _) = start(LOCKSTEP, Some(1), Timestamp(0));
    assert_eq!(
        silence(transfer),
        (vec![2, 5, 9, 13, 19, 25, 35, 45, 63, 81, 115], Outcome::Sent, 121)
    );
    // The answer to a repeat is no measure of the client, and so dnsmasq's schedule goes on.
    let (mut transfer, _) = start(LOCKSTEP, Some(9), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Tick, Timestamp(2000)), Action::Send(1..2));
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(2500)), Action::Send(2..3));
    assert_eq!(
        silence(transfer),
        (vec![5, 8, 12, 16, 22, 28, 38, 48, 66, 84, 118], Outcome::TimedOut, 123)
    );
}

/// Milliseconds at which a client is written to that answered so many times after so long, and then never more.
fn repeats(terms: TransferOptions, answers: u16, after: u64) -> Vec<u64> {
    let (mut transfer, _) = start(terms, Some(1000), Timestamp(0));
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
fn a_client_that_was_timed_is_written_to_sooner() {
    let near = repeats(LOCKSTEP, 20, 0);
    assert_eq!(near[..6], [50, 150, 350, 750, 1550, 3150], "doubling from the shortest");
    let far = repeats(LOCKSTEP, 100, 200);
    assert_eq!(far[..2], [250, 750]);
    assert!(near.windows(2).all(|two| two[1] - two[0] <= 34_000), "{near:?}");
}

#[test]
fn an_agreed_timeout_is_the_longest_pause() {
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
        "none means a second"
    );
}

/// Who has acknowledged something may have been a forger, and whoever he was in the name of has nothing to gain from it.
#[test]
fn a_window_that_nobody_answers_becomes_one_block() {
    let terms = TransferOptions {
        window: 64,
        current_timeout: Duration::from_secs(1),
        timeout_negotiated: true,
        oack: true,
    };
    let (mut transfer, _) = start(terms, Some(1000), Timestamp(0));
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
    assert_eq!(sent[..4], [64, 64, 1, 1]);
    assert!(sent.len() < 25, "{} repeats", sent.len());
    let (mut transfer, _) = start(terms, Some(1000), Timestamp(0));
    on(&mut transfer, Event::Ack(0), Timestamp(1));
    for _ in 0..5 {
        let due = transfer.deadline();
        assert!(matches!(on(&mut transfer, Event::Tick, due), Action::Send(_)));
    }
    assert_eq!(
        on(&mut transfer, Event::Ack(1), Timestamp(9000)),
        Action::Send(2..66),
        "it is there again"
    );
}

#[test]
fn a_lost_first_block_is_sent_again_once() {
    let terms = TransferOptions { window: 4, ..LOCKSTEP };
    let (mut transfer, _) = start(terms, Some(100), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(10)), Action::Send(2..6));
    assert_eq!(
        on(&mut transfer, Event::Ack(1), Timestamp(20)),
        Action::Send(2..6),
        "block 2 is lost"
    );
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(21)), Action::Wait, "said for block 4");
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(40)), Action::Wait, "said for block 5");
    assert_eq!(on(&mut transfer, Event::Ack(3), Timestamp(41)), Action::Send(4..8));
    assert_eq!(
        on(&mut transfer, Event::Ack(3), Timestamp(42)),
        Action::Wait,
        "what follows the gap"
    );
}

/// A client that was late once acknowledges both copies of a window. If each were an answer, all windows to the end would
/// go out twice.
#[test]
fn a_late_client_does_not_double_what_follows() {
    let terms = TransferOptions { window: 4, ..LOCKSTEP };
    let (mut transfer, _) = start(terms, Some(100), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(1)), Action::Send(2..6));
    let late = transfer.deadline();
    assert_eq!(on(&mut transfer, Event::Tick, late), Action::Send(2..6));
    assert_eq!(
        on(&mut transfer, Event::Ack(5), late + Duration::from_millis(10)),
        Action::Send(6..10)
    );
    assert_eq!(
        on(&mut transfer, Event::Ack(5), late + Duration::from_millis(20)),
        Action::Wait,
        "to the second copy"
    );
    assert_eq!(
        on(&mut transfer, Event::Ack(9), late + Duration::from_millis(30)),
        Action::Send(10..14)
    );
    assert_eq!(
        on(&mut transfer, Event::Ack(9), late + Duration::from_millis(40)),
        Action::Send(10..14),
        "all is clear again"
    );
}

#[test]
fn what_was_never_sent_was_not_received() {
    let (mut transfer, _) = start(LOCKSTEP, Some(1), Timestamp(0));
    transfer.mark_disk_wait();
    assert_eq!(silence(transfer).1, Outcome::TimedOut);
}

#[test]
fn a_repeated_acknowledgement_changes_nothing_in_lockstep() {
    let (mut transfer, _) = start(LOCKSTEP, Some(100), Timestamp(0));
    assert_eq!(on(&mut transfer, Event::Ack(1), Timestamp(10)), Action::Send(2..3));
    assert_eq!(
        on(&mut transfer, Event::Ack(1), Timestamp(60)),
        Action::Wait,
        "Sorcerer's Apprentice"
    );
}

#[test]
fn an_agreed_timeout_shifts_the_schedule() {
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
fn an_acknowledgement_inside_the_window_rewinds() {
    let terms = TransferOptions {
        window: 4,
        current_timeout: Duration::from_secs(2),
        timeout_negotiated: false,
        oack: true,
    };
    let (mut transfer, first) = start(terms, Some(10), Timestamp(0));
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

/// It comes from an earlier transfer, or from somebody who guesses.
#[test]
fn what_was_never_sent_cannot_be_acknowledged() {
    let terms = TransferOptions { window: 4, ..LOCKSTEP };
    let (mut transfer, _) = Transfer::start(terms, Some(100), Timestamp(0));
    assert_eq!(transfer.on(Event::Ack(1), Timestamp(1)), Action::Wait, "it waits for the disk");
    transfer.mark_sent(2);
    assert_eq!(transfer.on(Event::Ack(1), Timestamp(2)), Action::Send(2..6));
    assert_eq!(transfer.on(Event::Ack(2), Timestamp(2)), Action::Wait, "nor in the same breath");
    transfer.mark_sent(6);
    transfer.mark_partly_sent(4);
    assert_eq!(transfer.on(Event::Ack(4), Timestamp(3)), Action::Wait, "there was no room for it");
    assert_eq!(transfer.on(Event::Ack(3), Timestamp(4)), Action::Send(4..8));
}

#[test]
fn block_numbers_roll_over_to_zero() {
    let (mut transfer, _) = start(LOCKSTEP, Some(70_000), Timestamp(0));
    for block in 1..70_000_u64 {
        let low = u16::try_from(block & 0xffff).unwrap();
        assert_eq!(
            on(&mut transfer, Event::Ack(low), Timestamp(block)),
            Action::Send(block + 1..block + 2)
        );
    }
}

/// Whatever is lost of the first eight datagrams, the file arrives.
#[test]
fn any_early_loss_is_repaired() {
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

/// Plays a client that acknowledges what it has in order at the end of each burst.
fn deliver(window: u64, lost: impl Fn(u32) -> bool) -> Outcome {
    let last = 9;
    let (mut transfer, mut burst) = start(
        TransferOptions {
            window,
            current_timeout: Duration::from_secs(2),
            timeout_negotiated: false,
            oack: true,
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
                        "sent, and not received"
                    );
                    return outcome;
                }
                Action::Wait => now = transfer.deadline(),
            }
        };
    }
}
