//! Boot files made of bytes, for clients of all kinds. `tests/boot_files.rs` has files of Debian packages.

mod files;
mod fits;
mod robustness;

use super::*;
use crate::wire::client_arch::Architecture;
use files::{Pe, file};

/// The program in a file with these bytes.
fn program(bytes: &[u8]) -> BootProgram {
    BootProgram::read(bytes, bytes.len() as u64).unwrap()
}

/// A client as in `7`, and iPXE as in `ipxe 7`.
fn client(text: &str) -> Client {
    let number = text.trim_start_matches("ipxe ").parse().unwrap();
    Client { architecture: Architecture(number), is_ipxe: text.starts_with("ipxe ") }
}

#[test]
fn pe_headers_give_machine_role_and_signature() {
    let read = |pe: Pe| match program(&pe.bytes()).format {
        Format::Efi(efi) => (efi.machine, efi.role, efi.is_signed),
        other => panic!("{pe:?}: {other:?}"),
    };
    for (number, machine) in [
        (0x014c, Machine::X86),
        (0x8664, Machine::X64),
        (0x01c2, Machine::Arm),
        (0x01c4, Machine::Arm),
        (0xaa64, Machine::Arm64),
        (0x5032, Machine::RiscV32),
        (0x5064, Machine::RiscV64),
        (0x5128, Machine::RiscV128),
        (0x6232, Machine::LoongArch32),
        (0x6264, Machine::LoongArch64),
        (0x0200, Machine::Itanium),
        (0x0ebc, Machine::Ebc),
        (0x1234, Machine::Other(0x1234)),
    ] {
        assert_eq!(read(Pe::of(number)), (machine, Role::Application, false), "{number:#x}");
    }
    for (subsystem, role) in
        [(10, Role::Application), (11, Role::Driver), (12, Role::Driver), (3, Role::NotEfi)]
    {
        assert_eq!(read(Pe { subsystem, ..Pe::of(0x8664) }).1, role, "{subsystem}");
    }
    assert!(read(Pe { is_signed: true, ..Pe::of(0xaa64) }).2);
    assert!(read(Pe { is_signed: true, ..Pe::of(0x014c) }).2);
}

#[test]
fn file_format_is_found_by_its_contents() {
    for (name, format) in [
        ("empty", Format::Empty),
        ("kernel", Format::Linux { efi: None }),
        ("pxelinux", Format::Pxelinux),
        ("undionly", Format::IpxeBios),
        ("grub-pc", Format::GrubBios),
        ("blob", Format::Unrecognised),
        ("option-rom", Format::OptionRom),
        ("dos", Format::Dos),
        ("mz-far", Format::UnreadableEfi),
        ("elf", Format::Elf),
        ("gzip", Format::Compressed("gzip")),
        ("xz", Format::Compressed("xz")),
        ("zstd", Format::Compressed("zstd")),
        ("fit", Format::UBoot),
        ("iso", Format::Iso),
        ("gpt", Format::Disk),
        ("mbr", Format::Disk),
        ("script", Format::Text(TextKind::IpxeScript)),
        ("script-crlf", Format::Text(TextKind::IpxeScript)),
        ("config", Format::Text(TextKind::Other)),
        ("utf16", Format::Text(TextKind::Other)),
        ("html", Format::Text(TextKind::Html)),
        ("html-blanks", Format::Text(TextKind::Html)),
        ("lfs", Format::Text(TextKind::GitLfsPointer)),
    ] {
        assert_eq!(program(&file(name)).format, format, "{name}");
    }
}

#[test]
fn text_that_is_cut_within_a_character_is_text() {
    let long = [&b"x"[..], "ä".repeat(4096).as_bytes()].concat();
    assert_eq!(program(&long).format, Format::Text(TextKind::Other));
    let comment = "# ipxe script without its first line\nchain x\n";
    assert_eq!(program(comment.as_bytes()).format, Format::Text(TextKind::Other));
    assert_eq!(program(b"#!ipxe").format, Format::Text(TextKind::Other));
}

#[test]
fn embedded_script_is_found_where_ipxe_is_not_compressed() {
    let found =
        |name: &str| program(&file(name)).ipxe.map(|ipxe| (ipxe.script, ipxe.loads_autoexec));
    for (name, script) in [
        ("ipxe.efi", Some((EmbeddedScript::Absent, false))),
        ("ipxe-embedded.efi", Some((EmbeddedScript::Present, false))),
        ("ipxe-embedded-gpxe.efi", Some((EmbeddedScript::Present, false))),
        ("ipxe-autoexec.efi", Some((EmbeddedScript::Absent, true))),
        ("ipxe-utf16-autoexec.efi", Some((EmbeddedScript::Absent, true))),
        ("ipxe-no-magic.efi", Some((EmbeddedScript::Unknown, false))),
        ("ipxe-huge.efi", Some((EmbeddedScript::Unknown, false))),
        ("undionly", Some((EmbeddedScript::Unknown, false))),
        ("x64.efi", None),
        ("blob", None),
    ] {
        assert_eq!(found(name), script, "{name}");
    }
}

#[test]
fn script_across_two_read_blocks_is_found() {
    for start in 131_060..131_080 {
        let mut bytes = file("ipxe.efi");
        bytes.resize(200_000, 0);
        bytes[start..start + 8].copy_from_slice(b"#!ipxe\n\n");
        let script = program(&bytes).ipxe.map(|ipxe| ipxe.script);
        assert_eq!(script, Some(EmbeddedScript::Present), "{start}");
    }
}

#[test]
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let error = identify(folder.path()).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    let path = folder.path().join("file");
    let error = identify(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotFound);
    std::fs::write(&path, file("x64.efi")).unwrap();
    assert_eq!(identify(&path).unwrap(), program(&file("x64.efi")));
}
