//! The program on one host, and a client on another.

use super::lab::{Host, Lab, Process, eventually};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Where its configuration is.
pub const CONFIG: &str = "/srv/dnsmasq.conf";
/// What the usual client asks for.
pub const SMALL: &str = "hello\n";

/// Lays a wire between `server`, 10.9.0.1, and `client`, 10.9.0.2, and starts the program: see [`serve`].
pub fn start(lab: &Lab, words: &[&str], variables: &[(&str, &str)], ports: &[u16]) -> Process {
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "02:00:00:00:00:02"));
    serve(lab, words, variables, ports)
}

/// Gives both their addresses, wherever their wires lead, and starts the program, with these words and variables beside
/// the usual ones. It is there when it has these ports.
pub fn serve(lab: &Lab, words: &[&str], variables: &[(&str, &str)], ports: &[u16]) -> Process {
    let (server, client) = (lab.host("server"), lab.host("client"));
    server.ip("addr add 10.9.0.1/24 dev eth0");
    client.ip("addr add 10.9.0.2/24 dev c0");
    lab.file("/srv/tftp/small", SMALL);
    let mut command = Command::new(super::subject());
    command.args(["-k", "--group=", "-C", CONFIG]).args(words).envs(variables.iter().copied());
    let daemon = server.spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let ready = || has_all(server, ports).then_some(());
    eventually(Duration::from_secs(5), ready).expect("the server starts");
    daemon
}

fn has_all(server: &Host, ports: &[u16]) -> bool {
    ports.iter().all(|port| server.listens_on_udp(*port))
}
