//! Several boots of one machine, several machines, several servers.

use super::{Case, assert_verdicts, texts};

const CASES: &[Case] = &[
    (
        "two boots without times, the second after an operating system",
        "dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/pxelinux.cfg/default to 10.0.0.9",
        &["boots system-sent", "unknown last-file"],
    ),
    (
        "two boots without times, the first without an operating system",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0
dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/pxelinux.cfg/default to 10.0.0.9
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0
dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9",
        &["unknown last-file", "boots system-sent"],
    ),
    (
        "two stages of one boot",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-tftp: sent /srv/tftp/undionly.kpxe to 10.0.0.9
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-tftp: sent /srv/tftp/menu.ipxe to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "second boot that is not answered",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy-ignored",
        &["boots system-sent", "does_not_boot client-ignored"],
    ),
    (
        "two machines whose lines alternate",
        "dnsmasq-dhcp: PXE(eth0) 10.0.0.8 52:54:00:00:00:08 pxelinux.0
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:00:00:09 pxelinux.0
dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.9
dnsmasq-tftp: sent /srv/tftp/pxelinux.0 to 10.0.0.8
dnsmasq-tftp: file /srv/tftp/ldlinux.c32 not found for 10.0.0.8
dnsmasq-tftp: sent /srv/tftp/vmlinuz to 10.0.0.9",
        &["does_not_boot stopped-at-missing-file", "boots system-sent"],
    ),
    (
        "line without a client while two machines boot",
        "Nov 30 09:00:01 srv dnsmasq-tftp[812]: sent /srv/tftp/pxelinux.0 to 10.0.0.8
Nov 30 09:00:02 srv dnsmasq-tftp[812]: sent /srv/tftp/pxelinux.0 to 10.0.0.9
Nov 30 09:00:03 srv dnsmasq-tftp[812]: cannot access /srv/tftp/ldlinux.c32: Permission denied",
        &["unknown last-file", "unknown last-file", "does_not_boot stopped-at-denied-file"],
    ),
    (
        "two servers that answer one machine",
        "Nov 30 09:00:01 a dnsmasq-tftp[1]: TFTP root is /srv/a
Nov 30 09:00:01 b dnsmasq-tftp[1]: TFTP root is /srv/b
Nov 30 09:00:03 a dnsmasq-dhcp[1]: PXE(eth0) 52:54:00:12:34:56 proxy
Nov 30 09:00:03 b dnsmasq-dhcp[1]: PXE(eth0) 52:54:00:12:34:56 proxy
Nov 30 09:00:04 b dnsmasq-tftp[1]: sent /srv/b/vmlinuz to 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "server that is stopped during a boot",
        "Nov 30 09:00:03 a dnsmasq-tftp[1]: sent /srv/b/pxelinux.0 to 10.0.0.9
Nov 30 09:00:04 a dnsmasq[1]: exiting on receipt of SIGTERM
Nov 30 09:00:05 a dnsmasq[2]: started, version 2.90 DNS disabled",
        &["unknown server-stopped"],
    ),
    (
        "server that is started again during a boot",
        "Nov 30 09:00:03 a dnsmasq-tftp[1]: sent /srv/b/pxelinux.0 to 10.0.0.9
Nov 30 09:00:04 a dnsmasq[1]: exiting on receipt of SIGTERM
Nov 30 09:00:05 a dnsmasq[2]: started, version 2.90 DNS disabled
Nov 30 09:00:09 a dnsmasq-tftp[2]: sent /srv/b/vmlinuz to 10.0.0.9",
        &["boots system-sent"],
    ),
    (
        "server that is stopped after a boot",
        "Nov 30 09:00:03 a dnsmasq-tftp[1]: sent /srv/b/vmlinuz to 10.0.0.9
Nov 30 09:00:04 a dnsmasq[1]: exiting on receipt of SIGTERM",
        &["boots system-sent"],
    ),
    (
        "second boot after a pause",
        "Nov 30 09:00:03 a dnsmasq-tftp[1]: sent /srv/b/pxelinux.0 to 10.0.0.9
Nov 30 09:10:04 b dnsmasq-tftp[1]: sent /srv/b/vmlinuz to 10.0.0.9",
        &["unknown last-file", "boots system-sent"],
    ),
];

#[test]
fn boots_of_a_log_are_separate() {
    assert_verdicts(CASES);
}

#[test]
fn hardware_address_is_learned_from_the_name_of_a_settings_file() {
    let log =
        "dnsmasq-tftp: file /srv/tftp/pxelinux.cfg/01-52-54-00-12-34-56 not found for 10.0.0.9";
    assert!(texts(log).starts_with("52:54:00:12:34:56 (10.0.0.9)\n"), "{}", texts(log));
}

#[test]
fn host_name_is_shown() {
    let log = "dnsmasq-dhcp: 9 vendor class: PXEClient:Arch:00000:UNDI:002001
dnsmasq-dhcp: 9 client provides name: lab-pc-7
dnsmasq-dhcp: 9 PXE(eth0) 52:54:00:12:34:56 proxy";
    assert!(
        texts(log).starts_with("52:54:00:12:34:56, lab-pc-7, architecture 0 (x86PC)\n"),
        "{}",
        texts(log)
    );
}
