//! Warnings of `--test`: none for a correct configuration, file and line of each mistake.
//! Needs no root: the network is that of the loopback interface.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

crate::tests![
    correct_configuration_has_no_warnings,
    warning_is_an_error_with_strict,
    hint_does_not_fail_a_strict_test,
    every_reason_to_refuse_the_start_is_reported_the_most_telling_first,
    json_has_each_finding_with_identifier_file_and_line,
    caret_is_printed_unless_the_test_is_plain,
    mistake_is_reported_with_file_and_line,
    file_that_the_user_cannot_read_is_reported,
    root_that_the_user_cannot_enter_is_reported,
    file_of_another_user_is_reported_with_tftp_secure,
    nesting_of_more_than_250_files_is_refused,
    missing_configuration_file_is_reported,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// A correct configuration; `@` is the directory of its files.
const GOOD: &str = "port=0\n\
    dhcp-range=127.0.0.0,proxy,255.0.0.0\n\
    enable-tftp\n\
    tftp-root=@/tftp\n\
    dhcp-match=set:ipxe,175\n\
    dhcp-boot=tag:ipxe,http://boot.example/menu.ipxe\n\
    dhcp-boot=tag:!ipxe,bios/pxelinux.0\n\
    pxe-service=tag:!ipxe,x86PC,Network,bios/pxelinux\n\
    pxe-service=tag:!ipxe,x86-64_EFI,Network,boot.efi\n\
    pxe-service=tag:!ipxe,BC_EFI,Network,@/tftp/boot.efi\n";

/// The beginning of the last line behind errors.
const REFUSED: &str = "error: the start would be refused (";

struct Tree {
    folder: TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Self { folder: TempDir::new().expect("a temporary folder") };
        fs::create_dir_all(tree.path("tftp/bios")).expect("the directory can be created");
        for name in ["tftp/bios/pxelinux.0", "tftp/boot.efi"] {
            fs::write(tree.path(name), "x").expect("the file can be written");
        }
        for (name, mode) in [("", 0o755), ("tftp", 0o755), ("tftp/bios", 0o755)] {
            tree.set_mode(name, mode);
        }
        tree
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn set_mode(&self, name: &str, mode: u32) {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.path(name), permissions).expect("the mode can be changed");
    }

    /// Runs `--test` or `--test=strict`. Returns exit code and standard error, with `@` for the directory.
    fn test(&self, word: &str, config: &str) -> (Option<i32>, String) {
        let path = self.path("c.conf");
        let root = self.folder.path().to_str().expect("the path is UTF-8");
        fs::write(&path, config.replace('@', root)).expect("the file can be written");
        let output = run(word, &path);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).replace(root, "@"))
    }

    /// The findings of `--test`. Warnings are without their level.
    fn warnings(&self, config: &str) -> Vec<String> {
        let (code, text) = self.test("--test", config);
        assert_eq!(code, Some(0), "{text}");
        let own = text.lines().filter(|line| {
            !line.starts_with("dnsmasq: ")
                && !line.starts_with("files read: ")
                && !line.starts_with(REFUSED)
        });
        own.map(|line| line.strip_prefix("warning: ").unwrap_or(line).to_owned()).collect()
    }
}

fn run(word: &str, path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pxemasq"));
    command.arg(word).arg("-C").arg(path).output().expect("the program runs")
}

/// Name of the user that owns the files.
fn own_name() -> String {
    let output = Command::new("id").arg("-un").output().expect("there is an id");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// In a new network namespace the loopback interface has no address.
fn loopback() -> Option<()> {
    let bound = std::net::UdpSocket::bind("127.0.0.1:0");
    common::required(bound.map(drop).map_err(|_| "loopback is down (ip link set lo up)".to_owned()))
}

fn correct_configuration_has_no_warnings() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    let result = "dnsmasq: syntax check OK.\n";
    assert_eq!(tree.test("--test", GOOD), (Some(0), result.to_owned()));
    let output = format!("{result}files read: @/c.conf\n");
    assert_eq!(tree.test("--test=strict", GOOD), (Some(0), output));
}

fn warning_is_an_error_with_strict() {
    let tree = Tree::new();
    let warned = "port=0\nenable-tftp=yes\n";
    assert_eq!(tree.test("--test=strict", warned).0, Some(1));
    assert_eq!(tree.test("--test", warned).0, Some(0));
    // A missing port=0 is a hint.
    assert_eq!(tree.test("--test=strict", "enable-tftp\n").0, Some(0));
    assert_eq!(tree.test("--test=strict", "port=x\n").0, Some(1));
}

