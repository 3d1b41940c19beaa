use super::*;
use crate::config::read::load::Loader;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use tempfile::TempDir;

/// A configuration in which `@` is the directory of these files, and that directory. A name that ends in `|` is that of a FIFO.
fn load(lines: &str, files: &[(&str, &str)]) -> (Config, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name.trim_end_matches('|'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with('|') {
            mkfifo(&path, Mode::S_IRWXU).unwrap();
        } else {
            fs::write(path, text).unwrap();
        }
    }
    let mut text = "no-hosts\ndhcp-range=10.0.0.0,proxy\n".to_owned();
    write!(text, "{}", lines.replace('@', root)).unwrap();
    fs::write(folder.path().join("c"), text).unwrap();
    let mut loader = Loader::default();
    loader.file(folder.path().join("c").as_os_str().as_bytes()).unwrap();
    (loader.finish().unwrap().config, folder)
}

/// Reads the files of such a configuration, and passes their contents on as bytes. Returns the configuration and the log lines.
fn read(lines: &str, files: &[(&str, &str)]) -> (Config, Vec<String>) {
    let (mut config, folder) = load(lines, files);
    let mut files = ReloadableFiles::from_config(&config);
    let mut bytes = Vec::new();
    files.list().read().encode(&mut bytes).unwrap();
    let snapshot = ConfigSnapshot::decode(&bytes).unwrap();
    let (_, lines) = files.read(&mut config, snapshot);
    (config, shown(&lines, &folder))
}

fn shown(lines: &[FileLine], folder: &TempDir) -> Vec<String> {
    let root = folder.path().to_str().unwrap();
    lines.iter().map(|line| format!("{line:?}").replace(root, "@")).collect()
}

#[test]
fn last_configured_file_is_read_first_and_directories_after_files() {
    let lines = "dhcp-hostsfile=@/d\ndhcp-hostsfile=@/one\ndhcp-hostsfile=@/two\n\
                 dhcp-optsdir=@/w\ndhcp-optsfile=@/o\ndhcp-hostsfile=@/d\n";
    let files = [
        ("d/b", ""),
        ("d/a", ""),
        ("d/.hidden", ""),
        ("d/old~", ""),
        ("one", ""),
        ("two", ""),
        ("w/x", ""),
        ("o", ""),
    ];
    let order = ["two", "one", "d/a", "d/b", "o", "w/x"];
    assert_eq!(read(lines, &files).1, order.map(|name| format!("Read(\"@/{name}\")")));
}

#[test]
fn invalid_line_is_logged_and_the_others_are_used() {
    let files = [("h", "zz:zz\n52:54:00:00:00:01,10.0.0.1\n52:54:00:00:00:02,10.0.0.1 # twice\n")];
    let (config, lines) = read("dhcp-hostsfile=@/h\ndhcp-optsfile=@/none\n", &files);
    assert_eq!(config.dhcp.hosts.count(), 1);
    let bad = |message, line| {
        format!("BadLine {{ message: \"{message}\", line: {line}, path: \"@/h\" }}")
    };
    assert_eq!(
        lines,
        [
            bad("bad hex constant", 1),
            bad("duplicate dhcp-host IP address 10.0.0.1", 3),
            "Read(\"@/h\")".into(),
            "Unreadable { path: \"@/none\", reason: \"No such file or directory\" }".into()
        ]
    );
}

#[test]
fn reload_removes_lines_of_the_last_reading() {
    let files = [("o", "vendor:PXEClient,30,x\n3,1.2.3.4\n")];
    let (mut config, _) = read("dhcp-option=vendor:PXEClient,31,y\ndhcp-optsfile=@/o\n", &files);
    let codes = |config: &Config| {
        config.dhcp.vendor_options.iter().map(|rule| rule.value.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&config), [31, 30]);
    let mut files =
        ReloadableFiles { written_options: 1, ..ReloadableFiles::from_config(&Config::default()) };
    let snapshot = files.list().read();
    files.read(&mut config, snapshot);
    assert_eq!(codes(&config), [31]);
}

#[test]
fn hosts_file_is_logged_with_its_number_of_names_and_invalid_lines() {
    let files = [("h", "1.2.3 a\n1.2.3.4 a b#c\n::1 d\n1.1.1.1 \u{e9} e\n")];
    let (_, lines) = read("addn-hosts=@/h\nhostsdir=@/h\n", &files);
    assert_eq!(
        lines,
        [
            "BadDirectory { path: \"@/h\", reason: \"not a directory\" }",
            "BadHost { part: Address, line: 1, path: \"@/h\" }",
            "BadHost { part: Name, line: 4, path: \"@/h\" }",
            "Hosts { path: \"@/h\", names: 4 }"
        ]
    );
}

