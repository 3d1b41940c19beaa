//! The results of simulated boots: why a reply is sufficient for the client, why it is not, and why there is none.

use std::net::Ipv4Addr;

reasons! {
    /// What a reply, or its absence, means for this client. `name`: the boot file. `server`: the address in the reply.
    /// `why`: the reason as in the log (`log-debug`). `entry`: the text of a menu entry.
    pub enum ReplyReason {
        /// The file can be read, and the client can load it.
        BootsFile { name: String } = "boots-file", "boots {name}";
        /// Boot server type 0.
        BootsLocalDisk = "boots-local-disk", "boots the local disk";
        /// It does not use the boot file of the reply.
        BootsRaspberryPi { name: String } = "boots-raspberry-pi", "the Raspberry Pi loads {name}";

        OtherServer { name: String, server: Ipv4Addr } = "other-server",
            "{server} has to serve {name}: it is another machine";
        OtherProgram { name: String, server: Ipv4Addr, program: String } = "other-program",
            "{program} has to serve {name}: it uses UDP port 69 of {server}, and enable-tftp is missing";
        OtherUrl { url: String } = "other-url", "the server of {url} has to send it";
        /// A menu entry with another boot server.
        OtherBootServer { entry: String, server: Ipv4Addr } = "other-boot-server",
            "{server} has to reply to the choice of “{entry}” on port 4011: it is another machine";
        BootServerSearched { entry: String, server_type: u16 } = "boot-server-searched",
            "a boot server of type {server_type} has to reply to the choice of “{entry}”, which the client broadcasts";
        /// The configuration is for another machine.
        TftpElsewhere { name: String, server: Ipv4Addr } = "tftp-elsewhere",
            "enable-tftp is missing: another TFTP server on {server} has to serve {name}";
        RootElsewhere { name: String, root: String } = "tftp-root-elsewhere",
            "{root} does not exist on this machine: {name} has to be in it on the server";
        NameElsewhere { warning: String } = "server-name-elsewhere",
            "{warning} on this machine: the server has to resolve it";
        /// An interface of the configuration is here, and its network is not.
        NetworkElsewhere { interface: String, start: Ipv4Addr, result: String } = "network-elsewhere",
            "{interface} of this machine is not on the network of {start}, so no client is answered on it; on a machine whose {interface} is on that network, the result is: {result}. For a client behind a relay, add relay=";
        PiTextInexact { text: String } = "raspberry-pi-text-inexact",
            "“{text}” contains “Raspberry Pi Boot”: some models require exactly this text, with blanks behind it at most";
        PiModel { name: String } = "raspberry-pi-model",
            "only {name} is there: it depends on the model whether that is sufficient";
        /// `server`: the address of this server.
        NoServerAddressForBios { name: String, server: Ipv4Addr } = "no-server-address-for-bios",
            "the line has no server address: BIOS firmware that is iPXE, as in most virtual machines, ignores such a reply. Add \
             the address (dhcp-boot={name},,{server})";
        ScriptDecides { name: String } = "ipxe-script-decides",
            "the script of {name} itself decides what is loaded";
        /// `setter`: as `FILE:LINE (dhcp-host)`.
        LineForMachines { tag: String, setter: String } = "line-for-machines",
            "this line is only for machines with the tag {tag}, which {setter} sets: add mac= with the address of one";
        /// A `dhcp-ignore` line; `setter` as above.
        MachinesIgnored { tag: String, setter: String } = "machines-ignored",
            "this line ignores machines without the tag {tag}, which {setter} sets: add mac= with the address of one";
        FitNotKnown { name: String, client: String } = "program-not-known",
            "{name} is sent; it is not known whether {client} starts it";
        IpxeLoopWithoutScript { name: String } = "ipxe-loop-without-script",
            "iPXE gets {name}, which is iPXE: without an embedded script it loads itself without end. Then set a tag for iPXE \
             (dhcp-match=set:ipxe,175), exclude it from this line (tag:!ipxe), and add a line with its boot file (dhcp-boot=tag:ipxe,...)";

        IpxeLoop { name: String } = "ipxe-loop",
            "sends {name} also to iPXE, which then loads it again without end: set a tag for iPXE (dhcp-match=set:ipxe,175), \
             exclude it from this line (tag:!ipxe), and add a line with its boot file (dhcp-boot=tag:ipxe,...)";
        UrlForFirmware = "url-for-firmware",
            "firmware loads its first file by TFTP only: send iPXE first, and the URL to iPXE only (tag:ipxe)";
        UrlRequired { name: String } = "url-required",
            "UEFI HTTP Boot requires a URL that begins with http:// or https://, and {name} is none";
        /// The URL of a single `pxe-service`.
        UrlDeferred = "url-deferred",
            "UEFI HTTP Boot does not use port 4011, where the file of a pxe-service is sent: write the URL into a dhcp-boot";
        HttpClassMissing = "http-class-missing",
            "UEFI HTTP Boot requires the vendor class HTTPClient: add dhcp-pxe-vendor=PXEClient,HTTPClient";
        PxeClassMissing { class: String } = "pxe-class-missing",
            "the vendor class of the reply is “{class}”, and PXE firmware requires PXEClient: add it to dhcp-pxe-vendor";
        /// `server`: the address of this server.
        NoServerAddress { name: String, server: Ipv4Addr } = "no-server-address",
            "the line has no server address, and iPXE ignores such a reply: add the address (dhcp-boot={name},,{server})";
        ServerNameUnknown { warning: String } = "server-name-unknown", "{warning}: write its address instead";
        NameTooLong { len: usize, max: usize } = "file-name-too-long",
            "the name of the boot file has {len} bytes, and is cut to {max} bytes in the reply: use a shorter path";
        LoopbackServer { server: Ipv4Addr } = "loopback-server",
            "the server of the boot file is {server}, which is the client itself: write an address of this machine on the client's network";
        TftpMissing { name: String, server: Ipv4Addr } = "tftp-missing",
            "nothing serves TFTP on this machine here and now, and {server} has to serve {name}: add enable-tftp, or start the other TFTP server";
        TftpOtherInterface { interface: String } = "tftp-other-interface",
            "TFTP is not served on {interface}: add {interface} to enable-tftp, or remove its value";
        TftpLeftOut { interface: String } = "tftp-left-out", "TFTP is not served on {interface}";
        PiTextMissing = "raspberry-pi-text-missing",
            "a Raspberry Pi boots only if the text of a menu entry is “Raspberry Pi Boot”: add pxe-service=x86PC,\"Raspberry Pi Boot\"";
        PiEntryOnly = "raspberry-pi-entry-only",
            "the only menu entry is that of the Raspberry Pi: any other client boots its local disk and not over the network";
        PiFilesMissing { root: String } = "raspberry-pi-files-missing",
            "{root} has no start4.elf, start.elf or bootcode.bin that can be read, and no directory that is named after a serial number with one";
        ChoiceIgnored { entry: String, why: String } = "choice-not-answered",
            "the choice of “{entry}” is not answered: {why}";

        /// `lines`: the lines that are the likeliest mistakes, or empty.
        NoBootFile { architecture: String, lines: String } = "reply-without-boot-file",
            "the reply names no boot file: no pxe-service and no dhcp-boot matches architecture {architecture}{lines}";
        /// `dhcp-ignore`.
        Ignored { why: String } = "dhcp-ignore", "no reply is sent: {why}";
        NotPxe { why: String } = "not-pxe", "no reply is sent: {why}";
        NoService { why: String } = "no-pxe-service", "no reply is sent: {why}";
        NoRange { why: String, lines: String } = "no-range", "no reply is sent: {why}{lines}";
        NotServed { why: String } = "interface-not-served", "no reply is sent: {why}";
        AlternatePort { port: u16 } = "alternate-port",
            "requests are received on port {port} (dhcp-alternate-port), and firmware and iPXE send them to port 67: remove this option";
        NoReply { why: String, lines: String } = "request-not-answered", "no reply is sent: {why}{lines}";
        /// `here`: the interfaces of this machine with their addresses.
        InterfaceMissing { names: String, here: String } = "served-interface-missing",
            "only {names} is served, which does not exist or has no address; this machine has {here}";
        StartRefused { why: String } = "start-refused", "the program does not start: {why}";
    }
}
