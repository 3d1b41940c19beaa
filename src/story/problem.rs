//! The faults that a server logs at its start.

/// What a problem of the server can prevent.
pub enum Problem {
    /// All files of a directory.
    TftpDirectory,
    /// All replies on a network.
    Network,
    /// Anything.
    Other,
}

impl Problem {
    /// By the beginning of its line.
    pub fn of(text: &str) -> Self {
        if ["TFTP directory ", "directory "].iter().any(|start| text.starts_with(start)) {
            Self::TftpDirectory
        } else if text.contains("interface") || text.starts_with("No IPv4 address") {
            Self::Network
        } else {
            Self::Other
        }
    }
}