/// dnsmasq waits until a process opens the FIFO for writing, and serves no client until then (D-038).
#[test]
fn fifo_is_reported_without_waiting_and_other_files_are_read() {
    let lines = "dhcp-hostsfile=@/d\ndhcp-hostsfile=@/p\ndhcp-optsfile=@/p\naddn-hosts=@/p\naddn-hosts=@/d\n\
                 hostsdir=@/d\ndhcp-hostsdir=@/d\nread-ethers\n";
    let files = [("d/a", ""), ("d/b|", ""), ("d/c/x", ""), ("p|", "")];
    let (_, mut lines) = read(lines, &files);
    lines.retain(|line| !line.contains("Ethers"));
    let fifo = "reason: \"it is a FIFO, use a regular file\" }";
    let hosts = |name| format!("Hosts {{ path: \"@/{name}\", names: 0 }}");
    let read = |name| format!("Read(\"@/{name}\")");
    assert_eq!(
        lines,
        [
            format!("HostsUnreadable {{ path: \"@/p\", {fifo}"),
            hosts("d/a"),
            hosts("d/a"),
            format!("Unreadable {{ path: \"@/p\", {fifo}"),
            read("d/a"),
            format!("Unreadable {{ path: \"@/d/b\", {fifo}"),
            format!("Unreadable {{ path: \"@/p\", {fifo}"),
            read("d/a"),
        ]
    );
}

#[test]
fn directory_that_cannot_be_read_is_reported_for_each_kind() {
    let lines = "dhcp-hostsdir=@/h\ndhcp-optsdir=@/none\nhostsdir=@/none\naddn-hosts=@/none\n";
    let none = "path: \"@/none\", reason: \"No such file or directory\" }";
    assert_eq!(
        read(lines, &[("h", "")]).1,
        [
            format!("BadDirectory {{ {none}"),
            format!("HostsUnreadable {{ {none}"),
            format!("BadDirectory {{ {none}"),
            "BadDirectory { path: \"@/h\", reason: \"not a directory\" }".to_owned(),
        ]
    );
}

#[test]
fn endless_file_is_reported_and_the_next_one_is_read() {
    let files = [("a", "52:54:00:00:00:01,set:a\n")];
    let (config, lines) = read("dhcp-hostsfile=@/a\ndhcp-hostsfile=/dev/zero\n", &files);
    let reason = "with it, more than 256 MiB must be read, use smaller files";
    assert_eq!(
        lines,
        [
            format!("Unreadable {{ path: \"/dev/zero\", reason: \"{reason}\" }}"),
            "Read(\"@/a\")".to_owned()
        ]
    );
    assert_eq!(config.dhcp.hosts.count(), 1);
}

#[test]
fn only_files_of_watched_directories_are_read_after_a_change() {
    let files = [("d/a", "52:54:00:00:00:01\n"), ("d/p|", ""), ("d/s/x", ""), ("f", "")];
    let lines = "dhcp-hostsfile=@/f\ndhcp-hostsdir=@/d\nhostsdir=@/d\n";
    let (mut config, folder) = load(lines, &files);
    let mut reloadable = ReloadableFiles::from_config(&config);
    let list = reloadable.list().clone();
    let watched: Vec<usize> = list.watched().map(|(index, _)| index).collect();
    assert_eq!(watched, [0, 1]);
    for name in [&b""[..], b".", b"..", b"../f", b"/etc/hosts", b"s/x", b"a\0"] {
        assert_eq!(list.read_changed(0, name), None);
    }
    for directory in [2, 3, usize::MAX] {
        assert_eq!(list.read_changed(directory, b"a"), None);
        let changed = ChangedFile { directory, name: b"a".into(), content: None };
        let lines = reloadable.read_changed(changed, &mut config, &mut ServerNames::default());
        assert_eq!(lines, []);
    }
    let mut change = |directory, name: &[u8]| {
        let mut bytes = Vec::new();
        list.read_changed(directory, name).unwrap().encode(&mut bytes).unwrap();
        let changed = ChangedFile::decode(&bytes).unwrap();
        let lines = reloadable.read_changed(changed, &mut config, &mut ServerNames::default());
        shown(&lines, &folder)
    };
    let changed = |name| format!("Changed(\"@/d/{name}\")");
    let read = |name| format!("Read(\"@/d/{name}\")");
    let bad =
        |kind, name, reason| format!("{kind} {{ path: \"@/d/{name}\", reason: \"{reason}\" }}");
    assert_eq!(change(1, b"a"), [changed("a"), read("a")]);
    assert_eq!(change(1, b"p"), [changed("p"), read("p")]);
    assert_eq!(change(1, b"s"), [changed("s"), read("s")]);
    let missing = bad("Unreadable", "no", "No such file or directory");
    assert_eq!(change(1, b"no"), [changed("no"), read("no"), missing]);
    let fifo = bad("HostsUnreadable", "p", "it is a FIFO, use a regular file");
    assert_eq!(change(0, b"p"), [changed("p"), fifo]);
    let directory = bad("HostsUnreadable", "s", "Is a directory");
    assert_eq!(change(0, b"s"), [changed("s"), directory]);
    assert_eq!(config.dhcp.hosts.count(), 1);
}

#[test]
fn list_has_only_files_that_the_configuration_uses() {
    let lines = "dhcp-hostsfile=/a\naddn-hosts=/b\nread-ethers\n";
    let paths = |config: &Config| {
        let list = ConfigFileList::from_config(config);
        list.files().iter().map(|file| path_text(&file.path)).collect::<Vec<_>>()
    };
    let (mut config, _) = load(lines, &[]);
    assert_eq!(paths(&config), ["/etc/ethers", "/b", "/a"]);
    config.process.no_hosts = false;
    config.dhcp.ranges.clear();
    assert_eq!(paths(&config), ["/etc/hosts", "/b"]);
    config.process.dns_port = 0;
    assert_eq!(paths(&config), [""; 0]);
}
