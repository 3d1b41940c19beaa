//! Who has a port that we want: what a person has to find out first when a start fails (proc(5)).

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// One line: who has the UDP port, as far as we can see, and how to get it.
pub fn of(port: u16) -> String {
    let holder = sockets(port).and_then(|sockets| process(&sockets));
    let Some((id, name)) = holder else {
        return format!(
            "  port {port} is taken by a process that cannot be seen from here: \"ss -ulpn\" as root names it"
        );
    };
    let remedy = match unit(id) {
        Some(unit) => format!("systemctl stop {unit}"),
        None => format!("kill {id}"),
    };
    format!("  port {port} is taken by {name} (process {id}): \"{remedy}\" frees it")
}

/// Sockets with that port, as `/proc` links name them.
fn sockets(port: u16) -> Option<HashSet<String>> {
    let tables = ["udp", "udp6"].map(|table| fs::read_to_string(format!("/proc/net/{table}")));
    let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    let ending = format!(":{port:04X}");
    let found: HashSet<String> = lines
        .filter_map(|line| {
            let mut columns = line.split_whitespace();
            let local = columns.nth(1)?;
            let inode = columns.nth(7)?;
            local.ends_with(&ending).then(|| format!("socket:[{inode}]"))
        })
        .collect();
    (!found.is_empty()).then_some(found)
}

/// The first process that has one of them open, and its name.
fn process(sockets: &HashSet<String>) -> Option<(u32, String)> {
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let has_one = |descriptor: fs::DirEntry| {
            let target = fs::read_link(descriptor.path()).unwrap_or_default();
            target.to_str().is_some_and(|target| sockets.contains(target))
        };
        fs::read_dir(entry.path().join("fd")).ok()?.flatten().any(has_one).then_some(())?;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some((id, name.trim_end().to_owned()))
    })
}

/// systemd's unit of a process.
fn unit(id: u32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
    let last = groups.lines().find_map(|line| Path::new(line).file_name()?.to_str())?;
    last.ends_with(".service").then(|| last.to_owned())
}

#[test]
fn our_own_port_is_ours() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let id = std::process::id();
    assert!(of(port).contains(&format!("(process {id})")), "{}", of(port));
    drop(socket);
    assert!(of(port).contains("cannot be seen from here"));
}
