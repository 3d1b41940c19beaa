//! Findings about lines that probably do not have the intended effect. They depend on the configuration alone.

use super::tag_usage::TagUsageReport;
use super::{architectures, boot_rules, ranges};
use crate::config::Config;
use crate::finding::Finding;

/// The findings about the lines in combination.
pub fn advice(config: &Config, tags: &TagUsageReport) -> Vec<Finding> {
    let mut findings = ranges::findings(config);
    findings.extend(architectures::findings(config));
    findings.extend(boot_rules::findings(config, tags));
    findings
}

#[cfg(test)]
pub(super) mod tests {
    use crate::config::read::build::built;
    use crate::finding::Finding;

    fn all(text: &str) -> Vec<Finding> {
        built(text).findings
    }

    /// The findings about the lines, which are in the file `c`.
    pub fn findings(text: &str) -> Vec<String> {
        all(text).iter().map(ToString::to_string).collect()
    }

    /// The same with the levels.
    pub fn leveled(text: &str) -> Vec<String> {
        all(text).iter().map(|finding| format!("{}: {finding}", finding.level)).collect()
    }

    const BASE: &str = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=0,Net,a\nenable-tftp\n";

    /// Checks that each line, added as line 5 of a correct file, has exactly this finding.
    pub fn check(cases: &[(&str, &str)]) {
        for (line, finding) in cases {
            let (level, text) = finding.split_once(": ").expect("a level");
            assert_eq!(
                leveled(&format!("{BASE}{line}")),
                [format!("{level}: c:5: {text}")],
                "{line}"
            );
        }
    }

    /// Checks that none of the lines has a finding.
    pub fn check_fine(lines: &[&str]) {
        for line in lines {
            assert_eq!(leveled(&format!("{BASE}{line}")), [""; 0], "{line}");
        }
    }

    #[test]
    fn correct_configuration_has_no_findings() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\nenable-tftp\ntftp-root=/t\n\
             dhcp-match=set:bios,option:client-arch,0\ndhcp-boot=tag:bios,pxelinux.0\n\
             dhcp-match=set:ipxe,175\n\
             pxe-service=x86PC,Net,pxelinux\npxe-service=tag:!ipxe,x86-64_EFI,Net,a.efi\n\
             pxe-service=tag:!ipxe,BC_EFI,Net,a.efi\ndhcp-boot=tag:ipxe,http://boot/x";
        assert_eq!(findings(lines), [""; 0]);
    }
}
