//! Reasons why the daemon refuses to start.

use std::net::Ipv4Addr;

reasons! {
    /// Why the daemon refuses to start. Variants with `message` have the message of the start, which is dnsmasq's, for
    /// `--test`.
    pub enum StartReason {
        NothingToServe = "nothing-to-serve",
            "nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp";
        /// `more`: ` (3 lines)`, if there are several.
        NotServed { keyword: &'static str, why: &'static str, more: String } = "not-served",
            "{keyword} is not served: {why}; remove the line{more}";
        /// `more`: as above.
        DnsNotServed { keyword: &'static str, more: String } = "dns-not-served",
            "{keyword}: DNS is not served; remove the line{more}, or set port=0 so that dnsmasq ignores it as well";
        Dhcpv6Range = "dhcpv6-range", "dhcp-range: DHCPv6 is not served; remove the line";
        /// `subnet`: the first address of the range.
        Pool { subnet: Ipv4Addr } = "address-pool",
            "dhcp-range: pxemasq hands out no addresses; remove the line, or write dhcp-range={subnet},proxy if another DHCP \
             server hands them out";
        Syntax { message: String } = "syntax-error", "{message}";
        ConfigUnreadable { message: String } = "configuration-unreadable", "{message}";
        PortUnavailable { message: String } = "port-unavailable", "{message}";
        BindingsContradict { message: String } = "bindings-contradict", "{message}";
        InterfaceMissing { message: String } = "bound-interface-missing", "{message}";
        UnknownUser { message: String } = "unknown-user", "{message}";
        CapabilityMissing { message: String } = "capability-missing", "{message}";
        LeaseFile { message: String } = "lease-file", "{message}";
        PidFile { message: String } = "pid-file", "{message}";
        LogFile { message: String } = "log-file", "{message}";
        Root { message: String } = "tftp-root-inaccessible", "{message}";
        System { message: String } = "system-error", "{message}";
        NotRoot = "not-root",
            "not run as root: ports, capabilities, the lease file, the pid file and the log file are not checked";
        InitScript { path: String } = "init-script-not-run",
            "the script {path} is not run to check its list of leases";
    }
}

impl StartReason {
    /// The order of several reasons: the one that explains the most is first.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Pool { .. } => 0,
            Self::Dhcpv6Range => 1,
            Self::NothingToServe => 2,
            Self::NotServed { .. } => 3,
            Self::DnsNotServed { .. } => 4,
            Self::BindingsContradict { .. } | Self::InterfaceMissing { .. } => 5,
            Self::PortUnavailable { .. } => 6,
            _ => 7,
        }
    }
}
