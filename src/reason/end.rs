//! How the boot of a client ended, as far as a log or a capture (a recording) shows it. The subject of each sentence is the client.

use super::Verdict;

reasons! {
    /// How the boot of a client ended.
    pub enum EndReason {
        SystemSent { file: String } = "system-sent",
            "it has its operating system: {file} was the last file";
        SystemAndFilesSent { file: String } = "system-and-files-sent",
            "it has its operating system: {file}, and got other files after it";
        SystemIncomplete { file: String, path: String } = "system-incomplete",
            "it got {file} of its operating system; {path}, which it requested then, does not exist";
        IpxeSent { file: String } = "ipxe-sent",
            "{file} was the last file that it requested; iPXE mostly uses HTTP then, which is not shown here";
        UrlSent { url: String } = "url-sent",
            "it was sent the URL {url}; what follows is HTTP, which is not shown here";
        LastFile { file: String } = "last-file",
            "{file} was the last file that it requested, and there is no error";
        /// `size`: ` (12 bytes)`, or empty.
        TransferUnfinished { file: String, size: String } = "transfer-unfinished",
            "the recording ends while {file} is sent{size}";
        NothingRequested = "nothing-requested", "it got a reply; nothing more was requested";
        AddressOnly = "address-only", "it got an IP address; nothing more was requested";
        MenuSent = "menu-sent", "it got a menu; nothing more was requested";
        NoProxyRequest { text: String } = "port-4011-not-requested", "it {text}";
        NothingAttributed = "nothing-attributed",
            "it got a reply; the recording does not show which files it requested";
        ServerStopped = "server-stopped", "the server was stopped some seconds after its last step";
        IpxeWithoutFile { text: String } = "ipxe-without-file", "it {text}";
        NoDownload { text: String } = "file-not-requested", "it {text}";
        OfferNotRequested { file: String } = "offer-not-requested",
            "it was sent the file name {file} and did not request this file here";
        NoTftpInLog { file: String } = "no-tftp-in-log",
            "it was sent the file name {file}; the recording has nothing about TFTP";
        NoTftpHere { file: String } = "no-tftp-here",
            "it was sent the file name {file}; TFTP is not enabled on this server";
        OtherServerHasFile { file: String, server: std::net::IpAddr } = "file-of-another-server",
            "it was sent the file name {file} from {server}; what that server sends is not shown here";
        OtherServerAnswered { text: String } = "another-server-answered", "{text}";
        /// `times`: `once`, `twice`, `5 times`.
        SentRepeatedly { file: String, times: String } = "file-sent-repeatedly",
            "{file} was sent to this address {times}";
        LoadedRepeatedly { file: String } = "file-loaded-repeatedly", "it loads {file} again and again";
        StoppedAtMissing { path: String } = "stopped-at-missing-file",
            "it stopped at {path}, which does not exist";
        StoppedAtDenied { path: String } = "stopped-at-denied-file",
            "it stopped at {path}: permission denied";
        StoppedAtUnreadable { path: String, error: String } = "stopped-at-unreadable-file",
            "it stopped at {path}, which cannot be read: {error}";
        BrokeOff { path: String, times: String, error: String } = "client-broke-off",
            "it broke off {path} {times} with error {error}";
        SentError { times: String, error: String } = "client-sent-error", "it sent error {error} {times}";
        SizeRequested { path: String } = "size-requested",
            "it requested the size of {path}, and did not request the file after that";
        OnlyMissing { path: String } = "only-missing-files",
            "it requested {path}, which does not exist; nothing more was requested";
        NotAcknowledged { path: String } = "file-not-acknowledged", "it stopped acknowledging {path}";
        NotAnswered { message: String } = "not-answered", "it sent {message} and got no reply";
        NoReplyCaptured { request: String } = "no-reply-captured",
            "the capture has no reply to the last request: {request}";
        NoRange { text: String } = "no-range-for-client", "it got no reply: {text}";
        IgnoredClient = "client-ignored", "it is ignored";
        Dropped { text: String } = "request-dropped", "it got no reply: {text}";
        WriteRequest = "write-request", "it requested to write a file, which this server does not support";
        Notice { text: String } = "notice-about-client", "{text}";
    }
}

impl EndReason {
    /// Whether a fault that the server logged may be the cause.
    pub fn may_be_caused_by_server(&self) -> bool {
        !matches!(
            self,
            Self::SystemSent { .. }
                | Self::SystemAndFilesSent { .. }
                | Self::IgnoredClient
                | Self::IpxeSent { .. }
                | Self::UrlSent { .. }
                | Self::LastFile { .. }
                | Self::Notice { .. }
        )
    }

