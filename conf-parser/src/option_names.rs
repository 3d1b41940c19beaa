//! The DHCP options that have a name in dnsmasq: the number and the kind of value of `option:<name>`
//! (docs/dnsmasq/config-language.md, section 3.4; docs/dnsmasq/proxydhcp.md, section 7.7).

use crate::input::Input;

/// A DHCP option that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionName {
    /// The number of the option (RFC 2132).
    pub code: u8,
    /// The name after `option:`.
    pub name: &'static str,
    /// The kind of its value.
    pub kind: Kind,
    /// The server itself sets the option: `option:<name>` can be matched and not configured.
    pub internal: bool,
}

/// The kind of the value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    Addresses,
    /// Text.
    Name,
    /// Domain names in DNS form (RFC 3397).
    Domains,
    /// A time in seconds, four bytes.
    Time,
    /// A number of this length in bytes, logged in decimal. With length 0 no number can be configured.
    Number(u8),
    /// A number of this length in bytes, logged in hexadecimal.
    Octets(u8),
    /// Any value.
    Any,
}

/// The IPv4 options, sorted by code.
#[rustfmt::skip]
pub static OPTIONS: &[OptionName] = &[
    public(1, "netmask", Kind::Addresses),
    public(2, "time-offset", Kind::Octets(4)),
    public(3, "router", Kind::Addresses),
    public(6, "dns-server", Kind::Addresses),
    public(7, "log-server", Kind::Addresses),
    public(9, "lpr-server", Kind::Addresses),
    internal(12, "hostname", Kind::Name),
    public(13, "boot-file-size", Kind::Number(2)),
    public(15, "domain-name", Kind::Name),
    public(16, "swap-server", Kind::Addresses),
    public(17, "root-path", Kind::Name),
    public(18, "extension-path", Kind::Name),
    public(19, "ip-forward-enable", Kind::Octets(1)),
    public(20, "non-local-source-routing", Kind::Octets(1)),
    public(21, "policy-filter", Kind::Addresses),
    public(22, "max-datagram-reassembly", Kind::Number(2)),
    public(23, "default-ttl", Kind::Number(1)),
    public(26, "mtu", Kind::Number(2)),
    public(27, "all-subnets-local", Kind::Octets(1)),
    internal(28, "broadcast", Kind::Addresses),
    public(31, "router-discovery", Kind::Octets(1)),
    public(32, "router-solicitation", Kind::Addresses),
    public(33, "static-route", Kind::Addresses),
    public(34, "trailer-encapsulation", Kind::Octets(1)),
    public(35, "arp-timeout", Kind::Number(4)),
    public(36, "ethernet-encap", Kind::Octets(1)),
    public(37, "tcp-ttl", Kind::Octets(1)),
    public(38, "tcp-keepalive", Kind::Number(4)),
    public(40, "nis-domain", Kind::Name),
    public(41, "nis-server", Kind::Addresses),
    public(42, "ntp-server", Kind::Addresses),
    internal(43, "vendor-encap", Kind::Any),
    public(44, "netbios-ns", Kind::Addresses),
    public(45, "netbios-dd", Kind::Addresses),
    public(46, "netbios-nodetype", Kind::Octets(1)),
    public(47, "netbios-scope", Kind::Any),
    public(48, "x-windows-fs", Kind::Addresses),
    public(49, "x-windows-dm", Kind::Addresses),
    internal(50, "requested-address", Kind::Addresses),
    internal(51, "lease-time", Kind::Time),
    internal(52, "option-overload", Kind::Any),
    internal(53, "message-type", Kind::Number(0)),
    internal(54, "server-identifier", Kind::Addresses),
    internal(55, "parameter-request", Kind::Any),
    internal(56, "message", Kind::Any),
    internal(57, "max-message-size", Kind::Any),
    public(58, "T1", Kind::Time),
    public(59, "T2", Kind::Time),
    public(60, "vendor-class", Kind::Any),
    internal(61, "client-id", Kind::Any),
    public(64, "nis+-domain", Kind::Name),
    public(65, "nis+-server", Kind::Addresses),
    public(66, "tftp-server", Kind::Name),
    public(67, "bootfile-name", Kind::Name),
    public(68, "mobile-ip-home", Kind::Addresses),
    public(69, "smtp-server", Kind::Addresses),
    public(70, "pop3-server", Kind::Addresses),
    public(71, "nntp-server", Kind::Addresses),
    public(74, "irc-server", Kind::Addresses),
    public(77, "user-class", Kind::Any),
    public(80, "rapid-commit", Kind::Any),
    internal(81, "FQDN", Kind::Any),
    // The name is `agent-info` in dnsmasq 2.91 and later; log lines have the name of 2.90.
    internal(82, "agent-id", Kind::Any),
    public(91, "last-transaction", Kind::Time),
    public(92, "associated-ip", Kind::Addresses),
    public(93, "client-arch", Kind::Number(2)),
    public(94, "client-interface-id", Kind::Any),
    public(97, "client-machine-id", Kind::Any),
    public(100, "posix-timezone", Kind::Name),
    public(101, "tzdb-timezone", Kind::Name),
    public(108, "ipv6-only", Kind::Number(4)),
    public(114, "captive-portal", Kind::Name),
    internal(118, "subnet-select", Kind::Any),
    public(119, "domain-search", Kind::Domains),
    public(120, "sip-server", Kind::Any),
    public(121, "classless-static-route", Kind::Any),
    public(125, "vendor-id-encap", Kind::Any),
    public(150, "tftp-server-address", Kind::Addresses),
    public(255, "server-ip-address", Kind::Addresses),
];

