//! Options that dnsmasq does not have. They are never abbreviated: all that it reads keeps its meaning.

use getopts::HasArg;

/// Them, whether they take a value, how they are written, and what they do.
#[rustfmt::skip]
pub const EXTENSION_OPTIONS: &[(&str, HasArg, &str, &str)] = &[
    ("explain", HasArg::Yes,   "--explain=<client>|pcap=<file>|log=<file>", "Show the reply to a client and the lines that determine it."),
    ("json",    HasArg::No,    "--json",                                    "Print the result of --explain as JSON."),
    ("story",   HasArg::Maybe, "--story[=html] [<log>|-]",                  "List the boots that are recorded in a log."),
    ("unconfined", HasArg::No, "--unconfined",                              "Run without Landlock and seccomp."),
];

/// What was asked by options of ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Clients that are asked about, by [`to_text`](crate::byte_text::to_text).
    pub explain: Vec<String>,
    /// Whether programs read the answer.
    pub json: bool,
    /// In which form boots are to be told.
    pub story: Option<String>,
    /// Whether the daemon is to stay as it is when it serves.
    pub unconfined: bool,
    /// Words that are no options: the log, where boots are told. By [`to_text`](crate::byte_text::to_text).
    pub args: Vec<String>,
}
