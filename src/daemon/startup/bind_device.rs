//! If only one interface is served, the DHCP sockets are bound to it (docs/dnsmasq/proxydhcp.md, section 1.2).

use crate::config::Config;
use crate::config::network::{Binding, Network, missing_interfaces};
use crate::daemon::host_process::HostProcess;
use crate::daemon::sockets::Sockets;
use crate::net::Interfaces;

/// The interface that the DHCP sockets are bound to. It may be removed, and created again with another index.
pub struct DeviceBinding {
    name: String,
    index: Option<u32>,
    /// Whether the failure to bind was logged. It is logged once.
    reported: bool,
}

impl DeviceBinding {
    /// The sockets are bound to this interface already.
    pub fn new(name: String, interfaces: &Interfaces) -> Self {
        let index = interfaces.by_name(&name).map(|link| link.index);
        Self { name, index, reported: false }
    }

    /// The name of the interface.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Binds the sockets again if the index of the interface has changed. The name, if that fails for the first time.
    pub fn rebind(
        &mut self,
        interfaces: &Interfaces,
        sockets: &Sockets,
        host: Option<&mut HostProcess>,
    ) -> Option<String> {
        let index = interfaces.by_name(&self.name).map(|link| link.index);
        if index == std::mem::replace(&mut self.index, index) {
            return None;
        }
        let bound = index.is_some()
            && host.is_some_and(|host| host.bind_sockets(&sockets.all_dhcp()).is_ok());
        let first = !bound && !std::mem::replace(&mut self.reported, true);
        first.then(|| self.name.clone())
    }
}

/// The interface that the DHCP sockets are bound to; `None`: several are served, or there are no DHCP sockets.
pub fn single_interface(config: &Config, interfaces: &Interfaces) -> Option<String> {
    if config.dhcp.ranges.is_empty() { None } else { only_interface(&config.network, interfaces) }
}

/// The only interface that is served, if the configuration names it.
fn only_interface(network: &Network, interfaces: &Interfaces) -> Option<String> {
    let by_name = !network.interfaces.is_empty()
        && network.interfaces.iter().all(|name| !name.value.contains(&b'*'))
        && missing_interfaces(network, interfaces).is_empty();
    if network.binding == Binding::Wildcard || !by_name {
        return None;
    }
    let mut served = interfaces.addresses.iter().filter_map(|address| {
        let link = interfaces.by_index(address.interface)?;
        let name = interfaces.name_of(address)?;
        let accepted = network.accepts(name, link.loopback, Some(address.ip));
        let refused = network.refuses_dhcp_of_both_versions(&link.name);
        (accepted && !link.loopback && !refused).then_some(&link.name)
    });
    let first = served.next()?;
    served.all(|name| name == first).then(|| first.clone())
}

#[test]
fn single_interface_is_found_by_the_label_of_an_address() {
    use crate::config::{Located, Origin};
    use crate::net::{Address, Link};
    let link = Link { index: 2, name: "eth0".into(), ..Link::default() };
    let address = |last, label: Option<&str>| Address {
        interface: 2,
        ip: [10, 0, 0, last].into(),
        prefix: 24,
        label: label.map(str::to_owned),
    };
    let addresses = vec![address(1, None), address(2, Some("eth0:1"))];
    let interfaces = Interfaces { links: vec![link], addresses };
    let mut network = Network { binding: Binding::Dynamic, ..Network::default() };
    for (name, only) in [("eth0:1", Some("eth0")), ("eth0", Some("eth0")), ("eth0:2", None)] {
        let value = name.as_bytes().to_vec();
        network.interfaces = vec![Located { origin: Origin::default(), value }];
        assert_eq!(only_interface(&network, &interfaces).as_deref(), only, "{name}");
    }
}
