//! Loss of datagrams on the link of the clients, in both directions, and what was lost.

use crate::common::lab::{Host, Lab};
use std::process::Command;

/// Lost datagrams, in the order of [`PORTS`](crate::requests::PORTS): requests to a port, or their answers.
pub type Lost = [u64; 3];

const NAMES: [&str; 3] = ["dhcp", "pxe", "tftp"];
/// Of a datagram that begins with the opcode of an OACK, which follows the UDP header of 64 bits.
const OACK: &str = "udp sport != { 67, 4011 } @th,64,16";

/// Loses this number of datagrams per thousand from now on.
pub fn begin(lab: &Lab, per_thousand: u32) {
    let requests =
        ["udp dport 67", "udp dport 4011", "udp dport 69", "udp dport != { 67, 69, 4011 }"];
    let answers = ["udp sport 67", "udp sport 4011", &format!("{OACK} 6"), &format!("{OACK} != 6")];
    lose(lab, lab.host("server"), "eth0", per_thousand, requests);
    lose(lab, lab.host("client"), "c0", per_thousand, answers);
}

/// Loses nothing any more; what was lost in both directions.
pub fn end(lab: &Lab) -> Lost {
    let both = ["server", "client"].map(|host| {
        let host = lab.host(host);
        host.run(Command::new("nft").args(["flush", "chain", "inet", "loss", "in"]));
        counters(host)
    });
    std::array::from_fn(|index| both.iter().map(|lost| lost[index]).sum())
}

/// A rule for each kind of datagram: those of [`NAMES`], and all others.
fn lose(lab: &Lab, host: &Host, interface: &str, per_thousand: u32, kinds: [&str; 4]) {
    let counters = NAMES.map(|name| format!("counter {name} {{ }}\n")).concat();
    let rule = |(index, kind): (usize, &str)| {
        let counter = NAMES.get(index).map_or(String::new(), |name| format!("counter name {name}"));
        format!(
            "iifname {interface} {kind} numgen random mod 1000 < {per_thousand} {counter} drop\n"
        )
    };
    let rules: Vec<String> = kinds.into_iter().enumerate().map(rule).collect();
    let rules = format!(
        "table inet loss {{\n{counters}chain in {{ type filter hook input priority 0;\n{}}}\n}}\n",
        rules.concat()
    );
    lab.file("/srv/loss.nft", rules);
    host.run(Command::new("nft").args(["-f", "/srv/loss.nft"]));
}

/// From `counter dhcp { packets 3 bytes 900 }`.
fn counters(host: &Host) -> Lost {
    let text = host.run(Command::new("nft").args(["list", "counters", "inet"]));
    let words: Vec<&str> = text.split_whitespace().collect();
    NAMES.map(|name| {
        let found = words.windows(5).find(|words| words[0] == "counter" && words[1] == name);
        found.and_then(|words| words[4].parse().ok()).expect("a counter of nft")
    })
}
