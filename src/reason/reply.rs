//! Reasons why a reply is not sufficient for the client, or why there is none.

reasons! {
    /// What is wrong with a reply for this client.
    pub enum ReplyReason {
        UrlForFirmware = "url-for-firmware",
            "firmware loads its first file by TFTP only: send iPXE first, and the URL to iPXE only (tag:ipxe)";
        UrlRequired = "url-required", "UEFI HTTP Boot requires a URL";
        /// `name`: the boot file; `server`: the address of this server.
        NoServerAddress { name: String, server: std::net::Ipv4Addr } = "no-server-address",
            "the line has no server address, and iPXE ignores such a reply: add the address (dhcp-boot={name},,{server})";
    }
}
