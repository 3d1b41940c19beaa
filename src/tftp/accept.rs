//! Which requests are looked at (docs/dnsmasq/tftp.md, section 1.1).

use crate::config::Tftp;
use crate::config::network::Network;
use crate::net::{Address, Interfaces, Link, ReceivedDatagram, any_interface_matches};

/// Whether a datagram on port 69 is for us. If not, nothing is said.
pub fn accepts(
    tftp: &Tftp,
    network: &Network,
    interfaces: &Interfaces,
    arrival: &ReceivedDatagram<'_>,
) -> bool {
    let Some(link) = interfaces.by_index(arrival.interface) else { return false };
    if let Some(list) = &tftp.interfaces {
        return any_interface_matches(list, &link.name);
    }
    let accepted = network.accepts(&link.name, link.loopback, Some(arrival.local))
        || (link.loopback && is_on_accepted_interface(network, interfaces, arrival))
        || has_accepted_label(network, interfaces, link, arrival);
    accepted && !network.refuses_tftp(&link.name)
}

/// Asked over loopback, for an address of an interface that is accepted.
fn is_on_accepted_interface(
    network: &Network,
    interfaces: &Interfaces,
    arrival: &ReceivedDatagram<'_>,
) -> bool {
    let of = |address: &&Address| address.ip == arrival.local;
    let link = interfaces
        .addresses
        .iter()
        .find(of)
        .and_then(|address| interfaces.by_index(address.interface));
    link.is_some_and(|link| network.accepts(&link.name, link.loopback, Some(arrival.local)))
}

/// An interface named by the label of an address is accepted for that address.
fn has_accepted_label(
    network: &Network,
    interfaces: &Interfaces,
    link: &Link,
    arrival: &ReceivedDatagram<'_>,
) -> bool {
    interfaces.addresses_of(link.index).filter(|address| address.ip == arrival.local).any(
        |address| {
            let label = address.label.as_deref();
            label.is_some_and(|label| network.accepts(label, false, None))
        },
    )
}
