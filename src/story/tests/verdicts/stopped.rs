//! Clients that stop at a file.

use super::{Case, assert_verdicts, texts};

const CASES: &[Case] = &[
    (
        "initial RAM disk that does not exist, after the kernel",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/initrd.img not found for 10.0.0.9",
        &["does_not_boot stopped-at-missing-file"],
    ),
    (
        "initial RAM disk that is not acknowledged, after the kernel",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: timeout sending /srv/tftp/initrd.img to 10.0.0.9",
        &["does_not_boot file-not-acknowledged"],
    ),
    (
        "initial RAM disk that is being sent, after the kernel",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: sending /srv/tftp/initrd.img to 10.0.0.9: 2000000 bytes, blksize 1468",
        &["unknown transfer-unfinished"],
    ),
    (
        "initial RAM disk that was sent at the second attempt",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: timeout sending /srv/tftp/initrd.img to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/initrd.img to 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "initial RAM disk that a Raspberry Pi does not need",
        "dnsmasq-tftp: sent /srv/tftp/kernel8.img to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/initramfs8 not found for 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "file that the running operating system does not find",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/initrd.img to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/addons.tar not found for 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "size request of UEFI in the log of dnsmasq 2.92 and pxemasq",
        "dnsmasq-tftp: error 8 User aborted the transfer received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/grubx64.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/grubx64.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "size request of UEFI in the log of dnsmasq 2.90",
        "dnsmasq-tftp: error 8 User aborted the transfer received from 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/syslinux.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/syslinux.efi to 10.0.0.9",
        &["unknown last-file"],
    ),
    (
        "file that UEFI does not request after its size",
        "dnsmasq-tftp: error 8 User aborted the transfer received from 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/syslinux.efi to 10.0.0.9",
        &["unknown size-requested"],
    ),
    (
        "five transfers that the client broke off",
        "dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9",
        &["does_not_boot client-broke-off"],
    ),
    (
        "the same with log-debug",
        "dnsmasq-tftp: sending /srv/tftp/pxelinux.0 to 10.0.0.9: 42988 bytes, blksize 1408, windowsize 1
dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sending /srv/tftp/pxelinux.0 to 10.0.0.9: 42988 bytes, blksize 1408, windowsize 1
dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9",
        &["does_not_boot client-broke-off"],
    ),
    (
        "error without a file",
        "dnsmasq-tftp: error 4 Illegal TFTP operation received from 10.0.0.9",
        &["does_not_boot client-sent-error"],
    ),
    (
        "transfer that is not acknowledged, dnsmasq 2.90",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/ldlinux.c32 to 10.0.0.9",
        &["does_not_boot file-not-acknowledged"],
    ),
    (
        "transfer that is not acknowledged, dnsmasq 2.92",
        "dnsmasq-tftp: timeout sending /srv/tftp/vmlinuz to 10.0.0.9",
        &["does_not_boot file-not-acknowledged"],
    ),
    (
        "directory after a file",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: cannot read /srv/tftp/images: Is a directory",
        &["does_not_boot stopped-at-unreadable-file"],
    ),
    (
        "last file without an error",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/ldlinux.c32 to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/pxelinux.cfg/01-52-54-00-12-34-56 not found for 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/pxelinux.cfg/default to 10.0.0.9",
        &["unknown last-file"],
    ),
    (
        "all names of the settings are missing",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/pxelinux.cfg/0A000009 not found for 10.0.0.9
dnsmasq-tftp: file /srv/tftp/pxelinux.cfg/default not found for 10.0.0.9",
        &["does_not_boot stopped-at-missing-file"],
    ),
    (
        "files that GRUB does not need",
        "dnsmasq-tftp: sent /srv/tftp/grubx64.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/grub/grub.cfg to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/grub/x86_64-efi/terminal.lst not found for 10.0.0.9",
        &["unknown last-file"],
    ),
    (
        "GRUB modules are no operating system",
        "dnsmasq-tftp: sent /srv/tftp/grub/i386-pc/core.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/grub/i386-pc/linux.mod to 10.0.0.9",
        &["unknown last-file"],
    ),
    (
        "transfer at the end of the log",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sending /srv/tftp/vmlinuz to 10.0.0.9: 9000000 bytes, blksize 1408, windowsize 1",
        &["unknown transfer-unfinished"],
    ),
    (
        "loop of iPXE",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-tftp: sent /srv/tftp/undionly.kpxe to 10.0.0.9
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-tftp: sent /srv/tftp/undionly.kpxe to 10.0.0.9
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-tftp: sent /srv/tftp/undionly.kpxe to 10.0.0.9",
        &["does_not_boot file-loaded-repeatedly"],
    ),
    (
        "three machines with one address",
        "dnsmasq-tftp: sent /srv/tftp/snponly.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/snponly.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/snponly.efi to 10.0.0.9",
        &["unknown file-sent-repeatedly"],
    ),
    (
        "transfer that was replaced",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: tftp-max=50 reached: a transfer to 10.0.0.9 was dropped for another client (10.0.0.9 never acknowledged it, or held most slots)",
        &["does_not_boot notice-about-client"],
    ),
    (
        "transfer that was replaced, and the file that followed",
        "dnsmasq-tftp: tftp-max=50 reached: a transfer to 10.0.0.9 was dropped for a new request from the same address, because it had made no progress for 10 seconds. If clients share this address (NAT), increase tftp-max
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9",
        &["boots system-sent"],
    ),
];

#[test]
fn client_that_stops_at_a_file_gets_the_verdict_that_the_log_shows() {
    assert_verdicts(CASES);
}

#[test]
fn number_and_error_of_broken_transfers_are_shown() {
    let error = "dnsmasq-tftp: error 0 TFTP Aborted received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9\n";
    let text = texts(&error.repeat(5));
    let expected = "it broke off /srv/tftp/pxelinux.0 5 times with error 0 TFTP Aborted";
    assert!(text.contains(expected), "{text}");
    assert!(!text.contains("firewall"), "{text}");
}

#[test]
fn size_request_is_no_step() {
    let log = "dnsmasq-tftp: error 8 User aborted the transfer received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/x.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/x.efi to 10.0.0.9";
    assert!(!texts(log).contains("error 8"), "{}", texts(log));
}
