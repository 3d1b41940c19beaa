//! Clients that got all files.

use super::{Case, assert_verdicts};

const CASES: &[Case] = &[
    (
        "BIOS through pxelinux",
        "Nov 30 09:00:01 srv dnsmasq-dhcp[812]: PXE(eth0) 52:54:00:12:34:56 proxy
Nov 30 09:00:05 srv dnsmasq-dhcp[812]: PXE(eth0) 192.168.10.50 52:54:00:12:34:56 pxelinux.0
Nov 30 09:00:05 srv dnsmasq-tftp[812]: sent /srv/tftp/pxelinux.0 to 192.168.10.50
Nov 30 09:00:06 srv dnsmasq-tftp[812]: sent /srv/tftp/ldlinux.c32 to 192.168.10.50
Nov 30 09:00:06 srv dnsmasq-tftp[812]: file /srv/tftp/pxelinux.cfg/01-52-54-00-12-34-56 not found for 192.168.10.50
Nov 30 09:00:06 srv dnsmasq-tftp[812]: file /srv/tftp/pxelinux.cfg/C0A80A32 not found for 192.168.10.50
Nov 30 09:00:06 srv dnsmasq-tftp[812]: sent /srv/tftp/pxelinux.cfg/default to 192.168.10.50
Nov 30 09:00:07 srv dnsmasq-tftp[812]: sent /srv/tftp/vmlinuz to 192.168.10.50
Nov 30 09:00:09 srv dnsmasq-tftp[812]: sent /srv/tftp/initramfs to 192.168.10.50",
        &["boots system-sent"],
    ),
    (
        "UEFI through shim and GRUB, with files that shim does not need",
        "dnsmasq-tftp: error 8 User aborted the transfer received from 10.0.0.9
dnsmasq-tftp: failed sending /srv/tftp/shimx64.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/shimx64.efi to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/revocations_sku.efi not found for 10.0.0.9
dnsmasq-tftp: file /srv/tftp/shim_certificate_0.efi not found for 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/grubx64.efi to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/grub/grub.cfg to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/linux to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/initrd.gz to 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "client of a DHCP server",
        "Nov 30 09:00:01 srv dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) 52:54:00:12:34:56
Nov 30 09:00:01 srv dnsmasq-dhcp[812]: DHCPOFFER(eth0) 10.0.0.9 52:54:00:12:34:56
Nov 30 09:00:02 srv dnsmasq-dhcp[812]: DHCPREQUEST(eth0) 10.0.0.9 52:54:00:12:34:56
Nov 30 09:00:02 srv dnsmasq-dhcp[812]: DHCPACK(eth0) 10.0.0.9 52:54:00:12:34:56 pc1
Nov 30 09:00:03 srv dnsmasq-tftp[812]: sent /srv/tftp/bootx64.efi to 10.0.0.9
Nov 30 09:00:05 srv dnsmasq-tftp[812]: sent /srv/tftp/boot.wim to 10.0.0.9
Nov 30 09:00:25 srv dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) 52:54:00:12:34:56
Nov 30 09:00:25 srv dnsmasq-dhcp[812]: DHCPOFFER(eth0) 10.0.0.9 52:54:00:12:34:56
Nov 30 09:00:25 srv dnsmasq-dhcp[812]: DHCPREQUEST(eth0) 10.0.0.9 52:54:00:12:34:56
Nov 30 09:00:25 srv dnsmasq-dhcp[812]: DHCPACK(eth0) 10.0.0.9 52:54:00:12:34:56 pc1",
        &["boots system-sent"],
    ),
    (
        "request that was dropped and then answered",
        "dnsmasq-dhcp: DHCPDISCOVER(eth0) 52:54:00:12:34:56 no address available
dnsmasq-dhcp: DHCPDISCOVER(eth0) 52:54:00:12:34:56
dnsmasq-dhcp: DHCPOFFER(eth0) 10.0.0.9 52:54:00:12:34:56
dnsmasq-dhcp: DHCPACK(eth0) 10.0.0.9 52:54:00:12:34:56
dnsmasq-tftp: sent /srv/tftp/vmlinuz-6.1 to 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "Raspberry Pi",
        "dnsmasq-dhcp: PXE(eth0) dc:a6:32:01:02:03 proxy
dnsmasq-tftp: file /srv/tftp/a1b2c3d4/start4.elf not found for 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/start4.elf to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/config.txt to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/recovery.elf not found for 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/cmdline.txt to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/kernel8.img to 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "files that the running system does not find, and a notice about them",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: file /srv/tftp/wpad.dat not found for 10.0.0.9
dnsmasq-tftp: 10.0.0.9 stopped at /srv/tftp/wpad.dat, which does not exist",
        &["boots system-sent"],
    ),
    (
        "notice about a client that restarts with its operating system",
        "dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 vmlinuz
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-dhcp: 52:54:00:12:34:56 has loaded vmlinuz (/etc/c:3) 3 times within a minute and restarted each time: is the file for other firmware, or does Secure Boot reject it?",
        &["boots system-sent", "does_not_boot notice-about-client"],
    ),
    (
        "client with IPv6",
        "dnsmasq-tftp: error 8 User aborted the transfer received from fe80::5054:ff:fe12:3456%eth0
dnsmasq-tftp: failed sending /srv/tftp/grub.efi to fe80::5054:ff:fe12:3456%eth0
dnsmasq-tftp: sent /srv/tftp/grub.efi to fe80::5054:ff:fe12:3456%eth0
dnsmasq-tftp: sent /srv/tftp/vmlinuz to fe80::5054:ff:fe12:3456%eth0",
        &["boots system-sent"],
    ),
    (
        "log that begins within a boot",
        "Nov 30 00:00:01 srv dnsmasq-tftp[812]: 192.168.10.50 has /srv/tftp/ldlinux.c32: 118676 bytes in 0.100 s, 1186 kB/s
Nov 30 00:00:02 srv dnsmasq-tftp[812]: sent /srv/tftp/pxelinux.cfg/default to 192.168.10.50
Nov 30 00:00:07 srv dnsmasq-tftp[812]: sent /srv/tftp/initrd.img to 192.168.10.50",
        &["boots system-sent"],
    ),
];

#[test]
fn client_with_an_operating_system_has_booted() {
    assert_verdicts(CASES);
}
