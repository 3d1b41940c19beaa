//! Clients that asked and got no reply.

use super::{Case, assert_verdicts, texts};

const CASES: &[Case] = &[
    (
        "request without a range",
        "Nov 30 09:00:01 srv dnsmasq[812]: started, version 2.90 DNS disabled
Nov 30 09:00:01 srv dnsmasq-dhcp[812]: DHCP, proxy on subnet 192.168.1.0
Nov 30 09:00:01 srv dnsmasq-tftp[812]: TFTP root is /srv/tftp
Nov 30 09:01:10 srv dnsmasq-dhcp[812]: no address range available for DHCP request via eth1
Nov 30 09:01:12 srv dnsmasq-dhcp[812]: no address range available for DHCP request via eth1
Nov 30 09:01:16 srv dnsmasq-dhcp[812]: no address range available for DHCP request via eth1",
        &["does_not_boot no-range-for-client"],
    ),
    (
        "requests without a range by two ways",
        "Nov 30 09:01:10 srv dnsmasq-dhcp[812]: no address range available for DHCP request via eth1
Nov 30 09:01:12 srv dnsmasq-dhcp[812]: no address range available for DHCP request with subnet selector 10.7.0.0",
        &["does_not_boot no-range-for-client", "does_not_boot no-range-for-client"],
    ),
    (
        "request on an interface without address",
        "Nov 30 09:01:10 srv dnsmasq-dhcp[812]: DHCP packet received on br0 which has no address",
        &["does_not_boot request-dropped"],
    ),
    (
        "discover without offer",
        "Nov 30 09:01:10 srv dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) 52:54:00:12:34:56
Nov 30 09:01:14 srv dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) 52:54:00:12:34:56
Nov 30 09:01:22 srv dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) 52:54:00:12:34:56",
        &["does_not_boot not-answered"],
    ),
    (
        "discover with a reason",
        "Nov 30 09:01:10 srv dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) 192.168.1.7 52:54:00:12:34:56 no address available
Nov 30 09:01:14 srv dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) 52:54:00:12:34:56 no address available",
        &["does_not_boot request-dropped"],
    ),
    (
        "client of dhcp-ignore",
        "Nov 30 09:01:10 srv dnsmasq-dhcp[812]: PXE(eth0) 52:54:00:12:34:56 proxy-ignored
Nov 30 09:01:14 srv dnsmasq-dhcp[812]: PXE(eth0) 52:54:00:12:34:56 proxy-ignored",
        &["does_not_boot client-ignored"],
    ),
    (
        "decision to drop a datagram before its options were parsed",
        "dnsmasq-dhcp: port 67: dropped: DISCOVER from 52:54:00:12:34:56: there is no pxe-service and no pxe-prompt: without one no client is answered",
        &["does_not_boot request-dropped"],
    ),
    (
        "decision about a request without a range, after the line of dnsmasq",
        "dnsmasq-dhcp: no address range available for DHCP request via eth0
dnsmasq-dhcp: port 67: dropped: DISCOVER from 52:54:00:12:34:56: no dhcp-range is for a request via eth0; dhcp-range /etc/dnsmasq.conf:2 is for the network of 10.55.0.0",
        &["does_not_boot request-dropped"],
    ),
    (
        "decision about a client of HTTP Boot",
        "dnsmasq-dhcp: port 67: DISCOVER from 52:54:00:12:34:56 by eth0, architecture 16 (x86-64_EFI_HTTP), tags eth0: dropped: it is a client of UEFI HTTP Boot, for which dhcp-pxe-vendor=PXEClient,HTTPClient is missing",
        &["does_not_boot request-dropped"],
    ),
    (
        "decisions about clients that request an address only",
        "dnsmasq-dhcp: port 67: DISCOVER from 52:54:00:12:34:56 by eth0, tags eth0: dropped: it is no PXE client: its vendor class (option 60) is no PXE vendor class
dnsmasq-dhcp: port 67: REQUEST from 52:54:00:12:34:57 by eth0, tags eth0: dropped: it asks a DHCP server for its address",
        &[],
    ),
    (
        "clients of a DHCP server that do not boot",
        "Nov 30 09:01:10 srv dnsmasq-dhcp[812]: DHCPDISCOVER(eth0) 52:54:00:12:34:56
Nov 30 09:01:10 srv dnsmasq-dhcp[812]: DHCPOFFER(eth0) 192.168.1.60 52:54:00:12:34:56
Nov 30 09:01:10 srv dnsmasq-dhcp[812]: DHCPREQUEST(eth0) 192.168.1.60 52:54:00:12:34:56
Nov 30 09:01:10 srv dnsmasq-dhcp[812]: DHCPACK(eth0) 192.168.1.60 52:54:00:12:34:56 phone
Nov 30 10:01:10 srv dnsmasq-dhcp[812]: DHCPREQUEST(eth0) 192.168.1.60 52:54:00:12:34:56
Nov 30 10:01:10 srv dnsmasq-dhcp[812]: DHCPACK(eth0) 192.168.1.60 52:54:00:12:34:56 phone",
        &[],
    ),
    (
        "PXE client of a DHCP server that requests no file",
        "dnsmasq-dhcp: 77 vendor class: PXEClient:Arch:00007:UNDI:003016
dnsmasq-dhcp: 77 DHCPDISCOVER(eth0) 52:54:00:12:34:56
dnsmasq-dhcp: 77 DHCPOFFER(eth0) 192.168.1.60 52:54:00:12:34:56
dnsmasq-dhcp: 77 vendor class: PXEClient:Arch:00007:UNDI:003016
dnsmasq-dhcp: 77 DHCPREQUEST(eth0) 192.168.1.60 52:54:00:12:34:56
dnsmasq-dhcp: 77 DHCPACK(eth0) 192.168.1.60 52:54:00:12:34:56",
        &["unknown address-only"],
    ),
    (
        "denied file of a client that the log does not name",
        "Nov 30 09:01:10 srv dnsmasq-tftp[812]: cannot access /srv/tftp/pxelinux.0: Permission denied",
        &["does_not_boot stopped-at-denied-file"],
    ),
    (
        "missing file in the log of an old release",
        "Feb  3 09:01:10 srv dnsmasq-tftp[812]: file /srv/tftp/pxelinux.0 not found",
        &["does_not_boot stopped-at-missing-file"],
    ),
    (
        "directory",
        "Nov 30 09:01:10 srv dnsmasq-dhcp[812]: PXE(eth0) 52:54:00:12:34:56 proxy
Nov 30 09:01:11 srv dnsmasq-tftp[812]: cannot read /srv/tftp/boot: Is a directory",
        &["does_not_boot stopped-at-unreadable-file"],
    ),
    (
        "write request",
        "Nov 30 09:01:11 srv dnsmasq-tftp[812]: unsupported write request from 192.168.1.60",
        &["unknown write-request"],
    ),
    (
        "notice about an unanswered client",
        "dnsmasq-tftp: 192.168.1.60 cannot be sent a file: Too many open files. Increase LimitNOFILE=, or reduce tftp-max",
        &["does_not_boot notice-about-client"],
    ),
    ("other lines of a start", "dnsmasq[1]: started, version 2.92-pxemasq-0.1.0 DNS disabled
dnsmasq[1]: compile time options: IPv6 TFTP; packet process: Landlock 7, seccomp (47 calls), no capabilities; file process: Landlock 7, seccomp (52 calls), no capabilities
dnsmasq-dhcp[1]: DHCP, proxy on subnet 10.9.0.0
dnsmasq-dhcp[1]: DHCP, sockets bound exclusively to interface eth0
dnsmasq-tftp[1]: restricting maximum simultaneous TFTP transfers to 50
dnsmasq[1]: the process files has ended unexpectedly, so this process ends too (exit code 5): the service manager must start the service again
dnsmasq[1]: exiting on receipt of SIGTERM", &[]),
];

