//! The machines on their way, for `--status`: what each has done last. Findings do not depend on it.

use super::event::{AnswerKind, ClientEvent, Mac};
use super::{ClientKey, MAX_CLIENTS, MAX_PATH_LEN, REPORT_INTERVAL};
use crate::time::Timestamp;
use crate::wire::client_arch::Architecture;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::time::Duration;

/// Machines by hardware address, else by IP address.
#[derive(Debug, Default)]
pub struct Machines {
    machines: HashMap<ClientKey, MachineState>,
    mac_by_ip: HashMap<IpAddr, Mac>,
    /// Machines for which there was no space, and the time of the last event of each.
    refused: HashMap<ClientKey, Timestamp>,
    /// There may be machines by IP address.
    has_ip_keys: bool,
    /// When machines were forgotten last.
    cleaned_at: Timestamp,
}

/// What a machine has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineState {
    /// The time of its last event.
    pub last_seen: Timestamp,
    /// Its last address.
    pub ip: Option<IpAddr>,
    /// Its architecture (option 93).
    pub architecture: Option<Architecture>,
    /// What it has done last. `None`: nothing that is shown.
    pub step: Option<Step>,
    /// What it had done before the transfer that it has begun last.
    step_before: Option<Step>,
    /// The path of the file that it requested last. Empty: none, or it is too long.
    pub last_file: Vec<u8>,
}

/// What a machine has done last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It has got an offer.
    Offered,
    /// It has got an answer to a request on port 4011, or to a choice from the menu.
    Asked4011,
    /// It has begun to load a file. Without a transfer: its last transfer has failed.
    Started,
    /// It has loaded a file.
    Loaded,
    /// It has requested a file that was not sent.
    Refused,
}

/// Machines that are stored at the same time. Others are shown only while they have transfers, and else are counted.
pub const MAX_MACHINES: usize = MAX_CLIENTS;
/// Machines that are counted because there is no space for them. More are not counted.
pub const MAX_REFUSED: usize = 4 * MAX_MACHINES;
/// A machine without events and transfers is shown for this time.
const RETENTION: Duration = REPORT_INTERVAL;
/// The time between two searches for machines that can be forgotten, if there is no space for another one.
const FULL_INTERVAL: Duration = Duration::from_secs(1);

impl Machines {
    /// The number of machines that are stored.
    pub fn count(&self) -> usize {
        self.machines.len()
    }

    /// Stores what an event shows of a machine.
    pub fn observe(&mut self, event: &ClientEvent, now: Timestamp) {
        match event {
            ClientEvent::LeaseRequested { mac, ip } => {
                let key = ClientKey::Mac(*mac);
                if self.machines.contains_key(&key) || self.refused.contains_key(&key) {
                    self.bind(*mac, (*ip).into());
                    self.state(key, now);
                }
            }
            ClientEvent::ReplySent(reply) => {
                if let Some(state) = self.state(ClientKey::Mac(reply.mac), now) {
                    state.architecture = reply.architecture.or(state.architecture);
                    state.step = Some(match reply.answer {
                        AnswerKind::Offer => Step::Offered,
                        AnswerKind::Pxe => Step::Asked4011,
                    });
                }
                if let Some(ip) = reply.ip {
                    self.bind(reply.mac, ip.into());
                }
            }
            ClientEvent::TransferStarted { client, path } => {
                self.file(*client, path, Step::Started, now);
            }
            ClientEvent::TransferFailed { client, is_cancelled } => {
                self.failed(*client, *is_cancelled, now);
            }
            ClientEvent::TransferRefused { client, path, .. } => {
                self.file(*client, path, Step::Refused, now);
            }
            ClientEvent::TransferCompleted(sent) => {
                self.file(sent.client, &sent.path, Step::Loaded, now);
            }
            ClientEvent::NoBootFile { .. }
            | ClientEvent::FirstAck { .. }
            | ClientEvent::SocketUnavailable { .. }
            | ClientEvent::TransferEvicted { .. }
            | ClientEvent::OtherServerReply(_) => {}
        }
    }

    /// The keys of the machines for which there was no space, and which had an event lately.
    pub fn refused(&self, now: Timestamp) -> impl Iterator<Item = ClientKey> {
        let is_recent = move |(_, seen): &(&ClientKey, &Timestamp)| now - **seen < RETENTION;
        self.refused.iter().filter(is_recent).map(|(key, _)| *key)
    }

