//! How fast each transfer is at this moment: the difference of two documents.

use crate::status::{Machine, Status, Transfer};
use std::collections::HashMap;

/// Documents that are less far apart give no rate: a few blocks decide on it.
const MIN_AGE_DIFFERENCE_MS: u64 = 50;

/// The rate of a transfer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    acknowledged: u64,
    age_ms: u64,
    /// Bytes per second between the last two documents.
    pub rate: u64,
    /// The same over a few documents, for the remaining time and the order of lines.
    pub smooth_rate: u64,
}

/// The rates of all transfers of a document, in the order of its machines and their transfers.
#[derive(Clone, Debug, Default)]
pub struct Transfers {
    machines: Vec<Vec<Progress>>,
    /// By machine and file. A machine may load a file twice at the same time.
    by_name: HashMap<(String, String), Vec<Progress>>,
}

impl Transfers {
    /// The rates of a document. `previous`: those of the document before it.
    pub fn new(status: &Status, previous: Option<&Self>) -> Self {
        let mut all = Self::default();
        for machine in &status.machines {
            let mut of_machine = Vec::with_capacity(machine.transfers.len());
            for transfer in &machine.transfers {
                let name = (key(machine).to_owned(), transfer.file.clone());
                let before = previous.and_then(|previous| previous.find(&name, transfer));
                let progress = Progress::new(transfer, before);
                of_machine.push(progress);
                all.by_name.entry(name).or_default().push(progress);
            }
            all.machines.push(of_machine);
        }
        all
    }

    /// The rates of the transfers of a machine, by its index in the document.
    pub fn of_machine(&self, index: usize) -> &[Progress] {
        self.machines.get(index).map_or(&[], Vec::as_slice)
    }

    /// The sum of all rates.
    pub fn rate(&self) -> u64 {
        self.machines.iter().flatten().map(|progress| progress.rate).sum()
    }

    /// The state of a transfer in this document. It is younger than the transfer and has not more bytes; of several, the one with
    /// the most bytes.
    fn find(&self, name: &(String, String), transfer: &Transfer) -> Option<Progress> {
        let is_before = |known: &&Progress| {
            known.age_ms <= transfer.age_ms && known.acknowledged <= transfer.acknowledged
        };
        let known = self.by_name.get(name)?.iter().filter(is_before);
        known.max_by_key(|known| known.acknowledged).copied()
    }
}

/// What identifies a machine.
pub fn key(machine: &Machine) -> &str {
    machine.mac.as_deref().or(machine.ip.as_deref()).unwrap_or("?")
}

impl Progress {
    fn new(transfer: &Transfer, before: Option<Self>) -> Self {
        let &Transfer { acknowledged, age_ms, bytes_per_second: average, .. } = transfer;
        let Some(before) = before else {
            return Self { acknowledged, age_ms, rate: average, smooth_rate: average };
        };
        let time = age_ms - before.age_ms;
        if time < MIN_AGE_DIFFERENCE_MS {
            return before;
        }
        let rate = per_second(acknowledged - before.acknowledged, time);
        let smooth_rate = rate / 4 + before.smooth_rate / 4 * 3;
        Self { acknowledged, age_ms, rate, smooth_rate }
    }
}

/// A number in this time, per second.
pub fn per_second(count: u64, ms: u64) -> u64 {
    count.saturating_mul(1000) / ms.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(transfers: &[(&str, u64, u64)]) -> Status {
        let transfer = |&(file, acknowledged, age_ms): &(&str, u64, u64)| Transfer {
            file: file.to_owned(),
            size: 100_000,
            acknowledged,
            age_ms,
            bytes_per_second: per_second(acknowledged, age_ms),
            ..Transfer::default()
        };
        let machine = Machine {
            ip: Some("10.0.0.1".to_owned()),
            transfers: transfers.iter().map(transfer).collect(),
            ..Machine::default()
        };
        Status { machines: vec![machine], ..Status::default() }
    }

    fn rates(transfers: &Transfers) -> Vec<u64> {
        transfers.of_machine(0).iter().map(|progress| progress.rate).collect()
    }

    #[test]
    fn rate_is_that_between_two_documents_and_at_first_the_average() {
        let first = Transfers::new(&status(&[("a", 10_000, 1000), ("b", 0, 0)]), None);
        assert_eq!((rates(&first), first.rate()), (vec![10_000, 0], 10_000));
        // Another order, and a transfer that is new.
        let second = status(&[("b", 500, 500), ("c", 300, 100), ("a", 10_250, 1500)]);
        let second = Transfers::new(&second, Some(&first));
        assert_eq!(rates(&second), [1000, 3000, 500]);
        assert_eq!(second.of_machine(0)[2].smooth_rate, 7625);
    }

    #[test]
    fn document_that_is_sent_again_keeps_the_rate() {
        let first = Transfers::new(&status(&[("a", 10_000, 1000)]), None);
        let second = Transfers::new(&status(&[("a", 10_250, 1500)]), Some(&first));
        let again = Transfers::new(&status(&[("a", 10_250, 1500)]), Some(&second));
        assert_eq!(rates(&again), [500]);
        // The time since the last rate counts, also over documents that are close together.
        let close = Transfers::new(&status(&[("a", 10_260, 1540)]), Some(&again));
        let later = Transfers::new(&status(&[("a", 10_350, 1600)]), Some(&close));
        assert_eq!((rates(&close), rates(&later)), (vec![500], vec![1000]));
    }

    #[test]
    fn second_transfer_of_the_same_file_is_not_compared_with_the_first() {
        let first = Transfers::new(&status(&[("a", 90_000, 9000)]), None);
        let again = Transfers::new(&status(&[("a", 2000, 400)]), Some(&first));
        assert_eq!(rates(&again), [5000]);
        let both = status(&[("a", 2600, 1000), ("a", 90_900, 9900)]);
        let first = Transfers::new(&status(&[("a", 90_000, 9000), ("a", 2000, 400)]), None);
        assert_eq!(rates(&Transfers::new(&both, Some(&first))), [1000, 1000]);
    }
}
