//! Stages, reasons and limits in words.

use super::clean::clean;
use super::units::{bytes, duration};
use crate::log_line::DropKind;
use crate::status::{Limit, Machine, Stage, Transfer};
use std::fmt::{self, Display};

/// Transfers of a machine that are listed, at most.
const LISTED_TRANSFERS: usize = 3;
/// A limit is nearly reached if more than this part of it is used, in per cent.
const NEARLY_REACHED: u64 = 80;

/// What a machine does: `loads /srv/tftp/initrd.img, 40 % of 95.0 MB at 9.0 MB/s`.
pub fn stage(machine: &Machine) -> String {
    let ago = duration(machine.idle_ms);
    let file = || machine.last_file.as_deref().map_or_else(|| "a file".to_owned(), clean);
    match machine.stage {
        Stage::Loading | Stage::WaitsForDisk => transfers(machine).unwrap_or_else(|| {
            let verb = if machine.stage == Stage::Loading { "loads" } else { "waits for a disk:" };
            format!("{verb} {}", file())
        }),
        Stage::Offered => format!("offered {ago} ago"),
        Stage::Asked4011 => format!("asked on 4011 {ago} ago"),
        Stage::WaitsForSlot => format!("waits for a free slot (tftp-max): {}", file()),
        Stage::Loaded => format!("loaded {} {ago} ago", file()),
        Stage::Failed => format!("did not get all of {} {ago} ago", file()),
        Stage::Refused => format!("was refused {} {ago} ago", file()),
        Stage::Unknown => format!("seen {ago} ago"),
    }
}

/// `None`: there are none.
fn transfers(machine: &Machine) -> Option<String> {
    let list = &machine.transfers;
    let shown = list.iter().take(LISTED_TRANSFERS);
    let mut words: Vec<String> = shown.map(|one| transfer(machine, one)).collect();
    if list.len() > LISTED_TRANSFERS {
        words.push(format!("and {} more files", list.len() - LISTED_TRANSFERS));
    }
    (!words.is_empty()).then(|| words.join("; "))
}

fn transfer(machine: &Machine, transfer: &Transfer) -> String {
    let file = clean(&transfer.file);
    let part = match percent(transfer.acknowledged, transfer.size) {
        Some(percent) => format!("{percent} % of {}", bytes(transfer.size)),
        None => bytes(transfer.acknowledged),
    };
    if transfer.waits_for_disk {
        return format!("waits for a disk: {file}, {part}");
    }
    match machine.stopped_ms(transfer) {
        Some(ms) => format!("loads {file}, {part}, {}", no_ack(ms)),
        None => format!("loads {file}, {part} at {}/s", bytes(transfer.bytes_per_second)),
    }
}

/// A transfer that has stopped.
pub fn no_ack(ms: u64) -> String {
    format!("no ACK for {}", duration(ms))
}

/// The sentence of a reason to drop a request. `id`: its identifier; one of another version of the program is its own sentence.
pub fn drop_reason(id: &str) -> String {
    match DropKind::all().find(|kind| kind.id() == id) {
        Some(kind) => Sentence(kind).to_string(),
        None => clean(id).replace('-', " "),
    }
}

/// The sentence of a reason about requests in general: without the name of one interface, and without one line.
struct Sentence(DropKind);

impl Display for Sentence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data: &[&dyn Display] = match self.0 {
            DropKind::NoRange => &[&"of its network"],
            DropKind::OtherMessage => &[&"INFORM, DECLINE and others"],
            DropKind::UnknownBootServerType => &[&"N"],
            DropKind::UnknownBridgeInterface => &[&"NAME"],
            DropKind::ClientOutsideRanges => &[&"(ciaddr)"],
            DropKind::NoAddress | DropKind::NotListening => &[&"the interface"],
            DropKind::DhcpDisabled | DropKind::InterfaceExcepted => &[&"a line", &"the interface"],
            DropKind::Ignored => &[&"a line"],
            _ => &[],
        };
        self.0.write(f, data)
    }
}

/// Rounded down, and at most 100. `None`: the whole is 0.
pub fn percent(part: u64, whole: u64) -> Option<u64> {
    let percent = (u128::from(part) * 100).checked_div(whole.into())?;
    Some(u64::try_from(percent).map_or(100, |percent| percent.min(100)))
}

