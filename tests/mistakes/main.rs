//! Common mistakes on a running server, with a client that tries to boot from it. `--test`, `--explain` and the log together
//! must report the mistake with its line, and no other mistake.

#[path = "../common/mod.rs"]
mod common;
mod scene;

use common::boot_files::{ARM64, IPXE, X64};
use common::lab::allow;
use scene::{CONFIG, Firmware, Scene};
use std::thread::sleep;
use std::time::Duration;

crate::tests![each_mistake_is_reported_and_no_other, correct_server_has_no_reports,];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// A mistake and the message that reports it.
struct Mistake {
    name: &'static str,
    /// Introduces the mistake.
    make: fn(&mut Scene),
    /// The expected message; `@` is the path of the configuration.
    message: &'static str,
    /// A part of the message that no other mistake has.
    marker: &'static str,
}

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "no line for the client's architecture",
        make: |scene| scene.firmware = Firmware::Arm,
        message: "the reply names no boot file: no pxe-service and no dhcp-boot matches architecture 11 (ARM64_EFI). @:8 (pxe-service) is for architecture 0 (x86PC)",
        marker: "the reply names no boot file: no pxe-service",
    },
    Mistake {
        name: "a firewall drops port 4011",
        make: |scene| scene.drop_port(4011),
        message: "52:54:00:aa:bb:01 was answered (@:9), and no request of it to port 4011 arrived within 30 seconds. Possible causes: a firewall drops UDP port 4011, the client chose another offer",
        marker: "no request of it to port 4011 arrived",
    },
    Mistake {
        name: "a name without a dot",
        make: |scene| {
            scene.swap("bios/pxelinux.0\n", "bios/lpxelinux\n");
            scene.file("/srv/tftp/bios/lpxelinux");
        },
        message: "@:8: pxe-service: /srv/tftp/bios/lpxelinux.0 does not exist, but /srv/tftp/bios/lpxelinux does (clients will ask for bios/lpxelinux.0: bios/lpxelinux has no dot)",
        marker: "has no dot)",
    },
    Mistake {
        name: "the wrong root",
        make: |scene| {
            scene.swap("tftp-root=/srv/tftp", "tftp-root=/srv/other");
            scene.file("/srv/other/readme");
        },
        message: "/srv/other/boot.efi (tftp-root is at @:5)\n  => it does not boot: @:9: pxe-service: /srv/other/boot.efi does not exist, but /srv/tftp/boot.efi does: is tftp-root wrong?",
        marker: "is tftp-root wrong?",
    },
    Mistake {
        name: "a file that may not be read",
        make: |_| allow("/srv/tftp/boot.efi", 0o600),
        message: "52:54:00:aa:bb:01 did not get a file: /srv/tftp/boot.efi cannot be read by root: mode 600, owner root; as root only world-readable files are served (configured at @:9)",
        marker: "cannot be read by",
    },
    Mistake {
        name: "no pxe-service",
        make: |scene| scene.without("pxe-service"),
        message: "@:2: a proxy range answers no client without a pxe-service or pxe-prompt",
        marker: "a proxy range answers no client",
    },
    Mistake {
        name: "the router names a boot file too",
        make: |scene| scene.router_boots = true,
        message: "the DHCP server 192.168.77.254 offers 52:54:00:aa:bb:01 the boot file router.0 from 192.168.77.254, in competition with @:9: remove boot file and next-server from its configuration",
        marker: "from its configuration",
    },
    Mistake {
        name: "iPXE is sent iPXE",
        make: |scene| {
            scene.swap("tag:!ipxe,x86-64_EFI,Network,boot.efi", "x86-64_EFI,Network,ipxe.efi");
            scene.without("dhcp-boot");
            scene.efi_application("/srv/tftp/ipxe.efi", X64, IPXE);
            scene.firmware = Firmware::ChainedIpxe;
        },
        message: "52:54:00:aa:bb:01 has loaded ipxe.efi 3 times within a minute: @:8 sends it to iPXE too. /srv/tftp/ipxe.efi is iPXE without an embedded script, so that iPXE loads iPXE again. Set a tag for iPXE (dhcp-match=set:ipxe,175) and exclude iPXE from the line that sends it (tag:!ipxe)",
        marker: "to iPXE too",
    },
    Mistake {
        name: "a program for other firmware",
        make: |scene| {
            scene.efi_application("/srv/tftp/boot.efi", ARM64, b"");
            scene.firmware = Firmware::Restarting;
        },
        message: "52:54:00:aa:bb:01 has loaded boot.efi (@:9) 3 times within a minute and restarted each time: /srv/tftp/boot.efi is a program for ARM64 UEFI, and the client is x86-64 UEFI firmware: send it an EFI application for x86-64, such as bootx64.efi, grubx64.efi or snponly.efi",
        marker: "is a program for ARM64",
    },
    Mistake {
        name: "a tag that nothing sets",
        make: |scene| scene.swap("set:ipxe,175", "set:iPXE,175"),
        message: "@:7: tag \"ipxe\" is never set: this line never applies",
        marker: "is never set: this line",
    },
    Mistake {
        name: "a range on another network",
        make: |scene| scene.swap("192.168.77.0,proxy", "192.168.78.0,proxy"),
        message: "@:2: dhcp-range: no interface of this machine is on the network of 192.168.78.0",
        marker: "no interface of this machine is on",
    },
    Mistake {
        name: "the interface is down",
        make: |scene| scene.switch_off("eth0"),
        message: "@:3: interface eth0 is down: ip link set eth0 up",
        marker: "is down:",
    },
    Mistake {
        name: "a port that is taken",
        make: |scene| scene.take_port(69),
        message: "@:4 needs port 69",
        marker: "needs port",
    },
    Mistake {
        name: "letters of another case",
        make: |scene| scene.swap("x86-64_EFI,Network,boot.efi", "x86-64_EFI,Network,Boot.EFI"),
        message: "@:9: pxe-service: /srv/tftp/Boot.EFI does not exist, but /srv/tftp/boot.efi does (differs in case)",
        marker: "differs in case",
    },
    Mistake {
        name: "a dhcp-boot that is never used",
        make: |scene| scene.add("dhcp-mac=set:lab,52:54:00:aa:bb:01\ndhcp-boot=tag:lab,lab.efi,,192.168.77.9\n"),
        message: "@:12: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (@:9) is used instead",
        marker: "dhcp-boot is not used for",
    },
    Mistake {
        name: "an address pool",
        make: |scene| scene.swap("192.168.77.0,proxy", "192.168.77.50,192.168.77.90"),
        message: "error: @:2: dhcp-range: pxemasq hands out no addresses",
        marker: "hands out no addresses",
    },
    Mistake {
        name: "a DNS server without port=0",
        make: |scene| scene.swap("port=0", "server=192.0.2.1"),
        message: "error: @:1: server: DNS is not served; remove the line, or set port=0",
        marker: "DNS is not served; remove",
    },
    Mistake {
        name: "another interface is served",
        make: |scene| scene.swap("interface=eth0", "interface=lo"),
        message: "@:2: dhcp-range: @:3 (interface=lo) leaves out eth0 (192.168.77.1), which is on that network",
        marker: "leaves out eth0",
    },
    Mistake {
        name: "a word behind enable-tftp",
        make: |scene| scene.swap("enable-tftp", "enable-tftp=yes"),
        message: "@:4: enable-tftp=yes: there is no interface yes",
        marker: "there is no interface yes",
    },
    Mistake {
        name: "a root that does not exist",
        make: |scene| scene.swap("tftp-root=/srv/tftp", "tftp-root=/srv/none"),
        message: "error: @:5: TFTP directory /srv/none inaccessible: No such file or directory",
        marker: "inaccessible: No such file",
    },
    Mistake {
        name: "a root without enable-tftp",
        make: |scene| scene.without("enable-tftp"),
        message: "@:4: tftp-root has no effect without enable-tftp",
        marker: "has no effect without enable-tftp",
    },
    Mistake {
        name: "a link that leads nowhere",
        make: |scene| scene.replace_by_link("/srv/tftp/boot.efi", "/srv/gone.efi"),
        message: "@:9: pxe-service: /srv/tftp/boot.efi is a link to /srv/gone.efi, which does not exist",
        marker: "is a link to",
    },
    Mistake {
        name: "a saved web page as boot file",
        make: |scene| scene.write("/srv/tftp/boot.efi", "<!DOCTYPE html><html></html>"),
        message: "@:9: /srv/tftp/boot.efi is an HTML page and not a boot file",
        marker: "is an HTML page",
    },
    Mistake {
        name: "a URL for firmware",
        make: |scene| scene.swap("x86-64_EFI,Network,boot.efi", "x86-64_EFI,Network,http://192.168.77.1/boot.efi"),
        message: "@:9: firmware loads its first file by TFTP only",
        marker: "firmware loads its first file by TFTP only",
    },
    Mistake {
        name: "no dhcp-range",
        make: |scene| scene.without("dhcp-range"),
        message: "@:7: pxe-service: without a dhcp-range no DHCP request is answered",
        marker: "without a dhcp-range no DHCP request",
    },
    Mistake {
        name: "an option that a proxyDHCP reply does not contain",
        make: |scene| scene.add("dhcp-option=66,192.168.77.1\n"),
        message: "@:11: dhcp-option: a proxyDHCP reply does not contain option 66",
        marker: "a proxyDHCP reply does not contain option",
    },
    Mistake {
        name: "quotation marks of the wrong kind",
        make: |scene| scene.swap("x86-64_EFI,Network,", "x86-64_EFI,“Network”,"),
        message: "@:9: pxe-service: the quotation marks of “Network” are part of the text",
        marker: "the quotation marks of",
    },
    Mistake {
        name: "no text for the menu",
        make: |scene| scene.swap("tag:!ipxe,x86PC,Network,bios/pxelinux.0", "tag:!ipxe,x86PC,bios/pxelinux.0"),
        message: "@:8: pxe-service: bios/pxelinux.0 is the menu text, and no file follows",
        marker: "is the menu text",
    },
    Mistake {
        name: "an unknown keyword",
        make: |scene| scene.swap("tftp-root=/srv/tftp", "tftp-rot=/srv/tftp"),
        message: "did you mean tftp-root",
        marker: "did you mean tftp-root",
    },
];

