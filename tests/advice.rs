//! What `--test` says beyond dnsmasq's verdict: nothing about a good configuration, and of each mistake file and line.
//! Needs no root: the network served is that of the loopback interface.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

crate::tests![
    a_good_configuration_is_left_alone,
    a_remark_is_an_error_if_one_asks_for_it,
    mistakes_are_named_with_file_and_line,
    unreadable_file_is_reported_with_the_directory,
    a_root_that_the_user_may_not_enter_is_named,
    with_tftp_secure_files_must_be_the_users_own,
    files_may_be_nested_only_so_deep,
    no_configuration_at_all_is_said_to_be_none,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// A configuration in which `@` stands for the folder of its files.
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

struct Tree {
    folder: TempDir,
}

impl Tree {
    fn new() -> Self {
        let tree = Self { folder: TempDir::new().expect("a temporary folder") };
        fs::create_dir_all(tree.path("tftp/bios")).expect("room for a folder");
        for name in ["tftp/bios/pxelinux.0", "tftp/boot.efi"] {
            fs::write(tree.path(name), "x").expect("room for a file");
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
        fs::set_permissions(self.path(name), permissions).expect("the file is ours");
    }

    /// Runs `--test` or `--test=strict`; what it says, with `@` for the folder.
    fn test(&self, word: &str, config: &str) -> (Option<i32>, String) {
        let path = self.path("c.conf");
        let root = self.folder.path().to_str().expect("a plain name");
        fs::write(&path, config.replace('@', root)).expect("room for a file");
        let output = run(word, &path);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).replace(root, "@"))
    }

    fn warnings(&self, config: &str) -> Vec<String> {
        let (code, text) = self.test("--test", config);
        assert_eq!(code, Some(0), "{text}");
        let mut told = text.lines().filter_map(|line| line.strip_prefix("warning: "));
        let files = told.next();
        assert!(files.is_none_or(|files| files == "files read: @/c.conf"), "{files:?}");
        told.map(str::to_owned).collect()
    }
}

fn run(word: &str, path: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pxemasq"));
    command.arg(word).arg("-C").arg(path).output().expect("the program runs")
}

/// Whose the files are.
fn own_name() -> String {
    let output = Command::new("id").arg("-un").output().expect("there is an id");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// In a bare network namespace even loopback has no address to be on.
fn loopback() -> Option<()> {
    let bound = std::net::UdpSocket::bind("127.0.0.1:0");
    common::required(bound.map(drop).map_err(|_| "loopback is down (ip link set lo up)".to_owned()))
}

fn a_good_configuration_is_left_alone() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    let verdict = "dnsmasq: syntax check OK.\n";
    assert_eq!(tree.test("--test", GOOD), (Some(0), verdict.to_owned()));
    let told = format!("{verdict}files read: @/c.conf\n");
    assert_eq!(tree.test("--test=strict", GOOD), (Some(0), told));
}

fn a_remark_is_an_error_if_one_asks_for_it() {
    let tree = Tree::new();
    assert_eq!(tree.test("--test=strict", "enable-tftp\n").0, Some(1));
    assert_eq!(tree.test("--test", "enable-tftp\n").0, Some(0));
    assert_eq!(tree.test("--test=strict", "port=x\n").0, Some(1));
}

