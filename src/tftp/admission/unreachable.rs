//! Addresses that have refused datagrams of a transfer with ICMP `port unreachable`: their requests may be forged.

use crate::time::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// These addresses, with the time of the last ICMP message.
#[derive(Debug, Default)]
pub struct UnreachableClients {
    refused_at: HashMap<IpAddr, Timestamp>,
}

/// For this time an address gets one block for each ACK.
const LOCKSTEP_PERIOD: Duration = Duration::from_secs(60);
/// Addresses that are stored. The source of an ICMP message may be forged too.
const MAX_ADDRESSES: usize = 4096;

impl UnreachableClients {
    /// Stores an address. If there are too many, those that are stored already stay.
    pub fn add(&mut self, client: IpAddr, now: Timestamp) {
        if self.refused_at.len() >= MAX_ADDRESSES {
            self.refused_at.retain(|_, refused_at| now < *refused_at + LOCKSTEP_PERIOD);
        }
        if self.refused_at.len() < MAX_ADDRESSES || self.refused_at.contains_key(&client) {
            self.refused_at.insert(client, now);
        }
    }

    /// Whether an address has refused a datagram within the last minute.
    pub fn contains(&self, client: IpAddr, now: Timestamp) -> bool {
        self.refused_at.get(&client).is_some_and(|refused_at| now < *refused_at + LOCKSTEP_PERIOD)
    }
}

#[test]
fn address_is_stored_for_a_minute_and_number_is_limited() {
    let mut clients = UnreachableClients::default();
    let address = |nth: u32| IpAddr::from(std::net::Ipv4Addr::from(nth));
    for nth in 0..10_000 {
        clients.add(address(nth), Timestamp(0));
    }
    assert_eq!(clients.refused_at.len(), MAX_ADDRESSES);
    assert!(clients.contains(address(1), Timestamp(59_999)));
    assert!(!clients.contains(address(1), Timestamp(60_000)));
    clients.add(address(10_000), Timestamp(60_000));
    assert!(clients.contains(address(10_000), Timestamp(60_000)));
    assert_eq!(clients.refused_at.len(), 1, "the others have expired");
}
