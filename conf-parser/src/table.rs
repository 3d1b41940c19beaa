//! Every option there is, one row each. The line parser, the command line, `--help` and the documents read it.

use crate::directive::{Directive, Switch};
use crate::fault::Fault;
use crate::option::files::RunTimeFile;
use crate::option::{
    check, dhcp_boot, dhcp_host, dhcp_match, dhcp_option, dhcp_range, files, network, process, pxe,
    tftp,
};
use crate::text::Text;
use Argument::{None, Optional, Required};
use Class::{DnsContent, Inert, Refused, Served};
use Parse::{File, Maybe, Nothing, On, Value};
use Repeat::{Once, Stacks};

/// One option.
#[derive(Debug)]
pub struct Row {
    /// Its name in files and, behind `--`, on the command line.
    pub keyword: &'static str,
    /// Its letter on the command line.
    pub short: Option<u8>,
    /// Whether a value follows. (A letter has its own rule, [`Row::short_takes_value`].)
    pub argument: Argument,
    /// Whether it may be used again.
    pub repeat: Repeat,
    /// What we make of it.
    pub class: Class,
    parse: Parse,
    /// How its value is written, as the help shows it.
    pub metavar: &'static str,
    /// What it is for, in a sentence.
    pub help: &'static str,
}

/// Whether a value follows the keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Never.
    None,
    /// Always.
    Required,
    /// As you like; on the command line only with `=`.
    Optional,
}

/// Whether a keyword may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once on the command line and once in all files together.
    Once,
    /// Again and again: uses add up, or the last one counts.
    Stacks,
}

/// What we make of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// It does what it does in dnsmasq.
    Served,
    /// Read and ignored: without DNS and leases it cannot change anything, or it is a mere policy.
    Inert,
    /// Publishes or forwards names: ends the start unless `port=0` says that there is no DNS.
    DnsContent,
    /// Ends the start: ignoring it would leave the network without something it was promised.
    Refused(&'static str),
}