    /// The machine with this address.
    pub fn key_for(&self, ip: IpAddr) -> ClientKey {
        self.mac_by_ip.get(&ip).map_or(ClientKey::Ip(ip), |mac| ClientKey::Mac(*mac))
    }

    /// A machine by its key, also if it has had no event for a long time.
    pub fn get(&self, key: ClientKey) -> Option<&MachineState> {
        self.machines.get(&key)
    }

    /// The machines that had an event lately.
    pub fn recent(&self, now: Timestamp) -> impl Iterator<Item = (ClientKey, &MachineState)> {
        let is_recent = move |state: &MachineState| now - state.last_seen < RETENTION;
        self.machines
            .iter()
            .filter(move |(_, state)| is_recent(state))
            .map(|(key, state)| (*key, state))
    }

    /// Forgets machines that had no event lately, if that is due. Those with transfers stay: their last event may be long ago.
    pub fn forget(&mut self, now: Timestamp, has_transfer: impl Fn(IpAddr) -> bool) {
        let is_full = self.machines.len() >= MAX_MACHINES;
        let interval = if is_full { FULL_INTERVAL } else { RETENTION };
        if self.machines.is_empty() || now - self.cleaned_at < interval {
            return;
        }
        self.cleaned_at = now;
        let Self { machines, mac_by_ip, refused, has_ip_keys, .. } = self;
        refused.retain(|_, seen| now - *seen < RETENTION);
        machines.retain(|_, state| {
            now - state.last_seen < RETENTION || state.ip.is_some_and(&has_transfer)
        });
        *has_ip_keys = machines.keys().any(|key| matches!(key, ClientKey::Ip(_)));
        mac_by_ip.retain(|_, mac| {
            let key = ClientKey::Mac(*mac);
            machines.contains_key(&key) || refused.contains_key(&key)
        });
    }

    fn file(&mut self, client: IpAddr, path: &[u8], step: Step, now: Timestamp) {
        let key = self.key_for(client);
        let Some(state) = self.state(key, now) else { return };
        if step == Step::Started && state.step != Some(Step::Started) {
            state.step_before = state.step;
        }
        (state.ip, state.step) = (Some(client), Some(step));
        // The memory is used again.
        state.last_file.clear();
        if path.len() <= MAX_PATH_LEN {
            state.last_file.extend_from_slice(path);
        }
    }

    /// A transfer has ended before the end of the file. If its client has only requested the size, that is no failure.
    fn failed(&mut self, client: IpAddr, is_cancelled: bool, now: Timestamp) {
        let key = self.key_for(client);
        let Some(state) = self.state(key, now) else { return };
        if !is_cancelled {
            state.step = Some(Step::Started);
        } else if state.step == Some(Step::Started) {
            state.step = state.step_before;
        }
    }

    /// A machine has got an address. What is known of that address belongs to it.
    fn bind(&mut self, mac: Mac, ip: IpAddr) {
        let Self { machines, mac_by_ip, refused, has_ip_keys, .. } = self;
        let has_space = mac_by_ip.len() < MAX_MACHINES + MAX_REFUSED;
        let is_bound = match mac_by_ip.entry(ip) {
            Entry::Occupied(mut bound) => bound.insert(mac) == mac,
            Entry::Vacant(free) => {
                if has_space {
                    free.insert(mac);
                }
                false
            }
        };
        // This is done for each reply, and mostly there is no machine without a known hardware address.
        let key = ClientKey::Ip(ip);
        let earlier = if is_bound || !*has_ip_keys { None } else { machines.remove(&key) };
        if !refused.is_empty() {
            refused.remove(&key);
        }
        if let Some(state) = machines.get_mut(&ClientKey::Mac(mac)) {
            state.ip = Some(ip);
            if let Some(earlier) = earlier {
                state.merge(earlier);
            }
        }
    }

    /// The state of a machine, which has an event `now`. `None`: there are too many.
    fn state(&mut self, key: ClientKey, now: Timestamp) -> Option<&mut MachineState> {
        if self.machines.len() >= MAX_MACHINES && !self.machines.contains_key(&key) {
            self.refuse(key, now);
            return None;
        }
        // This is done for each reply, and mostly no machine is refused.
        if !self.refused.is_empty() {
            self.refused.remove(&key);
        }
        let state = self.machines.entry(key).or_default();
        state.last_seen = state.last_seen.max(now);
        if let ClientKey::Ip(ip) = key {
            state.ip = Some(ip);
            self.has_ip_keys = true;
        }
        Some(state)
    }

