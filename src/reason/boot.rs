//! What a client did, or did not do, during its boot.

reasons! {
    /// Where the boot of a client stopped. In a notice, the client precedes the sentence.
    pub enum BootReason {
        NoDownload { file: String, line: String } = "no-download",
            "was offered {file} ({line}) but did not request it: does a firewall drop UDP port 69?";
    }
}
