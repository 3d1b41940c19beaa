//! Findings about single lines, and about lines that have no place in [`Config`].

use super::boot_lines::{of_boot, of_service};
use super::client_lines::{architecture_as_text, name_as_address, of_class_match, of_mac_match};
use super::dns::DnsLines;
use super::quotes;
use super::unsent_options::UnsentOptions;
use super::{MAX_FINDINGS, Reasons, warning_at};
use crate::config::{Config, Origin, RangeKind};
use crate::finding::{Finding, Level};
use crate::reason::{ConfigReason, Reason};
use conf_parser::Directive as D;
use conf_parser::{DhcpRange, Directive, Lease};

/// What the lines have shown up to now.
#[derive(Debug, Default)]
pub struct LineFindings {
    findings: Vec<Finding>,
    unsent_options: UnsentOptions,
    dns: DnsLines,
    tftp_root: Option<Origin>,
    script_user: Option<Origin>,
}

impl LineFindings {
    /// Records a line.
    pub fn record(&mut self, directive: &Directive, origin: &Origin) {
        match directive {
            D::DhcpOption(option) => self.unsent_options.record(option, origin),
            D::TftpRoot(root) if !root.directory.is_empty() => {
                self.tftp_root.get_or_insert_with(|| origin.clone());
            }
            D::ScriptUser(_) => self.script_user = Some(origin.clone()),
            _ => self.dns.record(directive, origin),
        }
        for (level, reason) in of_line(directive) {
            let is_same = |finding: &&Finding| finding.reason.id() == reason.id();
            if self.findings.iter().filter(is_same).count() < MAX_FINDINGS {
                self.findings.push(Finding::at(level, origin, reason));
            }
        }
    }

    /// All findings.
    pub fn finish(self, config: &Config) -> Vec<Finding> {
        let mut findings = self.findings;
        if !config.dhcp.ranges.iter().any(|range| range.value.kind == RangeKind::Proxy) {
            // A DHCP server does send the name of the boot server.
            findings.retain(|finding| !is_about_server_name(finding));
        }
        findings.extend(self.dns.finding(config));
        findings.extend(self.unsent_options.findings(config));
        let root = self.tftp_root.filter(|_| config.tftp.is_none());
        findings.extend(
            root.map(|root| Finding::at(Level::Hint, &root, ConfigReason::RootWithoutTftp)),
        );
        findings.extend(self.script_user.and_then(|origin| script_user(config, &origin)));
        findings
    }
}

fn is_about_server_name(finding: &Finding) -> bool {
    matches!(finding.reason, Reason::Config(ConfigReason::ServerInSecondField { .. }))
}

/// dnsmasq runs the script as root if there is no `dhcp-range`.
fn script_user(config: &Config, origin: &Origin) -> Option<Finding> {
    let user = config.process.script_user.clone()?;
    if config.process.script.is_none() {
        let reason = ConfigReason::ScriptUserWithoutScript;
        Some(Finding::at(Level::Hint, origin, reason))
    } else if config.dhcp.ranges.is_empty() {
        Some(warning_at(origin, ConfigReason::ScriptUserWithoutRange { user }))
    } else {
        None
    }
}

/// The findings about one line.
fn of_line(directive: &Directive) -> Reasons {
    let warning = |reason| (Level::Warning, reason);
    match directive {
        D::PxeService(service) => of_service(service),
        D::DhcpBoot(boot) => of_boot(boot),
        D::PxePrompt(prompt) => {
            let quotes = quotes::in_text("pxe-prompt", &prompt.text);
            quotes.map(|reason| (Level::Hint, reason)).into_iter().collect()
        }
        D::TftpRoot(root) => {
            quotes::in_text("tftp-root", &root.directory).map(warning).into_iter().collect()
        }
        D::Interface(names) => names
            .iter()
            .filter_map(|name| quotes::in_text("interface", name))
            .map(warning)
            .collect(),
        D::DhcpRange(range) => {
            let lease = lease_as_netmask(range).map(|reason| (Level::Hint, reason));
            netmask(range).map(warning).into_iter().chain(lease).collect()
        }
        D::DhcpHost(host) => name_as_address(host).map(warning).into_iter().collect(),
        D::MacMatch(rule) => of_mac_match(rule),
        D::OptionMatch(rule) => {
            architecture_as_text(&rule.matcher).map(warning).into_iter().collect()
        }
        D::ClassMatch(rule) => of_class_match(rule),
        _ => Vec::new(),
    }
}

