//! Options that dnsmasq does not have. They are never abbreviated: all that it reads keeps its meaning.

use getopts::HasArg;

/// Them, whether they take a value, how they are written, and what they do.
#[rustfmt::skip]
pub const EXTENSION_OPTIONS: &[(&str, HasArg, &str, &str)] = &[
    ("explain", HasArg::Yes,   "--explain=<client>|pcap=<file>|log=<file>", "Say what a client would be told, and by which lines."),
    ("json",    HasArg::No,    "--json",                                    "Have --explain answer in JSON."),
    ("story",   HasArg::Maybe, "--story[=html] [<log>|-]",                  "Tell the boots that a log is about."),
    ("unconfined", HasArg::No, "--unconfined",                              "Do without Landlock and seccomp."),
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
