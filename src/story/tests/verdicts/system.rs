//! Clients that got a file of an operating system, and what follows it.

use super::{Case, assert_verdicts, texts};

const CASES: &[Case] = &[
    (
        "initrd that does not exist",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/initrd.gz not found for 10.0.0.9
dnsmasq-tftp: file /srv/tftp/wpad.dat not found for 10.0.0.9",
        &["does_not_boot stopped-at-missing-file"],
    ),
    (
        "initrd without permission",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: cannot access /srv/tftp/initrd.gz: Permission denied",
        &["does_not_boot stopped-at-denied-file"],
    ),
    (
        "initrd that is not acknowledged",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/initrd.gz to 10.0.0.9",
        &["does_not_boot file-not-acknowledged"],
    ),
    (
        "initrd that is being sent",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: sending /srv/tftp/initrd.gz to 10.0.0.9: 9000000 bytes, blksize 1408, windowsize 1",
        &["unknown transfer-unfinished"],
    ),
    (
        "module of ESXi that does not exist",
        "dnsmasq-tftp: sent /srv/tftp/mboot.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/s.v00 to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/tools.t00 not found for 10.0.0.9",
        &["does_not_boot stopped-at-missing-file"],
    ),
    (
        "last module of ESXi",
        "dnsmasq-tftp: sent /srv/tftp/s.v00 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/imgpayld.tgz to 10.0.0.9",
        &["boots system-and-files-sent"],
    ),
    (
        "device tree after the kernel",
        "dnsmasq-tftp: sent /srv/tftp/Image to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/rk3399.dtb to 10.0.0.9",
        &["boots system-and-files-sent"],
    ),
    (
        "device tree that does not exist",
        "dnsmasq-tftp: sent /srv/tftp/Image to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/rk3399.dtb not found for 10.0.0.9",
        &["unknown system-incomplete"],
    ),
    (
        "installer that gets its settings and does not find a script",
        "dnsmasq-tftp: sent /srv/tftp/initrd.gz to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/preseed.cfg to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/late_command.sh not found for 10.0.0.9",
        &["boots system-and-files-sent"],
    ),
    (
        "system that requests a file after ten minutes",
        "Nov 30 09:00:01 srv dnsmasq-tftp[8]: sent /srv/tftp/vmlinuz to 10.0.0.9
Nov 30 09:10:01 srv dnsmasq-tftp[8]: file /srv/tftp/late.sh not found for 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "second boot after ten minutes, without DHCP",
        "Nov 30 09:00:01 srv dnsmasq-tftp[8]: sent /srv/tftp/vmlinuz to 10.0.0.9
Nov 30 09:10:01 srv dnsmasq-tftp[8]: sent /srv/tftp/grubx64.efi to 10.0.0.9",
        &["boots system-sent", "unknown last-file"],
    ),
    (
        "loader after a file whose name is that of a system",
        "dnsmasq-tftp: sent /srv/tftp/tools.img to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/grubx64.efi to 10.0.0.9",
        &["unknown last-file"],
    ),
    (
        "picture and text whose names contain linux",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/linux.msg to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/logo-linux.png to 10.0.0.9",
        &["unknown last-file"],
    ),
    (
        "Raspberry Pi 4, which reads config.txt twice",
        "dnsmasq-tftp: sent /srv/tftp/config.txt to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/start4.elf to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/config.txt to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/recovery8.img not found for 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/kernel8.img to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/armstub8-gic.bin not found for 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/config.txt to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/start4.elf to 10.0.0.9",
        &["boots system-sent", "unknown last-file"],
    ),
    (
        "request to write a file, of a running system",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: unsupported write request from 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "font that cannot be read, and a picture that the client broke off",
        "dnsmasq-tftp: sent /srv/tftp/grub/grub.cfg to 10.0.0.9
dnsmasq-tftp: cannot access /srv/tftp/grub/fonts/unicode.pf2: Permission denied
dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/grub/picture.png to 10.0.0.9",
        &["unknown last-file"],
    ),
    (
        "notice about a file that the loader does not need",
        "dnsmasq-tftp: sent /srv/tftp/shimx64.efi to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/revocations.efi not found for 10.0.0.9
dnsmasq-tftp: 10.0.0.9 did not get a file: /srv/tftp/revocations.efi does not exist, but /srv/tftp/a/revocations.efi does (in another directory)",
        &["unknown last-file"],
    ),
    (
        "only files that are not necessary",
        "dnsmasq-tftp: file /srv/tftp/autoexec.ipxe not found for 10.0.0.9",
        &["unknown only-missing-files"],
    ),
];

#[test]
fn client_with_a_system_file_boots_unless_a_necessary_file_after_it_was_not_sent() {
    assert_verdicts(CASES);
}

#[test]
fn warning_of_the_start_is_a_cause_only_if_the_boot_does_not_show_the_contrary() {
    let warning = "dnsmasq-tftp: warning: TFTP directory /srv/other inaccessible
dnsmasq: warning: interface eth9 does not currently exist\n";
    let after_a_file = "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/pxelinux.cfg/default not found for 10.0.0.9\n";
    assert!(!texts(&[warning, after_a_file].concat()).contains("the server logged"));
    let first_file = "dnsmasq-tftp: file /srv/other/pxelinux.0 not found for 10.0.0.9\n";
    let text = texts(&[warning, first_file].concat());
    assert!(text.contains("the server logged: TFTP directory /srv/other inaccessible. "), "{text}");
}
