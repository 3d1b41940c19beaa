//! What each kind of client gets.

use super::{BASE, PI, Scene, check};
use crate::diagnose::port_owner::PortOwner;
use std::fs;

#[test]
fn firmware_loads_a_file_of_this_server() {
    check(
        &Scene::new(),
        BASE,
        &[
            ("pxe-service=x86PC,One,pxelinux", "bios", &["boots boots-file 5"]),
            ("pxe-service=x86PC,One,pxelinux.0", "arch=0", &["boots boots-file 5"]),
            ("pxe-service=x86PC,One,pxelinux", "uefi", &["does_not_boot reply-without-boot-file"]),
            ("pxe-service=x86PC,One,missing.0", "bios", &["does_not_boot file-not-found 5"]),
            ("pxe-service=x86PC,One,../x", "bios", &["does_not_boot file-outside-root 5"]),
            ("pxe-service=x86-64_EFI,One,boot.efi", "uefi", &["boots boots-file 5"]),
            ("pxe-service=BC_EFI,One,boot.efi", "arch=9", &["boots boots-file 5"]),
            ("pxe-service=ARM64_EFI,One,arm64.efi", "arm64", &["boots boots-file 5"]),
            (
                "pxe-service=7,One,boot.efi\npxe-service=7,Two,missing.efi",
                "uefi",
                &["boots boots-file 5"],
            ),
            (
                "pxe-service=7,One,missing.efi\npxe-service=7,Two,boot.efi",
                "uefi",
                &["does_not_boot file-not-found 5"],
            ),
            ("pxe-prompt=x\ndhcp-boot=boot.efi", "uefi", &["boots boots-file 6"]),
            (
                "pxe-prompt=x\ndhcp-boot=pxelinux.0",
                "bios",
                &["unknown no-server-address-for-bios 6"],
            ),
            ("pxe-prompt=x\ndhcp-boot=pxelinux.0,,192.168.1.2", "bios", &["boots boots-file 6"]),
            (
                "pxe-prompt=x\ndhcp-boot=pxelinux.0,,127.0.0.1",
                "bios",
                &["does_not_boot loopback-server 6"],
            ),
            ("pxe-prompt=x", "bios", &["does_not_boot reply-without-boot-file"]),
            ("dhcp-boot=pxelinux.0", "bios", &["does_not_boot no-pxe-service"]),
            ("pxe-service=x86PC,Local", "bios", &["boots boots-local-disk 5"]),
            ("pxe-service=x86PC,Local,0", "bios", &["boots boots-local-disk 5"]),
            (
                "pxe-service=x86PC,Local\npxe-service=x86PC,One,missing.0",
                "bios",
                &["boots boots-local-disk 5"],
            ),
        ],
    );
}

#[test]
fn program_has_to_fit_the_firmware() {
    check(
        &Scene::new(),
        BASE,
        &[
            ("pxe-service=7,One,pxelinux.0", "uefi", &["does_not_boot program-not-efi 5"]),
            ("pxe-service=7,One,arm64.efi", "uefi", &["does_not_boot program-other-machine 5"]),
            ("pxe-service=11,One,boot.efi", "arm64", &["does_not_boot program-other-machine 5"]),
            ("pxe-service=0,One,boot.efi", "bios", &["does_not_boot program-efi-for-bios 5"]),
            (
                "pxe-service=0,One,boot.ipxe",
                "bios",
                &["does_not_boot program-script-for-firmware 5"],
            ),
            ("pxe-service=21,One,pxelinux.0", "arch=21", &["unknown program-not-known 5"]),
        ],
    );
}

