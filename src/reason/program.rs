//! Reasons why a boot file does not fit the firmware of the client.

reasons! {
    /// Why a boot file does not fit a client, or may not fit it. `path`: the file. `client`: the firmware, or iPXE, as in
    /// `x86-64 UEFI firmware`. `found`: what the file is, with its article. `remedy`: what to send instead.
    pub enum ProgramReason {
        /// No bytes.
        Empty { path: String } = "program-empty",
            "{path} is empty: copy the file again";
        /// Sections or certificates that its headers name are beyond its end. The lengths are in bytes.
        Incomplete { path: String, len: u64, min_len: u64 } = "program-incomplete",
            "{path} is incomplete: it has {len} bytes, and at least {min_len} according to its headers. Copy the file again";
        /// Often the error page of a download.
        Html { path: String } = "program-html-page",
            "{path} is an HTML page and not a boot file: download the boot file itself";
        /// A repository that was cloned without its large files.
        GitLfsPointer { path: String } = "program-git-lfs-pointer",
            "{path} is a Git LFS pointer and not the file itself: run `git lfs pull` in its repository";
        /// An EFI program for BIOS firmware.
        EfiForBios { path: String, machine: String, client: String } = "program-efi-for-bios",
            "{path} is a program for {machine} UEFI, and the client is {client}: send it a network boot program for BIOS, such as pxelinux.0 or undionly.kpxe";
        /// An EFI program for another processor architecture.
        OtherMachine { path: String, machine: String, client: String, remedy: String } = "program-other-machine",
            "{path} is a program for {machine} UEFI, and the client is {client}: send it {remedy}";
        /// A network boot program for BIOS, for another firmware.
        BiosForOther { path: String, found: &'static str, client: String, remedy: String } = "program-bios-for-other",
            "{path} is {found} for BIOS, and the client is {client}: send it {remedy}";
        /// Not an EFI program, for firmware that starts nothing else.
        NotEfi { path: String, found: &'static str, client: String, remedy: String } = "program-not-efi",
            "{path} is {found}, and {client} starts only EFI programs: send it {remedy}";
        /// Not a program for BIOS firmware.
        NotBios { path: String, found: &'static str } = "program-not-bios",
            "{path} is {found}, which BIOS firmware does not start: send it a network boot program for BIOS, such as pxelinux.0 or undionly.kpxe";
        /// A file that iPXE does not start.
        NotIpxe { path: String, found: &'static str, client: String, remedy: String } = "program-not-ipxe",
            "{path} is {found}, which {client} does not start: send it {remedy}";
        /// A Linux kernel for BIOS firmware.
        KernelForBios { path: String } = "program-kernel-for-bios",
            "{path} has the format of a Linux kernel, which BIOS firmware does not start: send a boot loader such as pxelinux.0 or undionly.kpxe, and let it load this file";
        /// A script of iPXE for a client that is not iPXE.
        Script { path: String, client: String, remedy: &'static str } = "program-script-for-firmware",
            "{path} is an iPXE script, and the client is {client}: send it {remedy} first, and the script only to iPXE (dhcp-match=set:ipxe,175 and tag:ipxe)";
        /// A compressed file for firmware.
        Compressed { path: String, format: &'static str, client: String } = "program-compressed",
            "{path} is compressed with {format}, and {client} does not decompress a boot file: decompress it";
        /// It does not fit into the memory that BIOS programs have. `len` in bytes.
        TooLargeForBios { path: String, len: u64 } = "program-too-large-for-bios",
            "{path} has {len} bytes, and a boot file for BIOS must fit into the 623616 bytes of memory from 7C00h to 640 KiB: send a boot loader such as pxelinux.0, and let it load this file";
        /// A driver may end at once.
        Driver { path: String } = "program-efi-driver",
            "{path} is an EFI driver and not an EFI application: the firmware may start it, but a driver does not boot anything";
        /// A file that HTTP Boot can use as a disk.
        RamDisk { path: String, found: &'static str } = "program-ram-disk",
            "{path} is {found}: UEFI HTTP Boot starts it only where the firmware supports RAM disks";
        /// A hint about Secure Boot.
        NotSigned { path: String } = "program-not-signed",
            "{path} has no signature: a client with Secure Boot does not start it";
        /// The firmware starts it, and the client loads it again.
        Starts { path: String } = "program-starts",
            "{path} is a program for this firmware: read on the client's screen why the boot does not go on";
        /// iPXE that is sent to iPXE, and asks for its boot file again.
        IpxeWithoutScript { path: String } = "program-ipxe-without-script",
            "{path} is iPXE without an embedded script, so that iPXE loads iPXE again. Set a tag for iPXE (dhcp-match=set:ipxe,175) and exclude iPXE from the line that sends it (tag:!ipxe)";
        /// As before; this build looks for a script first.
        IpxeWithAutoexec { path: String } = "program-ipxe-with-autoexec",
            "{path} is iPXE without an embedded script, so that iPXE loads iPXE again unless there is a script autoexec.ipxe in the directory of {path}. Set a tag for iPXE (dhcp-match=set:ipxe,175) and exclude iPXE from the line that sends it (tag:!ipxe)";
        /// The script decides.
        IpxeWithScript { path: String } = "program-ipxe-with-script",
            "{path} is iPXE with an embedded script, which decides what iPXE loads next: if iPXE loads {path} again, correct that script";
        /// A compressed build.
        IpxeUnknownScript { path: String } = "program-ipxe-script-unknown",
            "{path} is iPXE, and compressed, so that an embedded script is not visible: without one, iPXE loads iPXE again. Set a tag for iPXE (dhcp-match=set:ipxe,175) and exclude iPXE from the line that sends it (tag:!ipxe)";
    }
}
