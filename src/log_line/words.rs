//! Parts of lines by which `--story` recognises them, in logs of pxemasq and of dnsmasq.

/// Syslog identities.
pub const PROCESS: &str = "dnsmasq";
pub const DHCP: &str = "dnsmasq-dhcp";
pub const TFTP: &str = "dnsmasq-tftp";

/// The first line of a start.
pub const STARTED: &str = "started, version";

/// `PXE(eth0) 52:54:00:12:34:56 proxy`
pub const PXE: &str = "PXE";
pub const PROXY: &str = "proxy";
pub const PROXY_IGNORED: &str = "proxy-ignored";
pub const VENDOR_CLASS: &str = "vendor class: ";

/// `port 67: DISCOVER from 52:54:00:12:34:56 by eth0, architecture 7 (x86-64_EFI), tags eth0: OFFER to …`
pub const PORT: &str = "port";
pub const FROM: &str = " from ";
pub const ARCHITECTURE: &str = "architecture ";
pub const DROPPED: &str = "dropped: ";

/// `10.0.0.9 has /srv/x: 123 bytes in 0.250 s, 492 kB/s`
pub const HAS: &str = " has ";
pub const BYTES_IN: &str = " bytes in ";
pub const SECONDS: &str = " s";

/// Beginnings of notices that do not begin with the client.
pub const DHCP_SERVER: &str = "the DHCP server ";
pub const OTHER_PROXY: &str = "another proxyDHCP server, ";

/// `TFTP root is /srv/tftp secure mode single port mode`
pub const TFTP_ROOT: &str = "TFTP root is ";
pub const SECURE: &str = "secure mode";
pub const SINGLE_PORT: &str = "single port mode";
/// `sent /srv/x to 10.0.0.9`
pub const SENT: &str = "sent ";
pub const TIMED_OUT: &str = "timeout sending ";
pub const FAILED: &str = "failed sending ";
pub const TO: &str = " to ";
/// `error 8 User aborted the transfer received from 10.0.0.9`
pub const ERROR: &str = "error ";
pub const RECEIVED_FROM: &str = " received from ";
/// `file /srv/x not found for 10.0.0.9`
pub const FILE: &str = "file ";
pub const NOT_FOUND: &str = " not found";
pub const FOR: &str = " for ";
pub const CANNOT_ACCESS: &str = "cannot access ";
pub const CANNOT_READ: &str = "cannot read ";
/// `sending /srv/x to 10.0.0.9: 123 bytes, blksize 1468, windowsize 4`
pub const SENDING: &str = "sending ";
pub const BYTES_COMMA: &str = " bytes, ";
/// `TFTP enabled  `
pub const TFTP_ENABLED: &str = "TFTP enabled";
/// `tftp-max=50 reached: a transfer to 10.0.0.9 was dropped for …`
pub const TFTP_MAX: &str = "tftp-max=";
pub const TRANSFER_TO: &str = "a transfer to ";

/// `no address range available for DHCP request via eth0`
pub const NO_RANGE: &str = "no address range available for DHCP request ";
/// `DHCP packet received on eth0 which has no address`
pub const PACKET_ON: &str = "DHCP packet received on ";
pub const NO_ADDRESS: &str = " which has no address";

/// Details of a transaction, with `log-dhcp`.
pub const CLIENT_NAME: &str = "client provides name: ";
pub const BOOT_FILE: &str = "bootfile name: ";
pub const NEXT_SERVER: &str = "next server: ";

/// Lines of the process.
/// `status: served for 60 s, 3 machines: with an offer 2, …`
pub const STATUS: &str = "status: ";
pub const WARNING: &str = "warning: ";
pub const FAILED_TO_START: &str = "FAILED to start up";
pub const TERMINATED: &str = "exiting on receipt of SIGTERM";

/// Parts of notices. The second of a pair is that of pxemasq 0.1.0.
pub const NO_PROXY_REQUEST: [&str; 2] =
    ["no request of it to port 4011 arrived", "sent no request to port 4011"];
pub const NO_DOWNLOAD: [&str; 2] = ["no request for it arrived", "did not request it"];
/// What follows is a supposition.
pub const CAUSES: [&str; 2] = [". Possible causes: ", ": does "];
pub const IPXE_WITHOUT_FILE: &str = "(iPXE) got a reply without a boot file";
pub const RESTARTED: &str = "restarted each time";
