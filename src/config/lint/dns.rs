//! DNS that dnsmasq would serve.

use crate::config::{Config, Origin};
use crate::finding::{Finding, Level};
use crate::reason::ConfigReason;
use conf_parser::{Directive, RawSetting, Switch};

/// Keywords that a server without DNS does not need. Without `port=0` they show that DNS is used.
const DNS_KEYWORDS: &[&str] = &[
    "all-servers",
    "bogus-nxdomain",
    "bogus-priv",
    "cache-size",
    "dns-forward-max",
    "dnssec",
    "domain-needed",
    "filterwin2k",
    "local-ttl",
    "localise-queries",
    "localmx",
    "neg-ttl",
    "no-negcache",
    "rebind-domain-ok",
    "rebind-localhost-ok",
    "stop-dns-rebind",
    "strict-order",
];

/// Lines that are for DNS only.
#[derive(Debug, Default)]
pub struct DnsLines {
    first: Option<(&'static str, Origin)>,
    count: usize,
}

impl DnsLines {
    /// Records a line.
    pub fn record(&mut self, directive: &Directive, origin: &Origin) {
        if let Some(keyword) = dns_keyword(directive) {
            self.count += 1;
            self.first.get_or_insert_with(|| (keyword, origin.clone()));
        }
    }

    /// A warning if DNS is evidently used, else a hint; nothing with `port=0`.
    pub fn finding(self, config: &Config) -> Option<Finding> {
        if config.process.dns_port == 0 {
            return None;
        }
        let Some((keyword, origin)) = self.first else {
            return Some(Finding::general(Level::Hint, ConfigReason::DnsPortMissing));
        };
        let more = if self.count > 1 { format!(" ({} lines)", self.count) } else { String::new() };
        let reason = ConfigReason::DnsNotServed { keyword, more };
        Some(Finding::at(Level::Warning, &origin, reason))
    }
}

fn dns_keyword(directive: &Directive) -> Option<&'static str> {
    match directive {
        Directive::Switch(Switch::ExpandHosts) => Some("expand-hosts"),
        Directive::ResolvFile(Some(path)) if path != b"/dev/null" => Some("resolv-file"),
        Directive::ValidatedOnly(RawSetting { keyword: "cache-size", value: Some(size) })
            if size == b"0" =>
        {
            None
        }
        Directive::ValidatedOnly(RawSetting { keyword, .. }) => {
            DNS_KEYWORDS.binary_search(keyword).is_ok().then_some(*keyword)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::DNS_KEYWORDS;
    use crate::config::lint::advice::tests::leveled;

    #[test]
    fn keywords_are_sorted_and_in_the_table() {
        assert!(DNS_KEYWORDS.is_sorted());
        assert!(DNS_KEYWORDS.iter().all(|keyword| conf_parser::find_name(keyword).is_some()));
    }

    #[test]
    fn line_for_dns_without_port_0_is_a_warning() {
        let lines = "enable-tftp\ndomain-needed\nbogus-priv";
        assert_eq!(
            leveled(lines),
            [
                "warning: c:2: domain-needed is for DNS, which is not served (2 lines): clients that use this machine as DNS server get no answer; set port=0 if there are none"
            ]
        );
        assert_eq!(leveled(&format!("{lines}\nport=0")), [""; 0]);
    }

    #[test]
    fn missing_port_0_alone_is_a_hint() {
        let hint = "hint: port=0 is missing: dnsmasq would serve DNS, which this program does not; clients that use this machine as DNS server get no answer";
        for lines in ["enable-tftp", "enable-tftp\nno-resolv\ncache-size=0\nresolv-file=/dev/null"]
        {
            assert_eq!(leveled(lines), [hint]);
        }
    }
}
