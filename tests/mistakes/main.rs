//! Classic mistakes, each made on a server at work with a client that max_attempts to boot from it: what `--test`, `--explain`
//! and the log say names the mistake and its line, and no other mistake.

#[path = "../common/mod.rs"]
mod common;
mod scene;

use common::lab::allow;
use scene::{CONFIG, Firmware, Scene};
use std::thread::sleep;
use std::time::Duration;

crate::tests![each_mistake_is_named_and_no_other, where_nothing_is_wrong_nothing_is_named,];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// A mistake: what it is called, what is made wrong, and the sentence that names it.
struct Mistake {
    name: &'static str,
    make: fn(&mut Scene),
    /// The sentence, in which `@` is the configuration.
    sentence: &'static str,
    /// The part of it that no other mistake has.
    sign: &'static str,
}

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "no line for the client's architecture",
        make: |scene| scene.firmware = Firmware::Arm,
        sentence: "it is told no boot file: no pxe-service and no dhcp-boot is for architecture 11 (ARM64_EFI). @:8 (pxe-service) is for architecture 0 (x86PC)",
        sign: "it is told no boot file: no pxe-service",
    },
    Mistake {
        name: "a firewall drops port 4011",
        make: |scene| scene.drop_port(4011),
        sentence: "52:54:00:aa:bb:01 was answered (@:9) and never came to port 4011: does a firewall drop UDP port 4011",
        sign: "never came to port 4011",
    },
    Mistake {
        name: "a name without a dot",
        make: |scene| {
            scene.swap("bios/pxelinux.0\n", "bios/lpxelinux\n");
            scene.file("/srv/tftp/bios/lpxelinux");
        },
        sentence: "@:8: pxe-service: /srv/tftp/bios/lpxelinux.0 does not exist, but /srv/tftp/bios/lpxelinux does (clients will ask for bios/lpxelinux.0: bios/lpxelinux has no dot)",
        sign: "has no dot)",
    },
    Mistake {
        name: "the wrong root",
        make: |scene| {
            scene.swap("tftp-root=/srv/tftp", "tftp-root=/srv/other");
            scene.file("/srv/other/readme");
        },
        sentence: "@:9: /srv/other/boot.efi does not exist, but /srv/tftp/boot.efi does: is tftp-root wrong?; tftp-root is at @:5",
        sign: "is tftp-root wrong?",
    },
    Mistake {
        name: "a file that may not be read",
        make: |_| allow("/srv/tftp/boot.efi", 0o600),
        sentence: "52:54:00:aa:bb:01 stopped there: /srv/tftp/boot.efi cannot be read by root: mode 600, owner root; what root serves, everybody has to be allowed to read (@:9 names it)",
        sign: "cannot be read by",
    },
    Mistake {
        name: "no pxe-service",
        make: |scene| scene.without("pxe-service"),
        sentence: "@:2: a proxy range answers nobody without a pxe-service or pxe-prompt",
        sign: "a proxy range answers nobody",
    },
    Mistake {
        name: "the router names a boot file too",
        make: |scene| scene.router_boots = true,
        sentence: "the DHCP server 192.168.77.254 tells 52:54:00:aa:bb:01 to boot router.0 from 192.168.77.254, beside us (@:9): take boot file and next-server out of its configuration",
        sign: "out of its configuration",
    },
    Mistake {
        name: "iPXE is sent iPXE",
        make: |scene| {
            scene.swap("tag:!ipxe,x86-64_EFI,Network,boot.efi", "x86-64_EFI,Network,ipxe.efi");
            scene.without("dhcp-boot");
            scene.file("/srv/tftp/ipxe.efi");
            scene.firmware = Firmware::ChainedIpxe;
        },
        sentence: "52:54:00:aa:bb:01 has loaded ipxe.efi 3 times within a minute: @:8 sends it to iPXE too",
        sign: "to iPXE too",
    },
    Mistake {
        name: "a tag that nothing sets",
        make: |scene| scene.swap("set:ipxe,175", "set:iPXE,175"),
        sentence: "@:7: nothing sets the tag ipxe, so tag:ipxe never holds",
        sign: "nothing sets the tag",
    },
    Mistake {
        name: "a range on another network",
        make: |scene| scene.swap("192.168.77.0,proxy", "192.168.78.0,proxy"),
        sentence: "@:2: dhcp-range: no interface of this machine is on the network of 192.168.78.0",
        sign: "no interface of this machine is on",
    },
    Mistake {
        name: "the interface is down",
        make: |scene| scene.switch_off("eth0"),
        sentence: "@:3: interface eth0 is down: ip link set eth0 up",
        sign: "is down:",
    },
    Mistake {
        name: "a port that is taken",
        make: |scene| scene.take_port(69),
        sentence: "@:4 asks for port 69",
        sign: "asks for port",
    },
    Mistake {
        name: "letters of another case",
        make: |scene| scene.swap("x86-64_EFI,Network,boot.efi", "x86-64_EFI,Network,Boot.EFI"),
        sentence: "@:9: pxe-service: /srv/tftp/Boot.EFI does not exist, but /srv/tftp/boot.efi does: letters differ",
        sign: "letters differ",
    },
    Mistake {
        name: "a dhcp-boot that is never used",
        make: |scene| scene.add("dhcp-mac=set:lab,52:54:00:aa:bb:01\ndhcp-boot=tag:lab,lab.efi,,192.168.77.9\n"),
        sentence: "@:12: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (@:9) decides",
        sign: "dhcp-boot is not used for",
    },
];

/// Longer than any notice waits: of a client that never came back.
const TIMEOUT: Duration = Duration::from_secs(33);

/// All at once: each waits, mostly.
fn each_mistake_is_named_and_no_other() {
    if common::required(common::lab::Lab::new(["server"]).map(drop)).is_none() {
        return;
    }
    let threads: Vec<_> =
        MISTAKES.iter().map(|mistake| std::thread::spawn(|| compare(mistake))).collect();
    let reports: Vec<String> =
        threads.into_iter().filter_map(|thread| thread.join().expect("no panic").err()).collect();
    assert!(reports.is_empty(), "{}", reports.join("\n\n"));
}

fn where_nothing_is_wrong_nothing_is_named() {
    let Some(mut scene) = common::required(Scene::new()) else { return };
    scene.play();
    assert!(scene.logs("sent /srv/tftp/boot.efi to 192.168.77.50"), "it boots:\n{}", scene.told());
    let told = scene.told();
    for Mistake { name, sign, .. } in MISTAKES {
        assert!(!told.contains(sign), "{name}:\n{told}");
    }
    assert!(told.contains("=> it boots boot.efi (/srv/dnsmasq.conf:9)"), "{told}");
}

fn compare(mistake: &Mistake) -> Result<(), String> {
    let Mistake { name, make, sentence, sign } = mistake;
    let mut scene = Scene::new()?;
    make(&mut scene);
    scene.play();
    sleep(TIMEOUT);
    let told = scene.told();
    let wanted = sentence.replace('@', CONFIG);
    if !told.contains(&wanted) {
        return Err(format!("{name}: not found: {wanted}\n{told}"));
    }
    let others = MISTAKES.iter().filter(|other| other.sign != *sign);
    match others.filter(|other| told.contains(other.sign)).map(|other| other.name).next() {
        Some(other) => Err(format!("{name}: it also says: {other}\n{told}")),
        None => Ok(()),
    }
}
