//! What a client did, or did not do, during its boot.

reasons! {
    /// Where the boot of a client stopped. In a notice, the client precedes the sentence.
    pub enum BootReason {
        /// `reason`: the reason of the drop, and lines that almost applied.
        NoReply { reason: String } = "no-reply", "requested a boot file and got no reply: {reason}";
        /// `near`: lines that almost applied.
        NoBootFile { architecture: String, near: String } = "no-boot-file",
            "got a reply without a boot file: no pxe-service and no dhcp-boot applies to it, architecture {architecture}{near}";
        NoBootFileForIpxe { architecture: String, near: String } = "no-boot-file-for-ipxe",
            "(iPXE) got a reply without a boot file: no pxe-service and no dhcp-boot applies to it, architecture \
             {architecture}, so only an embedded script of iPXE can continue the boot{near}";
        /// `seconds`: since the reply.
        NoProxyRequest { line: String, seconds: u64 } = "no-proxy-request",
            "was answered ({line}), and no request of it to port 4011 arrived within {seconds} seconds. Possible causes: a \
             firewall drops UDP port 4011, the client chose another offer or another boot device, or it got no address from a \
             DHCP server";
        NoDownload { file: String, line: String, seconds: u64 } = "no-download",
            "was offered {file} ({line}), and no request for it arrived within {seconds} seconds. Possible causes: a firewall \
             drops UDP port 69, the client chose another offer or another boot device, or it got no address from a DHCP \
             server";
    }
}