#[test]
fn file_of_another_server_is_unknown() {
    let mut scene = Scene::new();
    let service = "pxe-service=x86PC,One,pxelinux";
    check(
        &scene,
        BASE,
        &[
            ("pxe-service=x86PC,One,pxelinux,192.168.1.9", "bios", &["unknown other-server 5"]),
            ("pxe-prompt=x\ndhcp-boot=a.0,,192.168.1.9", "bios", &["unknown other-server 6"]),
            ("pxe-prompt=x\ndhcp-boot=a.0,,192.168.1.9", "uefi", &["unknown other-server 6"]),
            ("pxe-service=x86PC,One,1,192.168.1.9", "bios", &["unknown other-boot-server 5"]),
            ("pxe-service=x86PC,One,1", "bios", &["unknown boot-server-searched 5"]),
            (
                "pxe-service=x86PC,One,1,192.168.1.2",
                "bios",
                &["does_not_boot choice-not-answered 5"],
            ),
            ("pxe-service=x86PC,One,a,nameless", "bios", &["does_not_boot server-name-unknown 5"]),
        ],
    );
    let base = "dhcp-range=192.168.1.0,proxy\n";
    check(&scene, base, &[(service, "bios", &["does_not_boot tftp-missing 2"])]);
    scene.tftp_port = |_| PortOwner::Process("in.tftpd".to_owned());
    check(&scene, base, &[(service, "bios", &["unknown other-program 2"])]);
    scene.tftp_port = |_| PortOwner::Invisible;
    check(&scene, base, &[(service, "bios", &["unknown other-program 2"])]);
    let elsewhere = "dhcp-range=172.16.5.0,proxy\n";
    check(&scene, elsewhere, &[(service, "bios", &["unknown tftp-elsewhere 2"])]);
    check(&scene, BASE, &[(service, "bios", &["boots boots-file 5"])]);
    let other = "dhcp-range=192.168.1.0,proxy\nenable-tftp=eth9\n";
    check(&scene, other, &[(service, "bios", &["does_not_boot tftp-interface-missing 2"])]);
    let other = "dhcp-range=192.168.1.0,proxy\nenable-tftp=wlan0\n";
    check(&scene, other, &[(service, "bios", &["does_not_boot tftp-other-interface 2"])]);
}

#[test]
fn http_boot_requires_its_vendor_class_and_a_url() {
    let class = "dhcp-pxe-vendor=PXEClient,HTTPClient\npxe-prompt=x\n";
    let scene = Scene::new();
    let with_class = format!("{BASE}{class}");
    check(
        &scene,
        &with_class,
        &[
            ("dhcp-boot=http://192.168.1.2/x.efi", "http", &["unknown other-url 7"]),
            ("dhcp-boot=https://boot.example/x.efi", "arch=19", &["unknown other-url 7"]),
            ("dhcp-boot=boot.efi", "http", &["does_not_boot url-required 7"]),
            ("dhcp-boot=tftp://192.168.1.2/boot.efi", "arch=15", &["does_not_boot url-required 7"]),
            (
                "pxe-service=16,One,http://192.168.1.2/x.efi",
                "http",
                &["does_not_boot url-deferred 7"],
            ),
            ("dhcp-boot=tag:none,x", "http", &["does_not_boot reply-without-boot-file"]),
            ("dhcp-boot=http://192.168.1.2/x.efi", "uefi", &["does_not_boot url-for-firmware 7"]),
        ],
    );
    check(
        &scene,
        BASE,
        &[
            (
                "pxe-prompt=x\ndhcp-boot=http://192.168.1.2/x.efi",
                "http",
                &["does_not_boot http-class-missing"],
            ),
            (
                "pxe-prompt=x\ndhcp-boot=boot.efi\ndhcp-pxe-vendor=PXE",
                "uefi",
                &["does_not_boot pxe-class-missing 7"],
            ),
        ],
    );
}

