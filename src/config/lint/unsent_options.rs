//! `dhcp-option` lines beside proxy ranges: a proxyDHCP reply contains those of a vendor class only
//! (docs/dnsmasq/proxydhcp.md, section 5.4).

use crate::config::{Config, Origin, RangeKind};
use crate::finding::{Finding, Level};
use crate::reason::ConfigReason;
use conf_parser::option_names::by_code;
use conf_parser::{Boot, DhcpOption, Encapsulation};

const NETWORK: &str = "the DHCP server of the network has to send it";
const PXE_OPTION: &str = "dhcp-option-pxe sends it";
const SERVER: &str =
    "name the server in the fourth field of pxe-service or in the third field of dhcp-boot";
const FILE: &str = "name the file in pxe-service or dhcp-boot";

/// The options that matter to a client that boots, and the remedy for each.
const REPORTED: &[(u32, &str)] = &[
    (3, NETWORK),
    (6, NETWORK),
    (17, PXE_OPTION),
    (66, SERVER),
    (67, FILE),
    (150, SERVER),
    (209, PXE_OPTION),
    (210, PXE_OPTION),
    (255, SERVER),
];
/// The options that name the boot file or the boot server.
const BOOT: &[u32] = &[66, 67, 150, 255];
/// The menu text that firmware of the Raspberry Pi requires; it needs no boot file.
const RASPBERRY_PI: &[u8] = b"Raspberry Pi Boot";

/// The first line of each option.
#[derive(Debug, Default)]
pub struct UnsentOptions {
    found: Vec<Found>,
}

#[derive(Debug)]
struct Found {
    code: u32,
    remedy: &'static str,
    first: Origin,
    lines: usize,
}

impl UnsentOptions {
    /// Records a line.
    pub fn record(&mut self, option: &DhcpOption, origin: &Origin) {
        if option.version6 || option.encapsulation != Encapsulation::Plain {
            return;
        }
        if let Some(found) = self.found.iter_mut().find(|found| found.code == option.code) {
            found.lines += 1;
        } else if let Some((code, remedy)) = REPORTED.iter().find(|(code, _)| *code == option.code)
        {
            self.found.push(Found { code: *code, remedy, first: origin.clone(), lines: 1 });
        }
    }

    /// One finding for each option, if all ranges are proxy ranges.
    pub fn findings(self, config: &Config) -> Vec<Finding> {
        let ranges = &config.dhcp.ranges;
        if ranges.is_empty() || ranges.iter().any(|range| range.value.kind != RangeKind::Proxy) {
            return Vec::new();
        }
        let boots = has_boot_file(config);
        self.found.into_iter().map(|found| found.finding(boots)).collect()
    }
}

impl Found {
    fn finding(self, boots: bool) -> Finding {
        let Self { code, remedy, first, lines } = self;
        let level = if BOOT.contains(&code) && !boots { Level::Warning } else { Level::Hint };
        let option = match u8::try_from(code).ok().and_then(by_code) {
            Some(known) if code == 255 => known.name.to_owned(),
            Some(known) => format!("{code} ({})", known.name),
            None => code.to_string(),
        };
        let more = if lines > 1 { format!(" ({lines} lines)") } else { String::new() };
        Finding::at(level, &first, ConfigReason::OptionNotSent { option, more, remedy })
    }
}

/// Whether a line names a boot file, or is for clients that need none.
fn has_boot_file(config: &Config) -> bool {
    let dhcp = &config.dhcp;
    let mut services = dhcp.services.iter().map(|rule| &rule.value);
    dhcp.boot_rules.iter().any(|rule| !rule.value.file.is_empty())
        || services.any(|service| {
            matches!(service.boot, Boot::File(_))
                || service.menu.windows(RASPBERRY_PI.len()).any(|part| part == RASPBERRY_PI)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lint::advice::tests::{findings, leveled};

    const PROXY: &str = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=0,Net,a\n";

    #[test]
    fn option_beside_a_proxy_range_is_a_hint_with_the_remedy() {
        for (line, option, remedy) in [
            ("dhcp-option=3,10.0.0.1", "3 (router)", NETWORK),
            ("dhcp-option=option:dns-server,10.0.0.1", "6 (dns-server)", NETWORK),
            ("dhcp-option=option:root-path,/nfs", "17 (root-path)", PXE_OPTION),
            ("dhcp-option-force=66,10.0.0.1", "66 (tftp-server)", SERVER),
            ("dhcp-option=67,a.0", "67 (bootfile-name)", FILE),
            ("dhcp-option=150,10.0.0.1", "150 (tftp-server-address)", SERVER),
            ("dhcp-option-force=209,a.cfg", "209", PXE_OPTION),
            ("dhcp-option-force=210,/srv/", "210", PXE_OPTION),
            ("dhcp-option=option:server-ip-address,10.0.0.1", "server-ip-address", SERVER),
        ] {
            assert_eq!(
                leveled(&format!("{PROXY}{line}")),
                [format!(
                    "hint: c:4: dhcp-option: a proxyDHCP reply does not contain option {option}: {remedy}"
                )]
            );
        }
    }

    #[test]
    fn option_that_alone_names_the_boot_file_is_a_warning() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-prompt=Boot\ndhcp-option=67,a.0\n\
                     dhcp-option=option:tftp-server,10.0.0.1";
        let levels: Vec<_> = leveled(lines).iter().map(|line| line[..8].to_owned()).collect();
        assert_eq!(levels, ["warning:", "warning:"]);
        let pi = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=0,Raspberry Pi Boot\n\
                  dhcp-option=66,10.0.0.1";
        assert!(leveled(pi)[0].starts_with("hint:"));
    }

    #[test]
    fn several_lines_of_one_option_are_one_finding() {
        let lines =
            format!("{PROXY}tag-if=set:a\ndhcp-option=tag:a,3,10.0.0.1\ndhcp-option=3,10.0.0.2");
        assert_eq!(
            findings(&lines),
            [format!(
                "c:5: dhcp-option: a proxyDHCP reply does not contain option 3 (router) (2 lines): {NETWORK}"
            )]
        );
    }

    #[test]
    fn option_that_is_sent_or_has_no_proxy_range_is_not_reported() {
        for line in [
            "dhcp-option=vendor:PXEClient,6,2b",
            "dhcp-option-pxe=3,10.0.0.1",
            "dhcp-option=42,10.0.0.1",
            "dhcp-option=encap:175,190,user",
        ] {
            assert_eq!(findings(&format!("{PROXY}{line}")), [""; 0], "{line}");
        }
        let with_static = format!("{PROXY}dhcp-range=10.1.0.1,static\ndhcp-option=3,10.0.0.1");
        assert!(!findings(&with_static).iter().any(|finding| finding.contains("dhcp-option")));
    }
}
