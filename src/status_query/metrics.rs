//! The state of a server as metrics for Prometheus, in its text format 0.0.4.
//!
//! Names, units and labels follow the conventions of Prometheus ("Metric and label naming"). There is no label for machines or
//! files: each value of a label is a series, so that their number must be bounded.

use super::clean::clean;
use crate::error::StartupError;
use crate::log_line::DropKind;
use crate::status::{Counters, Limit, Machine, STAGES, Stage, Status};
use prometheus::core::Collector;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use std::collections::BTreeMap;

/// A metric with its values.
struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    /// The name of the label, if there is one.
    label: Option<&'static str>,
    /// The values of the label, and the values of the metric.
    values: Vec<(String, u64)>,
}

#[derive(Clone, Copy)]
enum Kind {
    Counter,
    Gauge,
}

/// The metrics as text.
pub fn exposition(status: &Status) -> Result<String, StartupError> {
    encoded(&families(status))
        .map_err(|error| StartupError::other(format!("the metrics cannot be written: {error}")))
}

fn encoded(families: &[Family]) -> prometheus::Result<String> {
    let registry = Registry::new();
    for family in families {
        registry.register(family.collector()?)?;
    }
    TextEncoder::new().encode_to_string(&registry.gather())
}

impl Family {
    fn new(kind: Kind, name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, kind, label: None, values: vec![(String::new(), value)] }
    }

    fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::new(Kind::Counter, name, help, value)
    }

    fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self::new(Kind::Gauge, name, help, value)
    }

    /// One value for each value of a label.
    fn by(self, label: &'static str, values: impl IntoIterator<Item = (String, u64)>) -> Self {
        Self { label: Some(label), values: values.into_iter().collect(), ..self }
    }

    fn collector(&self) -> prometheus::Result<Box<dyn Collector>> {
        let options = Opts::new(self.name, self.help);
        let names: Vec<&str> = self.label.into_iter().collect();
        let series = self.values.iter().map(|(label, value)| {
            let labels: Vec<String> = self.label.iter().map(|_| clean(label)).collect();
            (labels, *value)
        });
        Ok(match self.kind {
            Kind::Counter => {
                let metric = IntCounterVec::new(options, &names)?;
                for (labels, value) in series {
                    metric.get_metric_with_label_values(&labels)?.inc_by(value);
                }
                Box::new(metric)
            }
            Kind::Gauge => {
                let metric = IntGaugeVec::new(options, &names)?;
                for (labels, value) in series {
                    let value = i64::try_from(value).unwrap_or(i64::MAX);
                    metric.get_metric_with_label_values(&labels)?.set(value);
                }
                Box::new(metric)
            }
        })
    }
}

fn families(status: &Status) -> Vec<Family> {
    let mut all = of_process(status);
    all.extend(of_dhcp(&status.counters));
    all.extend(of_tftp(&status.counters));
    all.extend(of_machines(status));
    all.extend(of_limits(&status.limits));
    all
}

fn of_process(status: &Status) -> Vec<Family> {
    vec![
        Family::gauge("pxemasq_build_info", "The version of the server. The value is always 1.", 1)
            .by("version", [(status.version.clone(), 1)]),
        Family::gauge(
            "pxemasq_start_time_seconds",
            "When the server began to serve, in seconds since 1970.",
            status.started_at,
        ),
        Family::gauge(
            "pxemasq_earlier_processes",
            "Processes that the server has replaced and that still finish transfers.",
            u64::try_from(status.earlier.len()).unwrap_or(u64::MAX),
        ),
    ]
}

fn of_dhcp(counters: &Counters) -> Vec<Family> {
    let mut drops: BTreeMap<String, u64> =
        DropKind::all().map(|kind| (kind.id().to_owned(), 0)).collect();
    for drop in &counters.dhcp_drops {
        drops.insert(drop.reason.clone(), drop.count);
    }
    let replies = [("offer", counters.offers), ("pxe", counters.pxe_answers)];
    vec![
        Family::counter(
            "pxemasq_dhcp_requests_total",
            "DHCP requests that were received.",
            counters.dhcp_requests,
        ),
        Family::counter(
            "pxemasq_dhcp_replies_total",
            "DHCP replies: offers, and answers to requests on port 4011 and to choices from the menu (pxe).",
            0,
        )
        .by("kind", named(replies)),
        Family::counter(
            "pxemasq_dhcp_dropped_requests_total",
            "DHCP requests that were not answered, by reason.",
            0,
        )
        .by("reason", drops),
        Family::counter(
            "pxemasq_dhcp_send_errors_total",
            "DHCP replies that could not be sent.",
            counters.dhcp_send_errors,
        ),
    ]
}

fn of_tftp(counters: &Counters) -> Vec<Family> {
    let refusals =
        [("file-not-found", counters.files_not_found), ("other", counters.files_refused)];
    vec![
        Family::counter(
            "pxemasq_tftp_requests_total",
            "TFTP read requests that were received.",
            counters.tftp_requests,
        ),
        Family::counter(
            "pxemasq_tftp_refused_requests_total",
            "TFTP read requests that were answered by an error, by reason.",
            0,
        )
        .by("reason", named(refusals)),
        Family::counter(
            "pxemasq_tftp_dropped_requests_total",
            "TFTP read requests that got no answer.",
            counters.tftp_drops,
        ),
        Family::counter(
            "pxemasq_tftp_transfers_started_total",
            "Transfers that began.",
            counters.transfers_started,
        ),
        Family::counter(
            "pxemasq_tftp_transfers_ended_total",
            "Transfers that ended, by result.",
            0,
        )
        .by("result", named(results(counters))),
        Family::counter(
            "pxemasq_tftp_sent_bytes_total",
            "Bytes of files that were sent for the first time.",
            counters.bytes_sent,
        ),
        Family::counter(
            "pxemasq_tftp_repeated_blocks_total",
            "Blocks of files that were sent again.",
            counters.blocks_repeated,
        ),
    ]
}

