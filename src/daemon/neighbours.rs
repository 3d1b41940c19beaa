//! Notices about the kernel's neighbour table. While it is full, the kernel drops DHCP replies, blocks and ARP replies for
//! clients without an entry, mostly without an error for the program.
//!
//! While more than half of it is in use, clients get entries that the limit does not count, if they can be added: the router's
//! lease, which the client requests by broadcast, has the address that it will use. Without an entry, the kernel does not even
//! answer the client's ARP request. So the table seldom becomes full.
//!
//! The table is read only some time after something was sent, so that a single client does not wait for it, and not at all
//! while there are no clients.

use super::Daemon;
use super::rate_limit::RateLimit;
use super::sockets::EventSource;
use crate::diagnose::environment::{LargeNetwork, is_served_host, large_networks, sysctl_command};
use crate::log_line::{Line, NoticeLine};
use crate::net::{NeighbourEntry, NeighbourUsage, ReceivedDatagram};
use crate::sys::neighbour_limit::usage;
use crate::time::Timestamp;
use crate::wire::dhcp::{Frame, field, message};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Reads the table while there are clients, and finds out when there is a notice.
pub struct NeighbourWatch {
    /// When the table is read again. `None`: nothing was sent since it was read.
    due: Option<Timestamp>,
    /// The time between something that is sent and the next reading.
    delay: Duration,
    /// What was read last; `None`: the kernel does not report it, so it is not read.
    last: Option<NeighbourUsage>,
    full: RateLimit,
    /// Entries that were refused and are not in a notice yet.
    refused: u64,
    /// The limit at which it was reported that more than half of the table is in use.
    reported_limit: Option<u32>,
    /// Whether more than half of it was in use.
    is_half_full: bool,
    /// Entries that are to be added.
    pending: Vec<(Ipv4Addr, NeighbourEntry)>,
    added: RateLimit,
    /// Interfaces whose entry for 255.255.255.255 was added since the last reading.
    broadcast: Vec<u32>,
    /// Entries were added that the limit does not count.
    has_kept: bool,
}

/// A state of the table that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// Entries were refused: this number, if the kernel counts them.
    Full(Option<u64>),
    /// More than half of it is in use.
    HalfFull,
}

/// The time between something that is sent and the next reading.
const DELAY: Duration = Duration::from_secs(1);
/// The same on machines with more than [`MANY_LINKS`] links: the kernel describes each of them.
const LONG_DELAY: Duration = Duration::from_secs(5);
const MANY_LINKS: usize = 64;
/// A full table has one notice within this time.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// Entries that are added within [`ADD_INTERVAL`].
const MAX_ADDED: usize = 4000;
const ADD_INTERVAL: Duration = Duration::from_secs(1);
/// DHCP option "requested IP address" (RFC 2132, section 9.1).
const REQUESTED_ADDRESS: u8 = 50;
const ETHERNET_ADDRESS_LEN: usize = 6;

impl NeighbourWatch {
    /// `now`: the state of the table at the start; `None`: it is not watched.
    pub fn new(now: Option<NeighbourUsage>) -> Self {
        Self {
            due: None,
            delay: DELAY,
            last: now,
            full: RateLimit::new(1, REPORT_INTERVAL),
            refused: 0,
            reported_limit: None,
            is_half_full: now.is_some_and(NeighbourUsage::is_half_full),
            pending: Vec::new(),
            added: RateLimit::new(MAX_ADDED, ADD_INTERVAL),
            broadcast: Vec::new(),
            has_kept: false,
        }
    }

    /// Whether the host process has added entries that the limit does not count. They are removed when this process ends.
    pub fn has_kept(&self) -> bool {
        self.has_kept
    }

    /// What was read last; `None`: the kernel does not report it.
    pub fn usage(&self) -> Option<NeighbourUsage> {
        self.last
    }

    /// If more than half of the table is in use, stores the entry of a client that requests a lease of a router.
    pub fn record_request(&mut self, datagram: &ReceivedDatagram<'_>, now: Timestamp) {
        if self.is_half_full
            && let Some((address, client)) = lease_request(datagram)
            && self.added.allow(now)
        {
            self.pending.push((address, client));
        }
    }

    /// Something was sent, or is about to be.
    pub fn record_traffic(&mut self, now: Timestamp) {
        if self.last.is_some() {
            self.due.get_or_insert(now + self.delay);
        }
    }

