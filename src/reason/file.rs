//! Reasons why a file cannot be sent.

reasons! {
    /// Why a file cannot be sent.
    pub enum FileReason {
        /// A file that a line names. `check`: the path and what is wrong with it.
        Unusable { keyword: String, check: String } = "file-unusable", "{keyword}: {check}";
    }
}
