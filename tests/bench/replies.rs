//! Replies per second of pxemasq and of the installed dnsmasq, in one run.
//!
//! ```text
//! cargo bench --bench replies [-- ROUNDS]
//! ```
//!
//! A client in another network namespace has 1 or 64 requests in flight. The configuration has 1, 100 or 10,000 lines,
//! each for one hardware address; the client uses these addresses in turn. Server and client each have one core.
//! Absolute figures depend on the machine: compare the ratios only.

#[path = "../common/mod.rs"]
mod common;
mod dhcp_load;

use common::measure::median;
use dhcp_load::{Figures, measure};
use std::path::PathBuf;

const DEFAULT_ROUNDS: usize = 3;
const LINES: [usize; 3] = [1, 100, 10_000];
const OUTSTANDING: [usize; 2] = [1, 64];
const SERVED: &str = "port=0\ndhcp-range=10.9.0.0,proxy\npxe-service=x86PC,Install,pxelinux\n\
                      dhcp-boot=pxelinux.0\n";

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok());
    let dnsmasq = match common::installed_dnsmasq() {
        Ok(path) => path,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let servers = [("pxemasq", PathBuf::from(env!("CARGO_BIN_EXE_pxemasq"))), ("dnsmasq", dnsmasq)];
    println!("| lines | in flight | pxemasq/s | dnsmasq/s | ratio | CPU per reply, ratio |");
    println!("|---|---|---|---|---|---|");
    for kind in ["dhcp-host", "dhcp-mac", "dhcp-match"] {
        for lines in LINES {
            for outstanding in OUTSTANDING {
                let rounds = rounds.unwrap_or(DEFAULT_ROUNDS);
                let figures: Vec<[Figures; 2]> = (0..rounds)
                    .map(|_| {
                        [&servers[0], &servers[1]].map(|(_, program)| {
                            let config = configuration(kind, lines);
                            measure(program, config, &["-8", "/dev/null"], lines, outstanding)
                        })
                    })
                    .collect();
                print_row(&format!("{lines} {kind}"), outstanding, &figures);
            }
        }
    }
}

fn print_row(name: &str, outstanding: usize, figures: &[[Figures; 2]]) {
    let rate = |program: usize| median(figures.iter().map(|round| round[program].per_second));
    let ratio = median(figures.iter().map(|[ours, theirs]| ours.per_second / theirs.per_second));
    let cpu = median(figures.iter().map(|[ours, theirs]| ours.cpu / theirs.cpu));
    let (ours, theirs) = (rate(0), rate(1));
    println!("| {name} | {outstanding} | {ours:.0} | {theirs:.0} | {ratio:.2} | {cpu:.2} |");
}

fn configuration(kind: &str, lines: usize) -> String {
    let mut text = vec![SERVED.to_owned()];
    text.extend((0..lines).map(|number| {
        let [.., a, b] = number.to_be_bytes();
        let (mac, tag) = (format!("52:54:00:00:{a:02x}:{b:02x}"), number % 97);
        match kind {
            "dhcp-host" => format!("dhcp-host={mac},set:t{tag}\n"),
            "dhcp-mac" => format!("dhcp-mac=set:t{tag},{mac}\n"),
            _ => format!("dhcp-match=set:t{tag},61,01:{mac}\n"),
        }
    }));
    text.concat()
}