/// The `DHCPv6` options, sorted by code.
#[rustfmt::skip]
pub static OPTIONS6: &[OptionName] = &[
    internal(1, "client-id", Kind::Any),
    internal(2, "server-id", Kind::Any),
    internal(3, "ia-na", Kind::Any),
    internal(4, "ia-ta", Kind::Any),
    internal(5, "iaaddr", Kind::Any),
    internal(6, "oro", Kind::Any),
    internal(7, "preference", Kind::Any),
    internal(12, "unicast", Kind::Any),
    internal(13, "status", Kind::Any),
    internal(14, "rapid-commit", Kind::Any),
    internal(15, "user-class", Kind::Any),
    internal(16, "vendor-class", Kind::Any),
    internal(17, "vendor-opts", Kind::Any),
    public(21, "sip-server-domain", Kind::Domains),
    public(22, "sip-server", Kind::Addresses),
    public(23, "dns-server", Kind::Addresses),
    public(24, "domain-search", Kind::Domains),
    public(27, "nis-server", Kind::Addresses),
    public(28, "nis+-server", Kind::Addresses),
    public(29, "nis-domain", Kind::Domains),
    public(30, "nis+-domain", Kind::Domains),
    public(31, "sntp-server", Kind::Addresses),
    public(32, "information-refresh-time", Kind::Time),
    internal(39, "FQDN", Kind::Domains),
    public(41, "posix-timezone", Kind::Name),
    public(42, "tzdb-timezone", Kind::Name),
    public(56, "ntp-server", Kind::Any),
    public(59, "bootfile-url", Kind::Name),
    public(60, "bootfile-param", Kind::Name),
    public(103, "captive-portal", Kind::Name),
];

/// The name of `agent-id` in dnsmasq 2.91 and later.
const NEWER_AGENT_ID: &str = "agent-info";

const fn public(code: u8, name: &'static str, kind: Kind) -> OptionName {
    OptionName { code, name, kind, internal: false }
}

const fn internal(code: u8, name: &'static str, kind: Kind) -> OptionName {
    OptionName { code, name, kind, internal: true }
}

/// The option of this number; `None` if it has no name.
pub fn by_code(code: u8) -> Option<&'static OptionName> {
    OPTIONS.binary_search_by_key(&code, |option| option.code).ok().map(|index| &OPTIONS[index])
}

/// The option of this name, letters in either case.
pub(crate) fn by_name(name: Input<'_>) -> Option<&'static OptionName> {
    let newer = name.is_ignoring_case(NEWER_AGENT_ID).then_some("agent-id");
    let is_meant = |option: &&OptionName| {
        name.is_ignoring_case(option.name) || newer.is_some_and(|name| name == option.name)
    };
    OPTIONS.iter().find(is_meant)
}

#[test]
fn named_options_are_sorted_by_number() {
    assert!(OPTIONS.is_sorted_by(|one, next| one.code < next.code));
}
