//! Client architectures (RFC 4578, section 2.1; IANA, "Processor Architecture Types").

use std::borrow::Cow;
use std::fmt;

/// What a client runs on, by its number in option 93. Shows as `7 (x86-64_EFI)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Architecture(pub u16);

/// Architectures from here on are EFI: they are sent to port 4011 for everything (PXE 2.1; RFC 4578).
pub const FIRST_EFI: u16 = 6;

/// By number: the name in the registry, and dnsmasq's where it has one.
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
    /// All that have a name.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).zip(NAMES).map(|(number, _)| Self(number))
    }

    /// By number, or by any of its names; letters in either case, and other characters do not count.
    pub fn parse(text: &str) -> Option<Self> {
        let wanted = plain(text);
        let named =
            |(ours, theirs): &(&str, &str)| plain(ours) == wanted || plain(theirs) == wanted;
        let by_name = || NAMES.iter().position(named).and_then(|at| u16::try_from(at).ok());
        text.parse().ok().or_else(|| by_name().filter(|_| !wanted.is_empty())).map(Self)
    }

    /// Its name, dnsmasq's if it has one.
    pub fn name(self) -> Option<&'static str> {
        let (registered, ours) = NAMES.get(usize::from(self.0))?;
        Some(if ours.is_empty() { registered } else { ours })
    }

    /// Whether it is UEFI's, or what came after it: not a BIOS.
    pub fn is_efi(self) -> bool {
        self.0 >= FIRST_EFI
    }

    /// Whether it takes its boot file from a web server (UEFI 2.10, section 24.7).
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

/// Letters and digits, in small.
fn plain(name: &str) -> Cow<'_, str> {
    if name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return name.into();
    }
    let kept = name.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect::<String>().into()
}

#[test]
fn every_name_is_known_and_none_means_two() {
    for (number, (registered, ours)) in (0..).zip(NAMES) {
        for name in [registered, ours].into_iter().filter(|name| !name.is_empty()) {
            assert_eq!(Architecture::parse(name), Some(Architecture(number)), "{name}");
        }
    }
    assert_eq!(Architecture::parse("X86_64-efi"), Some(Architecture(7)));
    assert_eq!(Architecture::parse("300"), Some(Architecture(300)));
    assert_eq!((Architecture::parse(""), Architecture::parse("x86PCx")), (None, None));
    let theirs = NAMES.iter().map(|(_, name)| *name).filter(|name| !name.is_empty());
    assert!(theirs.eq(conf_parser::ARCHITECTURES.iter().copied()));
    assert_eq!(Architecture(41).to_string(), "41 (arm rpiboot)");
}
