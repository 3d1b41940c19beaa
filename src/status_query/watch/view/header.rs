//! The lines above the table: the server, its machines by stage, what it sends, and limits that are nearly reached.

use super::progress::per_second;
use super::text::{clean, width};
use super::{GRAY, Line, Size, columns, count};
use crate::status::{Counters, Limit, Machine, Stage, Status};
use crate::status_query::units::{bytes, duration, number, rate};
use crate::status_query::words::{is_nearly_reached, limit_name};
use crate::terminal::Color;

/// Between the facts of a line.
const GAP: &str = "   ";

/// What changes as a whole, and how fast.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pid: u32,
    uptime_ms: u64,
    bytes: u64,
    answers: u64,
    drops: u64,
    /// Bytes per second.
    bytes_rate: u64,
    /// Answers in ten seconds, drops in ten seconds. `None`: there is one document only.
    rates: Option<(u64, u64)>,
}

impl Totals {
    /// The totals of a document. `transfers`: the sum of the rates of its transfers. `previous`: the totals before.
    pub fn new(status: &Status, transfers: u64, previous: Option<&Self>) -> Self {
        let Counters { offers, pxe_answers, bytes_sent, dhcp_drops, .. } = &status.counters;
        let now = Self {
            pid: status.pid,
            uptime_ms: status.uptime_ms,
            bytes: *bytes_sent,
            answers: offers + pxe_answers,
            drops: dhcp_drops.iter().map(|drop| drop.count).sum(),
            bytes_rate: transfers,
            rates: None,
        };
        // Another process has counted since another time.
        match previous.filter(|previous| previous.pid == now.pid) {
            Some(previous) => now.compared_with(previous),
            None => now,
        }
    }

    fn compared_with(self, previous: &Self) -> Self {
        let time = self.uptime_ms.saturating_sub(previous.uptime_ms);
        if time == 0 {
            return previous.clone();
        }
        let difference =
            |now: u64, before: u64, factor| per_second(now.saturating_sub(before) * factor, time);
        let answers = difference(self.answers, previous.answers, 10);
        let drops = difference(self.drops, previous.drops, 10);
        let bytes_rate = difference(self.bytes, previous.bytes, 1);
        Self { bytes_rate, rates: Some((answers, drops)), ..self }
    }
}

/// The header, at most two lines less than the screen has. A low terminal has no empty line, then no titles, then no limits.
pub fn lines(status: &Status, totals: &Totals, size: Size) -> Vec<Line> {
    let facts = [server(status), machines(status), sent(status, totals), limits(status)];
    let mut lines: Vec<Line> = facts.into_iter().map(|facts| joined(facts, size.width)).collect();
    if size.height >= 12 {
        lines.push(Line::default());
    }
    if size.height >= 8 {
        lines.push(columns::titles(size.width));
    }
    lines.truncate(size.height.saturating_sub(2));
    lines
}

type Fact = (String, Option<Color>);

/// The facts that fit, each as a whole. The first is always there.
fn joined(facts: Vec<Fact>, max: usize) -> Line {
    let mut line = Line::default();
    for (text, color) in facts {
        let is_first = line.0.is_empty();
        if !is_first && line.width() + GAP.len() + width(&text) > max {
            break;
        }
        let gap = if is_first { "" } else { GAP };
        line = line.with(gap, None).with(text, color);
    }
    line
}

fn server(status: &Status) -> Vec<Fact> {
    let mut facts = vec![
        (clean(&format!("{} {}", status.program, status.version)), None),
        (format!("process {}", status.pid), None),
        (format!("up {}", duration(status.uptime_ms)), None),
    ];
    if status.replaced {
        facts.push(("it was replaced and finishes its transfers".to_owned(), Some(Color::Yellow)));
    }
    if !status.earlier.is_empty() {
        let pids: Vec<String> = status.earlier.iter().map(u32::to_string).collect();
        facts.push((format!("has replaced {}", pids.join(", ")), Some(GRAY)));
    }
    facts
}

fn machines(status: &Status) -> Vec<Fact> {
    let machines = |stage: Option<Stage>| {
        let is_in = |machine: &&Machine| stage.is_none_or(|stage| machine.stage == stage);
        count(status.machines.iter().filter(is_in).count())
    };
    let all = machines(None).saturating_add(status.machines_omitted);
    let unit = if all == 1 { "machine" } else { "machines" };
    let stages = [
        (Stage::Loading, None),
        (Stage::WaitsForDisk, Some(Color::Yellow)),
        (Stage::WaitsForSlot, Some(Color::Yellow)),
        (Stage::Failed, Some(Color::Red)),
        (Stage::Refused, Some(Color::Red)),
        (Stage::Offered, None),
        (Stage::Asked4011, None),
        (Stage::Loaded, Some(Color::Green)),
        (Stage::Unknown, None),
    ];
    let stages = stages.into_iter().filter_map(|(stage, color)| {
        let count = machines(Some(stage));
        (count > 0).then(|| (format!("{} {}", number(count), stage.words()), color))
    });
    let mut facts = vec![(format!("{} {unit}", number(all)), None)];
    facts.extend(stages);
    if status.machines_omitted > 0 {
        facts.push((format!("{} not listed", number(status.machines_omitted)), Some(GRAY)));
    }
    facts
}

