//! What a file is for, by its name: a log does not show the contents.

use crate::wire::pxe::is_ipxe;

/// Parts of names of operating system files.
const SYSTEMS: &[&str] = &[
    "vmlinu",
    "linux",
    "kernel",
    "image",
    "initr",
    "init.xz",
    "core.gz",
    "corepure",
    "modloop",
    ".img",
    ".wim",
    ".iso",
    ".squashfs",
    ".sfs",
    ".cpio",
    "rootfs",
    "bsd",
    "xen.gz",
    "memtest",
    ".v00",
];
/// Parts of names of files that an operating system cannot start without, and that are not sufficient to start it.
const PARTS: &[&str] = &["boot.sdi"];
/// Names of loaders that contain one of [`SYSTEMS`].
const LOADERS: &[&str] = &[
    "pxelinux",
    "syslinux",
    "isolinux",
    "extlinux",
    "linux.0",
    "linux.bin",
    "linux.e64",
    "linux.e32",
    "linux.efi",
    "pxeboot",
    "memdisk",
    "u-boot",
    "grub",
];
/// Suffixes of programs of firmware.
const PROGRAM_SUFFIXES: &[&str] =
    &[".efi", ".0", ".pxe", ".kpxe", ".kkpxe", ".kkkpxe", ".n12", ".com", ".c32"];
/// Suffixes of files that loaders and operating systems read, and that are no operating system.
const SETTINGS: &[&str] = &[
    ".cfg", ".conf", ".ipxe", ".txt", ".c32", "/default", ".lst", ".php", ".mod", ".pf2", ".bcd",
    ".png", ".jpg", ".jpeg", ".tga", ".bmp", ".gif", ".lss", ".msg", ".ks", ".xml", ".json",
    ".yaml", ".yml", ".ini", ".sh", ".sig", ".md5", ".sha1", ".sha256", ".sha512", ".asc", ".dtb",
    ".dtbo", ".ign", ".seed", ".html", ".menu",
];
/// Directory of the files that pxelinux searches by addresses of the client; `default` is the last one.
const SEARCHED: &str = "pxelinux.cfg/";
const LAST_SEARCHED: &str = "pxelinux.cfg/default";
/// Beginnings of names of files that loaders request and do not need.
const OPTIONAL_NAMES: &[&str] = &[
    "autoexec.ipxe",
    "mac-",
    "hostname-",
    "local-vars.ipxe",
    "revocations",
    "shim_certificate",
    "command.lst",
    "fs.lst",
    "crypto.lst",
    "terminal.lst",
    "partmap.lst",
    "video.lst",
    "parttool.lst",
    "grub.cfg-",
    "grubenv",
    "theme.txt",
    "wpad.dat",
    "wimboot.cfg",
    "dt-blob.bin",
    "bootsig.bin",
    "recovery",
    "recover4.elf",
    "armstub",
    // Of the Raspberry Pi, by the model.
    "initramfs7",
    "initramfs8",
    "initramfs_2712",
    "autoboot.txt",
    "pieeprom.",
    "bootcfg.txt",
    "tryboot.txt",
    "hiberfil.sys",
    "bootfont",
    "boot.stl",
    "loader.conf.local",
    "loader.rc.local",
    "device.hints",
];
const OPTIONAL_SUFFIXES: &[&str] = &[
    ".mo", ".mo.gz", ".gmo", ".pf2", ".sig", ".ttf", ".mui", ".dtbo", ".png", ".jpg", ".jpeg",
    ".tga", ".bmp", ".lss",
];

/// A loader requests the file and goes on without it.
pub fn is_optional(path: &str) -> bool {
    let name = basename(path).to_ascii_lowercase();
    let is_searched = path.contains(SEARCHED) && !path.ends_with(LAST_SEARCHED);
    is_searched
        || OPTIONAL_NAMES.iter().any(|known| name.starts_with(known))
        || OPTIONAL_SUFFIXES.iter().any(|known| name.ends_with(known))
}

/// A file of an operating system.
pub fn is_system(path: &str) -> bool {
    let name = basename(path).to_ascii_lowercase();
    !is_setting(path)
        && has_any(&name, SYSTEMS)
        && !has_any(&name, LOADERS)
        && !is_ipxe(name.as_bytes())
}

/// A file of an operating system, or one that it cannot start without.
pub fn is_system_part(path: &str) -> bool {
    let name = basename(path).to_ascii_lowercase();
    (is_system(path) || has_any(&name, PARTS) || is_module(&name)) && !is_optional(path)
}

/// A description of the hardware for the kernel; some loaders go on without it.
pub fn is_device_tree(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".dtb")
}

/// A program that loads other files: after it, the client does not run an operating system.
pub fn is_loader(path: &str) -> bool {
    let name = basename(path).to_ascii_lowercase();
    let is_program = || PROGRAM_SUFFIXES.iter().any(|suffix| name.ends_with(suffix));
    !is_system(path)
        && (is_ipxe(name.as_bytes())
            || has_any(&name, LOADERS) && !is_setting(path)
            || is_program())
}

pub fn is_setting(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    SETTINGS.iter().any(|suffix| path.ends_with(suffix))
}

/// `tools.t00`: a module of `ESXi`.
fn is_module(name: &str) -> bool {
    matches!(name.rsplit_once('.').map(|(_, suffix)| suffix.as_bytes()), Some([letter, a, b])
        if letter.is_ascii_lowercase() && a.is_ascii_digit() && b.is_ascii_digit())
}

fn has_any(name: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| name.contains(part))
}

/// The part of a path after the last `/`.
pub fn basename(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_with_a_part_of_a_system_name_is_no_system_if_its_suffix_is_not() {
        for name in
            ["images/logo-linux.png", "linux.msg", "kernel.ks", "u-boot.img", "pxelinux.bios"]
        {
            assert!(!is_system(name), "{name}");
        }
        for name in
            ["vmlinuz-6.1.0-13-amd64", "kernel8.img", "boot/kernel/kernel", "bsd.rd", "memtest.0"]
        {
            assert!(is_system(name), "{name}");
        }
    }

    #[test]
    fn file_that_a_loader_can_do_without_is_optional() {
        for name in
            ["MAC-525400aabb01.ipxe", "grub/background.png", "recovery7l.img", "armstub8-gic.bin"]
        {
            assert!(is_optional(name) && !is_system_part(name), "{name}");
        }
        assert!(!is_optional("kernel8.img") && is_system_part("tools.t00"));
    }
}