#[test]
fn client_without_reply_is_a_boot_that_did_not_begin() {
    assert_verdicts(CASES);
}

#[test]
fn warnings_of_the_start_are_given_as_probable_causes() {
    for (line, problem) in [
        (
            "dnsmasq: warning: /etc/dnsmasq.conf:3: tag \"efi\" is never set: this line never applies",
            "/etc/dnsmasq.conf:3: tag",
        ),
        (
            "dnsmasq: warning: interface eth9 does not currently exist",
            "interface eth9 does not currently exist",
        ),
        ("dnsmasq-tftp: warning: /srv/tftp inaccessible", "/srv/tftp inaccessible"),
        (
            "dnsmasq: failed to bind DHCP server socket: Address already in use",
            "failed to bind DHCP server socket",
        ),
    ] {
        let log = format!(
            "dnsmasq: started, version 2.90 DNS disabled\n{line}\n\
             dnsmasq-dhcp: DHCPDISCOVER(eth0) 52:54:00:12:34:56"
        );
        let texts = texts(&log);
        assert!(texts.contains(&format!("the server logged: {problem}")), "{texts}");
    }
}

#[test]
fn warnings_of_an_earlier_start_are_not_given() {
    let log = "srv dnsmasq[1]: started, version 2.90 DNS disabled
srv dnsmasq[1]: warning: interface eth9 does not currently exist
srv dnsmasq[2]: started, version 2.90 DNS disabled
srv dnsmasq-dhcp[2]: PXE(eth0) 52:54:00:12:34:56 proxy";
    assert!(!texts(log).contains("eth9"), "{}", texts(log));
}

#[test]
fn refused_start_is_shown_with_its_reason() {
    let log = "Nov 30 09:00:01 srv dnsmasq[812]: failed to create listening socket for port 69: Address already in use
Nov 30 09:00:01 srv dnsmasq[812]: FAILED to start up";
    let correlator = super::correlated(log);
    let starts = correlator.failed_starts();
    assert_eq!(starts.len(), 1);
    assert_eq!(
        starts[0].text,
        "failed to create listening socket for port 69: Address already in use"
    );
    assert_eq!(starts[0].raw_time, "Nov 30 09:00:01");
}
