//! Each recipe of `docs/recipes.md`: `--test` has no warning, and each client of its table gets the boot file in the table and
//! can download it.

mod common;

#[path = "agreement/program.rs"]
#[allow(dead_code, reason = "boot files are made here, and not executed")]
mod program;

use common::boot_rom::{BootRom, parse_request};
use common::download::Download;
use common::lab::{Lab, Switch, eventually};
use common::packet::PacketSocket;
use common::server_host::ServerHost;
use common::{required, subject};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

crate::tests![
    each_recipe_boots_each_client_of_its_table,
    boot_servers_of_one_name_are_used_round_robin,
    second_proxy_answers_after_the_first_stops,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// The headings of the recipes.
const NAMES: &[&str] = &[
    "BIOS, UEFI and ARM side by side",
    "iPXE chain",
    "netboot.xyz",
    "Secure Boot with shim and GRUB",
    "Raspberry Pi beside PCs",
    "Windows through wimboot",
    "UEFI HTTP Boot",
    "FOG",
    "LTSP",
    "Tiny Core with a menu",
    "Arch Linux from its ISO image",
    "Relay and VLAN",
    "Firewall rules",
    "SELinux",
];
const CONFIG: &str = "/srv/dnsmasq.conf";
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 50);
/// This warning is correct: the lab does not have this network.
const ELSEWHERE: &str = "no interface of this machine is on the network of 10.20.0.0";

struct Recipe {
    name: String,
    config: String,
    /// Commands that make links and mount an image.
    commands: Option<String>,
    /// Rules for nftables.
    rules: Option<String>,
    rows: Vec<Row>,
}

/// A client, its boot file, and the files that it loads after it.
struct Row {
    client: String,
    boot_file: String,
    /// The server in the reply, if it is another one.
    server: Option<Ipv4Addr>,
    more: Vec<String>,
}

fn each_recipe_boots_each_client_of_its_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recipes.md");
    let text = fs::read_to_string(path).expect("the recipes are there");
    let recipes: Vec<Recipe> = text.split("\n## ").skip(1).map(Recipe::read).collect();
    let names: Vec<&str> = recipes.iter().map(|recipe| &*recipe.name).collect();
    assert_eq!(names, NAMES);
    for recipe in &recipes {
        let Some(lab) = required(Lab::new(["server", "client"])) else { return };
        recipe.play(&lab).unwrap_or_else(|report| panic!("{}: {report}", recipe.name));
    }
}

impl Recipe {
    fn read(text: &str) -> Self {
        let (name, rest) = text.split_once('\n').expect("a heading and more");
        let block = |kind: &str| {
            let (_, rest) = rest.split_once(&format!("```{kind}\n"))?;
            Some(rest.split_once("```")?.0.to_owned())
        };
        let rows = rest.lines().filter(|line| line.starts_with("| `")).map(Row::read).collect();
        let config = block("ini").expect("a configuration");
        let commands = block("sh").filter(|commands| commands.contains("\nmount "));
        let rules = block("nft");
        Self { name: name.to_owned(), config, commands, rules, rows }
    }

    fn play(&self, lab: &Lab) -> Result<(), String> {
        assert!(!self.rows.is_empty(), "{}: a table of clients", self.name);
        lab.file(CONFIG, &self.config);
        lab.file(&format!("{}/.kept", self.root()), "");
        match &self.commands {
            Some(commands) => make_links(lab, commands),
            None => self.make_files(lab),
        }
        let addresses = [format!("eth0 {SERVER}/24")];
        let machine = ServerHost::new(lab, ["server", "client"], &addresses);
        lab.host("server").ip("route add 10.20.0.0/24 dev eth0");
        lab.host("client").ip(&format!("addr add {CLIENT}/24 dev c0"));
        // The relay, and a client behind it.
        lab.host("client").ip("addr add 10.20.0.1/24 dev c0");
        lab.host("client").ip("addr add 10.20.0.50/24 dev c0");
        if self.commands.is_none() {
            self.check(lab)?;
        }
        if let Some(rules) = &self.rules {
            lab.file("/srv/rules.nft", rules);
            lab.host("server").run(Command::new("nft").args(["-f", "/srv/rules.nft"]));
        }
        let running = machine.start(&subject(), CONFIG, &["--log-debug"]).ok_or("no start")?;
        if let Some(commands) = &self.commands {
            self.mount(lab, commands);
            self.check(lab)?;
        }
        for row in &self.rows {
            row.play(lab, self.root())
                .map_err(|fault| format!("{}: {fault}\n{}", row.client, lab.syslog().join("\n")))?;
        }
        drop(running);
        Ok(())
    }

    /// The first TFTP root of the configuration. A recipe without one has its files on another server.
    fn root(&self) -> &str {
        let root = self.config.lines().find_map(|line| line.strip_prefix("tftp-root="));
        root.and_then(|root| root.split(',').next()).unwrap_or("/srv/tftp")
    }

