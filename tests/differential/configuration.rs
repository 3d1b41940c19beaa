//! Random configurations with few different values, so that rules match requests.

use crate::common::random::Random;

/// Possible addresses of the server, with interface names.
pub const ADDRESSES: &[&str] = &[
    "eth0 10.0.0.1/24",
    "eth0 10.0.0.2/24",
    "eth0 10.0.1.1/24",
    "eth0:1 10.0.2.1/24",
    "eth1 10.1.0.1/16",
    "eth1 10.0.0.3/24",
    "eth1 172.16.0.1/32",
    "br0 10.3.0.1/24",
];

const TAGS: &[&str] =
    &["a", "b", "c", "d", "e", "ab", "eth0", "eth1", "known", "known-othernet", "r"];
const NETS: &[&str] = &[
    "10.0.0.0",
    "10.0.0.0",
    "10.0.0.0",
    "10.0.0.1",
    "10.0.0.99",
    "10.0.1.0",
    "10.0.2.0",
    "10.1.0.0",
    "10.1.2.3",
    "10.3.0.0",
    "10.9.0.0",
    "192.168.5.0",
    "172.16.0.1",
];
const MASKS: &[&str] = &["255.255.255.0", "255.255.0.0", "255.0.0.0", "255.255.255.255", "0.0.0.0"];
pub const MACS: &[&str] =
    &["52:54:00:aa:bb:01", "52:54:00:aa:bb:02", "52:54:00:aa:cc:01", "00:00:00:00:00:00"];
const MAC_PATTERNS: &[&str] = &[
    "52:54:00:*:*:*",
    "52:54:00:aa:bb:*",
    "*:*:*:*:*:01",
    "*:*:*:*:*:*",
    "06-52:54:00:aa:bb:01",
    "01-52:54:00:aa:bb:*",
    "52:54:00:aa",
    "01-52:54:00:aa:bb:01",
    "*:*:*",
];
pub const NAMES: &[&str] = &["pc", "PC", "pc.lan", "pc1", "srv", "boot", "nosuch", "pc-x.lan."];
const ARCHITECTURES: &[&str] =
    &["x86PC", "x86PC", "0", "6", "7", "x86-64_EFI", "BC_EFI", "11", "ARM64_EFI", "65536", "99"];
const FILES: &[&str] = &["boot", "boot.0", "pxe/linux", "a.b/c", "x", "long"];
const SERVERS: &[&str] = &["10.0.0.77", "boot", "nosuch", "srv.lan", "0.0.0.0", "many"];
const TEXTS: &[&str] = &["One", "Two", "\"Boot, it\"", "x"];
const INTERFACES: &[&str] =
    &["eth0", "eth1", "eth*", "lo", "br0", "eth", "e*", "nope", "eth0:1", "*"];

/// The lines of one file.
pub fn lines(random: &mut Random) -> Vec<String> {
    let mut lines = vec!["no-resolv".to_owned(), "addn-hosts=/srv/hosts".to_owned()];
    lines.push(if random.once_in(3) { "no-hosts" } else { "port=0" }.to_owned());
    if !random.once_in(8) {
        lines.push("log-dhcp".to_owned());
    }
    let network = random.once_in(3);
    if !network || random.once_in(2) {
        lines.push("dhcp-range=10.0.0.0,proxy".to_owned());
        lines.push(format!("pxe-service={},One,one", random.of(ARCHITECTURES)));
    }
    for _ in 0..random.below(14) {
        lines.push(line(random));
    }
    for _ in 0..if network { 1 + random.below(3) } else { 0 } {
        lines.push(network_line(random));
    }
    for needed in ["dhcp-range", "pxe-"] {
        if !lines.iter().any(|line| line.starts_with(needed)) {
            lines.push(if needed == "pxe-" { service(random) } else { range(random) });
        }
    }
    if lines.iter().any(|line| line == "bind-interfaces") {
        // dnsmasq would bind DNS sockets and fail if the address does not exist.
        lines.retain(|line| line != "no-hosts" && line != "port=0");
        lines.push("port=0".to_owned());
    }
    let at = random.below(lines.len());
    lines.rotate_left(at);
    lines
}

fn tags(random: &mut Random) -> String {
    let count = random.of(&[0, 0, 0, 0, 1, 1, 1, 2]);
    (0..count)
        .map(|_| format!("tag:{}{},", random.of(&["", "", "", "!"]), random.of(TAGS)))
        .collect()
}

