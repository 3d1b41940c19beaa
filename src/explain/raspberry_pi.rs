//! The boot loader of the Raspberry Pi: how it is recognised, and which reply it accepts.
//!
//! It sends the requests of a BIOS. A reply whose menu has the text “Raspberry Pi Boot” is an invitation: it then loads its
//! own files from the root of the server, and does not use the boot file of the reply.

use crate::wire::client_arch::Architecture;

/// The architecture that it sends.
pub const ARCHITECTURE: Architecture = Architecture(0);
/// The vendor class that it sends. Some older BIOS firmware sends the same.
pub const VENDOR_CLASS: &[u8] = b"PXEClient:Arch:00000:UNDI:002001";
/// The first three bytes of the hardware addresses of all models. The first one is that of models up to the Raspberry Pi 3.
pub const VENDORS: &[[u8; 3]] = &[
    [0xb8, 0x27, 0xeb],
    [0xdc, 0xa6, 0x32],
    [0xe4, 0x5f, 0x01],
    [0xd8, 0x3a, 0xdd],
    [0x2c, 0xcf, 0x67],
    [0x28, 0xcd, 0xc1],
];
/// The text of the menu entry.
pub const MENU_TEXT: &str = "Raspberry Pi Boot";

/// How the texts of a reply invite a Raspberry Pi.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invitation {
    /// A text is the expected one, with blanks behind it at most.
    Exact,
    /// A text contains the expected one. Not all models accept this.
    Contained,
    /// No text has it.
    Missing,
}

/// Whether a menu text contains that of the Raspberry Pi.
pub fn is_menu_text(menu: &[u8]) -> bool {
    let text = MENU_TEXT.as_bytes();
    menu.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text))
}

/// Whether a hardware address is that of a Raspberry Pi.
pub fn has_vendor(mac: &[u8]) -> bool {
    VENDORS.iter().any(|vendor| mac.starts_with(vendor))
}

/// Whether a hardware address is that of a model up to the Raspberry Pi 3, which requires the exact text and `bootcode.bin`.
pub fn is_early_model(mac: &[u8]) -> bool {
    mac.starts_with(&VENDORS[0])
}

/// How the texts of a menu, and its prompt, invite a Raspberry Pi.
pub fn invitation<'t>(menu: impl Iterator<Item = &'t str> + Clone, prompt: &'t str) -> Invitation {
    if menu.clone().any(|text| text.trim_end_matches(' ') == MENU_TEXT) {
        Invitation::Exact
    } else if menu.chain([prompt]).any(|text| text.contains(MENU_TEXT)) {
        Invitation::Contained
    } else {
        Invitation::Missing
    }
}

#[test]
fn invitation_is_exact_with_blanks_behind_the_text_only() {
    let of = |text: &'static str| invitation([text].into_iter(), "");
    assert_eq!(of("Raspberry Pi Boot"), Invitation::Exact);
    assert_eq!(of("Raspberry Pi Boot   "), Invitation::Exact);
    assert_eq!(of("The Raspberry Pi Boot"), Invitation::Contained);
    assert_eq!(of("Raspberry Pi boot"), Invitation::Missing);
    assert_eq!(invitation([].into_iter(), "Raspberry Pi Boot"), Invitation::Contained);
}
