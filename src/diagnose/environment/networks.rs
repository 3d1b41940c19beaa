//! Ranges and the interfaces of this machine.

use crate::byte_text::to_text;
use crate::config::lint::ranges::refused_pool;
use crate::config::network::{Network, missing_patterns};
use crate::config::{Config, Origin, Range, RangeKind, Rule};
use crate::finding::{Finding, Level};
use crate::net::{Address, Interfaces, Link, interface_matches, same_network};
use crate::reason::ConfigReason;
use conf_parser::SharedOn;
use std::net::Ipv4Addr;

/// Findings about proxy ranges whose clients on this machine's networks get no reply, or two.
pub fn range_findings(config: &Config, interfaces: &Interfaces) -> Vec<Finding> {
    let proxies = config.dhcp.ranges.iter().filter(|rule| rule.value.kind == RangeKind::Proxy);
    proxies.flat_map(|rule| RangeCheck::new(config, interfaces, rule).findings()).collect()
}

/// Findings about address pools beside a proxy range. The start is refused if clients of this machine's networks would get no
/// addresses. Whether there are clients behind a relay is not known.
pub fn pool_findings(config: &Config, interfaces: &Interfaces) -> Vec<Finding> {
    let (proxies, pools): (Vec<_>, Vec<_>) =
        config.dhcp.ranges.iter().partition(|rule| rule.value.kind == RangeKind::Proxy);
    if proxies.is_empty() {
        return Vec::new();
    }
    let finding = |rule: &Rule<Range>| {
        let check = RangeCheck::new(config, interfaces, rule);
        if check.members.iter().any(|member| member.served) {
            refused_pool(rule)
        } else {
            Finding::at(Level::Hint, &rule.origin, ConfigReason::PoolElsewhere)
        }
    };
    pools.into_iter().map(finding).collect()
}

/// An address of this machine on the network of a range.
struct Member<'a> {
    link: &'a Link,
    ip: Ipv4Addr,
    served: bool,
}

impl Member<'_> {
    /// `eth0 (192.168.1.2)`
    fn text(&self) -> String {
        format!("{} ({})", self.link.name, self.ip)
    }
}

struct RangeCheck<'a> {
    config: &'a Config,
    rule: &'a Rule<Range>,
    members: Vec<Member<'a>>,
    /// An interface that a line names does not exist. It may appear later, on this network.
    incomplete: bool,
}

impl<'a> RangeCheck<'a> {
    fn new(config: &'a Config, interfaces: &'a Interfaces, rule: &'a Rule<Range>) -> Self {
        let on_network = |address: &&Address| {
            let netmask = rule.value.netmask.unwrap_or(address.netmask());
            address.ipv4().is_some_and(|ours| same_network(ours, rule.value.start, netmask))
        };
        let members = interfaces.addresses.iter().filter(on_network).filter_map(|address| {
            let link = interfaces.by_index(address.interface)?;
            let served = serves_dhcp(&config.network, interfaces, link);
            Some(Member { link, ip: address.ipv4()?, served })
        });
        let incomplete = !missing_patterns(&config.network, interfaces).is_empty();
        Self { config, rule, members: members.collect(), incomplete }
    }