/// `192.168.1.0,proxy,192.168.1.255`: dnsmasq accepts any address as a netmask.
fn netmask(range: &DhcpRange) -> Option<ConfigReason> {
    let conf_parser::RangeKind::Proxy { netmask: Some(netmask), .. } = range.kind else {
        return None;
    };
    if netmask.is_broadcast() {
        return Some(ConfigReason::NetmaskOfOneAddress);
    }
    let mask = u32::from(netmask);
    (mask.leading_ones() + mask.trailing_zeros() < u32::BITS)
        .then_some(ConfigReason::BadNetmask { netmask })
}

/// The shortest lease time of dnsmasq, which also stands for all shorter ones.
const SHORTEST_LEASE: Lease = Lease::Seconds(120);

/// `192.168.1.0,proxy,24`: a number without dots is a lease time.
fn lease_as_netmask(range: &DhcpRange) -> Option<ConfigReason> {
    let is_number = matches!(
        range.kind,
        conf_parser::RangeKind::Proxy { netmask: None, lease: Some(SHORTEST_LEASE), .. }
    );
    is_number.then_some(ConfigReason::LeaseAsNetmask)
}

#[cfg(test)]
mod tests {
    use crate::config::lint::advice::tests::{check, check_fine, leveled};

    #[test]
    fn tftp_root_without_enable_tftp_is_a_hint() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=0,Net,a\ntftp-root=/srv";
        let hint = "hint: c:4: tftp-root has no effect without enable-tftp: files are not served";
        assert_eq!(leveled(lines), [hint]);
        check_fine(&["tftp-root=/srv"]);
    }

    #[test]
    fn script_user_without_effect_is_reported() {
        let script = "port=0\nenable-tftp\ndhcp-script=/bin/x\ndhcp-scriptuser=pxe";
        assert_eq!(
            leveled(script),
            [
                "warning: c:4: dhcp-scriptuser: without a dhcp-range the script runs as root, not as pxe"
            ]
        );
        check(&[(
            "dhcp-scriptuser=pxe",
            "hint: dhcp-scriptuser has no effect without dhcp-script",
        )]);
        check_fine(&["dhcp-scriptuser=pxe\ndhcp-script=/bin/x"]);
    }

    #[test]
    fn quotation_marks_in_a_text_are_reported() {
        let text = "the quotation marks of {} are part of the text: remove them, or write \"";
        for (line, level, keyword, shown) in [
            ("pxe-service=0,“Boot”,a", "hint", "pxe-service", "“Boot”"),
            ("pxe-prompt=“Boot”,3", "hint", "pxe-prompt", "“Boot”"),
            ("pxe-service=0,Boot,“a”", "warning", "pxe-service", "“a”"),
            ("dhcp-boot='a.0'", "warning", "dhcp-boot", "'a.0'"),
            ("tftp-root=“/srv”", "warning", "tftp-root", "“/srv”"),
            ("interface=“eth0”", "warning", "interface", "“eth0”"),
            ("dhcp-userclass=set:a,“iPXE”", "warning", "dhcp-userclass", "“iPXE”"),
        ] {
            check(&[(line, &format!("{level}: {keyword}: {}", text.replace("{}", shown)))]);
        }
        check_fine(&["pxe-service=0,\"Don’t boot\",a", "pxe-prompt=\"Let's go\",3"]);
    }

    #[test]
    fn netmask_of_a_proxy_range_is_checked() {
        check(&[(
            "dhcp-range=10.1.0.0,proxy,10.1.0.255",
            "warning: dhcp-range: 10.1.0.255 is no netmask, so no client is on this network",
        )]);
        check(&[(
            "dhcp-range=10.1.0.0,proxy,255.255.255.255",
            "warning: dhcp-range: with the netmask 255.255.255.255 no client is on this network: write the netmask of the interface, or none",
        )]);
        check(&[(
            "dhcp-range=10.1.0.0,proxy,16",
            "hint: dhcp-range: a number without dots is a lease time, which a proxy range does not use: write the netmask as 255.255.255.0",
        )]);
        check_fine(&["dhcp-range=10.1.0.0,proxy,255.255.0.0", "dhcp-range=10.1.0.0,proxy,1h"]);
    }
}
