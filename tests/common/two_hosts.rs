//! The program under test on one host and a client on another, with a link between them.

use super::lab::{Host, Lab, Process, eventually};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Path of the configuration file.
pub const CONFIG: &str = "/srv/dnsmasq.conf";
/// Contents of the file `small`.
pub const SMALL: &str = "hello\n";

/// Connects `server` (10.9.0.1) and `client` (10.9.0.2) and starts the program: see [`serve`].
pub fn start(lab: &Lab, arguments: &[&str], variables: &[(&str, &str)], ports: &[u16]) -> Process {
    let (server, client) = (lab.host("server"), lab.host("client"));
    lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "02:00:00:00:00:02"));
    serve(lab, arguments, variables, ports)
}

/// Sets the addresses of both hosts and starts the program with these additional arguments and environment variables.
/// Returns when it has bound these ports.
pub fn serve(lab: &Lab, arguments: &[&str], variables: &[(&str, &str)], ports: &[u16]) -> Process {
    let (server, client) = (lab.host("server"), lab.host("client"));
    server.ip("addr add 10.9.0.1/24 dev eth0");
    client.ip("addr add 10.9.0.2/24 dev c0");
    lab.file("/srv/tftp/small", SMALL);
    let mut command = Command::new(super::subject());
    command.args(["-k", "--group=", "-C", CONFIG]).args(arguments).envs(variables.iter().copied());
    let daemon = server.spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
    let ready = || listens_on_all(server, ports).then_some(());
    eventually(Duration::from_secs(5), ready).expect("the server starts");
    daemon
}

fn listens_on_all(server: &Host, ports: &[u16]) -> bool {
    ports.iter().all(|port| server.listens_on_udp(*port))
}