    fn findings(&self) -> Vec<Finding> {
        let mut served = self.members.iter().filter(|member| member.served);
        match served.next() {
            Some(first) => {
                let is_other = |member: &&Member<'_>| {
                    member.link.index != first.link.index && !member.link.loopback
                };
                let second = served.find(is_other).filter(|_| !first.link.loopback);
                let two = second.map(|second| self.two_interfaces(first, second));
                self.down().into_iter().chain(two).collect()
            }
            None if self.is_shared() => Vec::new(),
            None if self.members.is_empty() => vec![self.elsewhere()],
            None => self.members.iter().map(|member| self.left_out(member)).collect(),
        }
    }

    fn finding(&self, level: Level, reason: ConfigReason) -> Finding {
        Finding::at(level, &self.rule.origin, reason)
    }

    /// `shared-network` uses the range on an interface that has no address on its network.
    fn is_shared(&self) -> bool {
        let Range { start, netmask, .. } = self.rule.value;
        self.config.dhcp.shared_networks.iter().any(|shared| {
            let netmask = netmask.unwrap_or(Ipv4Addr::BROADCAST);
            !matches!(shared.on, SharedOn::Address6(_))
                && same_network(shared.network, start, netmask)
        })
    }

    /// It is not known whether there is a relay, or whether the configuration is for another machine.
    fn elsewhere(&self) -> Finding {
        let start = self.rule.value.start;
        self.finding(Level::Hint, ConfigReason::RangeElsewhere { start })
    }

    fn left_out(&self, member: &Member<'_>) -> Finding {
        let line = excluding_line(&self.config.network, member);
        let interface = member.text();
        let level = if self.incomplete { Level::Hint } else { Level::Warning };
        self.finding(level, ConfigReason::InterfaceLeftOut { line, interface })
    }

    fn two_interfaces(&self, first: &Member<'_>, second: &Member<'_>) -> Finding {
        let name = first.link.name.clone();
        let (first, second) = (first.text(), second.text());
        self.finding(Level::Hint, ConfigReason::TwoInterfaces { first, second, name })
    }

    /// The interfaces of the network are all down.
    fn down(&self) -> Option<Finding> {
        let mut served = self.members.iter().filter(|member| member.served);
        let link = served.clone().next().filter(|_| served.all(|member| member.link.down))?.link;
        let line = self.config.network.names(&link.name).unwrap_or(&self.rule.origin);
        let name = link.name.clone();
        Some(Finding::at(Level::Warning, line, ConfigReason::InterfaceDown { name }))
    }
}

/// Whether DHCP requests on an interface are answered (docs/dnsmasq/proxydhcp.md, section 2.1).
pub(super) fn serves_dhcp(network: &Network, interfaces: &Interfaces, link: &Link) -> bool {
    let primary = interfaces.primary_ipv4(link.index).map(Into::into);
    let accepted = network.accepts(&link.name, link.loopback, primary)
        || interfaces.addresses_of(link.index).any(|address| network.listens_on(address.ip));
    accepted && network.refuses_dhcp(&link.name).is_none()
}

