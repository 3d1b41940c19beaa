//! Which requests are answered (docs/dnsmasq/tftp.md, section 1.1).

use crate::config::Tftp;
use crate::config::network::Network;
use crate::net::{Address, Interfaces, Link, ReceivedDatagram, any_interface_matches};

/// Whether a datagram on port 69 is answered. If not, it is dropped without a log line.
pub fn accepts(
    tftp: &Tftp,
    network: &Network,
    interfaces: &Interfaces,
    datagram: &ReceivedDatagram<'_>,
) -> bool {
    let Some(link) = interfaces.by_index(datagram.interface) else { return false };
    if let Some(list) = &tftp.interfaces {
        return any_interface_matches(list, &link.name);
    }
    let accepted = network.accepts(&link.name, link.loopback, Some(datagram.local))
        || (link.loopback && is_on_accepted_interface(network, interfaces, datagram))
        || has_accepted_label(network, interfaces, link, datagram);
    accepted && !network.refuses_tftp(&link.name)
}

/// Whether a datagram over loopback has the address of an interface that is accepted.
fn is_on_accepted_interface(
    network: &Network,
    interfaces: &Interfaces,
    datagram: &ReceivedDatagram<'_>,
) -> bool {
    let is_local = |address: &&Address| address.ip == datagram.local;
    let link = interfaces
        .addresses
        .iter()
        .find(is_local)
        .and_then(|address| interfaces.by_index(address.interface));
    link.is_some_and(|link| network.accepts(&link.name, link.loopback, Some(datagram.local)))
}

/// Whether the label of the destination address is the name of an accepted interface.
fn has_accepted_label(
    network: &Network,
    interfaces: &Interfaces,
    link: &Link,
    datagram: &ReceivedDatagram<'_>,
) -> bool {
    interfaces.addresses_of(link.index).filter(|address| address.ip == datagram.local).any(
        |address| {
            let label = address.label.as_deref();
            label.is_some_and(|label| network.accepts(label, false, None))
        },
    )
}
