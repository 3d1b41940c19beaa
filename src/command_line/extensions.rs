//! Options that dnsmasq does not have. They must be written in full, so that abbreviations of dnsmasq's options keep their
//! meaning.

use getopts::HasArg;

/// Name, whether it takes a value, usage and help text of each option.
#[rustfmt::skip]
pub const EXTENSION_OPTIONS: &[(&str, HasArg, &str, &str)] = &[
    ("explain", HasArg::Maybe, "--explain[=<client>|pcap=<file>|log=<file>]", "Show the reply to a client and the lines that determine it."),
    ("json",    HasArg::No,    "--json",                                    "Print the result of --explain, --status or --story as JSON."),
    ("story",   HasArg::Maybe, "--story[=text|html|json] [mac=<mac>] [ip=<ip>] [last] [<log>|-]", "List the boots that a log or a packet capture shows."),
    ("replace", HasArg::No,    "--replace",                                 "Replace the running server, without an interruption."),
    ("status",  HasArg::Maybe, "--status[=text|json|watch|metrics]",        "Show what the running server does."),
    ("unconfined", HasArg::No, "--unconfined",                              "Run without Landlock and seccomp."),
];

/// Words that completions offer as values: of these options, and of `--test`. Those that end with `=` need a value too.
#[rustfmt::skip]
pub const OFFERED_VALUES: &[(&str, &[&str])] = &[
    ("explain", &[
        "bios", "uefi", "uefi32", "arm64", "riscv64", "http", "rpi", "ipxe", "all", "every", "arch=", "mac=", "user-class=",
        "vendor-class=", "option:", "address=", "interface=", "relay=", "pcap=", "log=",
    ]),
    ("status", &["text", "json", "watch", "metrics"]),
    ("story", &["text", "html", "json"]),
    ("test", &["strict", "start", "json"]),
];

/// Values of these options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Clients of `--explain`, as [`to_text`](crate::byte_text::to_text). Empty: the usual clients.
    pub explain: Vec<String>,
    /// Whether the result of `--explain`, `--status` or `--story` is JSON.
    pub json: bool,
    /// Format and filter of `--story`; empty: the default.
    pub story: Option<String>,
    /// Whether the running server is replaced.
    pub replace: bool,
    /// Format of `--status`; empty: the default.
    pub status: Option<String>,
    /// Whether the daemon runs without the sandbox.
    pub unconfined: bool,
    /// Words that are no options, such as the logs of `--story`, as [`to_text`](crate::byte_text::to_text).
    pub args: Vec<String>,
}
