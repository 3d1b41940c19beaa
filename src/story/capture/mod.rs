//! Boots from a packet capture: DHCP, proxyDHCP and TFTP datagrams.
//!
//! ```text
//! Datagram ─┬─ dhcp ─► Request, Reply ─┬─► steps ─ BootCorrelator ─► Boot
//!           └─ tftp ─► Ended transfers ─┘
//! ```

mod dhcp;
#[cfg(test)]
mod tests;
mod tftp;
mod time;
mod transfer;

use super::boot::{Boot, Offer, Step, StepKind};
use super::correlate::{BootCorrelator, ClientKey};
use super::event::{Event, RefusalReason};
use super::log_record::LogTime;
use crate::capture::{self, CaptureError, Datagram};
use dhcp::{PXE_PORT, Reply, Request};
use std::collections::HashMap;
use std::io::Read;
use std::time::Duration;
use tftp::{Ended, Transfers};
use time::utc;
use transfer::End;

const DHCP_SERVER_PORT: u16 = 67;
/// Error codes of a server (RFC 1350, appendix).
const FILE_NOT_FOUND: u16 = 1;
const ACCESS_VIOLATION: u16 = 2;
/// Limits the memory for a capture of any length.
const MAX_TRANSACTIONS: usize = 10_000;

/// Adds the boots of a capture.
///
/// # Errors
/// It is not a capture, or damaged.
pub fn read(input: impl Read + Send, correlator: &mut BootCorrelator) -> Result<(), CaptureError> {
    let mut observer = Observer::new(correlator);
    capture::read(input, |datagram| observer.add(datagram))?;
    observer.finish();
    Ok(())
}

/// After the last capture: puts the steps of each boot in the order of their times.
pub fn finish(boots: &mut [Boot]) {
    for boot in boots {
        // A transfer that was not finished is added later than the steps after it.
        boot.steps.sort_by_key(|step| step.offset);
        if let Some(last) = boot.steps.last_mut() {
            soften(last);
        }
    }
}

/// Assigns the datagrams of a capture to boots.
struct Observer<'c> {
    correlator: &'c mut BootCorrelator,
    transfers: Transfers,
    /// The last request of each transaction of a network boot.
    transactions: HashMap<u32, Transaction>,
    /// The time of the last datagram.
    now: Option<Duration>,
}

/// What the reply to a request depends on.
struct Transaction {
    mac: String,
    is_to_pxe_port: bool,
    is_selection: bool,
}

impl<'c> Observer<'c> {
    fn new(correlator: &'c mut BootCorrelator) -> Self {
        let (transfers, transactions) = (Transfers::default(), HashMap::new());
        Self { correlator, transfers, transactions, now: None }
    }

    fn add(&mut self, datagram: &Datagram<'_>) {
        self.now = datagram.time.or(self.now);
        let port = datagram.to.port();
        if [DHCP_SERVER_PORT, PXE_PORT].contains(&port)
            && let Some(request) = Request::parse(datagram.bytes, port)
        {
            self.add_request(request, port, datagram.time);
        } else if [DHCP_SERVER_PORT, PXE_PORT].contains(&datagram.from.port())
            && let Some(reply) = Reply::parse(datagram.bytes, datagram.from.ip())
        {
            self.add_reply(&reply, datagram.time);
        } else {
            for ended in self.transfers.add(datagram) {
                self.add_transfer(ended);
            }
        }
    }

    fn finish(mut self) {
        for ended in std::mem::take(&mut self.transfers).finish(self.now) {
            self.add_transfer(ended);
        }
    }

    fn add_request(&mut self, request: Request, port: u16, time: Option<Duration>) {
        let Request { mac, xid, message, architecture, address, is_selection } = request;
        let client = ClientKey::Mac(mac.clone());
        let index = self.add_step(&client, StepKind::Requested { message, count: 1 }, time);
        if let Some(address) = address {
            self.correlator.bind_ip(index, address);
        }
        let boot = self.correlator.boot_mut(index);
        boot.architecture = boot.architecture.or(architecture);
        boot.is_network_boot = Some(true);
        if self.transactions.len() >= MAX_TRANSACTIONS {
            self.transactions.clear();
        }
        let is_to_pxe_port = port == PXE_PORT;
        self.transactions.insert(xid, Transaction { mac, is_to_pxe_port, is_selection });
    }