#[test]
fn ipxe_needs_a_server_and_another_boot_file() {
    check(
        &Scene::new(),
        BASE,
        &[
            (
                "dhcp-match=set:ipxe,175\npxe-service=tag:!ipxe,0,One,undionly.kpxe\ndhcp-boot=tag:ipxe,boot.ipxe,,192.168.1.2",
                "bios",
                &["boots boots-file 6", "boots boots-file 7"],
            ),
            (
                "dhcp-match=set:ipxe,175\npxe-service=tag:!ipxe,0,One,undionly.kpxe\ndhcp-boot=tag:ipxe,boot.ipxe",
                "bios",
                &["boots boots-file 6", "does_not_boot no-server-address 7"],
            ),
            (
                "dhcp-userclass=set:ipxe,iPXE\npxe-service=tag:!ipxe,0,One,undionly.kpxe\ndhcp-boot=tag:ipxe,http://x/y,,192.168.1.2",
                "bios",
                &["boots boots-file 6", "unknown other-url 7"],
            ),
            (
                "dhcp-match=set:x,175,19\npxe-service=tag:!x,0,One,undionly.kpxe\ndhcp-boot=tag:x,boot.ipxe,,192.168.1.2",
                "bios",
                &["boots boots-file 6", "boots boots-file 7"],
            ),
            (
                "pxe-service=0,One,undionly.kpxe",
                "bios",
                &["boots boots-file 5", "unknown ipxe-loop-without-script 5"],
            ),
            (
                "dhcp-match=set:i,175\npxe-service=tag:!i,9,A,ipxe.efi\npxe-service=tag:i,9,B,boot.ipxe",
                "arch=9",
                &["boots boots-file 6", "does_not_boot reply-without-boot-file"],
            ),
            (
                "pxe-prompt=x\ndhcp-boot=boot.ipxe",
                "ipxe",
                &["does_not_boot no-server-address 6", "boots boots-file 6"],
            ),
            (
                "pxe-prompt=x\ndhcp-boot=tftp://192.168.1.2/boot.ipxe,,192.168.1.2",
                "ipxe",
                &["boots boots-file 6", "boots boots-file 6"],
            ),
            (
                "pxe-prompt=x\ndhcp-boot=tftp://192.168.1.2/none.ipxe,,192.168.1.2",
                "arch=0,user-class=iPXE",
                &["does_not_boot file-not-found 6"],
            ),
            (
                "pxe-service=0,One,fog/undionly.kkpxe,192.168.1.9",
                "bios",
                &["unknown other-server 5", "unknown ipxe-loop-without-script 5"],
            ),
        ],
    );
}

#[test]
fn raspberry_pi_loads_its_own_files() {
    let scene = Scene::new();
    check(
        &scene,
        BASE,
        &[
            (PI, "rpi", &["boots boots-raspberry-pi 5"]),
            (PI, "arch=0,mac=dc:a6:32:01:02:03", &["boots boots-raspberry-pi 5"]),
            (PI, "arch=0,mac=b8:27:eb:01:02:03", &["boots boots-raspberry-pi 5"]),
            (
                PI,
                "arch=0,vendor-class=PXEClient:Arch:00000:UNDI:002001",
                &["boots boots-raspberry-pi 5"],
            ),
            (PI, "bios", &["does_not_boot raspberry-pi-entry-only 5"]),
            (
                "pxe-service=0,\"Raspberry Pi Boot\"\npxe-service=0,Two,pxelinux",
                "bios",
                &["boots boots-local-disk 5"],
            ),
            ("pxe-service=0,\"Raspberry Pi Boot\",unused", "rpi", &["boots boots-raspberry-pi 5"]),
            (
                "pxe-service=0,\"My Raspberry Pi Boot\"",
                "rpi",
                &["unknown raspberry-pi-text-inexact 5"],
            ),
            (
                "pxe-service=0,\"My Raspberry Pi Boot\"",
                "arch=0,mac=b8:27:eb:01:02:03",
                &["does_not_boot raspberry-pi-text-missing 5"],
            ),
            ("pxe-service=0,One,pxelinux", "rpi", &["does_not_boot raspberry-pi-text-missing 5"]),
            (
                "pxe-service=0,One,pxelinux",
                "arch=0,vendor-class=PXEClient:Arch:00000:UNDI:002001",
                &["boots boots-file 5"],
            ),
            (
                "dhcp-mac=set:rpi,e4:5f:01:*:*:*\npxe-service=tag:rpi,0,\"Raspberry Pi Boot\"\npxe-service=tag:!rpi,0,A,b",
                "rpi",
                &["boots boots-raspberry-pi 6"],
            ),
            (
                "pxe-service=0,\"Raspberry Pi Boot\"\ndhcp-boot=x,,192.168.1.9",
                "rpi",
                &["unknown other-server 5"],
            ),
        ],
    );
    let early = "arch=0,mac=b8:27:eb:01:02:03";
    fs::remove_file(scene.root.path().join("bootcode.bin")).unwrap();
    check(&scene, BASE, &[(PI, early, &["unknown raspberry-pi-model 5"])]);
    fs::rename(
        scene.root.path().join("1a2b3c4d/start4.elf"),
        scene.root.path().join("bootcode.bin"),
    )
    .unwrap();
    check(&scene, BASE, &[(PI, "rpi", &["unknown raspberry-pi-model 5"])]);
    fs::remove_file(scene.root.path().join("bootcode.bin")).unwrap();
    check(&scene, BASE, &[(PI, "rpi", &["does_not_boot raspberry-pi-files-missing 5"])]);
}

