//! The keywords of lines that can decide a reply.

use std::fmt;

/// The keyword of a line that can decide a reply of a proxyDHCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the manual of dnsmasq describes each")]
pub enum Keyword {
    DhcpBoot,
    DhcpCircuitId,
    DhcpHost,
    DhcpIgnore,
    DhcpMac,
    DhcpMatch,
    DhcpNameMatch,
    DhcpOption,
    DhcpOptionPxe,
    DhcpPxeVendor,
    DhcpRange,
    DhcpRemoteId,
    DhcpReplyDelay,
    DhcpSubscriberId,
    DhcpUserClass,
    DhcpVendorClass,
    PxePrompt,
    PxeService,
    TagIf,
}

impl Keyword {
    /// All keywords of this enum.
    pub const ALL: [Self; 19] = [
        Self::DhcpBoot,
        Self::DhcpCircuitId,
        Self::DhcpHost,
        Self::DhcpIgnore,
        Self::DhcpMac,
        Self::DhcpMatch,
        Self::DhcpNameMatch,
        Self::DhcpOption,
        Self::DhcpOptionPxe,
        Self::DhcpPxeVendor,
        Self::DhcpRange,
        Self::DhcpRemoteId,
        Self::DhcpReplyDelay,
        Self::DhcpSubscriberId,
        Self::DhcpUserClass,
        Self::DhcpVendorClass,
        Self::PxePrompt,
        Self::PxeService,
        Self::TagIf,
    ];

    /// The keyword as a file spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DhcpBoot => "dhcp-boot",
            Self::DhcpCircuitId => "dhcp-circuitid",
            Self::DhcpHost => "dhcp-host",
            Self::DhcpIgnore => "dhcp-ignore",
            Self::DhcpMac => "dhcp-mac",
            Self::DhcpMatch => "dhcp-match",
            Self::DhcpNameMatch => "dhcp-name-match",
            Self::DhcpOption => "dhcp-option",
            Self::DhcpOptionPxe => "dhcp-option-pxe",
            Self::DhcpPxeVendor => "dhcp-pxe-vendor",
            Self::DhcpRange => "dhcp-range",
            Self::DhcpRemoteId => "dhcp-remoteid",
            Self::DhcpReplyDelay => "dhcp-reply-delay",
            Self::DhcpSubscriberId => "dhcp-subscrid",
            Self::DhcpUserClass => "dhcp-userclass",
            Self::DhcpVendorClass => "dhcp-vendorclass",
            Self::PxePrompt => "pxe-prompt",
            Self::PxeService => "pxe-service",
            Self::TagIf => "tag-if",
        }
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[test]
fn keywords_are_unique_and_in_the_table() {
    for keyword in Keyword::ALL {
        assert!(crate::table::find_name(keyword.name()).is_some(), "{keyword}");
        assert_eq!(Keyword::ALL.iter().filter(|one| one.name() == keyword.name()).count(), 1);
    }
}
