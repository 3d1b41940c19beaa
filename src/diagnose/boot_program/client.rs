//! The client that starts a boot file: its firmware, or iPXE.

use super::machine::Machine;
use crate::wire::client_arch::Architecture;
use std::fmt;

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its architecture (option 93). iPXE sends that of its own build.
    pub architecture: Architecture,
    /// Whether it is iPXE.
    pub is_ipxe: bool,
}

/// What starts the boot file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// PC BIOS.
    Bios,
    /// UEFI for a machine that [`Machine`] names.
    Uefi(Machine),
    /// UEFI that sends the number of EFI byte code. Most of these clients are x86-64, because RFC 4578 exchanged the
    /// numbers 7 and 9.
    UefiEbc,
    /// UEFI for another machine.
    OtherUefi,
    /// Firmware that starts neither programs for BIOS nor for EFI.
    NeitherBiosNorUefi,
    /// U-Boot and all others: not known.
    Unknown,
}

impl Client {
    /// What starts the boot file.
    pub fn firmware(self) -> Firmware {
        match self.architecture.0 {
            0 | 20 => Firmware::Bios,
            2 => Firmware::Uefi(Machine::Itanium),
            6 | 15 => Firmware::Uefi(Machine::X86),
            7 | 16 => Firmware::Uefi(Machine::X64),
            8 | 10 | 18 => Firmware::Uefi(Machine::Arm),
            9 | 17 => Firmware::UefiEbc,
            11 | 19 => Firmware::Uefi(Machine::Arm64),
            25 | 26 => Firmware::Uefi(Machine::RiscV32),
            27 | 28 => Firmware::Uefi(Machine::RiscV64),
            29 | 30 => Firmware::Uefi(Machine::RiscV128),
            37 | 38 => Firmware::Uefi(Machine::LoongArch32),
            39 | 40 => Firmware::Uefi(Machine::LoongArch64),
            33..=36 => Firmware::OtherUefi,
            // PowerPC and s390.
            12..=14 | 31 | 32 => Firmware::NeitherBiosNorUefi,
            _ => Firmware::Unknown,
        }
    }
}

impl Firmware {
    /// Whether it starts EFI programs for `machine`; `None`: not known.
    pub fn starts(self, machine: Machine) -> Option<bool> {
        match (self, machine) {
            (Self::Uefi(own), _) if own == machine => Some(true),
            (Self::UefiEbc, Machine::X64 | Machine::Ebc) => Some(true),
            (Self::UefiEbc, Machine::X86)
            | (Self::OtherUefi, Machine::Other(_))
            | (_, Machine::Ebc) => None,
            _ => Some(false),
        }
    }

    /// What to send to this firmware instead of a file that it does not start.
    pub fn remedy(self) -> String {
        let machine = match self {
            Self::Uefi(machine) => machine,
            Self::UefiEbc => Machine::X64,
            Self::Bios => {
                return "a network boot program for BIOS, such as pxelinux.0 or undionly.kpxe"
                    .into();
            }
            _ => return "a boot file for that firmware".into(),
        };
        let example = machine.example().map(|names| format!(", such as {names}"));
        format!("an EFI application for {machine}{}", example.unwrap_or_default())
    }
}

/// As in `x86-64 UEFI firmware` and `iPXE for BIOS`.
impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_ipxe { "iPXE" } else { "firmware" };
        match self.firmware() {
            Firmware::Bios if self.is_ipxe => f.write_str("iPXE for BIOS"),
            Firmware::Bios => f.write_str("BIOS firmware"),
            Firmware::Uefi(machine) if self.is_ipxe => write!(f, "iPXE for {machine} UEFI"),
            Firmware::Uefi(machine) => write!(f, "{machine} UEFI firmware"),
            Firmware::UefiEbc | Firmware::OtherUefi => {
                write!(f, "UEFI {kind} of architecture {}", self.architecture)
            }
            _ => write!(f, "{kind} of architecture {}", self.architecture),
        }
    }
}