fn every_reason_to_refuse_the_start_is_reported_the_most_telling_first() {
    let tree = Tree::new();
    let config = "server=192.0.2.1\nuser=no-such-user\nenable-ra\ndhcp-range=192.0.2.20,192.0.2.90\n\
        enable-tftp\ntftp-root=@/none\n";
    let (code, text) = tree.test("--test", config);
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    let expected = [
        "error: @/c.conf:4: dhcp-range: pxemasq hands out no addresses; remove the line, or write \
         dhcp-range=192.0.2.20,proxy if another DHCP server hands them out",
        "error: @/c.conf:3: enable-ra is not served: no router advertisements; remove the line",
        "error: @/c.conf:1: server: DNS is not served; remove the line, or set port=0 so that dnsmasq ignores it as well",
        "error: @/c.conf:6: TFTP directory @/none inaccessible: No such file or directory",
        "error: @/c.conf:2: unknown user or group: no-such-user",
        "error: the start would be refused (5 errors)",
    ];
    assert_eq!((code, &errors[..]), (Some(0), &expected[..]));
    assert_eq!(text.lines().last(), expected.last().copied());
    for (word, code) in [("--test=strict", 1), ("--test=start", 1), ("--test=json", 0)] {
        assert_eq!(tree.test(word, config).0, Some(code), "{word}");
    }
    // The start prints all errors of the lines, too.
    let path = tree.path("c.conf");
    let output = Command::new(env!("CARGO_BIN_EXE_pxemasq")).args(["-d", "-C"]).arg(&path).output();
    let stderr = String::from_utf8_lossy(&output.expect("the program runs").stderr).into_owned();
    let file = path.display();
    let begins = [
        format!("dnsmasq: {file}:4: "),
        format!("dnsmasq: {file}:3: "),
        format!("dnsmasq: {file}:1: "),
    ];
    let lines: Vec<&str> = stderr.lines().skip(1).collect();
    assert!(
        lines.len() == 3 && lines.iter().zip(&begins).all(|(line, begin)| line.starts_with(begin)),
        "{stderr}"
    );
}

fn hint_does_not_fail_a_strict_test() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    let config = GOOD.replace("127.0.0.0,proxy,255.0.0.0", "198.51.100.0,proxy");
    let (code, text) = tree.test("--test=strict", &config);
    assert!(text.contains("\nhint: @/c.conf:2: dhcp-range: no interface"), "{text}");
    assert_eq!(code, Some(0), "{text}");
}

fn json_has_each_finding_with_identifier_file_and_line() {
    let tree = Tree::new();
    let report = |word: &str, config: &str| {
        let path = tree.path("c.conf");
        fs::write(&path, config).expect("the file can be written");
        let output = run(word, &path);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{word}");
        let json = serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("it is JSON");
        let file = path.display().to_string();
        assert!(
            json["findings"]
                .as_array()
                .into_iter()
                .flatten()
                .all(|one| one["file"].is_null() || one["file"] == *file)
        );
        (output.status.code(), json)
    };
    let (code, json) = report("--test=strict,json", "port=0\nenable-tftp\nenable-dbus\n");
    assert_eq!((code, &json["schema"], &json["result"]), (Some(1), &1.into(), &"warnings".into()));
    let found = &json["findings"][0];
    let text = "enable-dbus is ignored: there is no D-Bus interface";
    assert_eq!((&found["id"], &found["level"]), (&"ignored".into(), &"warning".into()));
    assert_eq!((&found["line"], &found["text"]), (&3.into(), &text.into()));

    let (code, json) = report("--test=json", "port=0\nbogus\n");
    let found = &json["findings"][0];
    assert_eq!((code, &json["result"]), (Some(1), &"refused".into()));
    assert_eq!((&found["id"], &found["line"]), (&"syntax-error".into(), &2.into()));
    assert!(found["detail"].as_str().is_some_and(|detail| detail.starts_with("  bogus\n  ^")));

    let (code, json) = report("--test=json", "port=0\nserver=192.0.2.1\n");
    assert_eq!((code, &json["result"]), (Some(0), &"refused".into()));
}

