//! The words of each reason to drop a request: decisions are logged with them, and `--story` recognises them.

use std::fmt::{self, Display};

/// A reason without its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table below has a sentence for each")]
pub enum DropKind {
    TooShort,
    NoInterface,
    NoPxeService,
    UnknownBridgeInterface,
    NotBootRequest,
    NoRange,
    Bootp,
    HttpBoot,
    NotPxe,
    AsksForAddress,
    OtherMessage,
    NoArchitecture,
    NoProxyRange,
    Bis,
    UnknownBootServerType,
    ClientOutsideRanges,
    NoAddress,
    DhcpDisabled,
    InterfaceExcepted,
    NotListening,
    Ignored,
}

/// Each reason in words, `{}` for its data; behind that what explains it, which may be cut off in a long line.
///
/// Sentences that begin with data come last: of the others the beginning is certain.
#[rustfmt::skip]
const WORDS: &[(DropKind, &str, &str)] = &[
    (DropKind::TooShort, "it is too short for DHCP", ""),
    (DropKind::NoInterface, "the interface it came by is gone", ""),
    (DropKind::NoPxeService, "there is no pxe-service and no pxe-prompt", ": without one nobody is answered"),
    (DropKind::UnknownBridgeInterface, "there is no {}, which bridge-interface names", ""),
    (DropKind::NotBootRequest, "it is no DHCP request", ""),
    (DropKind::NoRange, "no dhcp-range is for a request {}", ""),
    (DropKind::Bootp, "it is BOOTP", ": it has no message type (option 53)"),
    (DropKind::HttpBoot, "it is a client of UEFI HTTP Boot", ", for which dhcp-pxe-vendor=PXEClient,HTTPClient is missing"),
    (DropKind::NotPxe, "it is no PXE client", ": its vendor class (option 60) does not say so"),
    (DropKind::AsksForAddress, "it asks a DHCP server", " for its address"),
    (DropKind::OtherMessage, "messages of type {} are for a DHCP server", ""),
    (DropKind::NoArchitecture, "it does not tell its architecture (option 93)", ""),
    (DropKind::NoProxyRange, "no proxy range is for it", ""),
    (DropKind::Bis, "it asks for boot integrity services", ""),
    (DropKind::UnknownBootServerType, "no pxe-service with a file has type {}, which it chose", ""),
    (DropKind::ClientOutsideRanges, "its address {} is outside of all ranges", ""),
    (DropKind::NoAddress, "{} has no IPv4 address", ""),
    (DropKind::DhcpDisabled, "{} keeps DHCP off {}", ""),
    (DropKind::InterfaceExcepted, "{} keeps us off {}", ""),
    (DropKind::NotListening, "{} is not among the interfaces we listen on", ""),
    (DropKind::Ignored, "{} says to ignore it", ""),
];
const DATA: &str = "{}";

impl DropKind {
    /// Writes the sentence with its data.
    pub fn write(self, f: &mut fmt::Formatter<'_>, data: &[&dyn Display]) -> fmt::Result {
        let row = WORDS.iter().find(|(kind, ..)| *kind == self);
        let (_, reason, explanation) = row.ok_or(fmt::Error)?;
        let mut data = data.iter();
        for (at, words) in reason.split(DATA).enumerate() {
            if at > 0 {
                data.next().ok_or(fmt::Error)?.fmt(f)?;
            }
            f.write_str(words)?;
        }
        f.write_str(explanation)
    }

    /// The reason that a text begins with; lines that were passed over may stand behind it.
    pub fn parse(text: &str) -> Option<Self> {
        WORDS.iter().find(|(_, reason, _)| begins(text, reason)).map(|(kind, ..)| *kind)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        WORDS.iter().map(|(kind, ..)| *kind)
    }
}

/// Whether a text begins with these words, with anything in place of the data.
fn begins(text: &str, reason: &str) -> bool {
    let mut parts = reason.split(DATA);
    let rest = parts.next().and_then(|first| text.strip_prefix(first));
    let behind = |rest: &'_ str, words: &str| rest.find(words).map(|at| at + words.len());
    let end = parts.try_fold(rest.unwrap_or_default(), |rest, words| {
        behind(rest, words).and_then(|end| rest.get(end..))
    });
    rest.is_some() && end.is_some()
}