/// Each transfer that has ended has one result.
fn results(counters: &Counters) -> [(&'static str, u64); 4] {
    [
        ("completed", counters.transfers_completed),
        ("cancelled", counters.transfers_cancelled),
        ("evicted", counters.transfers_evicted),
        ("failed", counters.other_failures()),
    ]
}

fn of_machines(status: &Status) -> Vec<Family> {
    let in_stage = |stage| sum(status.machines.iter().filter(|one| one.stage == stage).map(|_| 1));
    // One without machines is 0.
    let machines = STAGES.map(|(stage, label, _)| {
        let omitted = if stage == Stage::Unknown { status.machines_omitted } else { 0 };
        (label, omitted.saturating_add(in_stage(stage)))
    });
    let transfers = |waits: bool| {
        let of_machine = |machine: &Machine| {
            sum(machine.transfers.iter().filter(|one| one.waits_for_disk == waits).map(|_| 1))
        };
        sum(status.machines.iter().map(of_machine))
    };
    let transfers = [("sending", transfers(false)), ("waits_for_disk", transfers(true))];
    vec![
        Family::gauge(
            "pxemasq_machines",
            "Machines on their way, by stage. Those that the server does not list are unknown.",
            0,
        )
        .by("stage", named(machines)),
        Family::gauge(
            "pxemasq_tftp_transfers",
            "Transfers to the machines that the server lists, by state.",
            0,
        )
        .by("state", named(transfers)),
    ]
}

fn of_limits(limits: &[Limit]) -> Vec<Family> {
    let values =
        |value: fn(&Limit) -> u64| limits.iter().map(move |limit| (limit.id.clone(), value(limit)));
    vec![
        Family::gauge("pxemasq_limit_used", "How much of a limit is used.", 0)
            .by("limit", values(|limit| limit.used)),
        Family::gauge("pxemasq_limit_maximum", "The limit.", 0)
            .by("limit", values(|limit| limit.limit)),
    ]
}

fn named<const N: usize>(values: [(&str, u64); N]) -> [(String, u64); N] {
    values.map(|(name, value)| (name.to_owned(), value))
}

fn sum(values: impl Iterator<Item = u64>) -> u64 {
    values.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Drop, Transfer};

    fn value(text: &str, series: &str) -> Option<u64> {
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        line.parse().ok()
    }

    #[test]
    fn each_reason_is_there_before_a_request_was_dropped() {
        let text = exposition(&Status::default()).unwrap();
        for kind in DropKind::all() {
            let series = format!("pxemasq_dhcp_dropped_requests_total{{reason=\"{}\"}}", kind.id());
            assert_eq!(value(&text, &series), Some(0), "{text}");
        }
        assert!(!text.contains("pxemasq_limit"), "{text}");
    }

    #[test]
    fn each_ended_transfer_has_one_result() {
        let counters = Counters {
            transfers_completed: 10,
            transfers_failed: 9,
            transfers_cancelled: 4,
            transfers_evicted: 2,
            ..Counters::default()
        };
        let text = exposition(&Status { counters, ..Status::default() }).unwrap();
        for (result, count) in [("completed", 10), ("failed", 3), ("cancelled", 4), ("evicted", 2)]
        {
            let series = format!("pxemasq_tftp_transfers_ended_total{{result=\"{result}\"}}");
            assert_eq!(value(&text, &series), Some(count), "{text}");
        }
    }

    #[test]
    fn machines_and_transfers_are_counted_without_their_names() {
        let transfer = Transfer { file: "/srv/secret".to_owned(), ..Transfer::default() };
        let waits = Transfer { waits_for_disk: true, ..transfer.clone() };
        let machine = Machine {
            mac: Some("52:54:00:12:34:56".to_owned()),
            stage: Stage::Loading,
            transfers: vec![transfer, waits],
            ..Machine::default()
        };
        let machines = vec![machine; 4096];
        let text =
            exposition(&Status { machines, machines_omitted: 7, ..Status::default() }).unwrap();
        for (series, count) in [
            ("pxemasq_machines{stage=\"loading\"}", 4096),
            ("pxemasq_machines{stage=\"unknown\"}", 7),
            ("pxemasq_machines{stage=\"offered\"}", 0),
            ("pxemasq_tftp_transfers{state=\"sending\"}", 4096),
            ("pxemasq_tftp_transfers{state=\"waits_for_disk\"}", 4096),
        ] {
            assert_eq!(value(&text, series), Some(count), "{series}");
        }
        assert!(!text.contains("secret") && !text.contains("52:54"), "{text}");
        assert!(text.lines().count() < 120, "{text}");
    }

    #[test]
    fn text_of_a_hostile_document_adds_no_lines() {
        let evil = "a\"\n\x1b[2J# TYPE x counter\\".to_owned();
        let status = |evil: &str| Status {
            version: evil.to_owned(),
            limits: vec![Limit { id: evil.to_owned(), ..Limit::default() }],
            counters: Counters {
                dhcp_drops: vec![Drop { reason: evil.to_owned(), count: u64::MAX }],
                ..Counters::default()
            },
            ..Status::default()
        };
        let (text, plain) =
            (exposition(&status(&evil)).unwrap(), exposition(&status("x")).unwrap());
        assert_eq!(text.lines().count(), plain.lines().count());
        assert!(text.contains(r#"{version="a\"??[2J# TYPE x counter\\"} 1"#), "{text}");
    }
}
