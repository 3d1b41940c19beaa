//! Client architectures (RFC 4578, section 2.1; IANA, "Processor Architecture Types").

use std::borrow::Cow;
use std::fmt;

/// The number of an architecture, as in option 93. Displayed as `7 (x86-64_EFI)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Architecture(pub u16);

/// The first number that is not a BIOS. dnsmasq sends the boot file to these clients on port 4011 only
/// (docs/dnsmasq/proxydhcp.md, section 5.4).
pub const FIRST_EFI: u16 = 6;

/// Indexed by number: the name in IANA's registry, and the name in dnsmasq or an empty string.
#[rustfmt::skip]
const NAMES: &[(&str, &str)] = &[
    ("x86 BIOS",                         "x86PC"),
    ("NEC/PC98",                         "PC98"),
    ("Itanium",                          "IA64_EFI"),
    ("DEC Alpha",                        "Alpha"),
    ("Arc x86",                          "Arc_x86"),
    ("Intel Lean Client",                "Intel_Lean_Client"),
    ("x86 UEFI",                         "IA32_EFI"),
    ("x64 UEFI",                         "x86-64_EFI"),
    ("EFI Xscale",                       "Xscale_EFI"),
    ("EBC",                              "BC_EFI"),
    ("ARM 32-bit UEFI",                  "ARM32_EFI"),
    ("ARM 64-bit UEFI",                  "ARM64_EFI"),
    ("PowerPC Open Firmware",            ""),
    ("PowerPC ePAPR",                    ""),
    ("POWER OPAL v3",                    ""),
    ("x86 uefi boot from http",          ""),
    ("x64 uefi boot from http",          ""),
    ("ebc boot from http",               ""),
    ("arm uefi 32 boot from http",       ""),
    ("arm uefi 64 boot from http",       ""),
    ("pc/at bios boot from http",        ""),
    ("arm 32 uboot",                     ""),
    ("arm 64 uboot",                     ""),
    ("arm uboot 32 boot from http",      ""),
    ("arm uboot 64 boot from http",      ""),
    ("RISC-V 32-bit UEFI",               ""),
    ("RISC-V 32-bit UEFI boot from http", ""),
    ("RISC-V 64-bit UEFI",               ""),
    ("RISC-V 64-bit UEFI boot from http", ""),
    ("RISC-V 128-bit UEFI",              ""),
    ("RISC-V 128-bit UEFI boot from http", ""),
    ("s390 Basic",                       ""),
    ("s390 Extended",                    ""),
    ("MIPS 32-bit UEFI",                 ""),
    ("MIPS 64-bit UEFI",                 ""),
    ("Sunway 32-bit UEFI",               ""),
    ("Sunway 64-bit UEFI",               ""),
    ("LoongArch 32-bit UEFI",            ""),
    ("LoongArch 32-bit UEFI boot from http", ""),
    ("LoongArch 64-bit UEFI",            ""),
    ("LoongArch 64-bit UEFI boot from http", ""),
    ("arm rpiboot",                      ""),
];

impl Architecture {
    /// All architectures that have a name.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).zip(NAMES).map(|(number, _)| Self(number))
    }

    /// Parses a number or any of the names. Only letters and digits are compared, in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let name = normalized(text);
        let has_name = |(registered, dnsmasq): &(&str, &str)| {
            normalized(registered) == name || normalized(dnsmasq) == name
        };
        let by_name =
            || NAMES.iter().position(has_name).and_then(|index| u16::try_from(index).ok());
        text.parse().ok().or_else(|| by_name().filter(|_| !name.is_empty())).map(Self)
    }

    /// The architecture of a vendor class like `PXEClient:Arch:00007:UNDI:003016` (PXE 2.1, section 2.2.1).
    pub fn from_vendor_class(class: &str) -> Option<Self> {
        class.split_once("Arch:")?.1.get(..5)?.parse().ok().map(Self)
    }

    /// The name in dnsmasq, else the name in IANA's registry.
    pub fn name(self) -> Option<&'static str> {
        let (registered, dnsmasq) = NAMES.get(usize::from(self.0))?;
        Some(if dnsmasq.is_empty() { registered } else { dnsmasq })
    }

    /// Whether the number is one of UEFI or of a later firmware, not of a BIOS.
    pub fn is_efi(self) -> bool {
        self.0 >= FIRST_EFI
    }

    /// Whether the firmware loads its boot file by HTTP (UEFI 2.10, section 24.7).
    pub fn is_http(self) -> bool {
        self.name().is_some_and(|name| name.ends_with("from http"))
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{} ({name})", self.0),
            None => self.0.fmt(f),
        }
    }
}

/// Letters and digits only, in lower case.
fn normalized(name: &str) -> Cow<'_, str> {
    if name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return name.into();
    }
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect::<String>().into()
}

#[test]
fn each_name_is_parsed_as_its_own_number() {
    for (number, (registered, dnsmasq)) in (0..).zip(NAMES) {
        for name in [registered, dnsmasq].into_iter().filter(|name| !name.is_empty()) {
            assert_eq!(Architecture::parse(name), Some(Architecture(number)), "{name}");
        }
    }
    assert_eq!(Architecture::parse("X86_64-efi"), Some(Architecture(7)));
    assert_eq!(Architecture::parse("300"), Some(Architecture(300)));
    assert_eq!((Architecture::parse(""), Architecture::parse("x86PCx")), (None, None));
    let of_dnsmasq = NAMES.iter().map(|(_, name)| *name).filter(|name| !name.is_empty());
    assert!(of_dnsmasq.eq(conf_parser::ARCHITECTURES.iter().copied()));
    assert_eq!(Architecture(41).to_string(), "41 (arm rpiboot)");
    let class = "PXEClient:Arch:00007:UNDI:003016";
    assert_eq!(Architecture::from_vendor_class(class), Some(Architecture(7)));
    assert_eq!(Architecture::from_vendor_class("PXEClient:Arch:0007"), None);
}
