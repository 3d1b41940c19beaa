//! Lines that do not have the intended effect. They depend on the configuration, or on this machine.

reasons! {
    /// Why a line does not have the intended effect.
    pub enum ConfigReason {
        ServerNameWithoutDns { keyword: String, name: String } = "server-name-without-dns",
            "{keyword}: with port=0 no hosts files are read: {name} cannot be resolved";
        DnsPortMissing = "dns-port-missing", "port=0 is missing: DNS is not served, with or without it";
        RangeWithoutService = "range-without-service",
            "a proxy range answers no client without a pxe-service or pxe-prompt";
        /// The architectures are as `7 (x86-64_EFI)`.
        ArchitectureNineMissing { keyword: String } = "architecture-9-missing",
            "{keyword} names architecture 7 (x86-64_EFI) and not 9 (BC_EFI): some UEFI firmware sends 9";
        ArchitectureSevenMissing { keyword: String } = "architecture-7-missing",
            "{keyword} names architecture 9 (BC_EFI) and not 7 (x86-64_EFI): most UEFI firmware sends 7";
        BootShadowed { architecture: String, service: String } = "dhcp-boot-not-used",
            "dhcp-boot is not used for {architecture} clients: their only pxe-service ({service}) is used instead";
        NameWithoutDot { name: String } = "name-without-dot",
            "pxe-service: {name} has no dot, so clients will ask for {name}.0";
        TagNeverSet { tag: String } = "tag-never-set", "tag \"{tag}\" is never set: this line never applies";
        NegatedTagNeverSet { tag: String } = "negated-tag-never-set",
            "tag \"{tag}\" is never set: tag:!{tag} is always true";
        MoreTagsNeverSet { count: usize } = "more-tags-never-set",
            "{count} more lines use tags that are never set";
        /// `more`: ` (3 lines)`, if there are several.
        Ignored { keyword: &'static str, why: &'static str, more: String } = "ignored",
            "{keyword} is ignored: {why}{more}";
        InterfaceDown { name: String } = "interface-down", "interface {name} is down: ip link set {name} up";
        InterfaceMissing { name: String } = "interface-missing", "interface {name} does not currently exist";
        RangeElsewhere { start: std::net::Ipv4Addr } = "range-elsewhere",
            "dhcp-range: no interface of this machine is on the network of {start}";
        PoolElsewhere = "pool-elsewhere",
            "dhcp-range: this server assigns no addresses, but this machine is not on that network";
        HostNames = "dhcp-host-names",
            "dhcp-host: more than one name, which dnsmasq 2.91 and later refuse";
        NoConfigFile { path: &'static str } = "no-configuration-file",
            "no configuration file: {path} does not exist";
        NetAdminMissing = "net-admin-missing",
            "the capability CAP_NET_ADMIN is missing, so no neighbour entry can be added: replies that need one are \
             broadcast; add the capability to the container or to the service";
        RootUnreadable { path: String, error: String } = "root-unreadable", "tftp-root: {path}: {error}";
        RootClosed { user: String, path: String, denied: String } = "root-closed",
            "tftp-root: {user} has no search permission on {path}: {denied}";
    }
}