    /// There is no space for a machine, which has an event `now`.
    fn refuse(&mut self, key: ClientKey, now: Timestamp) {
        if self.refused.len() < MAX_REFUSED || self.refused.contains_key(&key) {
            self.refused.insert(key, now);
        }
    }
}

impl MachineState {
    /// Adds what is known of the same machine by its address.
    fn merge(&mut self, earlier: Self) {
        if earlier.last_seen > self.last_seen {
            (self.step, self.step_before) = (earlier.step, earlier.step_before);
        }
        self.last_seen = self.last_seen.max(earlier.last_seen);
        self.last_file = earlier.last_file;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot_monitor::event::{CompletedTransfer, ExpectedStep, RefusalReason, ReplySent};
    use crate::config::Origin;
    use std::net::Ipv4Addr;

    const MAC: Mac = [2, 0, 0, 0, 0, 1];
    const IP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);

    fn reply(mac: Mac, answer: AnswerKind, ip: Option<Ipv4Addr>) -> ClientEvent {
        ClientEvent::ReplySent(ReplySent {
            mac,
            answer,
            ip,
            architecture: Some(Architecture(7)),
            is_ipxe: false,
            boot_file: None,
            next: ExpectedStep::Unknown,
            line: Origin::default(),
        })
    }

    fn started(file: &[u8]) -> ClientEvent {
        ClientEvent::TransferStarted { client: IP.into(), path: file.to_vec() }
    }

    fn state(machines: &Machines, key: ClientKey) -> (Option<Step>, &[u8], Option<IpAddr>) {
        let state = machines.get(key).expect("it is stored");
        (state.step, &state.last_file, state.ip)
    }

    #[test]
    fn steps_of_a_boot_are_stored_with_address_and_last_file() {
        let mut machines = Machines::default();
        let key = ClientKey::Mac(MAC);
        let ip = Some(IP.into());
        let (none, file) = (&b""[..], &b"/srv/a"[..]);
        let completed = CompletedTransfer { size: 1, client: IP.into(), path: b"/srv/a".to_vec() };
        let refused = ClientEvent::TransferRefused {
            client: IP.into(),
            path: b"/srv/b".to_vec(),
            reason: RefusalReason::NotFound,
        };
        for (event, expected) in [
            (reply(MAC, AnswerKind::Offer, None), (Some(Step::Offered), none, None)),
            (ClientEvent::LeaseRequested { mac: MAC, ip: IP }, (Some(Step::Offered), none, ip)),
            (reply(MAC, AnswerKind::Pxe, Some(IP)), (Some(Step::Asked4011), none, ip)),
            (started(b"/srv/a"), (Some(Step::Started), file, ip)),
            (ClientEvent::TransferCompleted(completed), (Some(Step::Loaded), file, ip)),
            (refused, (Some(Step::Refused), b"/srv/b", ip)),
            (started(&[b'a'; 257]), (Some(Step::Started), none, ip)),
        ] {
            machines.observe(&event, Timestamp(5));
            assert_eq!(state(&machines, key), expected, "{event:?}");
        }
        assert_eq!(machines.get(key).and_then(|state| state.architecture), Some(Architecture(7)));
        assert_eq!(machines.count(), 1);
    }

    #[test]
    fn earlier_events_of_an_address_belong_to_the_machine_that_gets_it() {
        let mut machines = Machines::default();
        machines.observe(&reply(MAC, AnswerKind::Offer, None), Timestamp(0));
        machines.observe(&started(b"/a"), Timestamp(1));
        assert_eq!(machines.count(), 2);
        machines.observe(&ClientEvent::LeaseRequested { mac: MAC, ip: IP }, Timestamp(2));
        let expected = (Some(Step::Started), &b"/a"[..], Some(IP.into()));
        assert_eq!((state(&machines, ClientKey::Mac(MAC)), machines.count()), (expected, 1));
        assert_eq!(machines.key_for(IP.into()), ClientKey::Mac(MAC));
        // A client that got no reply is not on its way.
        machines.observe(&ClientEvent::LeaseRequested { mac: [9; 6], ip: IP }, Timestamp(3));
        assert_eq!(machines.key_for(IP.into()), ClientKey::Mac(MAC));
    }