#[test]
fn line_for_some_machines_is_unknown_without_a_hardware_address() {
    let host = "dhcp-host=52:54:00:00:00:01,set:lab\npxe-service=tag:lab,0,One,pxelinux";
    let known =
        "dhcp-host=52:54:00:00:00:01,set:lab\npxe-service=0,One,pxelinux\ndhcp-ignore=tag:!known";
    check(
        &Scene::new(),
        BASE,
        &[
            (host, "bios", &["unknown line-for-machines 6"]),
            (host, "bios,mac=52:54:00:00:00:01", &["boots boots-file 6"]),
            (host, "bios,mac=52:54:00:00:00:02", &["does_not_boot reply-without-boot-file"]),
            (host, "arch=7", &["does_not_boot reply-without-boot-file"]),
            (known, "bios", &["unknown machines-ignored 7"]),
            (known, "bios,mac=52:54:00:00:00:01", &["boots boots-file 6"]),
            (known, "bios,mac=52:54:00:00:00:02", &["does_not_boot dhcp-ignore 7"]),
            (
                "dhcp-ignore=tag:!known\npxe-service=0,One,pxelinux",
                "bios",
                &["does_not_boot dhcp-ignore 5"],
            ),
            (
                "dhcp-match=set:x,175\npxe-service=tag:x,0,One,pxelinux",
                "bios",
                &["does_not_boot reply-without-boot-file"],
            ),
        ],
    );
}

#[test]
fn client_without_a_reply_does_not_boot() {
    check(
        &Scene::new(),
        BASE,
        &[
            (
                "pxe-service=0,One,pxelinux\ndhcp-mac=set:x,52:54:0:*:*:*\ndhcp-ignore=tag:x",
                "bios,mac=52:54:00:00:00:01",
                &["does_not_boot dhcp-ignore 7"],
            ),
            ("pxe-service=0,One,pxelinux", "bios,vendor-class=Linux", &["does_not_boot not-pxe"]),
            ("pxe-service=0,One,pxelinux", "bios,interface=wlan0", &["does_not_boot no-range"]),
            (
                "pxe-service=0,One,pxelinux\ndhcp-range=tag:x,10.0.0.0,proxy",
                "bios,interface=wlan0",
                &["does_not_boot no-range 6"],
            ),
            (
                "pxe-service=0,One,pxelinux\ndhcp-alternate-port",
                "bios",
                &["does_not_boot alternate-port"],
            ),
            (
                "pxe-service=0,One,pxelinux\nno-dhcp-interface=lan0",
                "bios",
                &["does_not_boot interface-left-out 2"],
            ),
        ],
    );
}
