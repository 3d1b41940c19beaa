//! What holds where the configuration says nothing.

use super::hosts::Hosts;
use super::matches::Matches;
use super::rules::Rules;
use super::tags::TagIfs;
use super::{Dhcp, Group, Origin, Process, Tftp};
use std::path::PathBuf;

const USUAL_TRANSFERS: usize = 50;
pub(super) const USUAL_EDNS_PACKET: u32 = 1232;
/// dnsmasq's packet buffer is so much larger than the largest DNS packet; a DATA head takes four bytes of it.
pub(super) const PACKET_BUFFER: u32 = 1025 + 10 - 4;

impl Default for Tftp {
    fn default() -> Self {
        Self {
            enabled: Origin::none(),
            interfaces: None,
            root: None,
            interface_roots: Vec::new(),
            unique: Vec::new(),
            secure: false,
            lowercase: false,
            no_blocksize: false,
            no_fail: false,
            single_port: false,
            quiet: false,
            tell: false,
            most: USUAL_TRANSFERS,
            mtu: 0,
            ports: None,
            largest_block: USUAL_EDNS_PACKET + PACKET_BUFFER,
        }
    }
}

impl Default for Dhcp {
    fn default() -> Self {
        Self {
            ranges: Vec::new(),
            services: Rules::default(),
            boots: Rules::default(),
            vendor_options: Rules::default(),
            pxe_options: Rules::default(),
            vendors: Vec::new(),
            pxe: false,
            delay: None,
            ignore: Rules::default(),
            hosts: Hosts::default(),
            option_matches: Matches::default(),
            classes: Matches::default(),
            relay_matches: Matches::default(),
            macs: Matches::default(),
            name_matches: Matches::default(),
            tag_ifs: TagIfs::default(),
            bridges: Vec::new(),
            shared: Vec::new(),
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
            group: Group::Usual,
            pid_file: Some(PathBuf::from("/var/run/dnsmasq.pid")),
            script: None,
            script_user: None,
            log_to: None,
            log_async: None,
            lease_file: None,
            lease_file_kept: true,
            most_leases: 1000,
            no_ping: false,
            broadcast_to_all: false,
            dns_port: 53,
            no_hosts: false,
            no_upstream: false,
        }
    }
}
