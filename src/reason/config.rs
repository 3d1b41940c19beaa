//! Lines that do not have the intended effect. They depend on the configuration, or on this machine.

reasons! {
    /// Why a line does not have the intended effect.
    pub enum ConfigReason {
        ServerNameWithoutDns { keyword: String, name: String } = "server-name-without-dns",
            "{keyword}: with port=0 no hosts files are read: {name} cannot be resolved; write its address";
        DnsPortMissing = "dns-port-missing",
            "port=0 is missing: dnsmasq would serve DNS, which this program does not; clients that use this machine as DNS \
             server get no answer";
        /// `more`: ` (3 lines)`, if there are several.
        DnsNotServed { keyword: &'static str, more: String } = "line-for-dns",
            "{keyword} is for DNS, which is not served{more}: clients that use this machine as DNS server get no answer; \
             set port=0 if there are none";
        RangeWithoutService = "range-without-service",
            "a proxy range answers no client without a pxe-service or pxe-prompt";
        RangeMissing { keyword: String } = "range-missing",
            "{keyword}: without a dhcp-range no DHCP request is answered, so the line has no effect: add \
             dhcp-range=<network>,proxy";
        BadNetmask { netmask: std::net::Ipv4Addr } = "bad-netmask",
            "dhcp-range: {netmask} is no netmask, so no client is on this network";
        NetmaskOfOneAddress = "netmask-of-one-address",
            "dhcp-range: with the netmask 255.255.255.255 no client is on this network: write the netmask of the interface, or \
             none";
        /// `option`: `66 (tftp-server)`; `more`: ` (3 lines)`, if there are several.
        OptionNotSent { option: String, more: String, remedy: &'static str } = "option-not-sent",
            "dhcp-option: a proxyDHCP reply does not contain option {option}{more}: {remedy}";
        RootWithoutTftp = "tftp-root-without-tftp",
            "tftp-root has no effect without enable-tftp: files are not served";
        QuotesInText { keyword: &'static str, text: String } = "quotes-in-text",
            "{keyword}: the quotation marks of {text} are part of the text: remove them, or write \"";
        MenuTextMissing { text: String } = "menu-text-missing",
            "pxe-service: {text} is the menu text, and no file follows, so this item boots the local disk: write a menu text \
             before {text}";
        AddressAsFile { text: String, address: std::net::Ipv4Addr } = "address-as-file",
            "pxe-service: {text} is the menu text, and {address} is the file: write a menu text before {text}";
        ServerNameInvalid { keyword: &'static str, name: String, remedy: &'static str } = "server-name-invalid",
            "{keyword}: {name} is neither an IPv4 address nor a host name: {remedy}";
        ServerInSecondField { file: String, address: std::net::Ipv4Addr } = "server-in-second-field",
            "dhcp-boot: the second field is the name of the server, which a proxyDHCP reply does not contain: write \
             {file},,{address}";
        AddressReadAsName { name: String, address: String } = "address-read-as-name",
            "dhcp-host: {name} is read as a host name: write {address}";
        AddressWithDashes { hardware_type: u16 } = "address-with-dashes",
            "dhcp-mac: the first number before a dash is the hardware type ({hardware_type}): write colons between the bytes";
        TagWithPrefix { keyword: &'static str, tag: String, name: String } = "tag-with-prefix",
            "{keyword} sets a tag of the name {tag}: write set:{name}";
        /// `remedy`: `: write 7`, if the text is the name of an architecture.
        ArchitectureAsText { text: String, remedy: String } = "architecture-as-text",
            "dhcp-match: {text} is compared as a text, and clients send a number{remedy}";
        ShortArchitecture { class: String, meant: String } = "short-architecture",
            "dhcp-vendorclass: clients send five digits, so {class} matches none: write {meant}";
        UserClassInOtherCase { class: String } = "user-class-in-other-case",
            "dhcp-userclass: iPXE sends iPXE, which {class} does not match";
        LeaseAsNetmask = "lease-as-netmask",
            "dhcp-range: a number without dots is a lease time, which a proxy range does not use: write the netmask as \
             255.255.255.0";
        ScriptUserWithoutScript = "script-user-without-script",
            "dhcp-scriptuser has no effect without dhcp-script";
        ScriptUserWithoutRange { user: String } = "script-user-without-range",
            "dhcp-scriptuser: without a dhcp-range the script runs as root, not as {user}";
        /// The architectures are as `7 (x86-64_EFI)`.
        ArchitectureNineMissing { keyword: String } = "architecture-9-missing",
            "{keyword} names architecture 7 (x86-64_EFI) and not 9 (BC_EFI): some UEFI firmware sends 9";
        ArchitectureSevenMissing { keyword: String } = "architecture-7-missing",
            "{keyword} names architecture 9 (BC_EFI) and not 7 (x86-64_EFI): most UEFI firmware sends 7";
        BootShadowed { architecture: String, service: String } = "dhcp-boot-not-used",
            "dhcp-boot is not used for {architecture} clients: their only pxe-service ({service}) is used instead";
        NameWithoutDot { name: String } = "name-without-dot",
            "pxe-service: {name} has no dot, so clients will ask for {name}.0";
        /// `similar`: `; did you mean "iPXE"?`, if a tag of a similar name is set.
        TagNeverSet { tag: String, similar: String } = "tag-never-set",
            "tag \"{tag}\" is never set: this line never applies{similar}";
        /// `similar` as in `TagNeverSet`.
        NegatedTagNeverSet { tag: String, similar: String } = "negated-tag-never-set",
            "tag \"{tag}\" is never set: tag:!{tag} is always true{similar}";
        MoreTagsNeverSet { count: usize } = "more-tags-never-set",
            "{count} more lines use tags that are never set";
        /// `more`: ` (3 lines)`, if there are several.
        Ignored { keyword: &'static str, why: &'static str, more: String } = "ignored",
            "{keyword} is ignored: {why}{more}";
        InterfaceDown { name: String } = "interface-down", "interface {name} is down: ip link set {name} up";
        InterfaceMissing { name: String } = "interface-missing", "interface {name} does not currently exist";
        InterfaceWithoutAddress { name: String } = "interface-without-address",
            "interface {name} has no address: ip addr add <address>/<prefix length> dev {name}";
        RangeElsewhere { start: std::net::Ipv4Addr } = "range-elsewhere",
            "dhcp-range: no interface of this machine is on the network of {start}: only clients behind a relay are answered by \
             this range";
        PoolElsewhere = "pool-elsewhere",
            "dhcp-range: pxemasq hands out no addresses; no interface of this machine is on that network, so only clients behind \
             a relay would get none";
        /// `line`: as `FILE:LINE (interface=eth1)`; `interface`: as `eth0 (192.168.1.2)`.
        InterfaceLeftOut { line: String, interface: String } = "interface-left-out",
            "dhcp-range: {line} leaves out {interface}, which is on that network";
        /// The interfaces are as `eth0 (192.168.1.2)`; `name`: the name of the first one.
        TwoInterfaces { first: String, second: String, name: String } = "two-interfaces",
            "dhcp-range: {first} and {second} are on the same network: a client gets a reply from each; add \
             interface={name} to use one";
        /// `interface`: as `eth0 (10.0.0.1/16)`; `command`: sets a higher limit.
        NeighbourLimit { interface: String, addresses: u32, limit: u32, command: String } = "neighbour-limit",
            "dhcp-range: the network of {interface} has {addresses} addresses, and the kernel of this machine keeps at most {limit} \
             neighbours: if more clients boot within a minute, the others get no answer; set a higher limit: {command}";
        TftpInterfaceMissing { name: String, remedy: &'static str } = "tftp-interface-missing",
            "enable-tftp={name}: there is no interface {name}, so no files are served there; {remedy}";
        ResolverIsDnsmasq { file: &'static str, address: std::net::IpAddr } = "resolver-is-dnsmasq",
            "this machine will not resolve names: {file} names {address}, where dnsmasq answers and pxemasq does not; change \
             that line, and set port=0";
        DanglingLink { path: String, target: String } = "dangling-link",
            "tftp-root: {path} is a link to {target}, which does not exist";
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