    fn make_files(&self, lab: &Lab) {
        for row in self.rows.iter().filter(|row| row.server.is_none()) {
            for name in row.files() {
                lab.file(&format!("{}/{name}", self.root()), contents(name));
            }
        }
    }

    /// Mounts a file system in place of the image while the server runs, and makes the files that the links lead to.
    fn mount(&self, lab: &Lab, commands: &str) {
        let mount = commands.lines().find(|line| line.starts_with("mount ")).expect("a mount");
        let point = mount.rsplit(' ').next().expect("a directory");
        lab.host("server").run(Command::new("mount").args(["-t", "tmpfs", "none", point]));
        for name in self.rows.iter().flat_map(Row::files) {
            let top = name.split('/').next().expect("a name");
            let target = fs::read_link(format!("{}/{top}", self.root())).expect("it is a link");
            let path = target.to_str().expect("the path is UTF-8").to_owned();
            lab.file(&format!("{path}{}", &name[top.len()..]), contents(name));
        }
    }

    /// `--test` has no warning, and `--explain` shows the boot file of the table.
    fn check(&self, lab: &Lab) -> Result<(), String> {
        if common::subject_is_theirs() {
            return Ok(());
        }
        let run = |words: &[&str]| {
            let mut command = Command::new(subject());
            command.args(words).args(["-C", CONFIG]);
            let output = lab.host("server").inside(|| command.output()).expect("it runs");
            let text = [output.stdout, output.stderr].concat();
            String::from_utf8_lossy(&text).into_owned()
        };
        let output = run(&["--test"]);
        let remark = |line: &&str| line.starts_with("warning: /") && !line.contains(ELSEWHERE);
        if let Some(remark) = output.lines().find(remark) {
            return Err(remark.to_owned());
        }
        for Row { client, boot_file: file, .. } in self.rows.iter().filter(|row| !row.is_menu()) {
            let output = run(&["--explain", client]);
            // Another server, or the server of a URL, has to send some files.
            let boots = output.contains(&format!("=> boots {file} ("));
            let is_elsewhere = output
                .contains(&format!("=> it cannot be known from here: {CONFIG}:"))
                && (output.contains(&format!(" has to serve {file}: it is another machine"))
                    || output.contains(&format!(": the server of {file} has to send it")));
            if !boots && !is_elsewhere {
                return Err(format!("--explain {client} does not boot {file}:\n{output}"));
            }
        }
        Ok(())
    }
}

