//! Reasons why a file cannot be sent.

reasons! {
    /// Why a file cannot be sent. `path` is the path that was requested. `other` is a file that exists; `but` names one, as
    /// `, but X does`, or is empty.
    pub enum FileReason {
        NotFound { path: String } = "file-not-found", "{path} does not exist";
        DifferentCase { path: String, other: String } = "file-different-case",
            "{path} does not exist, but {other} does (differs in case)";
        OtherDirectory { path: String, other: String } = "file-other-directory",
            "{path} does not exist, but {other} does (in another directory)";
        OtherSuffix { path: String, other: String } = "file-other-suffix", "{path} does not exist, but {other} does";
        OtherRoot { path: String, other: String } = "file-other-root",
            "{path} does not exist, but {other} does: is tftp-root wrong?";
        RootInName { path: String, other: String, root: String } = "file-root-in-name",
            "{path} does not exist, but {other} does: the name begins with the root {root}, and names are below tftp-root \
             already. Remove the root from the name";
        Backslashes { path: String, other: String } = "file-backslashes",
            "{path} does not exist, but {other} does: a backslash in a request separates directories. Make the directories, \
             and rename the file";
        NameIsUrl { path: String, but: String } = "file-name-is-url",
            "{path} does not exist{but}: the name is a URL, and TFTP needs a path. Send a URL to iPXE and to HTTP Boot \
             clients only";
        Quotes { path: String, but: String } = "file-quotes",
            "{path} does not exist{but}: the quotation marks are part of the name. Remove them";
        PercentEscapes { path: String, but: String } = "file-percent-escapes",
            "{path} does not exist{but}: TFTP does not decode percent escapes. Write the characters themselves";
        Blanks { path: String, but: String } = "file-blanks",
            "{path} does not exist{but}: the name begins or ends with a blank. Remove it";
        CarriageReturn { path: String, but: String } = "file-carriage-return",
            "{path} does not exist{but}: the name ends with a carriage return (0x0D). The file that has the name may have \
             line ends of Windows: convert it with dos2unix";
        /// `byte`: as `0xFF`.
        StrayByte { path: String, but: String, byte: String } = "file-stray-byte",
            "{path} does not exist{but}: the byte {byte} is part of the name. Some boot ROMs read the boot file name (option \
             67) beyond its end";
        DanglingLink { path: String, target: String } = "file-dangling-link",
            "{path} is a link to {target}, which does not exist";
        DanglingLinkInPath { path: String, link: String, target: String } = "file-dangling-link-in-path",
            "{path} cannot be found: {link} is a link to {target}, which does not exist";
        LinkLoop { path: String, link: String } = "file-link-loop",
            "{path} cannot be found: the link {link} leads to itself, or through too many levels of symbolic links";
        NotADirectory { path: String, part: String } = "file-not-a-directory",
            "{path} cannot be found: {part} is not a directory";
        IsDirectory { path: String } = "file-is-directory", "{path} is a directory, not a file";
        NotAFile { path: String } = "file-not-regular", "{path} is not a file";
        OutsideRoot { path: String } = "file-outside-root", "{path} is outside of the TFTP root";
        WrongOwner { path: String, user: String } = "file-wrong-owner",
            "{path} does not belong to {user} (tftp-secure)";
        /// `access`: mode and owner.
        Denied { path: String, user: String, access: String } = "file-denied",
            "{path} cannot be read by {user}: {access}";
        DirectoryDenied { path: String, user: String, directory: String, access: String } = "file-directory-denied",
            "{path} cannot be read by {user}, without search permission on {directory}: {access}";
        DeniedDespiteMode { path: String, user: String } = "file-denied-despite-mode",
            "{path} cannot be read by {user}, although its mode permits it. Possible causes: SELinux (restorecon, ausearch -m \
             avc), AppArmor (journalctl -k), or an access control list (getfacl)";
        /// `error`: the text of strerror(3).
        Failed { path: String, error: String } = "file-failed", "{path}: {error}";
    }
}

impl FileReason {
    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::DifferentCase { .. }
            | Self::OtherDirectory { .. }
            | Self::OtherSuffix { .. }
            | Self::OtherRoot { .. }
            | Self::RootInName { .. }
            | Self::Backslashes { .. }
            | Self::NameIsUrl { .. }
            | Self::Quotes { .. }
            | Self::PercentEscapes { .. }
            | Self::Blanks { .. }
            | Self::CarriageReturn { .. }
            | Self::StrayByte { .. }
            | Self::DanglingLink { .. }
            | Self::DanglingLinkInPath { .. } => true,
            Self::LinkLoop { .. }
            | Self::NotADirectory { .. }
            | Self::IsDirectory { .. }
            | Self::NotAFile { .. }
            | Self::OutsideRoot { .. }
            | Self::WrongOwner { .. }
            | Self::Denied { .. }
            | Self::DirectoryDenied { .. }
            | Self::DeniedDespiteMode { .. }
            | Self::Failed { .. } => false,
        }
    }
}

/// A file that a line names and that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredFile {
    /// The option of the line.
    pub keyword: String,
    /// Why it cannot be sent.
    pub reason: FileReason,
    /// A remark behind the sentence, in brackets, or nothing.
    pub remark: String,
}

impl ConfiguredFile {
    /// `suffixed`: the name that clients request, if dnsmasq adds the suffix `.0` to the name in the line.
    pub fn new(keyword: &str, reason: FileReason, suffixed: Option<&str>) -> Self {
        let requested = suffixed.filter(|_| reason.is_missing());
        let base = requested.and_then(|name| Some((name, name.strip_suffix(".0")?)));
        let remark = base.map_or_else(String::new, |(name, base)| {
            format!(" (clients will ask for {name}: {base} has no dot)")
        });
        Self { keyword: keyword.to_owned(), reason, remark }
    }

    /// Its identifiers and sentences are those of [`FileReason`].
    pub const TABLE: &[(&str, &str)] = &[];

    /// The identifier of the reason.
    pub fn id(&self) -> &'static str {
        self.reason.id()
    }
}

impl std::fmt::Display for ConfiguredFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { keyword, reason, remark } = self;
        write!(f, "{keyword}: {reason}{remark}")
    }
}
