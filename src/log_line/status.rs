//! Lines about the state of the server, on SIGUSR1 (D-056).

use super::words::STATUS;
use crate::status::{Counters, Limit, Stage, Transfer};
use crate::wire::option_display::printable;
use std::fmt::{self, Display};

/// A line about the state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusLine {
    /// The machines on their way, by stage.
    Machines {
        /// How long the server has served, in milliseconds.
        uptime_ms: u64,
        /// The machines of each stage.
        stages: Vec<(Stage, u64)>,
        /// Machines that are not in `stages`.
        omitted: u64,
        /// Processes that the server has replaced, and that still finish transfers. Their machines are not in `stages`.
        earlier: usize,
    },
    /// The counters of DHCP.
    Dhcp(Counters),
    /// The counters of TFTP.
    Tftp(Counters),
    /// Limits, and how much of them is used.
    Limits(Vec<Limit>),
    /// One of the slowest transfers.
    Slow {
        /// The hardware address or the IP address of the machine.
        machine: String,
        /// The transfer.
        transfer: Transfer,
        /// For how many milliseconds it has stopped, if it has.
        stopped_ms: Option<u64>,
    },
}

impl Display for StatusLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STATUS)?;
        match self {
            Self::Machines { uptime_ms, stages, omitted, earlier } => {
                let count: u64 = stages.iter().map(|(_, count)| count).sum::<u64>() + omitted;
                write!(f, "served for {} s, {count} machines", uptime_ms / 1000)?;
                let stages = stages.iter().map(|(stage, count)| (stage.words(), count));
                let omitted = (*omitted > 0).then_some(("not shown", omitted));
                list(f, ": ", stages.chain(omitted))?;
                match earlier {
                    0 => Ok(()),
                    more => write!(f, "; replaced processes that finish transfers: {more}"),
                }
            }
            Self::Dhcp(counters) => dhcp(f, counters),
            Self::Tftp(counters) => tftp(f, counters),
            Self::Limits(limits) => {
                f.write_str("limits")?;
                let used = |limit: &Limit| format!("{} of {}", limit.used, limit.limit);
                list(f, ": ", limits.iter().map(|limit| (limit.id.replace('_', " "), used(limit))))
            }
            Self::Slow { machine, transfer, stopped_ms } => {
                slow(f, machine, transfer)?;
                match stopped_ms {
                    Some(ms) => write!(f, ", no ACK for {} s", ms / 1000),
                    None => write!(f, ", {} kB/s", transfer.bytes_per_second / 1000),
                }?;
                if transfer.waits_for_disk { f.write_str(", waiting for a disk") } else { Ok(()) }
            }
        }
    }
}

fn dhcp(f: &mut fmt::Formatter<'_>, counters: &Counters) -> fmt::Result {
    let dropped: u64 = counters.dhcp_drops.iter().map(|drop| drop.count).sum();
    write!(
        f,
        "{} DHCP requests, {} offers, {} answers on port 4011 or to a choice, {} replies not sent, {dropped} dropped",
        counters.dhcp_requests, counters.offers, counters.pxe_answers, counters.dhcp_send_errors
    )?;
    list(f, ": ", counters.dhcp_drops.iter().map(|drop| (&drop.reason, drop.count)))
}

fn tftp(f: &mut fmt::Formatter<'_>, counters: &Counters) -> fmt::Result {
    let Counters { transfers_started, transfers_completed, transfers_failed, .. } = counters;
    write!(
        f,
        "{} TFTP requests, {} files not found, {} refused, {} without an answer, {transfers_started} transfers: \
         {transfers_completed} completed, {transfers_failed} failed, of these {} cancelled by the client and {} evicted; \
         {} bytes sent, {} blocks repeated",
        counters.tftp_requests,
        counters.files_not_found,
        counters.files_refused,
        counters.tftp_drops,
        counters.transfers_cancelled,
        counters.transfers_evicted,
        counters.bytes_sent,
        counters.blocks_repeated
    )
}

fn slow(f: &mut fmt::Formatter<'_>, machine: &str, transfer: &Transfer) -> fmt::Result {
    let Transfer { size, acknowledged, age_ms, .. } = transfer;
    let file = printable(transfer.file.as_bytes());
    let seconds = age_ms / 1000;
    write!(f, "{machine} loads {file}: {acknowledged} of {size} bytes in {seconds} s")
}

/// Pairs like `offered 3` or `too-short 3`, after `begin`. Without pairs nothing is written.
fn list(
    f: &mut fmt::Formatter<'_>,
    begin: &str,
    pairs: impl IntoIterator<Item = (impl Display, impl Display)>,
) -> fmt::Result {
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        write!(f, "{}{name} {value}", if index == 0 { begin } else { ", " })?;
    }
    Ok(())
}

#[test]
fn lines_show_counts_by_stage_and_by_reason() {
    use crate::status::Drop;
    let stages = vec![(Stage::Offered, 2), (Stage::Loading, 1)];
    let line = StatusLine::Machines { uptime_ms: 61_999, stages, omitted: 0, earlier: 2 };
    assert_eq!(
        line.to_string(),
        "status: served for 61 s, 3 machines: offered 2, loading 1; replaced processes that finish transfers: 2"
    );
    let dhcp_drops = vec![Drop { reason: "bootp".into(), count: 1 }];
    let counters = Counters { dhcp_requests: 3, offers: 2, dhcp_drops, ..Counters::default() };
    assert_eq!(
        StatusLine::Dhcp(counters).to_string(),
        "status: 3 DHCP requests, 2 offers, 0 answers on port 4011 or to a choice, 0 replies not sent, 1 dropped: bootp 1"
    );
    let limit = Limit { id: "queued_requests".into(), used: 1, limit: 9, setting: String::new() };
    assert_eq!(
        StatusLine::Limits(vec![limit]).to_string(),
        "status: limits: queued requests 1 of 9"
    );
    let transfer = Transfer {
        file: "/srv/a\nb".into(),
        size: 200_000,
        acknowledged: 150_000,
        age_ms: 2500,
        bytes_per_second: 60_000,
        waits_for_disk: true,
        repeated_blocks: 0,
    };
    let machine = "10.0.0.9".to_owned();
    assert_eq!(
        StatusLine::Slow { machine, transfer, stopped_ms: None }.to_string(),
        "status: 10.0.0.9 loads /srv/ab: 150000 of 200000 bytes in 2 s, 60 kB/s, waiting for a disk"
    );
}