fn caret_is_printed_unless_the_test_is_plain() {
    let tree = Tree::new();
    let message = "\ndnsmasq: bad option at line 1 of @/c.conf\n";
    assert_eq!(tree.test("--test", "bogus\n"), (Some(1), message.to_owned()));
    for word in ["--test=strict", "--test=start"] {
        let (code, text) = tree.test(word, "bogus\n");
        assert!(text.starts_with(&format!("{message}  bogus\n  ^ ")), "{word}: {text}");
        assert_eq!(code, Some(1));
    }
}

/// Text of [`GOOD`], the text in its place, and the findings.
const REPLACEMENTS: &[(&str, &str, &[&str])] = &[
    (
        "port=0\n",
        "\n",
        &[
            "hint: port=0 is missing: dnsmasq would serve DNS, which this program does not; clients that use this machine as DNS server get no answer",
        ],
    ),
    (
        "127.0.0.0,proxy,255.0.0.0",
        "198.51.100.0,proxy",
        &[
            "hint: @/c.conf:2: dhcp-range: no interface of this machine is on the network of 198.51.100.0: only clients behind a relay are answered by this range",
        ],
    ),
    (
        "enable-tftp\n",
        "enable-tftp\nexcept-interface=lo\n",
        &[
            "@/c.conf:2: dhcp-range: @/c.conf:4 (except-interface=lo) leaves out lo (127.0.0.1), which is on that network",
        ],
    ),
    (
        "enable-tftp\n",
        "enable-tftp\ninterface=none0\nexcept-interface=lo\n",
        &[
            "@/c.conf:4: interface none0 does not currently exist",
            "hint: @/c.conf:2: dhcp-range: @/c.conf:5 (except-interface=lo) leaves out lo (127.0.0.1), which is on that network",
        ],
    ),
    (
        "enable-tftp\n",
        "enable-tftp=none0\n",
        &[
            "@/c.conf:3: enable-tftp=none0: there is no interface none0, so no files are served there; write enable-tftp for all interfaces",
        ],
    ),
    (
        "@/tftp\n",
        "@/none\n",
        &["error: @/c.conf:4: TFTP directory @/none inaccessible: No such file or directory"],
    ),
    (
        "@/tftp\n",
        "@/none\ntftp-no-fail\n",
        &["@/c.conf:4: tftp-root: @/none: No such file or directory"],
    ),
    (
        "port=0\n",
        "port=0\nuser=no-such-user\n",
        &["error: @/c.conf:2: unknown user or group: no-such-user"],
    ),
    (
        "tftp-root=@/tftp\n",
        "tftp-root=@/tftp,eth0\ndhcp-boot=tag:ipxe,none.0\n",
        &["@/c.conf:5: dhcp-boot: @/tftp/none.0 does not exist"],
    ),
    (
        "!ipxe,bios/pxelinux.0",
        "!ipxe,BIOS/PXElinux.0",
        &[
            "@/c.conf:7: dhcp-boot: @/tftp/BIOS/PXElinux.0 does not exist, but @/tftp/bios/pxelinux.0 does (differs in case)",
        ],
    ),
    (
        "bios/pxelinux\n",
        "bios/grub\n",
        &[
            "@/c.conf:8: pxe-service: @/tftp/bios/grub.0 does not exist (clients will ask for bios/grub.0: bios/grub has no dot)",
        ],
    ),
    (
        "!ipxe,bios/pxelinux.0",
        "!ipxe,../pxelinux.0",
        &["@/c.conf:7: dhcp-boot: @/tftp/../pxelinux.0 is outside of the TFTP root"],
    ),
    (
        "pxe-service=tag:!ipxe,BC_EFI",
        "pxe-service=tag:!ipxe,x86PC",
        &[
            "hint: @/c.conf:9: pxe-service names architecture 7 (x86-64_EFI) and not 9 (BC_EFI): some UEFI firmware sends 9",
        ],
    ),
    (
        "pxe-service=tag:!ipxe,BC_EFI",
        "pxe-service=BC_EFI",
        &[
            "hint: @/c.conf:6: dhcp-boot is not used for BC_EFI clients: their only pxe-service (@/c.conf:10) is used instead",
        ],
    ),
    (
        "set:ipxe,175",
        "set:IPXE,175",
        &["@/c.conf:6: tag \"ipxe\" is never set: this line never applies; did you mean \"IPXE\"?"],
    ),
    ("set:ipxe,175", "set:IPXE,175\ndhcp-hostsfile=@/hosts", &[]),
    ("enable-tftp\n", "enable-tftp\ntftp-unique-root\ndhcp-boot=tag:ipxe,own\n", &[]),
    (
        "enable-tftp\n",
        "enable-tftp\nenable-dbus\n",
        &["@/c.conf:4: enable-dbus is ignored: there is no D-Bus interface"],
    ),
    (
        "pxe-service=tag:!ipxe,BC_EFI,Network",
        "pxe-service=tag:!ipxe,11,Net,grub,192.0.2.1\npxe-service=tag:!ipxe,BC_EFI,Network",
        &["@/c.conf:10: pxe-service: grub has no dot, so clients will ask for grub.0"],
    ),
];