    /// When the table is to be read.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.due
    }

    /// What is to be reported about the table as it was just read.
    ///
    /// It is reported as full if entries were refused since the last reading and it is nearly full now. The counter alone is
    /// not enough: other network namespaces use the same table, and no reading takes place while there are no clients.
    /// An entry that was refused is not reported twice, and a full table at most once per [`REPORT_INTERVAL`].
    ///
    /// That more than half of it is in use is reported once for each limit.
    fn examine(&mut self, usage: NeighbourUsage, now: Timestamp) -> Option<Finding> {
        let before = self.last.replace(usage);
        self.is_half_full = usage.is_half_full();
        self.broadcast.clear();
        let counted = before.and_then(|before| usage.refused?.checked_sub(before.refused?));
        let is_nearly_full = u64::from(usage.entries) * 10 >= u64::from(usage.limit) * 9;
        let is_full = match usage.refused {
            Some(_) => is_nearly_full && counted.is_some_and(|count| count > 0),
            None => usage.entries >= usage.limit,
        };
        if is_full {
            self.refused += counted.unwrap_or(0);
            // The next notice is about the same limit.
            self.reported_limit = Some(usage.limit);
            return self.full.allow(now).then(|| Finding::Full(self.take_refused(usage)));
        }
        let is_new = self.reported_limit != Some(usage.limit);
        (self.is_half_full && is_new).then_some(Finding::HalfFull)
    }

    fn take_refused(&mut self, usage: NeighbourUsage) -> Option<u64> {
        let refused = std::mem::take(&mut self.refused);
        usage.refused.map(|_| refused)
    }
}

/// The address that a PXE client requests from a router on its own link, and its entry. A request by a relay or from another
/// network has none.
fn lease_request(datagram: &ReceivedDatagram<'_>) -> Option<(Ipv4Addr, NeighbourEntry)> {
    // A client without an address (RFC 2131, section 4.1). A router forwards no such datagram.
    if !datagram.peer.ip().is_unspecified() {
        return None;
    }
    let frame = Frame::parse(datagram.bytes)?;
    let is_netboot = [&b"PXEClient"[..], b"HTTPClient"]
        .iter()
        .any(|class| frame.vendor_class().starts_with(class));
    if frame.message_type() != Some(message::REQUEST)
        || !frame.address(field::GIADDR).is_unspecified()
        || !is_netboot
    {
        return None;
    }
    let address = Ipv4Addr::from(*frame.option(REQUESTED_ADDRESS, 4)?.first_chunk::<4>()?);
    let mac = frame.mac().to_vec();
    let hardware_type = frame.htype();
    (mac.len() == ETHERNET_ADDRESS_LEN)
        .then_some((address, NeighbourEntry { interface: datagram.interface, hardware_type, mac }))
}

impl Daemon {
    /// Reads the neighbour table if that is due; the notice about it.
    pub(super) fn check_neighbours(&mut self, now: Timestamp) -> Option<Line> {
        self.add_pending_neighbours();
        let watch = &mut self.monitoring.neighbours;
        watch.due.take_if(|due| *due <= now)?;
        let usage = usage(&self.links.route).ok()?;
        watch.delay = if self.interfaces.links.len() > MANY_LINKS { LONG_DELAY } else { DELAY };
        let finding = watch.examine(usage, now)?;
        self.neighbour_notice(finding, usage).map(Line::Notice)
    }

    /// Adds entries for clients on networks that are served, and for broadcasts to them. If an entry cannot be added, the client
    /// may have none, which is logged when the kernel refuses it.
    fn add_pending_neighbours(&mut self) {
        for (address, client) in std::mem::take(&mut self.monitoring.neighbours.pending) {
            let is_host = is_served_host(&self.config, &self.interfaces, client.interface, address);
            if is_host && !self.broadcast_instead {
                self.keep_neighbours(address, client);
            }
        }
    }

    fn keep_neighbours(&mut self, address: Ipv4Addr, client: NeighbourEntry) {
        let Some(host) = &mut self.host else { return };
        self.monitoring.neighbours.has_kept = true;
        let with_broadcast = &mut self.monitoring.neighbours.broadcast;
        if !with_broadcast.contains(&client.interface) {
            with_broadcast.push(client.interface);
            let broadcast = NeighbourEntry { mac: vec![0xff; client.mac.len()], ..client.clone() };
            let _ = host.keep_neighbour(Ipv4Addr::BROADCAST, broadcast);
        }
        let _ = host.keep_neighbour(address, client);
        if host.has_replies() {
            self.scheduling.backlog.push(EventSource::Host);
        }
    }