fn set(random: &mut Random) -> String {
    format!("set:{}", random.of(TAGS))
}

fn line(random: &mut Random) -> String {
    match random.below(20) {
        0..=1 => range(random),
        2..=4 => service(random),
        5 => {
            let (text, wait) = (random.of(TEXTS), random.of(&["", ",0", ",5", ",300"]));
            format!("pxe-prompt={}{text}{wait}", tags(random))
        }
        6..=7 => boot(random),
        8..=9 => host(random),
        10..=12 => tagging(random),
        13..=14 => tag_if(random),
        15 => format!("dhcp-ignore={}tag:{}", tags(random), random.of(TAGS)),
        16..=17 => vendor_option(random),
        _ => switch(random),
    }
}

fn range(random: &mut Random) -> String {
    let mask = if random.once_in(2) { String::new() } else { format!(",{}", random.of(MASKS)) };
    let set = if random.once_in(2) { String::new() } else { format!("{},", set(random)) };
    format!("dhcp-range={}{set}{},proxy{mask}", tags(random), random.of(NETS))
}

fn service(random: &mut Random) -> String {
    let (arch, text) = (random.of(ARCHITECTURES), random.of(TEXTS));
    let server = if random.once_in(2) { String::new() } else { format!(",{}", random.of(SERVERS)) };
    let boot = match random.below(6) {
        0 => String::new(),
        1 => format!(",{}{server}", random.of(&["0", "1", "2", "32768", "65535", "65536"])),
        _ => format!(",{}{server}", random.of(FILES)),
    };
    format!("pxe-service={}{arch},{text}{boot}", tags(random)).replace("long", &"long".repeat(40))
}

fn boot(random: &mut Random) -> String {
    let server = match random.below(4) {
        0 => String::new(),
        1 => ",srvname".to_owned(),
        _ => format!(",srvname,{}", random.of(SERVERS)),
    };
    let file = if random.once_in(8) { "long".repeat(40) } else { random.of(FILES).to_owned() };
    format!("dhcp-boot={}{file}{server}", tags(random))
}

fn host(random: &mut Random) -> String {
    let mut parts = Vec::new();
    for _ in 0..=random.below(3) {
        parts.push(match random.below(10) {
            0..=2 => random.of(MACS).to_owned(),
            3 => random.of(MAC_PATTERNS).to_owned(),
            4 => random.of(&["id:cid", "id:01:02:03:04", "id:*", "id:00:63"]).to_owned(),
            5 => format!("tag:{}{}", random.of(&["", "!"]), random.of(TAGS)),
            6 => random.of(&["10.0.0.50", "10.1.0.50", "10.9.0.50", "[fd00::1]"]).to_owned(),
            7 => random.of(&["pc", "srv", "pc1", "boot", "many", "pc.lan"]).to_owned(),
            8 => random.of(&["ignore", "1h"]).to_owned(),
            _ => set(random),
        });
    }
    parts.push(set(random));
    format!("dhcp-host={}", parts.join(","))
}

fn tagging(random: &mut Random) -> String {
    let set = set(random);
    match random.below(9) {
        0 => {
            let mac = if random.once_in(2) { random.of(MACS) } else { random.of(MAC_PATTERNS) };
            format!("dhcp-mac={set},{mac}")
        }
        1..=3 => format!("dhcp-match={set},{}", random.of(MATCHES)),
        4 => format!("dhcp-vendorclass={set},{}", random.of(CLASSES)),
        5 => format!("dhcp-userclass={set},{}", random.of(&["iPXE", "PXE", "a", "gPXE", "b"])),
        6 => format!("dhcp-circuitid={set},{}", random.of(&["port1", "01:02", "x"])),
        7 => format!(
            "dhcp-{}={set},{}",
            random.of(&["remoteid", "subscrid"]),
            random.of(&["r1", "01:02"])
        ),
        _ => format!(
            "dhcp-name-match={set},{}",
            random.of(&["pc", "PC*", "srv", "pc.lan", "p*", "*"])
        ),
    }
}

const MATCHES: &[&str] = &[
    "option:client-arch,7",
    "option:client-arch,0",
    "option:client-arch",
    "175",
    "175,01:*:01",
    "60,PXE",
    "77,iPXE",
    "option:vendor-class,PXEClient",
    "43",
    "12,pc",
    "93,00:07",
    "97",
    "vi-encap:311",
    "vi-encap:311,MSFT",
    "57,1472",
    "54,10.0.0.1",
    "61,01:02",
    "option:router",
    "82,01",
];
const CLASSES: &[&str] = &["PXEClient", "Arch:00007", "HTTP", "enterprise:311,MSFT", "PXE"];

