//! The DHCP options that have a name: what `option:<name>` means, what a value is made of, how the log shows it
//! (docs/dnsmasq/config-language.md, section 3.4; docs/dnsmasq/proxydhcp.md, section 7.7).

use crate::input::Input;

/// One named option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionName {
    /// Its number.
    pub code: u8,
    /// Its name.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// Set by the server itself: `option:<name>` may be matched, not sent.
    pub internal: bool,
}

/// What an option's value is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// IPv4 addresses.
    Addresses,
    /// Text.
    Name,
    /// Domain names in DNS form (RFC 3397).
    Domains,
    /// Seconds, four bytes.
    Time,
    /// A number of so many bytes, shown in decimal. Width 0: no number can be configured.
    Number(u8),
    /// A number of so many bytes, shown in hex.
    Octets(u8),
    /// Anything.
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
    // `agent-info` from 2.91; the reference for packets and their log lines is 2.90.
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

/// What dnsmasq 2.91 and later call `agent-id`.
const NEWER_AGENT_ID: &str = "agent-info";

const fn public(code: u8, name: &'static str, kind: Kind) -> OptionName {
    OptionName { code, name, kind, internal: false }
}

const fn internal(code: u8, name: &'static str, kind: Kind) -> OptionName {
    OptionName { code, name, kind, internal: true }
}

/// The option of that number, if it has a name.
pub fn by_code(code: u8) -> Option<&'static OptionName> {
    OPTIONS.binary_search_by_key(&code, |option| option.code).ok().map(|at| &OPTIONS[at])
}

/// The option of that name, letters in either case.
pub(crate) fn by_name(name: Input<'_>) -> Option<&'static OptionName> {
    let newer = name.is_ignoring_case(NEWER_AGENT_ID).then_some("agent-id");
    let is_meant = |option: &&OptionName| {
        name.is_ignoring_case(option.name) || newer.is_some_and(|name| name == option.name)
    };
    OPTIONS.iter().find(is_meant)
}

#[test]
fn the_table_is_sorted_so_that_lookup_may_bisect() {
    assert!(OPTIONS.is_sorted_by(|one, next| one.code < next.code));
}