/// Whether more than 80 % of a limit is used.
pub fn is_nearly_reached(limit: &Limit) -> bool {
    let Limit { used, limit, .. } = limit;
    u128::from(*used) * 100 > u128::from(*limit) * u128::from(NEARLY_REACHED)
}

/// What a limit is for: the words of its identifier.
pub fn limit_name(limit: &Limit) -> String {
    clean(&limit.id).replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loading(transfers: Vec<Transfer>) -> Machine {
        Machine { stage: Stage::Loading, transfers, ..Machine::default() }
    }

    fn initrd() -> Transfer {
        Transfer {
            file: "/srv/tftp/initrd.img".to_owned(),
            size: 95_000_000,
            acknowledged: 38_000_000,
            bytes_per_second: 9_000_000,
            ..Transfer::default()
        }
    }

    #[test]
    fn transfers_have_file_part_and_rate() {
        let disk = Transfer { waits_for_disk: true, ..initrd() };
        let empty = Transfer { size: 0, acknowledged: 0, ..initrd() };
        for (transfers, words) in [
            (vec![initrd()], "loads /srv/tftp/initrd.img, 40 % of 95.0 MB at 9.0 MB/s"),
            (vec![disk], "waits for a disk: /srv/tftp/initrd.img, 40 % of 95.0 MB"),
            (vec![empty], "loads /srv/tftp/initrd.img, 0 B at 9.0 MB/s"),
            (vec![], "loads a file"),
        ] {
            assert_eq!(stage(&loading(transfers)), words);
        }
        let stopped = Machine { idle_ms: 5000, ..loading(vec![initrd()]) };
        let words = "loads /srv/tftp/initrd.img, 40 % of 95.0 MB, no ACK for 5 s";
        assert_eq!(stage(&stopped), words);
        let many = stage(&loading(vec![initrd(); 50]));
        assert!(many.ends_with("; and 47 more files") && many.len() < 250, "{many}");
    }

    #[test]
    fn stage_without_transfers_has_the_last_file_and_its_time() {
        let machine = |stage, file: Option<&str>| Machine {
            stage,
            idle_ms: 12_000,
            last_file: file.map(str::to_owned),
            ..Machine::default()
        };
        for (kind, file, words) in [
            (Stage::Offered, None, "offered 12 s ago"),
            (Stage::Asked4011, None, "asked on 4011 12 s ago"),
            (Stage::Loaded, Some("/srv/vmlinuz"), "loaded /srv/vmlinuz 12 s ago"),
            (Stage::Failed, Some("x"), "did not get all of x 12 s ago"),
            (Stage::Refused, Some("/srv/a\x1b[2J"), "was refused /srv/a?[2J 12 s ago"),
            (Stage::WaitsForSlot, None, "waits for a free slot (tftp-max): a file"),
            (Stage::WaitsForDisk, Some("x"), "waits for a disk: x"),
            (Stage::Unknown, None, "seen 12 s ago"),
        ] {
            assert_eq!(stage(&machine(kind, file)), words);
        }
    }

    #[test]
    fn each_reason_has_a_sentence_and_an_unknown_one_its_identifier() {
        for kind in DropKind::all() {
            let sentence = drop_reason(kind.id());
            assert_eq!(DropKind::parse(&sentence), Some(kind), "{sentence}");
        }
        assert_eq!(drop_reason("ignored"), "a line ignores this client");
        assert_eq!(drop_reason("from-the-future\x1b[m"), "from the future?[m");
    }

    #[test]
    fn limit_is_nearly_reached_above_80_per_cent() {
        let limit = |used, limit| Limit { used, limit, ..Limit::default() };
        for (used, whole, expected) in
            [(40, 50, false), (41, 50, true), (0, 0, false), (1, 0, true), (9, u64::MAX, false)]
        {
            assert_eq!(is_nearly_reached(&limit(used, whole)), expected, "{used} of {whole}");
        }
        assert_eq!(percent(u64::MAX, u64::MAX), Some(100));
        assert_eq!((percent(3, 2), percent(1, 0)), (Some(100), None));
    }
}