impl Row {
    /// `` | `arch=x86PC` | `a.0` from 192.168.1.3 | `b`, `c` | ``
    fn read(line: &str) -> Self {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let quoted = |cell: &str| -> Vec<String> {
            cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        let boot_file = quoted(cells[1]).pop().expect("a file");
        let server = cells[1].split_once("` from ").map(|(_, ip)| ip.parse().expect("an address"));
        let boot_file =
            if cells[1].starts_with("menu ") { format!("menu {boot_file}") } else { boot_file };
        let more = cells.get(2).map_or_else(Vec::new, |cell| quoted(cell));
        Self { client: quoted(cells[0]).pop().expect("a client"), boot_file, server, more }
    }

    fn is_menu(&self) -> bool {
        self.boot_file.starts_with("menu ")
    }

    /// The files that this server sends.
    fn files(&self) -> impl Iterator<Item = &str> {
        let local = !self.is_menu() && !self.boot_file.contains("://") && self.server.is_none();
        let first = local.then_some(&*self.boot_file);
        first.into_iter().chain(self.more.iter().map(|name| &**name))
    }

    fn play(&self, lab: &Lab, root: &str) -> Result<(), String> {
        let packets = PacketSocket::new(lab.host("client"));
        let rom = BootRom::new(&self.client, &packets, SERVER, CLIENT);
        let reply = rom.boot()?;
        if let Some(menu) = self.boot_file.strip_prefix("menu ") {
            let shown = reply.menu.iter().any(|text| text.trim_end() == menu);
            shown.then_some(()).ok_or(format!("its menu is {:?}", reply.menu))?;
        } else if reply.file != self.boot_file {
            return Err(format!("the reply is {reply:?}"));
        }
        if self.server.is_some_and(|server| server != reply.server) {
            return Err(format!("the server in the reply is {}", reply.server));
        }
        for name in self.files() {
            let server = format!("{SERVER}:69");
            let asked = Download { server: &server, file: name, ..Download::DEFAULT };
            let socket = lab.host("client").udp(&format!("{}:0", rom.address));
            let mut bytes = Vec::new();
            asked.get_with(socket, |block| bytes.extend_from_slice(block))?;
            (bytes == contents(name)).then_some(()).ok_or(format!("{name} has other contents"))?;
            let line = format!("sent {root}/{name} to {}", rom.address);
            let logged = || lab.syslog().iter().any(|request| request.ends_with(&line));
            eventually(Duration::from_secs(2), || logged().then_some(())).ok_or(line.clone())?;
        }
        Ok(())
    }
}

/// Runs the commands of the recipe, except for the one that mounts the image.
fn make_links(lab: &Lab, commands: &str) {
    let is_run = |line: &&str| !line.starts_with("mount ");
    let script: String = commands.lines().filter(is_run).map(|line| format!("{line}\n")).collect();
    lab.host("server").run(Command::new("sh").args(["-ec", &script]));
}

/// Contents that are different for each name. A boot file is a program for the firmware that its name shows.
fn contents(name: &str) -> Vec<u8> {
    let kinds = [
        ("aa64.efi", "efi-arm64"),
        ("arm64.efi", "efi-arm64"),
        (".efi", "efi-x64"),
        (".ipxe", "script"),
        ("pxe", "bios"),
        (".0", "bios"),
    ];
    let Some((suffix, kind)) = kinds.into_iter().find(|(suffix, _)| name.ends_with(suffix)) else {
        return name.bytes().cycle().take(5000).collect();
    };
    let kind = if suffix == ".efi" && name.starts_with("efi32/") { "efi-ia32" } else { kind };
    [program::make(kind), name.into()].concat()
}

/// A code block of a section in `docs/scaling.md`.
fn scaling(heading: &str, kind: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scaling.md");
    let text = fs::read_to_string(path).expect("it is there");
    let section = text.split("\n## ").find(|section| section.starts_with(heading));
    let (_, rest) =
        section.expect("a section").split_once(&format!("```{kind}\n")).expect("a block");
    rest.split_once("```").expect("its end").0.to_owned()
}

fn boot_servers_of_one_name_are_used_round_robin() {
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    lab.file(CONFIG, scaling("Boot servers by name", "ini"));
    lab.file("/etc/boot-servers", scaling("Boot servers by name", "hosts"));
    let machine = ServerHost::new(&lab, ["server", "client"], &[format!("eth0 {SERVER}/24")]);
    let running = machine.start(&subject(), CONFIG, &[]).expect("it starts");
    let packets = PacketSocket::new(lab.host("client"));
    let mut servers = BTreeSet::new();
    for last in 1..=3 {
        let client = format!("arch=x86-64_EFI,mac=52:54:00:aa:bb:0{last}");
        let reply = BootRom::new(&client, &packets, SERVER, CLIENT).boot().expect("an answer");
        assert_eq!(reply.file, "syslinux.efi");
        servers.insert(reply.server.octets()[3]);
    }
    assert_eq!(servers, [11, 12, 13].into(), "a server was used twice");
    drop(running);
}

fn second_proxy_answers_after_the_first_stops() {
    let Some(lab) = required(Lab::new(["first", "second", "client"])) else { return };
    let Some(switch) = required(Switch::new()) else { return };
    let (client, order) = (lab.host("client"), scaling("Several proxies", "ini"));
    let usual = scaling("First stages by TFTP", "ini");
    let start = |name: &str, number: u8, more: &str| {
        let host = lab.host(name);
        switch.attach(&lab, host.plug("eth0", &format!("02:00:00:00:00:0{number}")));
        host.ip(&format!("addr add 192.168.1.{number}/24 dev eth0"));
        let config = format!("/srv/{name}.conf");
        lab.file(&config, [&usual, more].concat());
        let mut command = Command::new(subject());
        let process =
            host.spawn(command.args(["-k", "-u", "root", "--group=", "-x", "", "-C", &config]));
        eventually(Duration::from_secs(3), || host.listens_on_udp(4011).then_some(()))
            .expect("it starts");
        process
    };
    lab.file("/srv/tftp/snponly.efi", "x");
    let first = start("first", 2, "");
    let second = start("second", 3, &order);
    switch.attach(&lab, client.plug("c0", "52:54:00:aa:bb:01"));
    client.ip("addr add 192.168.1.50/24 dev c0");
    let socket = client.udp("0.0.0.0:68");
    let ask = || {
        socket
            .send_to(&parse_request("DISCOVER from=0.0.0.0:68 arch=7").bytes, "192.168.1.255:67")
            .expect("the link is up");
        let reply = receive(&socket);
        // The last byte of `siaddr`.
        reply[23]
    };
    assert_eq!(ask(), 2, "the first server did not reply first");
    drop(first);
    // The reply of the second server to the first request.
    receive(&socket);
    assert_eq!(ask(), 3, "the second server did not reply");
    drop(second);
}

/// The next datagram. The signal of an ended child process does not interrupt it.
fn receive(socket: &UdpSocket) -> [u8; 2048] {
    let mut reply = [0; 2048];
    loop {
        match socket.recv(&mut reply) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            received => break received.map(|_| reply).expect("an answer"),
        }
    }
}
