//! Reasons why the daemon refuses to start with a configuration that dnsmasq accepts.

reasons! {
    /// Why the daemon refuses to start.
    pub enum StartReason {
        NothingToServe = "nothing-to-serve",
            "nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp";
        /// `more`: ` (3 lines)`, if there are several.
        NotServed { keyword: &'static str, why: &'static str, more: String } = "not-served",
            "{keyword} is not served: {why}{more}";
        Dhcpv6Range = "dhcpv6-range", "dhcp-range: DHCPv6 is not served";
        PoolOfOwnNetwork = "pool-of-own-network",
            "dhcp-range: this server assigns no addresses, and this machine is on that network";
    }
}
