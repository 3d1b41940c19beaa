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

/// The identifier of each reason, its sentence with `{}` for its data, and an explanation that a long line may cut off.
///
/// Sentences that begin with data come last: the others are recognised by their beginning.
#[rustfmt::skip]
const SENTENCES: &[(DropKind, &str, &str, &str)] = &[
    (DropKind::TooShort, "too-short", "it is too short for DHCP", ""),
    (DropKind::NoInterface, "interface-removed", "the interface that received it was removed", ""),
    (DropKind::NoPxeService, "no-pxe-service", "there is no pxe-service and no pxe-prompt", ": without one no client is answered"),
    (DropKind::UnknownBridgeInterface, "unknown-bridge-interface", "interface {} of bridge-interface does not exist", ""),
    (DropKind::NotBootRequest, "no-dhcp-request", "it is no DHCP request", ""),
    (DropKind::NoRange, "no-range", "no dhcp-range is for a request {}", ""),
    (DropKind::Bootp, "bootp", "it is BOOTP", ": it has no message type (option 53)"),
    (DropKind::HttpBoot, "http-boot", "it is a client of UEFI HTTP Boot", ", for which dhcp-pxe-vendor=PXEClient,HTTPClient is missing"),
    (DropKind::NotPxe, "no-pxe-client", "it is no PXE client", ": its vendor class (option 60) is no PXE vendor class"),
    (DropKind::AsksForAddress, "asks-for-address", "it asks a DHCP server", " for its address"),
    (DropKind::OtherMessage, "other-message", "messages of type {} are for a DHCP server", ""),
    (DropKind::NoArchitecture, "no-architecture", "it has no client architecture (option 93)", ""),
    (DropKind::NoProxyRange, "no-proxy-range", "no proxy range is for it", ""),
    (DropKind::Bis, "bis", "it asks for boot integrity services", ""),
    (DropKind::UnknownBootServerType, "unknown-boot-server-type", "no pxe-service with a file has type {}, which it chose", ""),
    (DropKind::ClientOutsideRanges, "client-outside-ranges", "its address {} is outside of all ranges", ""),
    (DropKind::NoAddress, "no-address", "{} has no IPv4 address", ""),
    (DropKind::DhcpDisabled, "dhcp-disabled", "{} disables DHCP on {}", ""),
    (DropKind::InterfaceExcepted, "interface-excepted", "{} excludes {}", ""),
    (DropKind::NotListening, "not-listening", "{} is not among the interfaces we listen on", ""),
    (DropKind::Ignored, "ignored", "{} ignores this client", ""),
];
const DATA: &str = "{}";

impl DropKind {
    /// The number of reasons.
    pub const COUNT: usize = SENTENCES.len();

    /// Its number, less than [`DropKind::COUNT`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The identifier, which does not change when the wording does.
    pub fn id(self) -> &'static str {
        SENTENCES.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, id, ..)| id)
    }

    /// Writes the sentence with its data.
    pub fn write(self, f: &mut fmt::Formatter<'_>, data: &[&dyn Display]) -> fmt::Result {
        let row = SENTENCES.iter().find(|(kind, ..)| *kind == self);
        let (_, _, reason, explanation) = row.ok_or(fmt::Error)?;
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
        SENTENCES.iter().find(|(_, _, reason, _)| begins(text, reason)).map(|(kind, ..)| *kind)
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

#[test]
fn each_reason_has_its_own_number_and_identifier() {
    let numbers: std::collections::BTreeSet<usize> = DropKind::all().map(DropKind::index).collect();
    assert!(numbers.into_iter().eq(0..DropKind::COUNT));
    let ids: std::collections::BTreeSet<&str> = DropKind::all().map(DropKind::id).collect();
    assert_eq!(ids.len(), DropKind::COUNT);
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    assert!(ids.iter().all(|id| !id.is_empty() && id.bytes().all(is_allowed)), "{ids:?}");
}
