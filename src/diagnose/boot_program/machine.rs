//! Processor architectures of EFI programs, and of the firmware that starts them.

use std::fmt;

/// The machine of a PE/COFF header (UEFI 2.10, section 2.1.1). Displayed as in `an EFI program for x86-64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// 32-bit x86.
    X86,
    /// 64-bit x86.
    X64,
    /// 32-bit ARM.
    Arm,
    /// 64-bit ARM.
    Arm64,
    /// 32-bit RISC-V.
    RiscV32,
    /// 64-bit RISC-V.
    RiscV64,
    /// 128-bit RISC-V.
    RiscV128,
    /// 32-bit `LoongArch`.
    LoongArch32,
    /// 64-bit `LoongArch`.
    LoongArch64,
    /// Itanium.
    Itanium,
    /// EFI byte code, for which the firmware needs an interpreter.
    Ebc,
    /// A machine that the UEFI specification does not name.
    Other(u16),
}

impl Machine {
    /// The machine with this number in the COFF header.
    pub fn from_coff(number: u16) -> Self {
        match number {
            0x014c => Self::X86,
            0x8664 => Self::X64,
            0x01c0 | 0x01c2 | 0x01c4 => Self::Arm,
            0xaa64 => Self::Arm64,
            0x5032 => Self::RiscV32,
            0x5064 => Self::RiscV64,
            0x5128 => Self::RiscV128,
            0x6232 => Self::LoongArch32,
            0x6264 => Self::LoongArch64,
            0x0200 => Self::Itanium,
            0x0ebc => Self::Ebc,
            other => Self::Other(other),
        }
    }

    /// Names of usual boot files for this machine, as in `such as ...`.
    pub fn example(self) -> Option<&'static str> {
        match self {
            Self::X86 => Some("bootia32.efi or syslinux.efi (efi32)"),
            Self::X64 => Some("bootx64.efi, grubx64.efi or snponly.efi"),
            Self::Arm => Some("bootarm.efi"),
            Self::Arm64 => Some("bootaa64.efi or grubaa64.efi"),
            Self::RiscV64 => Some("bootriscv64.efi"),
            Self::LoongArch64 => Some("bootloongarch64.efi"),
            _ => None,
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::X86 => "32-bit x86",
            Self::X64 => "x86-64",
            Self::Arm => "32-bit ARM",
            Self::Arm64 => "ARM64",
            Self::RiscV32 => "32-bit RISC-V",
            Self::RiscV64 => "64-bit RISC-V",
            Self::RiscV128 => "128-bit RISC-V",
            Self::LoongArch32 => "32-bit LoongArch",
            Self::LoongArch64 => "64-bit LoongArch",
            Self::Itanium => "Itanium",
            Self::Ebc => "EFI byte code",
            Self::Other(number) => return write!(f, "machine {number:#06x}"),
        })
    }
}
