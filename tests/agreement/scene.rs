//! The lab of a configuration: interfaces, addresses and boot files.
//!
//! A configuration of this project has them as comments:
//!
//! ```text
//! # lab: file pxelinux.0 bios
//! # lab: link ../elsewhere boot.efi
//! # lab: mode 600 secret.efi
//! # lab: relay 10.20.0.1
//! ```
//!
//! Names are below `/srv/tftp`, or absolute. The kinds of files are those of [`program::make`].

use super::client::{CLIENTS, TRANSIT};
use super::guess::{self, Guess};
use super::program;
use super::reply::Reply;
use crate::common::lab::{Host, Lab, allow};
use crate::common::request::Request;
use crate::common::server_host::{Running, ServerHost};
use crate::common::subject;
use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const CONFIG: &str = "/srv/dnsmasq.conf";
const ROOT: &str = "/srv/tftp";
/// The arguments of the running program and of `--explain`.
pub const ARGUMENTS: &[&str] = &["-k", "--group=", "-x", "", "-l", "/run/leases", "-C", CONFIG];
/// The key of the link in requests; the interface may have another name.
const LINK: &str = "eth0";
const SECOND_LINK: &str = "lan1 10.0.9.1/24";
/// The last byte of the address of a client.
const HOST: u32 = 50;
const SERVER: &str = "192.168.1.2/24";

/// A configuration file.
pub struct Config {
    pub name: String,
    /// It is one of this project.
    pub is_own: bool,
    text: Vec<u8>,
}

/// Whether the boot files that a configuration names exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    AsNamed,
    Missing,
}

/// The configurations: those of this project, or of `PXEMASQ_CONFIGS`.
pub fn configs() -> Vec<Config> {
    match std::env::var_os("PXEMASQ_CONFIGS").map(PathBuf::from) {
        Some(directory) => configs_of(&directory, false),
        None => own_configs("configs"),
    }
}

/// The configurations of a directory of this test.
pub fn own_configs(directory: &str) -> Vec<Config> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agreement");
    configs_of(&above.join(directory), true)
}

fn configs_of(directory: &Path, is_own: bool) -> Vec<Config> {
    let entries = fs::read_dir(directory).expect("the directory can be read").flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "conf") && path.is_file());
    paths.sort();
    let config = |path: &PathBuf| Config {
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        is_own,
        text: fs::read(path).expect("the file can be read"),
    };
    paths.iter().map(config).collect()
}

/// Two hosts with a link.
pub struct Scene<'l> {
    lab: &'l Lab,
    machine: ServerHost<'l>,
    /// The name of the interface of the server.
    interface: String,
    now: Guess,
}

impl<'l> Scene<'l> {
    pub fn new(lab: &'l Lab) -> Self {
        let addresses = [format!("{LINK} -"), SECOND_LINK.to_owned()];
        let machine = ServerHost::new(lab, ["server", "client"], &addresses);
        Self { lab, machine, interface: LINK.to_owned(), now: Guess::default() }
    }

    /// Lays out the lab for a configuration and starts the program; `None` if the start is refused.
    pub fn set_up(&mut self, config: &Config, files: Files) -> Option<Running> {
        self.lay_out(config, files);
        self.start()
    }

    /// Starts the program; `None` if the start is refused.
    pub fn start(&self) -> Option<Running> {
        self.machine.start_with(&subject(), &[ARGUMENTS, self.user()].concat())
    }

    /// Lays out the lab for a configuration.
    pub fn lay_out(&mut self, config: &Config, files: Files) {
        let text = String::from_utf8_lossy(&config.text).into_owned();
        let of_last = self.now.directories.iter().map(|directory| &**directory);
        for directory in ["/srv/tftp", "/srv/lab", "/srv/elsewhere"].into_iter().chain(of_last) {
            let _ = fs::remove_dir_all(directory);
        }
        self.lab.file("/srv/tftp/.kept", "");
        if config.is_own {
            self.now = Guess { network: SERVER.to_owned(), ..Guess::default() };
            self.lab.file(CONFIG, &config.text);
            self.follow(&text, files);
        } else {
            self.now = guess::guess(&config.text);
            self.lab.file("/etc/group", "root:x:0:\nnogroup:x:65534:\ndnsmasq:x:990:\n");
            self.lab.file(CONFIG, &self.now.config);
            self.create_named_files(files);
        }
        self.set_network();
    }

