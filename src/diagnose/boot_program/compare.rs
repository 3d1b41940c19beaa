//! Whether a client starts a boot file.

use super::client::{Client, Firmware};
use super::efi::{EfiProgram, Role};
use super::format::Format;
use super::ipxe::EmbeddedScript;
use super::text::TextKind;
use super::{BootProgram, Ipxe};
use crate::byte_text::path_text;
use crate::reason::ProgramReason;
use std::path::Path;

/// Whether a client starts a boot file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does, as far as the contents show it. A network boot program for BIOS has no header: any bytes may be one.
    Fits,
    /// It does not.
    DoesNotFit(ProgramReason),
    /// Not known, with what decides it if there is such a thing.
    Unknown(Option<ProgramReason>),
}

/// The result for a file and a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// Whether the client starts the file.
    pub fit: Fit,
    /// A condition that may be true for this client: Secure Boot.
    pub hint: Option<ProgramReason>,
}

/// The memory for a boot file of BIOS: from 7C00h to 640 KiB (PXE 2.1, section 4.4.5), in bytes.
const BIOS_MEMORY: u64 = 0xa_0000 - 0x7c00;

/// Compares a file with a client. `path` is for the sentences only.
pub fn compare(program: &BootProgram, path: &Path, client: Client) -> Comparison {
    let pair = Pair { program, path: printable(path), client, firmware: client.firmware() };
    let fit = pair.fit();
    let hint = pair.secure_boot_hint().filter(|_| fit == Fit::Fits);
    Comparison { fit, hint }
}

/// Why a client loads the same file again and again, if the file shows it.
pub fn explain_repeated_load(
    program: &BootProgram,
    path: &Path,
    client: Client,
) -> Option<ProgramReason> {
    let Comparison { fit, hint } = compare(program, path, client);
    match fit {
        Fit::DoesNotFit(reason) => Some(reason),
        Fit::Unknown(reason) => reason,
        Fit::Fits => {
            let path = printable(path);
            match program.ipxe {
                Some(ipxe) if client.is_ipxe => Some(ipxe_reason(ipxe, path)),
                _ if program.format == Format::Unrecognised => None,
                _ => hint.or(Some(ProgramReason::Starts { path })),
            }
        }
    }
}

/// What iPXE that is sent to iPXE does.
fn ipxe_reason(ipxe: Ipxe, path: String) -> ProgramReason {
    match ipxe.script {
        EmbeddedScript::Present => ProgramReason::IpxeWithScript { path },
        EmbeddedScript::Absent if ipxe.loads_autoexec => ProgramReason::IpxeWithAutoexec { path },
        EmbeddedScript::Absent => ProgramReason::IpxeWithoutScript { path },
        EmbeddedScript::Unknown => ProgramReason::IpxeUnknownScript { path },
    }
}

/// A path without control characters: it may contain bytes from the network.
fn printable(path: &Path) -> String {
    path_text(path).chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// A file and a client.
struct Pair<'a> {
    program: &'a BootProgram,
    path: String,
    client: Client,
    firmware: Firmware,
}

