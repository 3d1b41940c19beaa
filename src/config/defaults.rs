//! Default values of the configuration.

use super::lookup::hosts::Hosts;
use super::lookup::match_rules::MatchRules;
use super::lookup::rules::Rules;
use super::lookup::tags::TagIfs;
use super::process_lines::ProcessLines;
use super::{Dhcp, Group, Origin, Process, Tftp};
use std::path::PathBuf;

const DEFAULT_TFTP_MAX: usize = 50;
pub(super) const DEFAULT_EDNS_PACKET: u32 = 1232;
/// Bytes by which dnsmasq's packet buffer exceeds `edns-packet-max`, less the four bytes of a DATA header.
pub(super) const PACKET_BUFFER: u32 = 1025 + 10 - 4;

impl Default for Tftp {
    fn default() -> Self {
        Self {
            enabled: Origin::default_value(),
            interfaces: None,
            root: None,
            interface_roots: Vec::new(),
            unique_roots: Vec::new(),
            secure: false,
            lowercase: false,
            no_blocksize: false,
            no_fail: false,
            single_port: false,
            quiet: false,
            log_transfers: false,
            max_transfers: DEFAULT_TFTP_MAX,
            mtu: 0,
            ports: None,
            max_blksize: DEFAULT_EDNS_PACKET + PACKET_BUFFER,
        }
    }
}

impl Default for Dhcp {
    fn default() -> Self {
        Self {
            ranges: Vec::new(),
            services: Rules::default(),
            boot_rules: Rules::default(),
            vendor_options: Rules::default(),
            pxe_options: Rules::default(),
            pxe_vendor_classes: Vec::new(),
            pxe_enabled: false,
            delay: None,
            ignore: Rules::default(),
            hosts: Hosts::default(),
            option_matches: MatchRules::default(),
            classes: MatchRules::default(),
            relay_matches: MatchRules::default(),
            mac_matches: MatchRules::default(),
            name_matches: MatchRules::default(),
            tag_ifs: TagIfs::default(),
            bridges: Vec::new(),
            shared_networks: Vec::new(),
            host_records: Vec::new(),
            server_port: 67,
            client_port: 68,
            ignore_client_id: false,
            read_ethers: false,
            log: false,
            quiet: false,
            round_robin: true,
        }
    }
}

impl Default for Process {
    fn default() -> Self {
        Self {
            debug: false,
            foreground: false,
            log_debug: false,
            user: Some("nobody".to_owned()),
            group: Group::Default,
            pid_file: Some(PathBuf::from("/var/run/dnsmasq.pid")),
            script: None,
            script_user: None,
            log_to: None,
            log_async: None,
            lease_file: None,
            use_lease_file: true,
            max_leases: 1000,
            no_ping: false,
            broadcast_to_all: false,
            dns_port: 53,
            no_hosts: false,
            no_upstream: false,
            lines: ProcessLines::default(),
        }
    }
}