    /// Whether the client has booted.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::SystemSent { .. } | Self::SystemAndFilesSent { .. } => Verdict::Boots,
            Self::IpxeSent { .. }
            | Self::UrlSent { .. }
            | Self::LastFile { .. }
            | Self::TransferUnfinished { .. }
            | Self::NothingRequested
            | Self::MenuSent
            | Self::AddressOnly
            | Self::NothingAttributed
            | Self::NoProxyRequest { .. }
            | Self::IpxeWithoutFile { .. }
            | Self::ServerStopped
            | Self::NoTftpHere { .. }
            | Self::NoTftpInLog { .. }
            | Self::OtherServerHasFile { .. }
            | Self::OtherServerAnswered { .. }
            | Self::NoReplyCaptured { .. }
            | Self::SystemIncomplete { .. }
            | Self::SizeRequested { .. }
            | Self::OnlyMissing { .. }
            | Self::WriteRequest
            | Self::OfferNotRequested { .. }
            | Self::NoDownload { .. }
            | Self::SentRepeatedly { .. } => Verdict::Unknown,
            _ => Verdict::DoesNotBoot,
        }
    }

    /// The remedy, or where to look; `None`: the sentence is sufficient.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::LastFile { .. } => LAST_FILE,
            Self::NothingRequested
            | Self::AddressOnly
            | Self::MenuSent
            | Self::NoProxyRequest { .. } => NOTHING_REQUESTED,
            Self::NothingAttributed => {
                "use log-debug or log-dhcp: then the log has the IP address of each client"
            }
            Self::OfferNotRequested { .. } | Self::NoDownload { .. } => OFFER_NOT_REQUESTED,
            Self::NoTftpHere { .. } => {
                "either another TFTP server has to send it, whose log this is not, or enable-tftp is missing"
            }
            Self::NoTftpInLog { .. } => {
                "another server may send it, or the recording is incomplete"
            }
            Self::SentRepeatedly { .. } => {
                "either it restarts each time, or several machines have this address (NAT)"
            }
            Self::LoadedRepeatedly { .. } => LOADED_REPEATEDLY,
            Self::StoppedAtMissing { .. } => {
                "check upper and lower case, the suffix .0 and the directory: tftp-root is put in front of the name"
            }
            Self::SystemIncomplete { .. } => {
                "some loaders start the system without this file, others stop"
            }
            Self::SizeRequested { .. } => SIZE_REQUESTED,
            Self::OnlyMissing { .. } => ONLY_MISSING,
            Self::StoppedAtDenied { .. } => DENIED,
            Self::StoppedAtUnreadable { .. } => "the name must be that of a regular file",
            Self::BrokeOff { .. } | Self::SentError { .. } => {
                "the screen of the client may show why: for example a file of the wrong type, or too little memory"
            }
            Self::NotAcknowledged { .. } => NOT_ACKNOWLEDGED,
            Self::NoReplyCaptured { .. } => NO_REPLY_CAPTURED,
            Self::NotAnswered { .. } => {
                "log-debug logs the reason; --explain shows which lines apply to this client"
            }
            Self::NoRange { .. } => {
                "a line dhcp-range=NETWORK,proxy with the network of that interface or relay is necessary. The log does not \
                 show whether these requests were network boots"
            }
            Self::IgnoredClient => "a dhcp-ignore line applies to it",
            _ => return None,
        })
    }
}

const LAST_FILE: &str = "if it does not boot, possible: the next stage uses HTTP, which is not shown here; the file is for \
                         another firmware; or Secure Boot rejects it";
const NOTHING_REQUESTED: &str = "possible: local boot was chosen in its menu, it used the offer of another server, it loads \
                                 a URL by HTTP, or its requests to UDP port 4011 or 69 did not arrive. --explain shows the \
                                 reply that it gets";
const OFFER_NOT_REQUESTED: &str = "possible: the line names another TFTP server, the client chose another offer, or its \
                                   requests to UDP port 69 do not arrive (firewall)";
const SIZE_REQUESTED: &str = "possible: the recording ends here, or the file is larger than the memory that the firmware has \
                              for it";
const ONLY_MISSING: &str = "loaders and firmware request some files that they do not need. What follows may use HTTP, which is \
                            not shown here";
const NO_REPLY_CAPTURED: &str = "either there was none, or the capture does not contain it: capture on the server, all UDP \
                                 datagrams of the client, because TFTP replies come from other ports than 69";
const LOADED_REPEATEDLY: &str = "if the file is iPXE: add dhcp-match=set:ipxe,175, put tag:!ipxe on the line that sends it, \
                                 and add a line with tag:ipxe for the next boot file. Otherwise possible: the file is for \
                                 another firmware, or Secure Boot rejects it";
const DENIED: &str = "make it readable for all users (chmod a+r) and the directories above it accessible (chmod a+x); with \
                      SELinux: restorecon";
const NOT_ACKNOWLEDGED: &str = "possible: the client was switched off or lost the network; or, if it happens each time, a firewall \
                                drops datagrams from high ports (tftp-single-port, tftp-port-range)";
