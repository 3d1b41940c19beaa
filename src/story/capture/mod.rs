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

use super::boot::{Boot, Step, StepKind};
use super::correlate::{BootCorrelator, ClientKey};
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

/// All boots of a capture.
///
/// # Errors
/// It is not a capture, or damaged.
pub fn boots_of_capture(input: impl Read + Send) -> Result<Vec<Boot>, CaptureError> {
    let mut observer = Observer::default();
    capture::read(input, |datagram| observer.add(datagram))?;
    Ok(observer.finish())
}

/// Assigns the datagrams of a capture to boots.
#[derive(Default)]
struct Observer {
    correlator: BootCorrelator,
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

impl Observer {
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

    fn finish(mut self) -> Vec<Boot> {
        for ended in std::mem::take(&mut self.transfers).finish(self.now) {
            self.add_transfer(ended);
        }
        let mut boots = self.correlator.into_boots();
        for boot in &mut boots {
            // A transfer that was not finished is added later than the steps after it.
            boot.steps.sort_by_key(|step| step.offset);
            if let Some(last) = boot.steps.last_mut() {
                soften(last);
            }
        }
        boots
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
            boot.offer.file = reply.file.clone().or(boot.offer.file.take());
            boot.offer.next_server = reply.next_server.or(boot.offer.next_server);
            boot.offer.own_address = Some(reply.server);
            boot.offer.has_menu |= reply.has_menu;
        }
    }

    fn add_transfer(&mut self, ended: Ended) {
        let time = ended.transfer.last;
        let client = ClientKey::Ip(ended.client);
        let kind = self.transfer_step(ended);
        self.add_step(&client, kind, time);
    }

    fn transfer_step(&self, Ended { transfer, end, .. }: Ended) -> StepKind {
        let stats = transfer.stats();
        let path = transfer.path;
        match end {
            End::Complete => StepKind::File { path, stats: Some(stats) },
            End::Refused { code: FILE_NOT_FOUND, .. } => StepKind::NotFound { path, count: 1 },
            End::Refused { code: ACCESS_VIOLATION, .. } => StepKind::Denied(path),
            End::Refused { code, text } => {
                StepKind::Unreadable { path, error: format!("{code} {text}") }
            }
            End::BrokenOff(error) => StepKind::ClientError { path: Some(path), error, count: 1 },
            // A client repeats a request only if it got no reply.
            End::NoReply if transfer.requests > 1 && self.transfers.has_replies => {
                let message = format!("the TFTP request for {path} to {}", transfer.server.ip());
                StepKind::Requested { message, count: transfer.requests }
            }
            End::NoReply => {
                StepKind::NoReply(format!("TFTP request for {path} to {}", transfer.server.ip()))
            }
            End::ClientSilent => StepKind::TimedOut(path),
            End::ServerSilent => StepKind::NoReply(format!("acknowledgement of a block of {path}")),
            End::CaptureEnds => StepKind::Loading { path, size: stats.size },
        }
    }

    fn add_step(&mut self, client: &ClientKey, kind: StepKind, time: Option<Duration>) -> usize {
        let text = time.map(utc).unwrap_or_default();
        let seconds = time.map(|time| time.as_secs_f64());
        self.correlator.add_step(client, kind, LogTime { seconds, text: &text })
    }
}

/// One request without a reply at the end: the reply can be outside of the capture.
fn soften(step: &mut Step) {
    if let StepKind::Requested { message, count: 1 } = &step.kind {
        step.kind = StepKind::NoReply(message.clone());
    }
}