/// Longer than the longest delay of a notice, 30 s for a missing request.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(33);

/// Concurrent, because each mistake waits for notices.
fn each_mistake_is_reported_and_no_other() {
    if common::required(common::lab::Lab::new(["server"]).map(drop)).is_none() {
        return;
    }
    let threads: Vec<_> =
        MISTAKES.iter().map(|mistake| std::thread::spawn(|| check(mistake))).collect();
    let reports: Vec<String> =
        threads.into_iter().filter_map(|thread| thread.join().expect("no panic").err()).collect();
    assert!(reports.is_empty(), "{}", reports.join("\n\n"));
}

fn correct_server_has_no_reports() {
    let Some(mut scene) = common::required(Scene::new()) else { return };
    scene.run();
    assert!(
        scene.logs("sent /srv/tftp/boot.efi to 192.168.77.50"),
        "it boots:\n{}",
        scene.output()
    );
    let output = scene.output();
    for Mistake { name, marker, .. } in MISTAKES {
        assert!(!output.contains(marker), "{name}:\n{output}");
    }
    assert!(output.contains("=> boots boot.efi (/srv/dnsmasq.conf:9)"), "{output}");
}

fn check(mistake: &Mistake) -> Result<(), String> {
    let Mistake { name, make, message, marker } = mistake;
    let mut scene = Scene::new()?;
    make(&mut scene);
    scene.run();
    sleep(NOTICE_TIMEOUT);
    let output = scene.output();
    let expected = message.replace('@', CONFIG);
    if !output.contains(&expected) {
        return Err(format!("{name}: not found: {expected}\n{output}"));
    }
    let others = MISTAKES.iter().filter(|other| other.marker != *marker);
    match others.filter(|other| output.contains(other.marker)).map(|other| other.name).next() {
        Some(other) => Err(format!("{name}: it also reports: {other}\n{output}")),
        None => Ok(()),
    }
}
