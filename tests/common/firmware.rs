//! Emulated machines with real firmware, one network interface and no disk.
//!
//! The kernel that a machine boots writes a random word to the serial console and powers off. The word is only in
//! the initramfs, so it proves that the last file of the boot arrived completely.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::lab::{Lab, Process, Switch, eventually};

/// The hardware address of the machine.
pub const MAC: &str = "52:54:00:12:34:56";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// `SeaBIOS`, and iPXE as the PXE ROM of the network card.
    Bios,
    /// OVMF with its own network stack. The ROM of the network card is removed, because it is iPXE.
    Uefi64,
}

/// Kernel and initramfs.
pub struct Payload {
    pub kernel: PathBuf,
    pub initramfs: Vec<u8>,
    word: String,
}

impl Payload {
    /// The error names the first missing file and its Debian package.
    pub fn pack() -> Result<Self, String> {
        for (path, package) in NEEDED {
            if !Path::new(path).exists() {
                return Err(format!("no {path} (Debian: {package})"));
            }
        }
        let word = fs::read_to_string("/proc/sys/kernel/random/uuid")
            .map_err(|fault| format!("no random word: {fault}"))?;
        let word = word.trim().to_owned();
        Ok(Self { kernel: smallest_kernel()?, initramfs: initramfs(&word)?, word })
    }
}

/// A running machine. Without KVM it needs a whole CPU, so only one runs at a time.
pub struct Machine {
    qemu: Process,
    _alone: MutexGuard<'static, ()>,
}

impl Machine {
    pub fn switch_on(lab: &Lab, switch: &Switch, firmware: Firmware) -> Self {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        switch.tap("tap0");
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(BOARD).args(["-serial", &format!("file:{SERIAL}")]);
        match firmware {
            // With virtio, some HTTP transfers of lpxelinux stall (a few percent).
            Firmware::Bios => qemu.args(["-device", &card("e1000")]),
            Firmware::Uefi64 => {
                lab.copy(OVMF_VARIABLES, "/run/variables.fd");
                qemu.args(["-device", &card("virtio-net-pci,romfile=")])
                    .args(["-drive", &flash(OVMF_CODE, "on")])
                    .args(["-drive", &flash("/run/variables.fd", "off")])
            }
        };
        let qemu_log = File::create(QEMU_LOG).expect("/run is writable");
        let qemu = switch.host().spawn(qemu.stdout(Stdio::null()).stderr(qemu_log));
        Self { qemu, _alone: alone }
    }

    /// Waits until the word of the payload is on the serial console. The error is the end of the console output.
    pub fn boots_within(&mut self, limit: Duration, payload: &Payload) -> Result<(), String> {
        let end = eventually(limit, || {
            let off = self.qemu.ended().is_some();
            let serial = serial();
            let given_up = GIVEN_UP.iter().any(|words| serial.contains(words));
            match serial.contains(&payload.word) {
                true => Some(Ok(())),
                false if given_up => Some(Err("The firmware found nothing to boot")),
                false => off.then_some(Err("The machine powered off")),
            }
        });
        end.unwrap_or(Err("The machine was too slow")).map_err(|verdict| {
            let qemu_log = fs::read_to_string(QEMU_LOG).unwrap_or_default();
            format!("{verdict}. Its console:\n{}\n{qemu_log}", tail(&serial()))
        })
    }
}

fn card(model: &str) -> String {
    format!("{model},netdev=cable,mac={MAC},bootindex=1")
}

fn flash(file: &str, readonly: &str) -> String {
    format!("if=pflash,format=raw,readonly={readonly},file={file}")
}

/// The console output, readable: firmware writes escape sequences and bytes that are not UTF-8.
fn serial() -> String {
    String::from_utf8_lossy(&fs::read(SERIAL).unwrap_or_default()).replace('\x1b', "^")
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}

/// The smallest kernel, because emulation is slow.
fn smallest_kernel() -> Result<PathBuf, String> {
    let files = fs::read_dir("/boot").map_err(|fault| format!("/boot: {fault}"))?;
    files
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().starts_with("vmlinuz-"))
        .filter(|file| File::open(file.path()).is_ok())
        .min_by_key(|file| file.metadata().map_or(u64::MAX, |meta| meta.len()))
        .map(|file| file.path())
        .ok_or_else(|| "no readable /boot/vmlinuz-* (Debian: linux-image-cloud-amd64)".into())
}

