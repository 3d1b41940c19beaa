//! Finds the boot of a client.

use super::{continues, elapsed};
use crate::story::boot::Boot;
use crate::story::log_record::LogTime;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// The client of an event.
#[derive(Debug)]
pub enum ClientKey {
    /// Hardware address.
    Mac(String),
    /// IP address.
    Ip(IpAddr),
    /// The line does not name the client, only where its request arrived.
    Unknown(String),
}

/// The current boot of each client.
#[derive(Debug, Default)]
pub struct Clients {
    by_mac: HashMap<String, usize>,
    by_ip: HashMap<IpAddr, usize>,
    by_origin: HashMap<String, usize>,
    /// Hardware addresses, from the log lines of a DHCP server.
    leases: HashMap<IpAddr, String>,
    /// Boots without a known IP address, in the order of their start.
    without_ip: VecDeque<usize>,
}

/// A file request in this time after a reply may belong to a client whose IP address is unknown.
const ATTRIBUTION_WINDOW: Duration = Duration::from_secs(30);

impl Clients {
    /// The last boot of a client; it may have ended.
    pub fn current(
        &mut self,
        client: &ClientKey,
        boots: &[Boot],
        now: Option<f64>,
    ) -> Option<usize> {
        match client {
            ClientKey::Mac(mac) => self.by_mac(mac),
            ClientKey::Ip(ip) => {
                let by_lease = || self.by_mac(self.leases.get(ip)?);
                let known = self.of_ip(*ip, boots, now).or_else(by_lease);
                known.or_else(|| self.unattributed(boots, now))
            }
            ClientKey::Unknown(origin) => self.by_origin.get(origin).copied(),
        }
    }

    pub fn by_mac(&self, mac: &str) -> Option<usize> {
        self.by_mac.get(mac).copied()
    }

    /// The last boot with this IP address.
    pub fn by_ip(&self, ip: IpAddr) -> Option<usize> {
        self.by_ip.get(&ip).copied()
    }

    pub fn add_lease(&mut self, ip: IpAddr, mac: String) {
        self.leases.insert(ip, mac);
    }

    /// Adds a boot without steps.
    pub fn start(&mut self, client: &ClientKey, time: LogTime<'_>, boots: &mut Vec<Boot>) -> usize {
        let index = boots.len();
        let mut boot =
            Boot { raw_time: time.text.to_owned(), started_at: time.seconds, ..Boot::default() };
        match client {
            ClientKey::Mac(mac) => {
                self.without_ip.push_back(index);
                boot.mac = Some(mac.clone());
            }
            ClientKey::Ip(ip) => boot.mac = self.mac_of(*ip, boots),
            ClientKey::Unknown(origin) => {
                self.by_origin.insert(origin.clone(), index);
                boot.origin = Some(origin.clone());
            }
        }
        if let Some(mac) = &boot.mac {
            let earlier = self.by_mac.insert(mac.clone(), index);
            boot.name = earlier.and_then(|earlier| boots[earlier].name.clone());
        }
        boots.push(boot);
        index
    }

    /// Moves the addresses of a boot to the one that follows it.
    pub fn replace(&mut self, new: usize, boot: &Boot) {
        if let Some(mac) = &boot.mac {
            self.by_mac.insert(mac.clone(), new);
        }
        if let Some(ip) = boot.ip {
            self.by_ip.insert(ip, new);
        }
    }

    /// The hardware address, from an earlier boot or a lease.
    fn mac_of(&self, ip: IpAddr, boots: &[Boot]) -> Option<String> {
        let earlier = self.by_ip(ip).and_then(|index| boots[index].mac.clone());
        earlier.or_else(|| self.leases.get(&ip).cloned())
    }

    pub fn bind_ip(&mut self, boots: &mut [Boot], index: usize, ip: IpAddr) {
        boots[index].ip = Some(ip);
        self.by_ip.insert(ip, index);
    }

    /// The hardware address of a boot becomes known by the name of a file that it requests.
    pub fn bind_mac(&mut self, boots: &mut [Boot], index: usize, mac: String) {
        self.by_mac.insert(mac.clone(), index);
        boots[index].mac = Some(mac);
    }

    /// The last boot with this address, or, if that is too long ago, the latest boot of the same hardware address.
    fn of_ip(&self, ip: IpAddr, boots: &[Boot], now: Option<f64>) -> Option<usize> {
        let last = self.by_ip(ip)?;
        if continues(&boots[last], now) {
            return Some(last);
        }
        let same_mac = boots[last].mac.as_ref().and_then(|mac| self.by_mac(mac));
        same_mac.or(Some(last))
    }

    /// The only boot that got a reply in the [`ATTRIBUTION_WINDOW`] and has no IP address yet; `None` if there are several.
    fn unattributed(&mut self, boots: &[Boot], now: Option<f64>) -> Option<usize> {
        let is_candidate = |index: usize| {
            let boot = &boots[index];
            let since = boot.last().zip(now).map(|(last, now)| elapsed(last, now));
            boot.ip.is_none() && since.is_none_or(|since| since <= ATTRIBUTION_WINDOW)
        };
        while self.without_ip.front().is_some_and(|index| !is_candidate(*index)) {
            self.without_ip.pop_front();
        }
        let mut candidates = self.without_ip.iter().copied().filter(|index| is_candidate(*index));
        let first = candidates.next()?;
        if candidates.next().is_some() { None } else { Some(first) }
    }
}