fn tag_if(random: &mut Random) -> String {
    let mut parts: Vec<String> = (0..=random.below(2)).map(|_| set(random)).collect();
    for _ in 0..random.below(3) {
        let tag = random.of(&["a", "a*", "b", "eth*", "k*", "c", "d", "r", "nope*", "e"]);
        parts.push(format!("tag:{}{tag}", random.of(&["", "", "!"])));
    }
    format!("tag-if={}", parts.join(","))
}

fn vendor_option(random: &mut Random) -> String {
    let keyword = random.of(&["dhcp-option", "dhcp-option", "dhcp-option-force"]);
    let class = random.of(&["PXEClient", "HTTPClient", "", "PXE", "Arch:00000"]);
    let code = random.of(&["1", "6", "8", "10", "71", "200", "255"]);
    let long = "t".repeat(120);
    let values = ["", ",2b", ",0.0.0.0", ",10.0.0.5,0.0.0.0", ",text", ",01:02:03", ",99999"];
    let value = if random.once_in(12) { format!(",{long}") } else { random.of(&values).to_owned() };
    format!("{keyword}={}vendor:{class},{code}{value}", tags(random))
}

fn switch(random: &mut Random) -> String {
    match random.below(10) {
        0..=1 => format!(
            "dhcp-pxe-vendor={}",
            random.of(&["PXEClient", "HTTPClient", "PXE", "PXEClient,HTTPClient", "Arch"])
        ),
        2 => random.of(&["host-record=boot,10.0.0.88", "host-record=many,10.0.0.90"]).to_owned(),
        3 => {
            random.of(&["dhcp-option=3,10.0.0.9", "dhcp-broadcast", "dhcp-no-override"]).to_owned()
        }
        4 => "dhcp-ignore-clid".to_owned(),
        5 => "quiet-dhcp".to_owned(),
        6 => format!("dhcp-reply-delay={}0", tags(random)),
        7 => random.of(&["no-round-robin", "read-ethers"]).to_owned(),
        8 => "dhcp-hostsfile=/srv/dhcp-hosts".to_owned(),
        _ => "dhcp-optsfile=/srv/dhcp-opts".to_owned(),
    }
}

fn network_line(random: &mut Random) -> String {
    let interface = random.of(INTERFACES);
    match random.below(10) {
        0..=1 => format!("interface={interface}"),
        2 => format!("except-interface={interface}"),
        3 => format!("no-dhcp{}-interface={interface}", random.of(&["", "v4", "v6"])),
        4 => format!(
            "listen-address={}",
            random.of(&["10.0.0.1", "10.0.0.2", "10.0.1.1", "10.1.0.1"])
        ),
        5 => random.of(&["bind-dynamic", "bind-interfaces"]).to_owned(),
        6 => format!(
            "bridge-interface={},{}",
            random.of(&["br0", "eth0", "eth1", "nope"]),
            random.of(&["eth0", "eth1", "eth*", "e*,lo"])
        ),
        7..=8 => {
            let place = random.of(&[
                "eth0",
                "eth1",
                "10.0.0.1",
                "10.1.0.1",
                "10.0.0.2",
                "192.168.9.9",
                "br0",
            ]);
            format!("shared-network={place},{}", random.of(NETS))
        }
        _ => range(random),
    }
}

/// Files that the lines refer to.
pub const SIDE_FILES: &[(&str, &str)] = &[
    (
        "/etc/ethers",
        "52:54:00:aa:bb:02 pc\n52:54:00:aa:cc:01 10.0.0.51\n52:54:00:aa:bb:01 srv\nbad\n",
    ),
    (
        "/srv/hosts",
        "10.0.0.80 boot\n10.0.0.81 boot other\n10.0.0.82 x srv.lan srv\n10.0.0.91 many\n10.0.0.92 a many\n10.0.0.93 many\n10.0.0.94 pc1 pc\n",
    ),
    (
        "/srv/dhcp-hosts",
        "52:54:00:aa:bb:01,set:e,pc\nid:cid,set:d\n52:54:00:aa:cc:*,set:c,10.0.0.60\n",
    ),
    ("/srv/dhcp-opts", "tag:a,vendor:PXEClient,1,9.9.9.9\nvendor:PXEClient,200,file\n3,10.0.0.7\n"),
];
