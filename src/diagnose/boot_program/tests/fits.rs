//! Which client starts which file.

use super::*;
use crate::reason::ProgramReason;

/// File, client (number of the architecture, with `ipxe` for iPXE), and the result: `fits`, `unknown`, or the identifier of
/// the reason. A `?` in front of an identifier: not known, for that reason.
#[rustfmt::skip]
const TABLE: &[(&str, &str, &str)] = &[
    // BIOS.
    ("pxelinux",        "0",  "fits"),
    ("undionly",        "0",  "fits"),
    ("grub-pc",         "0",  "fits"),
    ("blob",            "0",  "fits"),
    ("blob",            "20", "fits"),
    ("mbr",             "0",  "unknown"),
    ("option-rom",      "0",  "unknown"),
    ("dos",             "0",  "unknown"),
    ("iso",             "0",  "unknown"),
    ("huge-blob",       "0",  "program-too-large-for-bios"),
    ("huge-pxelinux",   "0",  "program-too-large-for-bios"),
    ("huge-disk",       "0",  "program-too-large-for-bios"),
    ("x64.efi",         "0",  "program-efi-for-bios"),
    ("ia32.efi",        "0",  "program-efi-for-bios"),
    ("arm64.efi",       "0",  "program-efi-for-bios"),
    ("driver.efi",      "0",  "program-efi-for-bios"),
    ("ipxe.efi",        "0",  "program-efi-for-bios"),
    ("windows.exe",     "0",  "program-not-bios"),
    ("kernel",          "0",  "program-kernel-for-bios"),
    ("stub-kernel",     "0",  "program-kernel-for-bios"),
    ("elf",             "0",  "program-not-bios"),
    ("fit",             "0",  "program-not-bios"),
    ("config",          "0",  "program-not-bios"),
    ("script",          "0",  "program-script-for-firmware"),
    ("gzip",            "0",  "program-compressed"),
    ("html",            "0",  "program-html-page"),
    ("lfs",             "0",  "program-git-lfs-pointer"),
    ("empty",           "0",  "program-empty"),
    // UEFI for x86-64, with both numbers, and for 32-bit x86.
    ("x64.efi",         "7",  "fits"),
    ("x64.efi",         "9",  "fits"),
    ("shim.efi",        "7",  "fits"),
    ("stub-kernel",     "7",  "fits"),
    ("ia32.efi",        "6",  "fits"),
    ("ia32.efi",        "7",  "program-other-machine"),
    ("ia32.efi",        "9",  "unknown"),
    ("x64.efi",         "6",  "program-other-machine"),
    ("arm64.efi",       "7",  "program-other-machine"),
    ("arm64.efi",       "9",  "program-other-machine"),
    ("itanium.efi",     "7",  "program-other-machine"),
    ("ebc.efi",         "7",  "unknown"),
    ("ebc.efi",         "9",  "fits"),
    ("driver.efi",      "7",  "?program-efi-driver"),
    ("windows.exe",     "7",  "program-not-efi"),
    ("cut.efi",         "7",  "program-incomplete"),
    ("mz-far",          "7",  "unknown"),
    ("dos",             "7",  "program-not-efi"),
    ("pxelinux",        "7",  "program-bios-for-other"),
    ("undionly",        "7",  "program-bios-for-other"),
    ("undionly",        "9",  "program-bios-for-other"),
    ("grub-pc",         "6",  "program-bios-for-other"),
    ("kernel",          "7",  "program-bios-for-other"),
    ("blob",            "7",  "program-not-efi"),
    ("option-rom",      "7",  "program-not-efi"),
    ("elf",             "7",  "program-not-efi"),
    ("iso",             "7",  "program-not-efi"),
    ("gpt",             "7",  "program-not-efi"),
    ("config",          "7",  "program-not-efi"),
    ("script",          "7",  "program-script-for-firmware"),
    ("script",          "9",  "program-script-for-firmware"),
    ("gzip",            "7",  "program-compressed"),
    ("html-blanks",     "7",  "program-html-page"),
    ("empty",           "7",  "program-empty"),
    // UEFI for other machines.
    ("arm64.efi",       "11", "fits"),
    ("x64.efi",         "11", "program-other-machine"),
    ("arm.efi",         "11", "program-other-machine"),
    ("arm.efi",         "10", "fits"),
    ("arm64.efi",       "10", "program-other-machine"),
    ("gzip",            "11", "program-compressed"),
    ("pxelinux",        "11", "program-bios-for-other"),
    ("riscv64.efi",     "27", "fits"),
    ("riscv64.efi",     "25", "program-other-machine"),
    ("loongarch64.efi", "39", "fits"),
    ("x64.efi",         "39", "program-other-machine"),
    ("itanium.efi",     "2",  "fits"),
    ("mips.efi",        "33", "unknown"),
    ("x64.efi",         "33", "program-other-machine"),
    ("pxelinux",        "34", "program-bios-for-other"),
    // UEFI HTTP Boot.
    ("x64.efi",         "16", "fits"),
    ("arm64.efi",       "19", "fits"),
    ("ia32.efi",        "15", "fits"),
    ("arm.efi",         "18", "fits"),
    ("riscv64.efi",     "28", "fits"),
    ("arm64.efi",       "16", "program-other-machine"),
    ("iso",             "16", "?program-ram-disk"),
    ("gpt",             "19", "?program-ram-disk"),
    ("script",          "16", "program-script-for-firmware"),
    ("html",            "16", "program-html-page"),
    // iPXE for BIOS.
    ("script",          "ipxe 0", "fits"),
    ("script-crlf",     "ipxe 0", "fits"),
    ("kernel",          "ipxe 0", "fits"),
    ("stub-kernel",     "ipxe 0", "fits"),
    ("pxelinux",        "ipxe 0", "fits"),
    ("undionly",        "ipxe 0", "fits"),
    ("blob",            "ipxe 0", "fits"),
    ("huge-blob",       "ipxe 0", "program-too-large-for-bios"),
    ("x64.efi",         "ipxe 0", "program-efi-for-bios"),
    ("config",          "ipxe 0", "program-not-ipxe"),
    ("windows.exe",     "ipxe 0", "program-not-ipxe"),
    ("elf",             "ipxe 0", "unknown"),
    ("gzip",            "ipxe 0", "unknown"),
    ("iso",             "ipxe 0", "unknown"),
    ("empty",           "ipxe 0", "program-empty"),
    // iPXE for UEFI.
    ("script",          "ipxe 7",  "fits"),
    ("x64.efi",         "ipxe 7",  "fits"),
    ("x64.efi",         "ipxe 9",  "fits"),
    ("stub-kernel",     "ipxe 7",  "fits"),
    ("arm64.efi",       "ipxe 7",  "program-other-machine"),
    ("arm64.efi",       "ipxe 11", "fits"),
    ("pxelinux",        "ipxe 7",  "program-bios-for-other"),
    ("kernel",          "ipxe 7",  "program-bios-for-other"),
    ("blob",            "ipxe 7",  "program-not-ipxe"),
    ("config",          "ipxe 7",  "program-not-ipxe"),
    ("gzip",            "ipxe 11", "unknown"),
    ("iso",             "ipxe 7",  "unknown"),
    ("html",            "ipxe 7",  "program-html-page"),
    // Other firmware: U-Boot, s390, PowerPC, the Raspberry Pi, a number without a name.
    ("script",          "22", "unknown"),
    ("arm64.efi",       "22", "unknown"),
    ("pxelinux",        "31", "program-bios-for-other"),
    ("x64.efi",         "32", "program-other-machine"),
    ("blob",            "31", "unknown"),
    ("config",          "31", "unknown"),
    ("elf",             "12", "unknown"),
    ("elf",             "41", "unknown"),
    ("blob",            "300", "unknown"),
    ("empty",           "31", "program-empty"),
];

