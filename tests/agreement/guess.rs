//! What the machine of a configuration from elsewhere looks like: its network, its interface, its TFTP roots and its boot
//! files. A guess that is wrong gives another scene, never another verdict: both sides see the same scene.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

#[derive(Clone, Debug, Default)]
pub struct Guess {
    /// The address of the server: `192.168.1.2/24`.
    pub network: String,
    pub interface: Option<String>,
    /// Paths and kinds of boot files.
    pub files: Vec<(String, &'static str)>,
    pub directories: Vec<String>,
    /// The configuration, with roots and log files below `/srv`.
    pub config: Vec<u8>,
    pub relay: Option<Ipv4Addr>,
    pub has_user: bool,
    /// Replies are delayed.
    pub is_slow: bool,
    /// Each client has a directory of its own.
    pub has_unique_root: bool,
}

/// Roots below this directory are used as they are.
const PRIVATE: &str = "/srv/";
const MOVED: &str = "/srv/lab";
const DEFAULT_NETWORK: &str = "192.168.1.2/24";

struct Line {
    keyword: String,
    fields: Vec<String>,
}

pub fn guess(config: &[u8]) -> Guess {
    let mut config = config.to_vec();
    let roots = move_roots(&mut config);
    replace(&mut config, b"/var/log/", b"/run/");
    replace(&mut config, b"=/tmp/", b"=/run/");
    let text = String::from_utf8_lossy(&config).into_owned();
    let lines = lines(&text);
    let named = |keyword: &'static str| lines.iter().filter(move |line| line.keyword == keyword);
    let network = network(&lines, &text);
    let interface = named("interface").flat_map(|line| &line.fields);
    let mut names = interface.map(|name| name.split(':').next().unwrap_or_default());
    let interface = names.find(|name| is_interface(name)).map(str::to_owned);
    let mut directories: Vec<String> = roots.clone();
    directories.extend(named("conf-dir").filter_map(|line| line.fields.first().cloned()));
    directories.retain(|path| path.starts_with(PRIVATE) || path.starts_with("/etc/"));
    Guess {
        network,
        interface,
        files: files(&lines, &roots, &text),
        directories,
        relay: None,
        has_user: named("user").next().is_some(),
        is_slow: named("dhcp-reply-delay").next().is_some(),
        has_unique_root: named("tftp-unique-root").next().is_some(),
        config,
    }
}

/// Moves the TFTP roots below a private directory of the lab, in the whole text, and returns them.
fn move_roots(config: &mut Vec<u8>) -> Vec<String> {
    let text = String::from_utf8_lossy(config).into_owned();
    let roots: BTreeSet<String> = lines(&text)
        .iter()
        .filter(|line| matches!(&*line.keyword, "tftp-root" | "tftp-prefix"))
        .filter_map(|line| Some(line.fields.first()?.trim_end_matches('/').to_owned()))
        .filter(|root| !root.is_empty())
        .collect();
    let mut moved = Vec::new();
    // The longest first: one root may be below another one.
    for root in roots.iter().rev() {
        if root.starts_with(PRIVATE) {
            moved.push(root.clone());
            continue;
        }
        let new = format!("{MOVED}/{}", root.trim_start_matches('/'));
        replace(config, format!("={root}").as_bytes(), format!("={new}").as_bytes());
        replace(config, format!(",{root}/").as_bytes(), format!(",{new}/").as_bytes());
        moved.push(new);
    }
    moved
}

fn replace(text: &mut Vec<u8>, old: &[u8], new: &[u8]) {
    let mut at = 0;
    while let Some(found) = text[at..].windows(old.len()).position(|part| part == old) {
        let found = at + found;
        text.splice(found..found + old.len(), new.iter().copied());
        at = found + new.len();
    }
}

fn lines(text: &str) -> Vec<Line> {
    let line = |line: &str| {
        let line = line.trim();
        let (keyword, value) = line.split_once('=').unwrap_or((line, ""));
        let known = !line.starts_with('#') && !line.is_empty();
        known.then(|| Line { keyword: keyword.trim().to_owned(), fields: fields(value) })
    };
    text.lines().filter_map(line).collect()
}

/// Fields between commas, without quotes, and without a comment.
fn fields(value: &str) -> Vec<String> {
    let (mut fields, mut quoted, mut last) = (vec![String::new()], false, ' ');
    for c in value.chars() {
        let field = fields.last_mut().expect("one field");
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            '#' if !quoted && last.is_whitespace() => break,
            c => field.push(c),
        }
        last = c;
    }
    fields.iter().map(|field| field.trim().to_owned()).collect()
}