    /// Half of the table is reported only where a served network has more addresses than the limit: with a smaller network
    /// the entries are not those of clients.
    fn neighbour_notice(&mut self, finding: Finding, usage: NeighbourUsage) -> Option<NoticeLine> {
        let NeighbourUsage { entries, limit, .. } = usage;
        let large = large_networks(&self.config, &self.interfaces, limit).into_iter().next();
        let command = sysctl_command(limit, large.as_ref().map(|network| network.addresses));
        if let Finding::Full(refused) = finding {
            return Some(NoticeLine::NeighbourTableFull { entries, limit, refused, command });
        }
        let LargeNetwork { line, interface, addresses } = large?;
        let line = line.to_string();
        self.monitoring.neighbours.reported_limit = Some(limit);
        let notice =
            NoticeLine::NeighbourTableSmall { entries, limit, interface, addresses, line, command };
        Some(notice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(entries: u32, refused: Option<u64>) -> NeighbourUsage {
        NeighbourUsage { entries, limit: 1024, refused }
    }

    fn watch(refused: Option<u64>) -> NeighbourWatch {
        NeighbourWatch::new(Some(usage(3, refused)))
    }

    #[test]
    fn table_is_read_one_second_after_traffic_and_not_without_it() {
        let mut watch = watch(Some(0));
        assert_eq!(watch.next_deadline(), None);
        for sent in [5000, 5001, 5999] {
            watch.record_traffic(Timestamp(sent));
            assert_eq!(watch.next_deadline(), Some(Timestamp(6000)));
        }
        let mut unknown = NeighbourWatch::new(None);
        unknown.record_traffic(Timestamp(5000));
        assert_eq!(unknown.next_deadline(), None);
    }

    #[test]
    fn refused_entries_are_reported_once_a_minute_with_their_number() {
        let mut watch = watch(Some(100));
        let mut examine =
            |entries, refused, ms| watch.examine(usage(entries, Some(refused)), Timestamp(ms));
        assert_eq!(examine(1025, 107, 1000), Some(Finding::Full(Some(7))));
        assert_eq!(examine(1025, 108, 2000), None);
        assert_eq!(examine(1025, 110, 60_999), None);
        assert_eq!(examine(1025, 115, 61_000), Some(Finding::Full(Some(8))));
        assert_eq!(examine(1025, 115, 200_000), None, "none was refused since");
    }

    #[test]
    fn entries_that_were_refused_while_there_were_no_clients_are_not_reported() {
        let mut watch = watch(Some(100));
        assert_eq!(watch.examine(usage(400, Some(900)), Timestamp(3_600_000)), None);
        assert_eq!(
            watch.examine(usage(1025, Some(900)), Timestamp(3_601_000)),
            Some(Finding::HalfFull)
        );
    }

    #[test]
    fn kernel_without_a_counter_has_a_full_table_at_the_limit() {
        let mut watch = watch(None);
        assert_eq!(watch.examine(usage(1023, None), Timestamp(0)), Some(Finding::HalfFull));
        assert_eq!(watch.examine(usage(1024, None), Timestamp(1000)), Some(Finding::Full(None)));
    }

    #[test]
    fn half_of_the_table_is_reported_again_only_for_another_limit() {
        let mut watch = watch(Some(0));
        assert_eq!(watch.examine(usage(512, Some(0)), Timestamp(0)), None);
        assert_eq!(watch.examine(usage(513, Some(0)), Timestamp(0)), Some(Finding::HalfFull));
        watch.reported_limit = Some(1024);
        assert_eq!(watch.examine(usage(900, Some(0)), Timestamp(0)), None);
        let raised = NeighbourUsage { limit: 2048, ..usage(1500, Some(0)) };
        assert_eq!(watch.examine(raised, Timestamp(0)), Some(Finding::HalfFull));
    }

    fn datagram(bytes: &[u8]) -> ReceivedDatagram<'_> {
        ReceivedDatagram {
            bytes,
            peer: ([0; 4], 68).into(),
            local: [10, 0, 0, 1].into(),
            interface: 2,
        }
    }

    /// A REQUEST of a PXE client for 10.0.0.9.
    fn request() -> Vec<u8> {
        let mut bytes = vec![0; field::OPTIONS];
        (bytes[field::OP], bytes[field::HTYPE], bytes[field::HLEN]) = (1, 1, 6);
        bytes[field::CHADDR][..6].copy_from_slice(&[2, 0, 0, 0, 0, 9]);
        bytes[field::COOKIE].copy_from_slice(&crate::wire::dhcp::MAGIC_COOKIE);
        bytes.extend_from_slice(&[53, 1, 3, 50, 4, 10, 0, 0, 9, 60, 9]);
        bytes.extend_from_slice(b"PXEClient\xff");
        bytes
    }

    #[test]
    fn request_for_a_lease_gives_address_and_entry_of_the_client() {
        let entry = NeighbourEntry { interface: 2, hardware_type: 1, mac: vec![2, 0, 0, 0, 0, 9] };
        let expected = Some((Ipv4Addr::new(10, 0, 0, 9), entry));
        assert_eq!(lease_request(&datagram(&request())), expected);
        let changed = |at: usize, value: u8| {
            let mut bytes = request();
            bytes[at] = value;
            lease_request(&datagram(&bytes))
        };
        let options = field::OPTIONS;
        for (at, value) in [
            (field::GIADDR.start, 10),
            (field::HLEN, 16),
            (options + 2, message::DISCOVER),
            (options + 3, 51),
            (options + 11, b'X'),
        ] {
            assert_eq!(changed(at, value), None, "{at}");
        }
        for len in 0..request().len() {
            let _ = lease_request(&datagram(&request()[..len]));
        }
    }

    #[test]
    fn entries_are_added_only_while_more_than_half_of_the_table_is_in_use() {
        let (mut watch, request) = (watch(Some(0)), request());
        watch.record_request(&datagram(&request), Timestamp(0));
        assert_eq!(watch.pending.len(), 0);
        let _ = watch.examine(usage(513, Some(0)), Timestamp(0));
        (0..10_000).for_each(|_| watch.record_request(&datagram(&request), Timestamp(0)));
        assert_eq!(watch.pending.len(), MAX_ADDED);
        let _ = watch.examine(usage(512, Some(0)), Timestamp(2000));
        watch.record_request(&datagram(&request), Timestamp(2000));
        assert_eq!(watch.pending.len(), MAX_ADDED);
    }
}