/// The line that leaves out an interface on the network of a range: `FILE:LINE (interface=eth1)`.
fn excluding_line(network: &Network, member: &Member<'_>) -> String {
    let shown = |origin: &Origin, text: &str| format!("{origin} ({text})");
    let name = member.link.name.as_bytes();
    let excluding = [
        ("no-dhcp-interface", &network.no_dhcp),
        ("no-dhcpv4-interface", &network.no_dhcpv4),
        ("except-interface", &network.except),
    ];
    for (keyword, patterns) in excluding {
        if let Some(line) = patterns.iter().find(|line| interface_matches(&line.value, name)) {
            return shown(&line.origin, &format!("{keyword}={}", to_text(&line.value)));
        }
    }
    let interface = network.interfaces.first();
    let interface =
        interface.map(|line| shown(&line.origin, &format!("interface={}", to_text(&line.value))));
    let listen = network.listen.first();
    let listen = listen.map(|line| shown(&line.origin, &format!("listen-address={}", line.value)));
    interface.or(listen).unwrap_or_else(|| "the configuration".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::build::built;

    /// eth0 with 192.168.1.2/24 and the label eth0:1 for 192.168.1.3, eth1 with 10.0.0.1/8 and wlan0 with 10.0.0.2/8.
    fn machine() -> Interfaces {
        let link = |index, name: &str| Link { index, name: name.to_owned(), ..Link::default() };
        let loopback = Link { loopback: true, ..link(1, "lo") };
        let address = |interface, ip: [u8; 4], prefix, label: Option<&str>| Address {
            interface,
            ip: ip.into(),
            prefix,
            label: label.map(str::to_owned),
        };
        Interfaces {
            links: vec![loopback, link(2, "eth0"), link(3, "eth1"), link(4, "wlan0")],
            addresses: vec![
                address(1, [127, 0, 0, 1], 8, None),
                address(2, [192, 168, 1, 2], 24, None),
                address(2, [192, 168, 1, 3], 24, Some("eth0:1")),
                address(3, [10, 0, 0, 1], 8, None),
                address(4, [10, 0, 0, 2], 8, None),
            ],
        }
    }

    fn config(text: &str) -> Config {
        built(text).config
    }

    fn findings(text: &str, machine: &Interfaces) -> Vec<String> {
        let findings = range_findings(&config(text), machine);
        findings.iter().map(|finding| format!("{}: {finding}", finding.level)).collect()
    }

    #[test]
    fn line_that_leaves_out_the_interface_of_a_range_is_named() {
        let range = "dhcp-range=192.168.1.0,proxy";
        for (line, shown) in [
            ("interface=eth1", "interface=eth1"),
            ("interface=eth0:1", "interface=eth0:1"),
            ("interface=", "interface="),
            ("except-interface=eth*", "except-interface=eth*"),
            ("no-dhcp-interface=eth0", "no-dhcp-interface=eth0"),
            ("no-dhcpv4-interface=eth0", "no-dhcpv4-interface=eth0"),
            ("listen-address=192.168.1.9", "listen-address=192.168.1.9"),
        ] {
            let found = findings(&format!("{range}\n{line}"), &machine());
            let expected = format!(
                "warning: c:1: dhcp-range: c:2 ({shown}) leaves out eth0 (192.168.1.2), which is on that network"
            );
            assert_eq!(found.first(), Some(&expected), "{line}");
        }
        let later = findings(&format!("{range}\ninterface=none0"), &machine());
        let hint = "hint: c:1: dhcp-range: c:2 (interface=none0) leaves out eth0 (192.168.1.2), which is on that network";
        assert_eq!(later.first().map(String::as_str), Some(hint));
        for line in ["interface=eth0", "listen-address=192.168.1.3", "except-interface=eth1"] {
            assert_eq!(findings(&format!("{range}\n{line}"), &machine()), [""; 0], "{line}");
        }
    }

    #[test]
    fn range_of_no_network_of_the_machine_is_a_hint() {
        let found = findings("dhcp-range=172.16.0.0,proxy", &machine());
        assert_eq!(
            found,
            [
                "hint: c:1: dhcp-range: no interface of this machine is on the network of 172.16.0.0: only clients behind a \
                 relay are answered by this range"
            ]
        );
        let shared = "dhcp-range=172.16.0.0,proxy\nshared-network=eth0,172.16.0.0";
        assert_eq!(findings(shared, &machine()), [""; 0]);
        assert_eq!(findings("dhcp-range=127.0.0.0,proxy,255.0.0.0", &machine()), [""; 0]);
    }

    #[test]
    fn pool_beside_a_proxy_range_is_refused_on_networks_of_the_machine_only() {
        let pools = |text: &str| {
            let findings = pool_findings(&config(text), &machine());
            findings.iter().map(|finding| (finding.level, finding.reason.id())).collect::<Vec<_>>()
        };
        let own = "dhcp-range=192.168.1.50,192.168.1.90";
        let far = "dhcp-range=192.168.67.20,192.168.67.250";
        assert_eq!(pools(far), []);
        assert_eq!(
            pools(&format!("dhcp-range=10.0.0.0,proxy\n{own}\n{far}")),
            [(Level::Error, "address-pool"), (Level::Hint, "pool-elsewhere")]
        );
        let left_out = format!("dhcp-range=10.0.0.0,proxy\ninterface=eth1\n{own}");
        assert_eq!(pools(&left_out), [(Level::Hint, "pool-elsewhere")]);
    }

    #[test]
    fn two_interfaces_on_one_network_are_a_hint() {
        let found = findings("dhcp-range=10.0.0.0,proxy", &machine());
        let expected = "hint: c:1: dhcp-range: eth1 (10.0.0.1) and wlan0 (10.0.0.2) are on the same network: a client gets a \
             reply from each; add interface=eth1 to use one";
        assert_eq!(found, [expected]);
        assert_eq!(findings("dhcp-range=10.0.0.0,proxy\ninterface=eth1", &machine()), [""; 0]);
    }

    #[test]
    fn interface_that_is_down_is_reported_unless_another_serves_the_network() {
        let mut machine = machine();
        machine.links[1].down = true;
        let lines = "dhcp-range=192.168.1.0,proxy\ninterface=eth0";
        assert_eq!(
            findings(lines, &machine),
            ["warning: c:2: interface eth0 is down: ip link set eth0 up"]
        );
    }
}
