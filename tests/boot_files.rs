//! Boot files of Debian packages, and the clients that start them.

mod common;

use pxemasq::diagnose::boot_program::{
    BootProgram, Client, EmbeddedScript, Fit, Format, Machine, Role, check, identify,
};
use pxemasq::wire::client_arch::Architecture;
use std::path::Path;

crate::tests![
    efi_programs_have_machine_and_complete_sections,
    programs_for_bios_are_identified,
    ipxe_for_uefi_has_no_embedded_script,
    script_that_is_put_into_ipxe_for_uefi_is_found,
    kernel_is_a_program_for_its_own_uefi_only,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

const PACKAGES: &str = "Debian: ipxe, ipxe-qemu, pxelinux, syslinux-common, syslinux-efi";
const SNPONLY: &str = "/usr/lib/ipxe/snponly.efi";

fn program(path: &str) -> Option<BootProgram> {
    common::required(
        identify(Path::new(path)).map_err(|error| format!("{path}: {error} ({PACKAGES})")),
    )
}

fn fits(path: &Path, architecture: u16, is_ipxe: bool) -> bool {
    let client = Client { architecture: Architecture(architecture), is_ipxe };
    check(path, client).expect("readable file").fit == Fit::Fits
}

fn efi_programs_have_machine_and_complete_sections() {
    for (path, machine) in [
        ("/usr/lib/SYSLINUX.EFI/efi32/syslinux.efi", Machine::X86),
        ("/usr/lib/SYSLINUX.EFI/efi64/syslinux.efi", Machine::X64),
        ("/usr/lib/ipxe/ipxe.efi", Machine::X64),
        (SNPONLY, Machine::X64),
    ] {
        let Some(found) = program(path) else { return };
        let Format::Efi(efi) = found.format else { panic!("{path}: {found:?}") };
        assert_eq!((efi.machine, efi.role, efi.is_signed), (machine, Role::Application, false));
        assert!(0 < efi.min_len && efi.min_len <= found.len, "{path}: {found:?}");
    }
}

fn programs_for_bios_are_identified() {
    for (path, format, starts) in [
        ("/usr/lib/PXELINUX/pxelinux.0", Format::Pxelinux, true),
        ("/usr/lib/PXELINUX/lpxelinux.0", Format::Pxelinux, true),
        ("/usr/lib/ipxe/undionly.kpxe", Format::IpxeBios, true),
        ("/usr/lib/ipxe/undionly.kkpxe", Format::IpxeBios, true),
        ("/usr/lib/ipxe/ipxe.pxe", Format::IpxeBios, true),
        ("/usr/lib/ipxe/ipxe.lkrn", Format::Linux { efi: None }, false),
        ("/usr/lib/ipxe/ipxe.iso", Format::Iso, false),
        ("/usr/lib/ipxe/qemu/pxe-e1000.rom", Format::OptionRom, false),
        ("/usr/lib/syslinux/memdisk", Format::Linux { efi: None }, false),
        ("/usr/lib/syslinux/modules/bios/menu.c32", Format::Elf, false),
    ] {
        let Some(found) = program(path) else { return };
        assert_eq!(found.format, format, "{path}");
        assert_eq!(fits(Path::new(path), 0, false), starts, "{path}");
        assert!(!fits(Path::new(path), 7, false), "{path}");
    }
}

fn ipxe_for_uefi_has_no_embedded_script() {
    for path in [SNPONLY, "/usr/lib/ipxe/ipxe.efi"] {
        let Some(found) = program(path) else { return };
        assert_eq!(found.ipxe.map(|ipxe| ipxe.script), Some(EmbeddedScript::Absent), "{path}");
    }
}

/// A build with `EMBED=` has the script unchanged among its data.
fn script_that_is_put_into_ipxe_for_uefi_is_found() {
    let Some(_) = program(SNPONLY) else { return };
    let mut bytes = std::fs::read(SNPONLY).expect("readable file");
    let zeros = bytes.windows(64).rposition(|window| window == [0; 64]).expect("zeros");
    bytes[zeros + 16..zeros + 29].copy_from_slice(b"#!ipxe\nshell\n");
    let folder = tempfile::tempdir().expect("temporary directory");
    let path = folder.path().join("snponly.efi");
    std::fs::write(&path, &bytes).expect("written file");
    let script = identify(&path).expect("readable file").ipxe.map(|ipxe| ipxe.script);
    assert_eq!(script, Some(EmbeddedScript::Present));
}

fn kernel_is_a_program_for_its_own_uefi_only() {
    let found = std::fs::read_dir("/boot").ok().into_iter().flatten().flatten().find(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.starts_with("vmlinuz-") && name.ends_with("-amd64")
    });
    let kernel = found.ok_or_else(|| "no kernel (Debian: linux-image-cloud-amd64)".to_owned());
    let Some(kernel) = common::required(kernel) else { return };
    let path = kernel.path();
    assert!(fits(&path, 7, false) && fits(&path, 7, true) && fits(&path, 0, true));
    assert!(!fits(&path, 0, false) && !fits(&path, 11, false) && !fits(&path, 6, false));
}
