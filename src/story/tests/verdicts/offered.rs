//! Clients that got a reply and requested nothing more.

use super::{Case, assert_verdicts, texts};

const CASES: &[Case] = &[
    ("reply only", "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy", &["unknown nothing-requested"]),
    (
        "URL on port 4011",
        "dnsmasq-tftp: TFTP root is /srv/tftp
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 http://10.0.0.1/boot.ipxe",
        &["unknown url-sent"],
    ),
    (
        "URL in the offer, by log-dhcp",
        "dnsmasq-dhcp: 99 vendor class: PXEClient:Arch:00000:UNDI:002001
dnsmasq-dhcp: 99 user class: iPXE
dnsmasq-dhcp: 99 PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: 99 bootfile name: https://boot.example.org/menu.ipxe
dnsmasq-dhcp: 99 sent size:  4 option: 54 server-identifier  10.0.0.1",
        &["unknown url-sent"],
    ),
    (
        "URL in the offer, by log-debug",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: port 67: DISCOVER from 52:54:00:12:34:56 by eth0, architecture 16 (x86-64_EFI_HTTP), tags http, eth0: OFFER to 255.255.255.255:68, file http://10.0.0.1/x.efi from 10.0.0.1 (dhcp-boot /etc/c:3)",
        &["unknown url-sent"],
    ),
    (
        "URL for iPXE after iPXE",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 undionly.kpxe
dnsmasq-tftp: sent /srv/tftp/undionly.kpxe to 10.0.0.9
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 http://10.0.0.1/boot.ipxe",
        &["unknown url-sent"],
    ),
    (
        "notice about a URL",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: 52:54:00:12:34:56 was offered http://10.0.0.1/boot.ipxe (/etc/c:3) but did not request it: does a firewall drop UDP port 69?",
        &["unknown url-sent"],
    ),
    (
        "iPXE without any other file",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-tftp: sent /srv/tftp/ipxe.efi to 10.0.0.9
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-tftp: file /srv/tftp/autoexec.ipxe not found for 10.0.0.9",
        &["unknown ipxe-sent"],
    ),
    (
        "menu by log-debug",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: port 67: DISCOVER from 52:54:00:12:34:56 by eth0, architecture 0 (x86PC), tags eth0: OFFER to 255.255.255.255:68, a menu (pxe-service /etc/c:8, pxe-service /etc/c:9)",
        &["unknown menu-sent"],
    ),
    (
        "menu with a prompt by log-dhcp, and a name that an old client uses",
        "dnsmasq-dhcp: 99 vendor class: PXEClient:Arch:00000:UNDI:002001
dnsmasq-dhcp: 99 PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: 99 bootfile name: pxelinux.0
dnsmasq-dhcp: 99 sent size:  4 option: 54 server-identifier  10.0.0.1
dnsmasq-dhcp: 99 sent size: 91 option: 43 vendor-encap  06:01:03:08:07:80:00:01:c0:a8:0a:02:09:30...",
        &["unknown menu-sent"],
    ),
    (
        "notice about port 4011",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: 52:54:00:12:34:56 was answered (/etc/c:3) but sent no request to port 4011: does a firewall drop UDP port 4011, did the client choose another offer, or is there no DHCP server?",
        &["unknown port-4011-not-requested"],
    ),
    (
        "notices of later versions",
        "dnsmasq-dhcp: 52:54:00:00:00:01 was answered (/etc/c:3), and no request of it to port 4011 arrived within 30 seconds. Possible causes: a firewall drops UDP port 4011
dnsmasq-dhcp: 52:54:00:00:00:02 was offered x.efi (/etc/c:3), and no request for it arrived within 30 seconds. Possible causes: a firewall drops UDP port 69
dnsmasq-dhcp: 52:54:00:00:00:03 was offered http://10.0.0.1/x (/etc/c:3), and no request for it arrived within 30 seconds. Possible causes: a firewall drops UDP port 69
dnsmasq-dhcp: 52:54:00:00:00:04 (iPXE) got a reply without a boot file: no pxe-service and no dhcp-boot applies to it, architecture 0 (x86PC), so only an embedded script of iPXE can continue the boot
dnsmasq-dhcp: 52:54:00:00:00:05 got a reply without a boot file: no pxe-service and no dhcp-boot applies to it, architecture 7 (x86-64_EFI)
dnsmasq-dhcp: 52:54:00:00:00:06 requested a boot file and got no reply: it has no client architecture (option 93)
dnsmasq-tftp: 10.0.0.7 did not get a file: /t/x is a link to /t/y, which does not exist",
        &[
            "unknown port-4011-not-requested",
            "unknown file-not-requested",
            "unknown url-sent",
            "unknown ipxe-without-file",
            "does_not_boot notice-about-client",
            "does_not_boot notice-about-client",
            "does_not_boot notice-about-client",
        ],
    ),
    (
        "file that the client does not request",
        "dnsmasq-tftp: TFTP root is /srv/tftp
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0",
        &["unknown offer-not-requested"],
    ),
    (
        "file of a server without TFTP",
        "dnsmasq: started, version 2.90 DNS disabled
dnsmasq-dhcp: DHCP, proxy on subnet 10.0.0.0
dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0",
        &["unknown no-tftp-here"],
    ),
    (
        "file in a log without TFTP",
        "dnsmasq-dhcp: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0",
        &["unknown no-tftp-in-log"],
    ),
    (
        "file of another server",
        "dnsmasq-tftp: TFTP root is /srv/tftp
dnsmasq-dhcp: 0 vendor class: PXEClient
dnsmasq-dhcp: 0 PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0
dnsmasq-dhcp: 0 next server: 10.0.0.5
dnsmasq-dhcp: 0 sent size:  4 option: 54 server-identifier  10.0.0.1",
        &["unknown file-of-another-server"],
    ),
    (
        "offer of another server",
        "dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy
dnsmasq-dhcp: another proxyDHCP server, 10.0.0.5, answers 52:54:00:12:34:56 too, in competition with /etc/c:3 and offers x.efi",
        &["unknown another-server-answered"],
    ),
];

#[test]
fn client_that_requests_nothing_more_is_unknown() {
    assert_verdicts(CASES);
}

#[test]
fn client_that_requests_nothing_more_may_have_chosen_local_boot() {
    let text = texts("dnsmasq-dhcp: PXE(eth0) 52:54:00:12:34:56 proxy");
    assert!(text.contains("possible: local boot was chosen"), "{text}");
    assert!(!text.contains("firewall"), "{text}");
}