fn mistake_is_reported_with_file_and_line() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    fs::write(tree.path("hosts"), "00:11:22:33:44:55,set:lab\n").expect("the file can be written");
    for (from, to, warnings) in REPLACEMENTS {
        assert_eq!(tree.warnings(&GOOD.replace(from, to)), *warnings, "{to}");
    }
}

fn file_that_the_user_cannot_read_is_reported() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    tree.set_mode("tftp/boot.efi", 0o600);
    tree.set_mode("tftp/bios", 0o700);
    let warnings = [
        "@/c.conf:7: dhcp-boot: @/tftp/bios/pxelinux.0 cannot be read by nobody, without search permission on @/tftp/bios: mode 700, owner {me}",
        "@/c.conf:8: pxe-service: @/tftp/bios/pxelinux.0 cannot be read by nobody, without search permission on @/tftp/bios: mode 700, owner {me}",
        "@/c.conf:9: pxe-service: @/tftp/boot.efi cannot be read by nobody: mode 600, owner {me}",
        "@/c.conf:10: pxe-service: @/tftp/boot.efi cannot be read by nobody: mode 600, owner {me}",
    ];
    assert_eq!(tree.warnings(GOOD), warnings.map(|warning| warning.replace("{me}", &own_name())));
}

fn root_that_the_user_cannot_enter_is_reported() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    tree.set_mode("tftp", 0o700);
    let mode = format!("mode 700, owner {}", own_name());
    let refused = format!(
        "error: @/c.conf:4: TFTP directory @/tftp inaccessible: Permission denied: nobody cannot read @/tftp: {mode}"
    );
    assert_eq!(tree.warnings(GOOD), [refused]);
    tree.set_mode("tftp", 0o744);
    let mode = mode.replace("700", "744");
    let warning =
        format!("@/c.conf:4: tftp-root: nobody has no search permission on @/tftp: {mode}");
    assert_eq!(tree.warnings(GOOD), [warning]);
}

fn file_of_another_user_is_reported_with_tftp_secure() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    let config =
        format!("{}tftp-secure\n", GOOD.replace("dhcp-boot=tag:!ipxe,bios/pxelinux.0\n", ""));
    let warning = |line, file| {
        format!(
            "@/c.conf:{line}: pxe-service: @/tftp/{file} does not belong to nobody (tftp-secure)"
        )
    };
    let warnings = [warning(7, "bios/pxelinux.0"), warning(8, "boot.efi"), warning(9, "boot.efi")];
    assert_eq!(tree.warnings(&config), warnings);
}

fn nesting_of_more_than_250_files_is_refused() {
    let tree = Tree::new();
    for depth in 0..400 {
        let next = tree.path(&format!("{}.conf", depth + 1));
        let text = format!("conf-file={}\n", next.display());
        fs::write(tree.path(&format!("{depth}.conf")), text).expect("the file can be written");
    }
    let output = run("--test", &tree.path("0.conf"));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), &stderr[..]),
        (Some(1), "\ndnsmasq: files are nested more than 250 deep\n")
    );
}

fn missing_configuration_file_is_reported() {
    if Path::new("/etc/dnsmasq.conf").exists() {
        return common::harness::skip("this machine has an /etc/dnsmasq.conf, which pxemasq reads");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_pxemasq")).arg("--test").output();
    let stderr = String::from_utf8_lossy(&output.expect("the program runs").stderr).into_owned();
    let expected = "warning: no configuration file: /etc/dnsmasq.conf does not exist\n";
    assert!(stderr.contains(expected), "{stderr}");
}
