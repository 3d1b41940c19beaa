//! `dhcp-range` lines that answer no client, and configurations without one.

use super::warning_at;
use crate::config::{Config, Range, RangeKind, Rule};
use crate::finding::{Finding, Level};
use crate::reason::{ConfigReason, StartReason};
use conf_parser::Keyword;

/// All findings of this module.
pub fn findings(config: &Config) -> Vec<Finding> {
    let mut findings = nothing_to_serve(config);
    findings.extend(silent_range(config));
    findings.extend(missing_range(config));
    findings
}

fn proxy_range(config: &Config) -> Option<&Rule<Range>> {
    config.dhcp.ranges.iter().find(|range| range.value.kind == RangeKind::Proxy)
}

fn nothing_to_serve(config: &Config) -> Vec<Finding> {
    // A range that is refused is a reason of its own.
    let serves_nothing = config.dhcp.ranges.is_empty() && config.tftp.is_none();
    serves_nothing
        .then(|| Finding::general(Level::Error, StartReason::NothingToServe))
        .into_iter()
        .collect()
}

fn silent_range(config: &Config) -> Option<Finding> {
    let range = proxy_range(config).filter(|_| !config.dhcp.pxe_enabled)?;
    Some(warning_at(&range.origin, ConfigReason::RangeWithoutService))
}

/// Boot lines have no effect without a range. With `dhcp-boot` alone the machine may be a TFTP server only.
fn missing_range(config: &Config) -> Option<Finding> {
    let dhcp = &config.dhcp;
    if !dhcp.ranges.is_empty() {
        return None;
    }
    let service = dhcp.services.iter().next().map(|rule| &rule.origin);
    let boot = dhcp.boot_rules.iter().next().map(|rule| &rule.origin);
    let (level, origin, keyword) = match (service, boot) {
        (Some(origin), _) => (Level::Warning, origin, Keyword::PxeService),
        (None, Some(origin)) => (Level::Hint, origin, Keyword::DhcpBoot),
        (None, None) => return None,
    };
    let keyword = keyword.to_string();
    Some(Finding::at(level, origin, ConfigReason::RangeMissing { keyword }))
}

#[cfg(test)]
mod tests {
    use crate::config::lint::advice::tests::{findings, leveled};

    #[test]
    fn range_without_service_is_reported() {
        assert_eq!(
            findings("port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-boot=x"),
            ["c:2: a proxy range answers no client without a pxe-service or pxe-prompt"]
        );
        assert_eq!(
            findings("port=0"),
            ["nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp"]
        );
    }

    #[test]
    fn boot_line_without_range_is_reported_once() {
        let lines = "port=0\nenable-tftp\npxe-service=0,Net,a\ndhcp-boot=a.0";
        let finding = "warning: c:3: pxe-service: without a dhcp-range no DHCP request is answered, so the line has no effect: add dhcp-range=<network>,proxy";
        assert_eq!(leveled(lines), [finding]);
        assert_eq!(findings(&format!("{lines}\ndhcp-range=10.0.0.0,proxy")), [""; 0]);
        let boot_only = lines.replace("pxe-service=0,Net,a", "log-dhcp");
        assert!(leveled(&boot_only)[0].starts_with("hint: c:4: dhcp-boot: without a dhcp-range"));
    }
}