fn sent(status: &Status, totals: &Totals) -> Vec<Fact> {
    let tenths = |count: u64| format!("{}.{}", number(count / 10), count % 10);
    let rates = totals.rates.map(|(answers, drops)| (tenths(answers), tenths(drops)));
    let (answers, drops) = rates.unwrap_or_else(|| ("-".to_owned(), "-".to_owned()));
    let bytes_sent = &status.counters.bytes_sent;
    let failed = status.counters.other_failures();
    let failed = (failed > 0).then(|| (format!("{} failed", number(failed)), Some(Color::Red)));
    let mut facts = vec![
        (rate(totals.bytes_rate), None),
        (format!("{answers} answers/s"), None),
        (format!("{drops} drops/s"), None),
        (format!("{} drops", number(totals.drops)), None),
        (format!("{} sent", bytes(*bytes_sent)), None),
    ];
    facts.extend(failed);
    facts
}

fn limits(status: &Status) -> Vec<Fact> {
    let is_near = |limit: &&Limit| limit.limit > 0 && is_nearly_reached(limit);
    let mut facts: Vec<Fact> = status.limits.iter().filter(is_near).map(limit).collect();
    if facts.is_empty() {
        facts.push(("no limit is nearly reached".to_owned(), Some(GRAY)));
    }
    facts
}

/// `transfers: 48 of 50 (tftp-max)`
fn limit(limit: &Limit) -> Fact {
    let id = limit_name(limit);
    let Limit { used, limit, setting, .. } = limit;
    let setting = if setting.is_empty() { String::new() } else { format!(" ({setting})") };
    let text = clean(&format!("{id}: {} of {}{setting}", number(*used), number(*limit)));
    (text, Some(if used >= limit { Color::Red } else { Color::Yellow }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(pid: u32, uptime_ms: u64, bytes_sent: u64, offers: u64) -> Status {
        let counters = Counters { offers, bytes_sent, ..Counters::default() };
        Status { pid, uptime_ms, counters, ..Status::default() }
    }

    #[test]
    fn totals_are_the_difference_of_two_documents_of_one_process() {
        let first = Totals::new(&status(1, 1000, 50_000, 10), 700, None);
        assert_eq!((first.bytes_rate, first.rates), (700, None));
        let second = Totals::new(&status(1, 1500, 51_000, 13), 700, Some(&first));
        assert_eq!((second.bytes_rate, second.rates), (2000, Some((60, 0))));
        let again = Totals::new(&status(1, 1500, 51_000, 13), 700, Some(&second));
        assert_eq!(again, second);
        let replaced = Totals::new(&status(2, 200, 10, 0), 900, Some(&second));
        assert_eq!((replaced.bytes_rate, replaced.rates), (900, None));
    }

    #[test]
    fn facts_that_do_not_fit_are_left_out_as_a_whole() {
        let facts = || ["one", "two", "three"].map(|text| (text.to_owned(), None)).to_vec();
        let texts = [0, 8, 9, 16, 17].map(|width| joined(facts(), width).text());
        assert_eq!(texts, ["one", "one", "one   two", "one   two", "one   two   three"]);
    }

    #[test]
    fn transfers_that_were_cancelled_or_evicted_are_not_shown_as_failed() {
        let shown = |transfers_failed| {
            let counters = Counters {
                transfers_failed,
                transfers_cancelled: 4,
                transfers_evicted: 2,
                ..Counters::default()
            };
            let facts = sent(&Status { counters, ..Status::default() }, &Totals::default());
            facts.into_iter().map(|(text, _)| text).find(|text| text.ends_with(" failed"))
        };
        assert_eq!((shown(6), shown(9)), (None, Some("3 failed".to_owned())));
    }

    #[test]
    fn limit_is_shown_if_it_is_nearly_reached() {
        let limit = |used| Limit {
            id: "queued_requests".to_owned(),
            used,
            limit: 50,
            setting: "tftp-max".to_owned(),
        };
        let shown = |used| limits(&Status { limits: vec![limit(used)], ..Status::default() });
        assert_eq!(shown(40)[0].0, "no limit is nearly reached");
        let near = ("queued requests: 41 of 50 (tftp-max)".to_owned(), Some(Color::Yellow));
        assert_eq!(shown(41), [near]);
        assert_eq!(shown(50)[0].1, Some(Color::Red));
    }
}