    /// Runs the `lab:` comments.
    fn follow(&mut self, text: &str, files: Files) {
        self.now.is_slow = text.lines().any(|line| line.starts_with("dhcp-reply-delay"));
        self.now.has_unique_root = text.contains("tftp-unique-root");
        self.now.has_user = text.lines().any(|line| line.starts_with("user="));
        for line in text.lines().filter_map(|line| line.strip_prefix("# lab: ")) {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["file" | "link" | "mode", ..] if files == Files::Missing => {}
                ["file", name, kind] => self.lab.file(&place(name), program::make(kind)),
                ["directory", name] => self.lab.file(&format!("{}/.kept", place(name)), ""),
                ["link", target, name] => self.lab.link(target, &place(name)),
                ["mode", mode, name] => {
                    allow(&place(name), u32::from_str_radix(mode, 8).expect("a mode"));
                }
                ["relay", relay] => self.now.relay = Some(relay.parse().expect("an address")),
                _ => panic!("lab: {line}"),
            }
        }
    }

    fn create_named_files(&self, files: Files) {
        for directory in &self.now.directories {
            self.lab.file(&format!("{directory}/.kept"), "");
        }
        for (path, kind) in self.now.files.iter().filter(|_| files == Files::AsNamed) {
            // A name may be that of a directory too; both sides then see what is there.
            let path = Path::new(path);
            if !path.exists()
                && path.parent().is_some_and(|above| fs::create_dir_all(above).is_ok())
            {
                let _ = fs::write(path, program::make(kind));
            }
        }
    }

    /// Renames the interface, and sets its address and that of the client.
    fn set_network(&mut self) {
        let (server, client) = (self.server(), self.client());
        let name = self.now.interface.clone().unwrap_or_else(|| LINK.to_owned());
        if name != self.interface {
            let _ = server.ip(&format!("link set {} down", self.interface));
            let _ = server.ip(&format!("link set {} name {name}", self.interface));
        }
        let Guess { network, relay, .. } = &self.now;
        let _ = server.ip(&format!("addr flush dev {name}"));
        let _ = server.ip(&format!("link set {name} up"));
        let _ = server.ip(&format!("addr add {network} broadcast + dev {name}"));
        let _ = client.ip("addr flush dev c0");
        let prefix = network.rsplit('/').next().unwrap_or("24");
        let addresses: BTreeSet<Ipv4Addr> =
            (0..CLIENTS.len()).map(|number| self.client_address(number)).collect();
        for address in std::iter::once(self.neighbour()).chain(addresses) {
            let _ = client.ip(&format!("addr replace {address}/{prefix} dev c0"));
        }
        if let Some(relay) = relay {
            let relayed = Ipv4Addr::from(u32::from(*relay) & !0xff);
            let _ = server.ip(&format!("route replace {relayed}/24 dev {name}"));
            let _ = client.ip(&format!("addr replace {relay}/24 dev c0"));
        }
        self.interface = name;
    }

    /// The address of a client in the network of the server.
    fn neighbour(&self) -> Ipv4Addr {
        let server = u32::from(self.server_address());
        Ipv4Addr::from(if server & 0xff == HOST { server + 1 } else { (server & !0xff) | HOST })
    }

    /// The address of a client: behind the relay, if there is one. With `tftp-unique-root` each client has its own,
    /// because the program remembers the hardware address of an address.
    pub fn client_address(&self, number: usize) -> Ipv4Addr {
        let relayed = self.now.relay.map(|relay| Ipv4Addr::from(u32::from(relay) & !0xff | HOST));
        let first = relayed.unwrap_or_else(|| self.neighbour());
        let number = if self.now.has_unique_root { number } else { 0 };
        Ipv4Addr::from(u32::from(first) + u32::try_from(number).expect("few clients"))
    }

    pub fn server_address(&self) -> Ipv4Addr {
        let address = self.now.network.split('/').next().unwrap_or_default();
        address.parse().expect("an address")
    }

    pub fn relay(&self) -> Option<Ipv4Addr> {
        self.now.relay
    }

    pub fn is_ours(&self, server: Ipv4Addr) -> bool {
        server == self.server_address() || server == Ipv4Addr::new(10, 0, 9, 1)
    }

    /// The user of the program, if the configuration names none.
    pub fn user(&self) -> &'static [&'static str] {
        if self.now.has_user { &[] } else { &["-u", "root"] }
    }

    pub fn server(&self) -> &'l Host {
        self.lab.host("server")
    }

    pub fn client(&self) -> &'l Host {
        self.lab.host("client")
    }

    /// The TFTP server looks up the hardware address of a client for `tftp-unique-root=mac`.
    pub fn take_hardware_address(&self, mac: &str) {
        if self.now.has_unique_root {
            let _ = self.client().ip(&format!("link set c0 address {mac}"));
            let _ = self.server().ip(&format!("neigh flush dev {}", self.interface));
        }
    }

    pub fn send(&self, running: &Running, request: &Request) {
        drop(self.machine.received());
        assert!(self.machine.send(running, request), "the program hangs");
    }

    /// The first reply of the program.
    pub fn received(&self) -> Option<Reply> {
        self.machine.received().iter().find_map(|packet| Reply::read(&packet.bytes))
    }

    /// `dhcp-reply-delay` delays replies.
    pub fn reply_timeout(&self) -> Duration {
        if self.now.is_slow { Duration::from_secs(4) } else { TRANSIT }
    }
}

/// A path of a `lab:` comment.
fn place(name: &str) -> String {
    if name.starts_with('/') { name.to_owned() } else { format!("{ROOT}/{name}") }
}
