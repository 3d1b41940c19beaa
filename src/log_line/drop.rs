//! The sentence of each reason to drop a request. Decisions are logged with it, and `--story` recognises it.

use std::fmt::{self, Display};

/// Reason to drop a request, without its data.
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

/// The sentence of each reason, with `{}` for its data, and an explanation that a long line may cut off.
///
/// Sentences that begin with data come last: the others are recognised by their beginning.
#[rustfmt::skip]
const SENTENCES: &[(DropKind, &str, &str)] = &[
    (DropKind::TooShort, "it is too short for DHCP", ""),
    (DropKind::NoInterface, "the interface that received it was removed", ""),
    (DropKind::NoPxeService, "there is no pxe-service and no pxe-prompt", ": without one no client is answered"),
    (DropKind::UnknownBridgeInterface, "interface {} of bridge-interface does not exist", ""),
    (DropKind::NotBootRequest, "it is no DHCP request", ""),
    (DropKind::NoRange, "no dhcp-range is for a request {}", ""),
    (DropKind::Bootp, "it is BOOTP", ": it has no message type (option 53)"),
    (DropKind::HttpBoot, "it is a client of UEFI HTTP Boot", ", for which dhcp-pxe-vendor=PXEClient,HTTPClient is missing"),
    (DropKind::NotPxe, "it is no PXE client", ": its vendor class (option 60) is no PXE vendor class"),
    (DropKind::AsksForAddress, "it asks a DHCP server", " for its address"),
    (DropKind::OtherMessage, "messages of type {} are for a DHCP server", ""),
    (DropKind::NoArchitecture, "it has no client architecture (option 93)", ""),
    (DropKind::NoProxyRange, "no proxy range is for it", ""),
    (DropKind::Bis, "it asks for boot integrity services", ""),
    (DropKind::UnknownBootServerType, "no pxe-service with a file has type {}, which it chose", ""),
    (DropKind::ClientOutsideRanges, "its address {} is outside of all ranges", ""),
    (DropKind::NoAddress, "{} has no IPv4 address", ""),
    (DropKind::DhcpDisabled, "{} disables DHCP on {}", ""),
    (DropKind::InterfaceExcepted, "{} excludes {}", ""),
    (DropKind::NotListening, "{} is not among the interfaces we listen on", ""),
    (DropKind::Ignored, "{} ignores this client", ""),
];
const DATA: &str = "{}";

impl DropKind {
    /// Writes the sentence with its data.
    pub fn write(self, f: &mut fmt::Formatter<'_>, data: &[&dyn Display]) -> fmt::Result {
        let row = SENTENCES.iter().find(|(kind, ..)| *kind == self);
        let (_, reason, explanation) = row.ok_or(fmt::Error)?;
        let mut data = data.iter();
        for (index, words) in reason.split(DATA).enumerate() {
            if index > 0 {
                data.next().ok_or(fmt::Error)?.fmt(f)?;
            }
            f.write_str(words)?;
        }
        f.write_str(explanation)
    }

    /// The reason that `text` begins with; lines that almost applied may follow.
    pub fn parse(text: &str) -> Option<Self> {
        SENTENCES.iter().find(|(_, reason, _)| begins(text, reason)).map(|(kind, ..)| *kind)
    }

    /// All reasons.
    pub fn all() -> impl Iterator<Item = Self> {
        SENTENCES.iter().map(|(kind, ..)| *kind)
    }
}

/// Whether `text` begins with the sentence, with any data.
fn begins(text: &str, reason: &str) -> bool {
    let mut parts = reason.split(DATA);
    let rest = parts.next().and_then(|first| text.strip_prefix(first));
    let after = |rest: &'_ str, words: &str| rest.find(words).map(|start| start + words.len());
    let end = parts.try_fold(rest.unwrap_or_default(), |rest, words| {
        after(rest, words).and_then(|end| rest.get(end..))
    });
    rest.is_some() && end.is_some()
}