fn mistakes_are_named_with_file_and_line() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    fs::write(tree.path("hosts"), "00:11:22:33:44:55,set:lab\n").expect("room for a file");
    for (from, to, remarks) in [
        ("port=0\n", "\n", &["port=0 is missing: DNS is not served, with or without it"][..]),
        (
            "127.0.0.0,proxy,255.0.0.0",
            "198.51.100.0,proxy",
            &[
                "@/c.conf:2: dhcp-range: no interface of this machine is on the network of 198.51.100.0",
            ],
        ),
        (
            "enable-tftp\n",
            "enable-tftp\nexcept-interface=lo\n",
            &[
                "@/c.conf:2: dhcp-range: no interface of this machine is on the network of 127.0.0.0",
            ],
        ),
        (
            "enable-tftp\n",
            "enable-tftp\ninterface=none0\nexcept-interface=lo\n",
            &["interface none0 does not currently exist"],
        ),
        ("@/tftp\n", "@/none\n", &["@/c.conf:4: tftp-root: @/none: No such file or directory"]),
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
                "@/c.conf:9: pxe-service names architecture 7 (x86-64_EFI) and not 9 (BC_EFI): some UEFI firmware sends 9",
            ],
        ),
        (
            "pxe-service=tag:!ipxe,BC_EFI",
            "pxe-service=BC_EFI",
            &[
                "@/c.conf:6: dhcp-boot is not used for BC_EFI clients: their only pxe-service (@/c.conf:10) is used instead",
            ],
        ),
        (
            "set:ipxe,175",
            "set:IPXE,175",
            &["@/c.conf:6: tag \"ipxe\" is never set: this line never applies"],
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
    ] {
        assert_eq!(tree.warnings(&GOOD.replace(from, to)), *remarks, "{to}");
    }
}

fn unreadable_file_is_reported_with_the_directory() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    tree.set_mode("tftp/boot.efi", 0o600);
    tree.set_mode("tftp/bios", 0o700);
    let remarks = [
        "@/c.conf:7: dhcp-boot: @/tftp/bios/pxelinux.0 cannot be read by nobody, without search permission on @/tftp/bios: mode 700, owner {me}",
        "@/c.conf:8: pxe-service: @/tftp/bios/pxelinux.0 cannot be read by nobody, without search permission on @/tftp/bios: mode 700, owner {me}",
        "@/c.conf:9: pxe-service: @/tftp/boot.efi cannot be read by nobody: mode 600, owner {me}",
        "@/c.conf:10: pxe-service: @/tftp/boot.efi cannot be read by nobody: mode 600, owner {me}",
    ];
    assert_eq!(tree.warnings(GOOD), remarks.map(|remark| remark.replace("{me}", &own_name())));
}

fn a_root_that_the_user_may_not_enter_is_named() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    tree.set_mode("tftp", 0o700);
    let why = format!("mode 700, owner {}", own_name());
    let remark = format!("@/c.conf:4: tftp-root: nobody has no search permission on @/tftp: {why}");
    assert_eq!(tree.warnings(GOOD), [remark]);
}

fn with_tftp_secure_files_must_be_the_users_own() {
    let Some(()) = loopback() else { return };
    let tree = Tree::new();
    let config =
        format!("{}tftp-secure\n", GOOD.replace("dhcp-boot=tag:!ipxe,bios/pxelinux.0\n", ""));
    let remark = |line, file| {
        format!(
            "@/c.conf:{line}: pxe-service: @/tftp/{file} does not belong to nobody (tftp-secure)"
        )
    };
    let remarks = [remark(7, "bios/pxelinux.0"), remark(8, "boot.efi"), remark(9, "boot.efi")];
    assert_eq!(tree.warnings(&config), remarks);
}

fn files_may_be_nested_only_so_deep() {
    let tree = Tree::new();
    for depth in 0..400 {
        let next = tree.path(&format!("{}.conf", depth + 1));
        let text = format!("conf-file={}\n", next.display());
        fs::write(tree.path(&format!("{depth}.conf")), text).expect("room for a file");
    }
    let output = run("--test", &tree.path("0.conf"));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        (output.status.code(), &told[..]),
        (Some(1), "\ndnsmasq: files are nested more than 250 deep\n")
    );
}

fn no_configuration_at_all_is_said_to_be_none() {
    if Path::new("/etc/dnsmasq.conf").exists() {
        return common::harness::skip("this machine has an /etc/dnsmasq.conf, which is read");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_pxemasq")).arg("--test").output();
    let told = String::from_utf8_lossy(&output.expect("the program runs").stderr).into_owned();
    let wanted = "warning: no configuration file: /etc/dnsmasq.conf does not exist\n";
    assert!(told.ends_with(wanted), "{told}");
}