#[derive(Debug)]
enum Parse {
    On(Switch),
    Nothing,
    File(RunTimeFile),
    Value(fn(Text<'_>) -> Result<Directive, Fault>),
    Maybe(fn(Option<Text<'_>>) -> Result<Directive, Fault>),
}

/// The row of a keyword, spelled in full and in exact case.
pub fn find(keyword: &str) -> Option<&'static Row> {
    ROWS.binary_search_by_key(&keyword, |row| row.keyword).ok().map(|at| &ROWS[at])
}

/// The row of a letter. Two keywords share `-s` and two `-l`; the first is meant.
pub fn find_short(letter: u8) -> Option<&'static Row> {
    let rows = ROWS.iter().filter(|row| row.short == Some(letter));
    rows.min_by_key(|row| row.keyword != row.shared_name())
}

impl Row {
    /// The name under which keywords of one letter count together (`dhcp-lease` is `dhcp-leasefile`).
    pub fn shared_name(&self) -> &'static str {
        match self.keyword {
            "dhcp-lease" => "dhcp-leasefile",
            "domain-suffix" => "domain",
            keyword => keyword,
        }
    }

    /// Whether the letter takes a value. It does, or does not, where the long form leaves it open.
    pub fn short_takes_value(&self) -> bool {
        match self.argument {
            None => false,
            Required => true,
            Optional => !matches!(self.short, Some(b'q' | b'1')),
        }
    }

    /// Whether a value stands where one may, or must.
    pub(crate) fn check_argument(
        &self,
        value: Option<Text<'_>>,
        keyword: Text<'_>,
    ) -> Result<(), Fault> {
        match (self.argument, value) {
            (None, Some(value)) => {
                Err(Fault::structure("extraneous parameter", value.column(), "no value"))
            }
            (Required, Option::None) => Err(Fault::structure(
                "missing parameter",
                keyword.column() + keyword.cells().len(),
                "a value",
            )),
            _ => Ok(()),
        }
    }

    /// Reads the value.
    pub(crate) fn parse(&self, value: Option<Text<'_>>) -> Result<Directive, Fault> {
        match &self.parse {
            On(switch) => Ok(Directive::Switch(*switch)),
            Nothing => Ok(Directive::Unserved),
            File(kind) => {
                Ok(Directive::RunTimeFile(*kind, value.map(Text::bytes).unwrap_or_default()))
            }
            Value(parse) => parse(value.unwrap_or(Text::new(&[]))),
            Maybe(parse) => parse(value),
        }
    }
}

const NONE: u8 = 0;

#[expect(clippy::too_many_arguments, reason = "these are the columns of the table")]
const fn row(
    keyword: &'static str,
    short: u8,
    argument: Argument,
    repeat: Repeat,
    class: Class,
    parse: Parse,
    metavar: &'static str,
    help: &'static str,
) -> Row {
    let short = if short == NONE { Option::None } else { Some(short) };
    Row { keyword, short, argument, repeat, class, parse, metavar, help }
}

/// The table, sorted by keyword.
#[rustfmt::skip]
pub static ROWS: &[Row] = &[
    row("add-cpe-id", NONE, Required, Once, Inert, Value(check::any), "<text>", "Add this text to queries sent on."),
    row("add-mac", NONE, Optional, Stacks, Inert, Maybe(check::perhaps), "[=base64|text]", "Add the client's hardware address to queries sent on."),
    row("add-subnet", NONE, Optional, Once, Inert, Maybe(check::perhaps), "[=<prefix length>[,<prefix length>]]", "Add the client's network to queries sent on."),
    row("addn-hosts", b'H', Required, Stacks, Served, File(RunTimeFile::Hosts), "<path>", "Read names from this file too."),
    row("address", b'A', Required, Stacks, DnsContent, Value(check::any), "/<domain>/<ipaddr>", "Answer this for a domain."),
    row("alias", b'V', Required, Stacks, DnsContent, Value(check::any), "<start ip>,<end ip>,<ip>,<netmask>", "Translate addresses in answers."),
    row("all-servers", NONE, None, Stacks, Inert, Nothing, "", "Ask all upstream servers at once."),
    row("auth-peer", NONE, Required, Stacks, DnsContent, Value(check::any), "<ipaddr>[,<ipaddr>...]", "Servers that may transfer our zones."),
    row("auth-sec-servers", NONE, Required, Stacks, DnsContent, Value(check::any), "<domain>[,<domain>...]", "Secondary servers of our zones."),
    row("auth-server", NONE, Required, Once, DnsContent, Value(check::any), "<NS>,<interface>", "Answer with authority here."),
    row("auth-soa", NONE, Required, Once, DnsContent, Value(check::any), "<serial>[,...]", "Fields of our SOA records."),
    row("auth-ttl", NONE, Required, Once, Inert, Value(check::a_number), "<integer>", "Time to live of authoritative answers."),
    row("auth-zone", NONE, Required, Stacks, DnsContent, Value(check::any), "<domain>[,<subnet>...]", "A zone we answer for."),
    row("bind-dynamic", NONE, None, Stacks, Served, On(Switch::BindDynamic), "", "Bind addresses as they appear."),
    row("bind-interfaces", b'z', None, Stacks, Served, On(Switch::BindInterfaces), "", "Bind only the addresses in use at the start."),
    row("bogus-nxdomain", b'B', Required, Stacks, Inert, Value(check::any), "<ipaddr>", "Take this address for 'no such name'."),
    row("bogus-priv", b'b', None, Stacks, Inert, Nothing, "", "Answer reverse look-ups of private addresses here."),
    row("bootp-dynamic", b'3', Optional, Stacks, Inert, Maybe(check::perhaps), "[=tag:<tag>...]", "Lend addresses to BOOTP clients."),
    row("bridge-interface", NONE, Required, Stacks, Served, Value(network::bridge_interface), "<interface>,<alias>[,<alias>...]", "Take requests on an alias as if on the interface."),
    row("caa-record", NONE, Required, Stacks, DnsContent, Value(check::any), "<name>,<flags>,<tag>,<value>", "Serve a CAA record."),
    row("cache-rr", NONE, Required, Stacks, Inert, Value(check::any), "<RR type>[,...]", "Keep records of these types."),
    row("cache-size", b'c', Optional, Once, Inert, Maybe(check::cache_size), "[=<integer>]", "How many DNS answers to keep."),
    row("clear-on-reload", NONE, None, Stacks, Inert, Nothing, "", "Empty the DNS cache on reload."),
    row("cname", NONE, Required, Stacks, DnsContent, Value(check::any), "<alias>,<target>[,<ttl>]", "Serve an alias."),
    row("conf-dir", b'7', Required, Stacks, Served, Value(files::conf_dir), "<path>[,<suffix>...]", "Read all files of a directory."),
    row("conf-file", b'C', Optional, Stacks, Served, Maybe(files::conf_file), "[=<path>]", "Read this file instead of /etc/dnsmasq.conf."),
    row("conf-script", NONE, Required, Stacks, Served, Value(files::conf_script), "<command>", "Read what this command prints."),
    row("connmark-allowlist", NONE, Required, Stacks, Inert, Value(check::any), "<connmark>[/<mask>][,<pattern>...]", "Names that marked connections may look up."),
    row("connmark-allowlist-enable", NONE, Optional, Once, Inert, Maybe(check::perhaps), "[=<mask>]", "Use the allow-list."),
    row("conntrack", NONE, None, Stacks, Inert, Nothing, "", "Copy connection marks."),
    row("dhcp-alternate-port", NONE, Optional, Once, Served, Maybe(network::dhcp_alternate_port), "[=<server port>[,<client port>]]", "Other ports than 67 and 68."),
    row("dhcp-authoritative", b'K', None, Stacks, Inert, Nothing, "", "Be the only DHCP server of the network."),
    row("dhcp-boot", b'M', Required, Stacks, Served, Value(dhcp_boot::dhcp_boot), "[tag:<tag>,...]<file>[,<name>[,<server>]]", "What a client loads, and from where."),
    row("dhcp-broadcast", NONE, Optional, Stacks, Inert, Maybe(check::perhaps), "[=tag:<tag>...]", "Answer these clients by broadcast."),
    row("dhcp-circuitid", NONE, Required, Stacks, Served, Value(dhcp_match::dhcp_circuitid), "set:<tag>,<circuit>", "Set a tag by the relay's circuit id."),
    row("dhcp-client-update", NONE, None, Stacks, Inert, Nothing, "", "Let clients update their names themselves."),
    row("dhcp-duid", NONE, Required, Once, Inert, Value(check::any), "<enterprise>,<uid>", "Our DHCPv6 identifier."),
    row("dhcp-fqdn", NONE, None, Stacks, Inert, Nothing, "", "Use full names of DHCP clients only."),
    row("dhcp-generate-names", NONE, Optional, Stacks, Inert, Maybe(check::perhaps), "[=tag:<tag>...]", "Make names from hardware addresses."),
    row("dhcp-host", b'G', Required, Stacks, Served, Value(dhcp_host::dhcp_host), "<hostspec>", "What is known of one machine."),
    row("dhcp-hostsdir", NONE, Required, Stacks, Served, File(RunTimeFile::DhcpHostsDir), "<path>", "Read dhcp-host lines from a watched directory."),
    row("dhcp-hostsfile", NONE, Required, Stacks, Served, File(RunTimeFile::DhcpHosts), "<path>", "Read dhcp-host lines from a file."),
    row("dhcp-ignore", b'J', Required, Stacks, Served, Value(dhcp_match::dhcp_ignore), "tag:<tag>[,tag:<tag>...]", "Do not answer clients with these tags."),
    row("dhcp-ignore-clid", NONE, None, Stacks, Served, On(Switch::DhcpIgnoreClid), "", "Do not look at client identifiers."),
    row("dhcp-ignore-names", NONE, Optional, Stacks, Inert, Maybe(check::perhaps), "[=tag:<tag>...]", "Do not take names from clients."),
    row("dhcp-lease", b'l', Required, Once, Inert, Value(check::any), "<path>", "Where leases would be kept."),
    row("dhcp-lease-max", b'X', Required, Once, Inert, Value(check::a_number), "<integer>", "How many leases there may be."),
    row("dhcp-leasefile", b'l', Optional, Once, Inert, Maybe(check::perhaps), "[=<path>]", "Where leases would be kept."),
    row("dhcp-luascript", NONE, Required, Stacks, Served, Value(process::dhcp_luascript), "<path>", "Run a Lua script on changes."),
    row("dhcp-mac", b'4', Required, Stacks, Served, Value(dhcp_match::dhcp_mac), "set:<tag>,<hwaddr>", "Set a tag by hardware address."),
    row("dhcp-match", NONE, Required, Stacks, Served, Value(dhcp_match::dhcp_match), "set:<tag>,<option>[,<value>]", "Set a tag by an option."),
    row("dhcp-name-match", NONE, Required, Stacks, Served, Value(dhcp_match::dhcp_name_match), "set:<tag>,<name>[*]", "Set a tag by the client's name."),
    row("dhcp-no-override", NONE, None, Stacks, Inert, Nothing, "", "Do not put options into the boot fields."),
    row("dhcp-option", b'O', Required, Stacks, Served, Value(dhcp_option::dhcp_option), "<optspec>", "An option to send."),
    row("dhcp-option-force", NONE, Required, Stacks, Served, Value(dhcp_option::dhcp_option), "<optspec>", "An option to send unasked."),
    row("dhcp-option-pxe", NONE, Required, Stacks, Served, Value(dhcp_option::dhcp_option_pxe), "<optspec>", "An option to send in PXE replies."),
    row("dhcp-optsdir", NONE, Required, Stacks, Served, File(RunTimeFile::DhcpOptionsDir), "<path>", "Read dhcp-option lines from a watched directory."),
    row("dhcp-optsfile", NONE, Required, Stacks, Served, File(RunTimeFile::DhcpOptions), "<path>", "Read dhcp-option lines from a file."),
    row("dhcp-proxy", NONE, Optional, Stacks, Inert, Maybe(check::dhcp_proxy), "[=<ipaddr>...]", "Let relays stand in for us."),
    row("dhcp-pxe-vendor", NONE, Required, Stacks, Served, Value(pxe::dhcp_pxe_vendor), "<vendor>[,...]", "Vendor classes that are PXE clients."),
    row("dhcp-range", b'F', Required, Stacks, Served, Value(dhcp_range::dhcp_range), "<start>,proxy|[...]", "Serve PXE on this network beside its DHCP server."),
    row("dhcp-rapid-commit", NONE, None, Stacks, Inert, Nothing, "", "Lend addresses in two messages."),
    row("dhcp-relay", NONE, Required, Stacks, Refused("no relay agent"), Value(check::any), "<local>,<server>[,<interface>]", "Relay DHCP."),
    row("dhcp-remoteid", NONE, Required, Stacks, Served, Value(dhcp_match::dhcp_remoteid), "set:<tag>,<remote>", "Set a tag by the relay's remote id."),
    row("dhcp-reply-delay", NONE, Required, Once, Served, Value(dhcp_boot::dhcp_reply_delay), "[tag:<tag>,]<seconds>", "Wait before a reply."),
    row("dhcp-script", b'6', Required, Once, Served, Value(process::dhcp_script), "<path>", "Run a script on changes and finished transfers."),
    row("dhcp-scriptuser", NONE, Required, Once, Served, Value(check::any), "<username>", "Run the script as this user."),
    row("dhcp-sequential-ip", NONE, None, Stacks, Inert, Nothing, "", "Lend addresses in order."),
    row("dhcp-split-relay", NONE, Required, Stacks, Refused("no relay agent"), Value(check::any), "<local>,<server>,<interface>", "Relay DHCP over two interfaces."),
    row("dhcp-subscrid", NONE, Required, Stacks, Served, Value(dhcp_match::dhcp_subscrid), "set:<tag>,<subscriber>", "Set a tag by the relay's subscriber id."),
    row("dhcp-ttl", NONE, Required, Once, Inert, Value(check::a_number), "<integer>", "Time to live of names of DHCP clients."),
    row("dhcp-userclass", b'j', Required, Stacks, Served, Value(dhcp_match::dhcp_userclass), "set:<tag>,<class>", "Set a tag by user class."),
    row("dhcp-vendorclass", b'U', Required, Stacks, Served, Value(dhcp_match::dhcp_vendorclass), "set:<tag>,<class>", "Set a tag by vendor class."),
    row("dns-forward-max", b'0', Required, Once, Inert, Value(check::a_number), "<integer>", "How many DNS queries may be under way."),
    row("dns-loop-detect", NONE, None, Stacks, Inert, Nothing, "", "Look for forwarding loops."),
    row("dns-rr", NONE, Required, Stacks, DnsContent, Value(check::any), "<name>,<RR number>,[<data>]", "Serve any record."),
    row("dnssec", NONE, None, Stacks, Inert, Nothing, "", "Validate DNS answers."),
    row("dnssec-check-unsigned", NONE, Optional, Stacks, Inert, Maybe(check::perhaps), "[=no]", "Check that unsigned answers may be unsigned."),
    row("dnssec-debug", NONE, None, Stacks, Inert, Nothing, "", "Validate, but answer all the same."),
    row("dnssec-limits", NONE, Required, Once, Inert, Value(check::any), "<limit>[,<limit>...]", "Limits of validation."),
    row("dnssec-no-timecheck", NONE, None, Stacks, Inert, Nothing, "", "Do not look at the times of signatures."),
    row("dnssec-timestamp", NONE, Required, Once, Inert, Value(check::any), "<path>", "Know by this file whether the clock is right."),
    row("do-0x20-encode", NONE, None, Stacks, Inert, Nothing, "", "Mix letter cases in queries."),
    row("domain", b's', Required, Stacks, Served, Value(check::any), "<domain>[,<address range>]", "The domain of this network."),
    row("domain-needed", b'D', None, Stacks, Inert, Nothing, "", "Do not send plain names on."),
    row("domain-suffix", b's', Required, Stacks, Served, Value(check::any), "<domain>[,<address range>]", "The domain of this network."),
    row("dumpfile", NONE, Required, Once, Served, Value(check::any), "<path>", "Write packets to this file."),
    row("dumpmask", NONE, Required, Once, Served, Value(check::any), "<mask>", "Which packets to write."),
    row("dynamic-host", NONE, Required, Stacks, DnsContent, Value(check::any), "<name>,[IPv4],[IPv6],<interface>", "Serve a name on an interface's network."),
    row("edns-packet-max", b'P', Required, Once, Inert, Value(check::edns_packet_max), "<integer>", "Largest DNS packet; also bounds TFTP blocks."),
    row("enable-dbus", b'1', Optional, Once, Inert, Maybe(check::perhaps), "[=<busname>]", "Offer a D-Bus interface."),
    row("enable-ra", NONE, None, Stacks, Refused("no router advertisements"), Nothing, "", "Send router advertisements."),
    row("enable-tftp", NONE, Optional, Stacks, Served, Maybe(tftp::enable_tftp), "[=<interface>[,<interface>]]", "Serve files over TFTP."),
    row("enable-ubus", NONE, Optional, Once, Inert, Maybe(check::perhaps), "[=<busname>]", "Offer a ubus interface."),
    row("except-interface", b'I', Required, Stacks, Served, Value(network::except_interface), "<interface>[,...]", "Do not listen here."),
    row("expand-hosts", b'E', None, Stacks, Served, On(Switch::ExpandHosts), "", "Add the domain to plain names in hosts files."),
    row("fast-dns-retry", NONE, Optional, Once, Inert, Maybe(check::perhaps), "[=<milliseconds>[,<milliseconds>]]", "Ask again soon."),
    row("filter-A", NONE, None, Stacks, Inert, Nothing, "", "Leave IPv4 addresses out of answers."),
    row("filter-AAAA", NONE, None, Stacks, Inert, Nothing, "", "Leave IPv6 addresses out of answers."),
    row("filter-rr", NONE, Required, Stacks, Inert, Value(check::any), "<RR type>[,...]", "Leave records out of answers."),
    row("filterwin2k", b'f', None, Stacks, Inert, Nothing, "", "Do not send Windows' idle queries on."),
    row("group", b'g', Optional, Once, Served, Maybe(process::group), "[=<groupname>]", "Run as this group."),
    row("help", b'w', None, Stacks, Served, On(Switch::Help), "", "Show this page, or 'dhcp' or 'dhcp6' options."),
    row("host-record", NONE, Required, Stacks, Served, Value(network::host_record), "<name>,<address>[,<ttl>]", "Serve a name and its address."),
    row("hostsdir", NONE, Required, Stacks, Served, File(RunTimeFile::HostsDir), "<path>", "Read names from a watched directory."),
    row("ignore-address", NONE, Required, Stacks, Inert, Value(check::any), "<ipaddr>", "Ignore answers with this address."),
    row("interface", b'i', Required, Stacks, Served, Value(network::interface), "<interface>[,...]", "Listen here."),
    row("interface-name", NONE, Required, Stacks, DnsContent, Value(check::any), "<name>,<interface>", "Serve an interface's address."),
    row("ipset", NONE, Required, Stacks, Inert, Value(check::any), "/<domain>[/<domain>...]/<ipset>...", "Put addresses of domains into sets."),
    row("keep-in-foreground", b'k', None, Stacks, Served, On(Switch::KeepInForeground), "", "Stay in the foreground."),
    row("leasefile-ro", b'9', None, Stacks, Inert, Nothing, "", "Leave the lease file alone."),
    row("leasequery", NONE, Optional, Stacks, Inert, Maybe(check::perhaps), "[=<ipaddr>[/<prefix length>]]", "Answer lease queries."),
    row("listen-address", b'a', Required, Stacks, Served, Value(network::listen_address), "<ipaddr>[,...]", "Listen on this address."),
    row("local", NONE, Required, Stacks, DnsContent, Value(check::any), "/<domain>/", "Names of this domain are known here only."),
    row("local-service", NONE, Optional, Once, Served, Maybe(network::local_service), "[=net|host]", "Serve DNS to the own networks only."),
    row("local-ttl", b'T', Required, Once, Inert, Value(check::a_number), "<integer>", "Time to live of our own names."),
    row("localise-queries", b'y', None, Stacks, Inert, Nothing, "", "Answer with addresses of the asker's network."),
    row("localmx", b'L', None, Stacks, Inert, Nothing, "", "Serve MX records for local machines."),
    row("log-async", NONE, Optional, Once, Served, Maybe(process::log_async), "[=<integer>]", "Let so many log lines wait."),
    row("log-debug", NONE, None, Stacks, Served, On(Switch::LogDebug), "", "Log what a decision was made of."),
    row("log-dhcp", NONE, None, Stacks, Served, On(Switch::LogDhcp), "", "Log the options of every reply."),
    row("log-facility", b'8', Required, Once, Served, Value(process::log_facility), "<facility>|<file>|-", "Log there."),
    row("log-queries", b'q', Optional, Stacks, Inert, Maybe(check::perhaps), "[=extra|proto|auth]", "Log DNS queries."),
    row("max-cache-ttl", NONE, Required, Once, Inert, Value(check::a_number), "<integer>", "Longest time in the cache."),
    row("max-port", NONE, Required, Once, Inert, Value(check::a_port), "<port>", "Highest port of DNS queries."),
    row("max-tcp-connections", NONE, Required, Once, Inert, Value(check::a_count), "<integer>", "How many DNS connections there may be."),
    row("max-ttl", NONE, Required, Once, Inert, Value(check::a_number), "<integer>", "Longest time to live in answers."),
    row("min-cache-ttl", NONE, Required, Once, Inert, Value(check::a_number), "<integer>", "Shortest time in the cache."),
    row("min-port", NONE, Required, Once, Inert, Value(check::a_port), "<port>", "Lowest port of DNS queries."),
    row("mx-host", b'm', Required, Stacks, DnsContent, Value(check::any), "<name>[,<target>[,<pref>]]", "Serve an MX record."),
    row("mx-target", b't', Required, Once, Inert, Value(check::any), "<host>", "The usual target of MX records."),
    row("naptr-record", NONE, Required, Stacks, DnsContent, Value(check::any), "<name>,<order>,<pref>,<flags>,<service>,<regexp>", "Serve a NAPTR record."),
    row("neg-ttl", NONE, Required, Once, Inert, Value(check::a_number), "<integer>", "How long 'no such name' holds."),
    row("nftset", NONE, Required, Stacks, Inert, Value(check::any), "/<domain>[/<domain>...]/<nftset>...", "Put addresses of domains into sets."),
    row("no-0x20-encode", NONE, None, Stacks, Inert, Nothing, "", "Keep letter cases in queries."),
    row("no-daemon", b'd', None, Stacks, Served, On(Switch::NoDaemon), "", "Stay in the foreground, keep the user, log to standard error."),
    row("no-dhcp-interface", b'2', Required, Stacks, Served, Value(network::no_dhcp_interface), "<interface>[,...]", "No DHCP here."),
    row("no-dhcpv4-interface", NONE, Required, Stacks, Served, Value(network::no_dhcpv4_interface), "<interface>[,...]", "No DHCPv4 here."),
    row("no-dhcpv6-interface", NONE, Required, Stacks, Inert, Value(check::any), "<interface>[,...]", "No DHCPv6 here."),
    row("no-hosts", b'h', None, Stacks, Served, On(Switch::NoHosts), "", "Do not read /etc/hosts."),
    row("no-ident", NONE, None, Stacks, Inert, Nothing, "", "Do not tell the version over DNS."),
    row("no-negcache", b'N', None, Stacks, Inert, Nothing, "", "Do not keep 'no such name'."),
    row("no-ping", b'5', None, Stacks, Inert, Nothing, "", "Do not try addresses before lending them."),
    row("no-poll", b'n', None, Stacks, Inert, Nothing, "", "Do not watch resolv.conf."),
    row("no-resolv", b'R', None, Stacks, Inert, Nothing, "", "Do not read resolv.conf."),
    row("no-round-robin", NONE, None, Stacks, Inert, On(Switch::NoRoundRobin), "", "Keep the order of several addresses."),
    row("pid-file", b'x', Optional, Once, Served, Maybe(process::pid_file), "[=<path>]", "Write the process id there."),
    row("port", b'p', Required, Once, Served, Value(network::port), "<integer>", "Port of the DNS service; 0 for none."),
    row("port-limit", NONE, Required, Once, Inert, Value(check::a_count), "<integer>", "How many ports DNS queries may use."),
    row("proxy-dnssec", NONE, None, Stacks, Inert, Nothing, "", "Pass on what upstream says it has validated."),
    row("ptr-record", NONE, Required, Stacks, DnsContent, Value(check::any), "<name>[,<target>]", "Serve a PTR record."),
    row("pxe-prompt", NONE, Required, Stacks, Served, Value(pxe::pxe_prompt), "[tag:<tag>,...]<prompt>[,<seconds>]", "Prompt before the boot menu."),
    row("pxe-service", NONE, Required, Stacks, Served, Value(pxe::pxe_service), "[tag:<tag>,...]<CSA>,<text>[,<file>|<type>[,<server>]]", "An entry of the boot menu."),
    row("query-port", b'Q', Required, Once, Inert, Value(check::a_port), "<port>", "Port of DNS queries."),
    row("quiet-dhcp", NONE, None, Stacks, Served, On(Switch::QuietDhcp), "", "Log no routine DHCP lines."),
    row("quiet-dhcp6", NONE, None, Stacks, Inert, Nothing, "", "Log no routine DHCPv6 lines."),
    row("quiet-ra", NONE, None, Stacks, Inert, Nothing, "", "Log no routine router advertisements."),
    row("quiet-tftp", NONE, None, Stacks, Served, On(Switch::QuietTftp), "", "Do not log files that are not found."),
    row("ra-param", NONE, Required, Stacks, Refused("no router advertisements"), Value(check::any), "<interface>,[mtu:<value>|off,]<interval>[,<lifetime>]", "How to advertise a router."),
    row("read-ethers", b'Z', None, Stacks, Served, On(Switch::ReadEthers), "", "Know hosts from /etc/ethers."),
    row("rebind-domain-ok", NONE, Required, Stacks, Inert, Value(check::any), "/<domain>/", "Domains that may have private addresses."),
    row("rebind-localhost-ok", NONE, None, Stacks, Inert, Nothing, "", "Let answers name this machine."),
    row("resolv-file", b'r', Optional, Stacks, Inert, Maybe(check::perhaps), "[=<path>]", "Read upstream servers from this file."),
    row("rev-server", NONE, Required, Stacks, DnsContent, Value(check::any), "<addr>/<prefix length>,<ipaddr>", "Where to send reverse look-ups."),
    row("script-arp", NONE, None, Stacks, Served, Nothing, "", "Tell the script of new neighbours."),
    row("script-on-renewal", NONE, None, Stacks, Inert, Nothing, "", "Tell the script of renewals."),
    row("selfmx", b'e', None, Stacks, Inert, Nothing, "", "Serve MX records that point at the machine itself."),
    row("server", b'S', Required, Stacks, DnsContent, Value(check::any), "[/<domain>/]<ipaddr>[#<port>]", "An upstream DNS server."),
    row("servers-file", NONE, Required, Once, DnsContent, Value(check::any), "<path>", "Read upstream servers from this file."),
    row("shared-network", NONE, Required, Stacks, Served, Value(network::shared_network), "<interface>|<addr>,<addr>", "Serve a range on another network's interface."),
    row("srv-host", b'W', Required, Stacks, DnsContent, Value(check::any), "<name>[,<target>[,<port>[,<pref>[,<weight>]]]]", "Serve an SRV record."),
    row("stop-dns-rebind", NONE, None, Stacks, Inert, Nothing, "", "Refuse private addresses in answers."),
    row("strict-order", b'o', None, Stacks, Inert, Nothing, "", "Ask upstream servers in order."),
    row("strip-mac", NONE, None, Stacks, Inert, Nothing, "", "Take hardware addresses out of queries."),
    row("strip-subnet", NONE, None, Stacks, Inert, Nothing, "", "Take networks out of queries."),
    row("synth-domain", NONE, Required, Stacks, DnsContent, Value(check::any), "<domain>,<range>[,<prefix>]", "Make names for addresses."),
    row("tag-if", NONE, Required, Stacks, Served, Value(dhcp_match::tag_if), "set:<tag>[,tag:<tag>...]", "Set a tag by other tags."),
    row("test", NONE, None, Stacks, Served, On(Switch::Test), "", "Check the configuration and leave."),
    row("tftp-lowercase", NONE, None, Stacks, Served, On(Switch::TftpLowercase), "", "Look for file names in lower case."),
    row("tftp-max", NONE, Required, Once, Served, Value(tftp::tftp_max), "<integer>", "How many transfers may run at once."),
    row("tftp-mtu", NONE, Required, Once, Served, Value(tftp::tftp_mtu), "<integer>", "Largest packet of a transfer."),
    row("tftp-no-blocksize", NONE, None, Stacks, Served, On(Switch::TftpNoBlocksize), "", "Do not negotiate block sizes."),
    row("tftp-no-fail", NONE, None, Stacks, Served, On(Switch::TftpNoFail), "", "Start even where a root is missing."),
    row("tftp-port-range", NONE, Required, Once, Served, Value(tftp::tftp_port_range), "<start>,<end>", "Ports for transfers."),
    row("tftp-root", NONE, Required, Stacks, Served, Value(tftp::tftp_root), "<directory>[,<interface>]", "Serve files from here."),
    row("tftp-secure", NONE, None, Stacks, Served, On(Switch::TftpSecure), "", "Serve only files of our own user."),
    row("tftp-single-port", NONE, None, Stacks, Served, On(Switch::TftpSinglePort), "", "Make all transfers over port 69."),
    row("tftp-unique-root", NONE, Optional, Stacks, Served, Maybe(tftp::tftp_unique_root), "[=ip|mac]", "Look in a directory of the client's own first."),
    row("trust-anchor", NONE, Required, Stacks, Inert, Value(check::any), "<domain>,[<class>,]<key tag>,<algorithm>,<digest type>,<digest>", "A key to trust."),
    row("txt-record", b'Y', Required, Stacks, DnsContent, Value(check::any), "<name>,<txt>[,<txt>]", "Serve a TXT record."),
    row("umbrella", NONE, Optional, Once, Inert, Maybe(check::perhaps), "[=<optspec>[,<optspec>]]", "Tell Umbrella servers who asks."),
    row("use-stale-cache", NONE, Optional, Once, Inert, Maybe(check::perhaps), "[=<max expired>]", "Answer from the cache even when it is too old."),
    row("user", b'u', Optional, Once, Served, Maybe(process::user), "[=<username>]", "Run as this user."),
    row("version", b'v', None, Stacks, Served, On(Switch::Version), "", "Show the version and leave."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_and_unique() {
        assert!(ROWS.is_sorted_by(|one, next| one.keyword < next.keyword));
        assert_eq!(ROWS.len(), 194);
    }

    #[test]
    fn a_row_has_a_metavar_exactly_when_it_takes_an_argument() {
        for row in ROWS {
            assert_eq!(row.argument == None, row.metavar.is_empty(), "{}", row.keyword);
            assert_eq!(row.argument == Optional, row.metavar.starts_with("[="), "{}", row.keyword);
        }
    }

    #[test]
    fn a_row_is_read_the_way_it_takes_its_argument() {
        for row in ROWS {
            let fits = match row.parse {
                On(_) | Nothing => row.argument == None,
                File(_) | Value(_) => row.argument == Required,
                Maybe(_) => row.argument == Optional,
            };
            assert!(fits, "{}", row.keyword);
        }
    }

    #[test]
    fn a_letter_means_one_option() {
        for row in ROWS {
            let Some(letter) = row.short else { continue };
            assert_eq!(
                find_short(letter).map(Row::shared_name),
                Some(row.shared_name()),
                "{}",
                row.keyword
            );
        }
    }

    #[test]
    fn every_option_is_explained_in_a_sentence() {
        for row in ROWS {
            assert!(row.help.ends_with('.'), "{}", row.keyword);
        }
    }
}
