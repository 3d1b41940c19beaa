//! Findings about a configuration on this machine: boot files that do not exist or cannot be read, networks without
//! interface. dnsmasq does not report them at start: a client then fails to boot.

mod boot_files;
mod names;
mod neighbours;
mod networks;
mod resolver;
mod roots;

use crate::config::Config;
use crate::finding::Finding;
use crate::net::Interfaces;
use crate::sys::privilege::Identity;
pub use boot_files::is_empty_directory;
pub use names::{missing_address_findings, missing_interface_findings, tftp_interfaces};
pub use neighbours::{
    LargeNetwork, is_served_host, large_networks, neighbour_findings, sysctl_command,
};
pub use networks::range_findings;
pub use roots::inaccessible_roots;

/// Findings for `--test` and the start. `identity` is the user that serves files, `None` if it does not exist; without
/// `interfaces` networks are not checked.
pub fn environment_findings(
    config: &Config,
    interfaces: Option<&Interfaces>,
    identity: Option<&Identity>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(here) = interfaces {
        findings.extend(range_findings(config, here));
        findings.extend(networks::pool_findings(config, here));
        findings.extend(tftp_interfaces(config, here));
        findings.extend(resolver::resolver_finding(config, here));
    }
    let Some(tftp) = config.tftp.as_deref() else { return findings };
    if !inaccessible_roots(config, identity).is_empty() {
        return findings;
    }
    let closed = identity.map_or_else(Vec::new, |identity| roots::closed_roots(tftp, identity));
    if closed.is_empty() {
        findings.extend(boot_files::boot_files(config, tftp, interfaces, identity));
        findings.extend(roots::dangling_links(tftp));
    }
    findings.extend(closed);
    findings
}