fn is_interface(name: &str) -> bool {
    !name.is_empty() && name != "lo" && name.len() < 16 && !name.contains(['*', '/', '{', ' '])
}

/// The network of the first proxy range. The address of the server is the first one of the file in this network.
fn network(lines: &[Line], text: &str) -> String {
    let ranges = lines.iter().filter(|line| line.keyword == "dhcp-range");
    let proxy =
        ranges.filter(|line| line.fields.iter().any(|field| field == "proxy")).find_map(|line| {
            let mut addresses = line.fields.iter().filter_map(|field| field.parse().ok());
            Some((addresses.next()?, addresses.rfind(|ip| is_netmask(*ip))))
        });
    let Some((start, mask)) = proxy else { return DEFAULT_NETWORK.to_owned() };
    let mask = u32::from(mask.unwrap_or(Ipv4Addr::new(255, 255, 255, 0)));
    let own = |ip: &Ipv4Addr| {
        let host = u32::from(*ip) & !mask;
        u32::from(*ip) & mask == u32::from(start) & mask && host != 0 && host != !mask
    };
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    let boots = lines
        .iter()
        .filter(|line| matches!(&*line.keyword, "listen-address" | "dhcp-boot" | "pxe-service"));
    let named = boots.flat_map(|line| &line.fields).filter_map(|field| field.parse().ok());
    let ip = named.chain(words.filter_map(|word| word.parse().ok())).find(own);
    let ip = ip.unwrap_or(Ipv4Addr::from(u32::from(start) & mask | 2));
    format!("{ip}/{}", mask.count_ones())
}

fn is_netmask(ip: Ipv4Addr) -> bool {
    let mask = u32::from(ip);
    mask.leading_ones() >= 8 && mask.leading_ones() + mask.trailing_zeros() == 32
}

/// The boot files that the lines name, with the endings that dnsmasq adds.
fn files(lines: &[Line], roots: &[String], text: &str) -> Vec<(String, &'static str)> {
    let mut names = BTreeSet::new();
    for line in lines {
        let mut fields = line.fields.iter().filter(|field| {
            !field.starts_with("tag:") && !field.starts_with("net:") && !field.starts_with("set:")
        });
        let name = match &*line.keyword {
            "dhcp-boot" => fields.next(),
            "pxe-service" => fields.nth(2),
            _ => None,
        };
        names.extend(name.filter(|name| !name.is_empty() && !name.contains("://")).cloned());
    }
    let mut files = Vec::new();
    for root in roots.iter().filter(|root| root.starts_with(PRIVATE)) {
        for name in &names {
            let path = if name.starts_with(root) { name.clone() } else { format!("{root}/{name}") };
            files.push((format!("{path}.0"), kind(name)));
            files.push((path, kind(name)));
        }
        if text.contains("Raspberry Pi") {
            files.extend(["start4.elf", "bootcode.bin"].map(|n| (format!("{root}/{n}"), "bios")));
        }
    }
    files.retain(|(path, _)| !path.contains("/../") && !path.ends_with('/'));
    files
}

/// A plausible kind of file for a name.
fn kind(name: &str) -> &'static str {
    let name = name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let is_text = has(&[".ipxe", ".conf", ".cfg", ".txt", ".php"]);
    let is_ipxe = has(&["ipxe", "snponly", "undionly"]) && !has(&["shim"]);
    let is_netboot_xyz = has(&["netboot.xyz"]);
    match () {
        () if is_text => "script",
        () if name.contains(".efi") => match (is_ipxe, has(&["arm64", "aa64"])) {
            (false, _) if is_netboot_xyz && has(&["arm64"]) => "ipxe-efi-arm64-script",
            _ if is_netboot_xyz => "ipxe-efi-x64-script",
            (false, true) => "efi-arm64",
            (true, true) => "ipxe-efi-arm64",
            (true, _) if has(&["i386", "ia32", "efi32"]) => "ipxe-efi-ia32",
            _ if has(&["i386", "ia32", "efi32"]) => "efi-ia32",
            (true, false) => "ipxe-efi-x64",
            (false, false) => "efi-x64",
        },
        () if is_netboot_xyz => "ipxe-bios-script",
        () if is_ipxe => "ipxe-bios",
        () => "bios",
    }
}