impl Pair<'_> {
    fn fit(&self) -> Fit {
        if let Some(reason) = self.unusable() {
            return Fit::DoesNotFit(reason);
        }
        match self.firmware {
            Firmware::Bios if self.client.is_ipxe => self.fit_ipxe_for_bios(),
            Firmware::Bios => self.fit_bios(),
            Firmware::Uefi(_) | Firmware::UefiEbc | Firmware::OtherUefi => self.fit_uefi(),
            Firmware::NeitherBiosNorUefi => self.fit_neither(),
            Firmware::Unknown => Fit::Unknown(None),
        }
    }

    /// Why no client can start the file.
    fn unusable(&self) -> Option<ProgramReason> {
        let path = self.path();
        match self.program.format {
            Format::Empty => Some(ProgramReason::Empty { path }),
            Format::Text(TextKind::Html) => Some(ProgramReason::Html { path }),
            Format::Text(TextKind::GitLfsPointer) => Some(ProgramReason::GitLfsPointer { path }),
            _ => None,
        }
    }

    fn fit_bios(&self) -> Fit {
        match self.program.format {
            Format::Linux { .. } => {
                Fit::DoesNotFit(ProgramReason::KernelForBios { path: self.path() })
            }
            Format::Text(TextKind::IpxeScript) => self.script("undionly.kpxe"),
            Format::Compressed(format) => self.compressed(format),
            Format::Efi(efi) if efi.role != Role::NotEfi => self.efi_for_bios(efi),
            Format::Efi(_) | Format::EfiFat | Format::Elf | Format::Text(_) | Format::UBoot => {
                Fit::DoesNotFit(ProgramReason::NotBios { path: self.path(), found: self.found() })
            }
            _ => self.fit_bios_memory(),
        }
    }

    /// A file that may be a network boot program for BIOS.
    fn fit_bios_memory(&self) -> Fit {
        if self.program.len > BIOS_MEMORY {
            let (path, len) = (self.path(), self.program.len);
            return Fit::DoesNotFit(ProgramReason::TooLargeForBios { path, len });
        }
        match self.program.format {
            Format::Pxelinux | Format::IpxeBios | Format::GrubBios | Format::Unrecognised => {
                Fit::Fits
            }
            _ => Fit::Unknown(None),
        }
    }

    fn fit_ipxe_for_bios(&self) -> Fit {
        match self.program.format {
            Format::Linux { .. } | Format::Text(TextKind::IpxeScript) => Fit::Fits,
            Format::Efi(efi) if efi.role != Role::NotEfi => self.efi_for_bios(efi),
            Format::Efi(_) | Format::EfiFat | Format::Text(_) => self.not_ipxe(),
            Format::Pxelinux | Format::IpxeBios | Format::GrubBios | Format::Unrecognised => {
                self.fit_bios_memory()
            }
            // It depends on the build which of these it can load.
            _ => Fit::Unknown(None),
        }
    }

    fn fit_uefi(&self) -> Fit {
        match self.program.format {
            Format::Efi(efi) | Format::Linux { efi: Some(efi) } => self.fit_efi(efi),
            Format::UnreadableEfi | Format::EfiFat => Fit::Unknown(None),
            Format::Pxelinux
            | Format::IpxeBios
            | Format::GrubBios
            | Format::Linux { efi: None } => self.bios_for_other(),
            Format::Text(TextKind::IpxeScript) if self.client.is_ipxe => Fit::Fits,
            Format::Text(TextKind::IpxeScript) => self.script("snponly.efi"),
            // iPXE may have been built with decompression, and newer versions start disk images.
            Format::Compressed(_) | Format::Iso | Format::Disk if self.client.is_ipxe => {
                Fit::Unknown(None)
            }
            Format::Compressed(format) => self.compressed(format),
            Format::Iso | Format::Disk if self.client.architecture.is_http() => {
                let (path, found) = (self.path(), self.found());
                Fit::Unknown(Some(ProgramReason::RamDisk { path, found }))
            }
            _ if self.client.is_ipxe => self.not_ipxe(),
            _ => self.not_efi(),
        }
    }

    /// An EFI program for UEFI.
    fn fit_efi(&self, efi: EfiProgram) -> Fit {
        let Some(starts) = self.firmware.starts(efi.machine) else { return Fit::Unknown(None) };
        let path = self.path();
        if efi.role == Role::NotEfi {
            self.not_efi()
        } else if !starts {
            let (machine, client) = (efi.machine.to_string(), self.client.to_string());
            let remedy = self.firmware.remedy();
            Fit::DoesNotFit(ProgramReason::OtherMachine { path, machine, client, remedy })
        } else if efi.min_len > self.program.len {
            let (len, min_len) = (self.program.len, efi.min_len);
            Fit::DoesNotFit(ProgramReason::Incomplete { path, len, min_len })
        } else if efi.role == Role::Driver {
            Fit::Unknown(Some(ProgramReason::Driver { path }))
        } else {
            Fit::Fits
        }
    }

    fn fit_neither(&self) -> Fit {
        match self.program.format {
            Format::Efi(efi) if efi.role != Role::NotEfi => {
                let (path, machine) = (self.path(), efi.machine.to_string());
                let (client, remedy) = (self.client.to_string(), self.firmware.remedy());
                Fit::DoesNotFit(ProgramReason::OtherMachine { path, machine, client, remedy })
            }
            Format::Pxelinux | Format::IpxeBios | Format::GrubBios | Format::Linux { .. } => {
                self.bios_for_other()
            }
            _ => Fit::Unknown(None),
        }
    }

    fn efi_for_bios(&self, efi: EfiProgram) -> Fit {
        let (machine, client) = (efi.machine.to_string(), self.client.to_string());
        Fit::DoesNotFit(ProgramReason::EfiForBios { path: self.path(), machine, client })
    }

    fn bios_for_other(&self) -> Fit {
        let (path, found) = (self.path(), self.found());
        let (client, remedy) = (self.client.to_string(), self.firmware.remedy());
        Fit::DoesNotFit(ProgramReason::BiosForOther { path, found, client, remedy })
    }

    fn not_efi(&self) -> Fit {
        let (path, found) = (self.path(), self.found());
        let (client, remedy) = (self.client.to_string(), self.firmware.remedy());
        Fit::DoesNotFit(ProgramReason::NotEfi { path, found, client, remedy })
    }

    fn not_ipxe(&self) -> Fit {
        let (path, found) = (self.path(), self.found());
        let remedy = format!("an iPXE script, or {}", self.firmware.remedy());
        let client = self.client.to_string();
        Fit::DoesNotFit(ProgramReason::NotIpxe { path, found, client, remedy })
    }

    fn script(&self, remedy: &'static str) -> Fit {
        let (path, client) = (self.path(), self.client.to_string());
        Fit::DoesNotFit(ProgramReason::Script { path, client, remedy })
    }

    fn compressed(&self, format: &'static str) -> Fit {
        let (path, client) = (self.path(), self.client.to_string());
        Fit::DoesNotFit(ProgramReason::Compressed { path, format, client })
    }

    /// An EFI application without a signature, for firmware that may require one.
    fn secure_boot_hint(&self) -> Option<ProgramReason> {
        let (Format::Efi(efi) | Format::Linux { efi: Some(efi) }) = self.program.format else {
            return None;
        };
        let is_firmware = !self.client.is_ipxe && self.firmware != Firmware::Bios;
        (is_firmware && !efi.is_signed).then(|| ProgramReason::NotSigned { path: self.path() })
    }

    fn path(&self) -> String {
        self.path.clone()
    }

    /// What the file is, with its article.
    fn found(&self) -> &'static str {
        match self.program.format {
            Format::Empty => "an empty file",
            Format::Efi(_) => "a PE/COFF program that is not for EFI",
            Format::UnreadableEfi | Format::EfiFat => "an EFI program for several machines",
            Format::Dos => "a DOS program",
            Format::Linux { .. } => "a program in the format of Linux",
            Format::Pxelinux => "a boot loader of SYSLINUX",
            Format::IpxeBios => "iPXE",
            Format::GrubBios => "GRUB",
            Format::OptionRom => "an option ROM",
            Format::Elf => "an ELF file",
            Format::Compressed(_) => "a compressed file",
            Format::UBoot => "an image for U-Boot",
            Format::Iso => "an ISO 9660 image",
            Format::Disk => "a disk image",
            Format::Text(TextKind::IpxeScript) => "an iPXE script",
            Format::Text(_) => "a text file",
            Format::Unrecognised => "a file of unknown format",
        }
    }
}