    /// A reply to a client that does not boot from the network is not part of a boot.
    fn add_reply(&mut self, reply: &Reply, time: Option<Duration>) {
        let Some(transaction) = self.transactions.get(&reply.xid) else { return };
        if transaction.mac != reply.mac {
            return;
        }
        let kind = match &reply.file {
            Some(file) if transaction.is_selection => StepKind::Chosen(file.clone()),
            _ if reply.is_boot => {
                let port = if transaction.is_to_pxe_port { PXE_PORT } else { DHCP_SERVER_PORT };
                let outcome = Some(reply.describe());
                StepKind::Answered { port: Some(port), outcome, count: 1 }
            }
            _ => StepKind::AddressAssigned(format!("DHCP{}", reply.describe())),
        };
        let index = self.add_step(&ClientKey::Mac(reply.mac.clone()), kind, time);
        if let Some(address) = reply.assigned.filter(|_| reply.is_final) {
            self.correlator.bind_ip(index, address);
        }
        let boot = self.correlator.boot_mut(index);
        boot.name = reply.name.clone().or(boot.name.take());
        if reply.is_boot {
            boot.offer = Offer {
                file: reply.file.clone(),
                next_server: reply.next_server,
                own_address: Some(reply.server),
                has_menu: reply.has_menu,
            };
        }
    }

    fn add_transfer(&mut self, ended: Ended) {
        let time = ended.transfer.last;
        let ip = ended.client;
        match self.outcome(ended) {
            Outcome::Events(events) => {
                for event in events {
                    self.add_event(event, time);
                }
            }
            Outcome::Step(kind) => {
                self.add_step(&ClientKey::Ip(ip), kind, time);
            }
        }
    }

    fn outcome(&self, Ended { client: ip, transfer, end }: Ended) -> Outcome {
        let (stats, server) = (transfer.stats(), transfer.server.ip());
        let path = transfer.path;
        let event = match end {
            End::Complete => {
                let sent = Event::Sent { ip, path: path.clone() };
                return Outcome::Events(vec![sent, Event::TransferStats { ip, path, stats }]);
            }
            End::BrokenOff(text) => {
                let error = Event::ClientError { ip, text };
                return Outcome::Events(vec![error, Event::Failed { ip, path }]);
            }
            // A client repeats a request only if it got no reply.
            End::NoReply if transfer.requests > 1 && self.transfers.has_replies => {
                let message = format!("the TFTP request for {path} to {server}");
                let count = transfer.requests;
                return Outcome::Step(StepKind::Requested { message, count });
            }
            End::NoReply => {
                let request = format!("TFTP request for {path} to {server}");
                return Outcome::Step(StepKind::NoReply(request));
            }
            End::ServerSilent => {
                let request = format!("acknowledgement of a block of {path}");
                return Outcome::Step(StepKind::NoReply(request));
            }
            End::Refused { code, text } => {
                Event::Refused { ip: Some(ip), path, reason: refusal(code, &text) }
            }
            End::ClientSilent => Event::TimedOut { ip, path },
            End::CaptureEnds => Event::Loading { ip, path, size: stats.size },
        };
        Outcome::Events(vec![event])
    }

    fn add_event(&mut self, event: Event, time: Option<Duration>) {
        let (text, seconds) = (time.map(utc).unwrap_or_default(), seconds(time));
        self.correlator.add_observed(event, LogTime { seconds, text: &text });
    }

    fn add_step(&mut self, client: &ClientKey, kind: StepKind, time: Option<Duration>) -> usize {
        let text = time.map(utc).unwrap_or_default();
        let seconds = seconds(time);
        self.correlator.add_step(client, kind, LogTime { seconds, text: &text })
    }
}

/// What a transfer adds to a boot.
enum Outcome {
    Events(Vec<Event>),
    Step(StepKind),
}

fn seconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64())
}

fn refusal(code: u16, text: &str) -> RefusalReason {
    match code {
        FILE_NOT_FOUND => RefusalReason::NotFound,
        ACCESS_VIOLATION => RefusalReason::PermissionDenied,
        _ => RefusalReason::Unreadable(format!("{code} {text}")),
    }
}

/// One request without a reply at the end: the reply can be outside of the capture.
fn soften(step: &mut Step) {
    if let StepKind::Requested { message, count: 1 } = &step.kind {
        step.kind = StepKind::NoReply(message.clone());
    }
}