fn result(fit: &Fit) -> String {
    match fit {
        Fit::Fits => "fits".to_owned(),
        Fit::DoesNotFit(reason) => reason.id().to_owned(),
        Fit::Unknown(None) => "unknown".to_owned(),
        Fit::Unknown(Some(reason)) => format!("?{}", reason.id()),
    }
}

#[test]
fn each_file_is_compared_with_each_client() {
    for (name, firmware, expected) in TABLE {
        let compared = compare(&program(&file(name)), Path::new("/srv/boot"), client(firmware));
        assert_eq!(result(&compared.fit), *expected, "{name} for {firmware}: {compared:?}");
    }
}

#[test]
fn sentences_name_file_client_and_remedy() {
    let sentence = |name: &str, firmware: &str| match compare(
        &program(&file(name)),
        Path::new("/srv/boot"),
        client(firmware),
    )
    .fit
    {
        Fit::DoesNotFit(reason) | Fit::Unknown(Some(reason)) => reason.to_string(),
        fit => panic!("{fit:?}"),
    };
    for (name, firmware, text) in [
        (
            "x64.efi",
            "0",
            "/srv/boot is a program for x86-64 UEFI, and the client is BIOS firmware: send it a \
             network boot program for BIOS, such as pxelinux.0 or undionly.kpxe",
        ),
        (
            "undionly",
            "9",
            "/srv/boot is iPXE for BIOS, and the client is UEFI firmware of architecture 9 \
             (BC_EFI): send it an EFI application for x86-64, such as bootx64.efi, grubx64.efi or \
             snponly.efi",
        ),
        (
            "config",
            "ipxe 0",
            "/srv/boot is a text file, which iPXE for BIOS does not start: send it an iPXE script, \
             or a network boot program for BIOS, such as pxelinux.0 or undionly.kpxe",
        ),
        (
            "blob",
            "11",
            "/srv/boot is a file of unknown format, and ARM64 UEFI firmware starts only EFI \
             programs: send it an EFI application for ARM64, such as bootaa64.efi or grubaa64.efi",
        ),
        (
            "kernel",
            "ipxe 7",
            "/srv/boot is a program in the format of Linux for BIOS, and the client is iPXE for \
             x86-64 UEFI: send it an EFI application for x86-64, such as bootx64.efi, grubx64.efi \
             or snponly.efi",
        ),
    ] {
        assert_eq!(sentence(name, firmware), text);
    }
}