fn initramfs(word: &str) -> Result<Vec<u8>, String> {
    let busybox = fs::read(BUSYBOX).map_err(|fault| format!("{BUSYBOX}: {fault}"))?;
    if needs_libraries(&busybox) {
        return Err(format!("{BUSYBOX} needs libraries (Debian: busybox-static)"));
    }
    let init = format!("#!/busybox sh\necho {word}\n/busybox poweroff -f\n");
    let mut archive = Vec::new();
    pack(&mut archive, "busybox", &busybox);
    pack(&mut archive, "init", init.as_bytes());
    pack(&mut archive, "TRAILER!!!", b"");
    Ok(archive)
}

/// Whether an ELF program header (56 bytes each, from offset 64) is `PT_INTERP`: the program needs a dynamic linker.
fn needs_libraries(program: &[u8]) -> bool {
    let headers = usize::from(program[56]);
    program[64..].chunks(56).take(headers).any(|header| header[0] == PT_INTERP)
}

/// Appends an executable file to a cpio archive of the "new ASCII" format: a header of thirteen
/// numbers in eight hexadecimal digits, the name, the contents, each padded to four bytes.
fn pack(archive: &mut Vec<u8>, name: &str, contents: &[u8]) {
    let (regular_executable, links) = (0o100_755, 1);
    let numbers =
        [0, regular_executable, 0, 0, links, 0, contents.len(), 0, 0, 0, 0, name.len() + 1, 0];
    archive.extend(b"070701");
    archive.extend(numbers.iter().flat_map(|number| format!("{number:08x}").into_bytes()));
    archive.extend(name.bytes().chain([0]));
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend(contents);
    archive.resize(archive.len().next_multiple_of(4), 0);
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const SERIAL: &str = "/run/serial.log";
const QEMU_LOG: &str = "/run/qemu.log";

/// The last messages of `SeaBIOS` and OVMF if nothing boots.
const GIVEN_UP: [&str; 2] = ["No bootable device", "BdsDxe: failed to load Boot0001"];

const PT_INTERP: u8 = 3;
const BUSYBOX: &str = "/bin/busybox";
const OVMF_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const OVMF_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
pub const PXELINUX: &str = "/usr/lib/PXELINUX/pxelinux.0";
pub const LPXELINUX: &str = "/usr/lib/PXELINUX/lpxelinux.0";
pub const LDLINUX: &str = "/usr/lib/syslinux/modules/bios/ldlinux.c32";
pub const SYSLINUX_EFI: &str = "/usr/lib/SYSLINUX.EFI/efi64/syslinux.efi";
pub const LDLINUX_EFI: &str = "/usr/lib/syslinux/modules/efi64/ldlinux.e64";

const NEEDED: [(&str, &str); 10] = [
    ("/dev/net/tun", "any kernel but the smallest, module tun"),
    ("/usr/bin/qemu-system-x86_64", "qemu-system-x86"),
    ("/usr/lib/ipxe/qemu/efi-e1000.rom", "ipxe-qemu"),
    (OVMF_CODE, "ovmf"),
    (BUSYBOX, "busybox-static"),
    (PXELINUX, "pxelinux"),
    (LPXELINUX, "pxelinux"),
    (LDLINUX, "syslinux-common"),
    (SYSLINUX_EFI, "syslinux-efi"),
    (LDLINUX_EFI, "syslinux-common"),
];

/// With `graphics=off`, `SeaBIOS`, iPXE and pxelinux use the serial console.
#[rustfmt::skip]
const BOARD: [&str; 15] = [
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    "-machine", "pc,accel=tcg,graphics=off",
    "-m", "512",
    "-uuid", "00000000-0000-4000-8000-525400123456",
    "-display", "none",
    "-monitor", "none",
    "-netdev", "tap,id=cable,ifname=tap0,script=no,downscript=no",
];