    #[test]
    fn machine_is_shown_for_a_minute_and_stored_while_it_has_a_transfer() {
        let mut machines = Machines::default();
        machines.observe(&reply(MAC, AnswerKind::Pxe, Some(IP)), Timestamp(0));
        machines.observe(&reply([3; 6], AnswerKind::Offer, None), Timestamp(0));
        assert_eq!(machines.recent(Timestamp(59_999)).count(), 2);
        assert_eq!(machines.recent(Timestamp(60_000)).count(), 0);
        machines.forget(Timestamp(59_999), |_| false);
        assert_eq!(machines.count(), 2);
        machines.forget(Timestamp(60_000), |ip| ip == IP);
        assert_eq!((machines.count(), machines.key_for(IP.into())), (1, ClientKey::Mac(MAC)));
        machines.forget(Timestamp(119_999), |_| false);
        assert_eq!(machines.count(), 1, "a search each minute is enough");
        machines.forget(Timestamp(120_000), |_| false);
        assert_eq!((machines.count(), machines.mac_by_ip.len()), (0, 0));
    }

    #[test]
    fn number_of_machines_is_limited_and_there_is_space_again_after_a_minute() {
        let mut machines = Machines::default();
        let observe = |machines: &mut Machines, number: u32, now: u64| {
            let [a, b, c, d] = number.to_be_bytes();
            let event = reply([2, 0, a, b, c, d], AnswerKind::Pxe, Some(number.into()));
            machines.observe(&event, Timestamp(now));
            machines.forget(Timestamp(now), |_| false);
        };
        (0..100_000).for_each(|number| observe(&mut machines, number, 1000));
        let stored = MAX_MACHINES + MAX_REFUSED;
        assert_eq!((machines.count(), machines.mac_by_ip.len()), (MAX_MACHINES, stored));
        observe(&mut machines, 200_000, 60_999);
        assert_eq!(machines.count(), MAX_MACHINES);
        machines.forget(Timestamp(62_000), |_| false);
        assert_eq!((machines.count(), machines.refused.len(), machines.mac_by_ip.len()), (0, 0, 0));
    }

    #[test]
    fn machine_without_space_is_counted_once_for_a_minute() {
        let mut machines = Machines::default();
        for number in 0..u32::try_from(MAX_MACHINES).expect("it fits") {
            let [a, b, c, d] = number.to_be_bytes();
            machines.observe(&reply([2, 0, a, b, c, d], AnswerKind::Offer, None), Timestamp(1000));
        }
        let count = |machines: &Machines, now| machines.refused(Timestamp(now)).count();
        assert_eq!(count(&machines, 1000), 0);
        for answer in [AnswerKind::Offer, AnswerKind::Pxe] {
            machines.observe(&reply([9; 6], answer, None), Timestamp(2000));
        }
        // A transfer of an address that is not known yet.
        machines.observe(&started(b"/a"), Timestamp(2000));
        assert_eq!(count(&machines, 2000), 2);
        machines.observe(&ClientEvent::LeaseRequested { mac: [9; 6], ip: IP }, Timestamp(2000));
        machines.observe(&started(b"/a"), Timestamp(3000));
        assert!(machines.refused(Timestamp(3000)).eq([ClientKey::Mac([9; 6])]));
        assert_eq!((count(&machines, 62_999), count(&machines, 63_000)), (1, 0));
        machines.forget(Timestamp(61_000), |_| false);
        machines.observe(&started(b"/a"), Timestamp(61_000));
        assert_eq!((count(&machines, 61_000), machines.count()), (0, 1));
    }

    #[test]
    fn transfer_that_fails_is_an_event_and_a_request_for_the_size_is_no_failure() {
        let mut machines = Machines::default();
        let failed = |is_cancelled| ClientEvent::TransferFailed { client: IP.into(), is_cancelled };
        machines.observe(&reply(MAC, AnswerKind::Pxe, Some(IP)), Timestamp(0));
        let step = |machines: &Machines| state(machines, ClientKey::Mac(MAC)).0;
        for _ in 0..2 {
            machines.observe(&started(b"/a"), Timestamp(1));
            machines.observe(&started(b"/a"), Timestamp(1));
            machines.observe(&failed(true), Timestamp(2));
            assert_eq!(step(&machines), Some(Step::Asked4011));
        }
        machines.observe(&started(b"/a"), Timestamp(3));
        machines.observe(&failed(false), Timestamp(100_000));
        assert_eq!(step(&machines), Some(Step::Started));
        assert_eq!(machines.recent(Timestamp(159_999)).count(), 1);
        assert_eq!(machines.recent(Timestamp(160_000)).count(), 0);
    }
}