#[test]
fn missing_signature_is_a_hint_for_uefi_firmware_only() {
    let hint = |name: &str, firmware: &str| {
        compare(&program(&file(name)), Path::new("/x"), client(firmware)).hint
    };
    let not_signed = Some(ProgramReason::NotSigned { path: "/x".to_owned() });
    for (name, firmware, expected) in [
        ("x64.efi", "7", &not_signed),
        ("arm64.efi", "19", &not_signed),
        ("shim.efi", "7", &None),
        ("arm64.efi", "7", &None),
        ("x64.efi", "ipxe 7", &None),
        ("pxelinux", "0", &None),
    ] {
        assert_eq!(hint(name, firmware), *expected, "{name} for {firmware}");
    }
}

#[test]
fn repeated_load_is_explained_by_the_file() {
    let id = |name: &str, firmware: &str| {
        let program = program(&file(name));
        explain_repeated_load(&program, Path::new("/x"), client(firmware)).map(|reason| reason.id())
    };
    for (name, firmware, expected) in [
        ("ia32.efi", "7", Some("program-other-machine")),
        ("pxelinux", "7", Some("program-bios-for-other")),
        ("x64.efi", "7", Some("program-not-signed")),
        ("shim.efi", "7", Some("program-starts")),
        ("pxelinux", "0", Some("program-starts")),
        ("undionly", "0", Some("program-starts")),
        ("blob", "0", None),
        ("mbr", "0", None),
        ("iso", "16", Some("program-ram-disk")),
        ("undionly", "ipxe 0", Some("program-ipxe-script-unknown")),
        ("ipxe.efi", "ipxe 7", Some("program-ipxe-without-script")),
        ("ipxe-autoexec.efi", "ipxe 7", Some("program-ipxe-with-autoexec")),
        ("ipxe-embedded.efi", "ipxe 7", Some("program-ipxe-with-script")),
    ] {
        assert_eq!(id(name, firmware), expected, "{name} for {firmware}");
    }
}
