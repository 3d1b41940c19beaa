//! Logs, told.

use super::narrator::Narrator;

fn all(log: &str) -> Vec<String> {
    let mut narrator = Narrator::default();
    log.lines().for_each(|line| _ = narrator.take(line, None));
    narrator.boots().iter().map(ToString::to_string).collect()
}

#[test]
fn a_boot_of_dnsmasq_is_told() {
    let log = "\
Nov 22 17:50:00 boot dnsmasq-tftp[9]: TFTP root is /srv/tftp  
Nov 22 17:50:08 boot dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:12:34:56 proxy
Nov 22 17:50:09 boot dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:12:34:56 proxy
Nov 22 17:50:12 boot dnsmasq-dhcp[9]: PXE(eth0) 10.0.0.9 52:54:00:12:34:56 pxelinux.0
Nov 22 17:50:12 boot dnsmasq-tftp[9]: error 8 User aborted the transfer received from 10.0.0.9
Nov 22 17:50:12 boot dnsmasq-tftp[9]: failed sending /srv/tftp/pxelinux.0 to 10.0.0.9
Nov 22 17:50:13 boot dnsmasq-tftp[9]: sent /srv/tftp/pxelinux.0 to 10.0.0.9
Nov 22 17:50:13 boot dnsmasq-tftp[9]: file /srv/tftp/pxelinux.cfg/01-52 not found for 10.0.0.9
Nov 22 17:50:13 boot dnsmasq-tftp[9]: file /srv/tftp/pxelinux.cfg/0A not found for 10.0.0.9
Nov 22 17:50:14 boot dnsmasq-tftp[9]: sent /srv/tftp/pxelinux.cfg/default to 10.0.0.9
Nov 22 17:50:19 boot dnsmasq-tftp[9]: sent /srv/tftp/vmlinuz to 10.0.0.9
";
    let wanted = "\
52:54:00:12:34:56 (10.0.0.9), Nov 22 17:50:08
     +0.0 s  answered, 2 times
     +4.0 s  chose from the menu: pxelinux.0
     +4.0 s  the client broke off: 8 User aborted the transfer
     +5.0 s  pxelinux.0
     +5.0 s  2 names that are not there, pxelinux.cfg/0A the last
     +6.0 s  pxelinux.cfg/default
    +11.0 s  vmlinuz
  => it has its operating system: vmlinuz was the last file
";
    assert_eq!(all(log), [wanted]);
}

#[test]
fn what_log_debug_and_log_dhcp_say_is_used() {
    let log = "\
dnsmasq-dhcp: 7 vendor class: PXEClient:Arch:00007:UNDI:003016
dnsmasq-dhcp: 7 PXE(eth0) 52:54:00:00:00:01 proxy
dnsmasq-dhcp: port 4011: REQUEST from 52:54:00:00:00:01 by eth0, architecture 7 (x86-64_EFI), tags eth0: ACK to 10.0.0.8:4011, file a.efi from 10.0.0.1 (pxe-service c:3)
dnsmasq-dhcp: 7 PXE(eth0) 52:54:00:00:00:01 proxy
dnsmasq-tftp: sent /srv/a.efi to 10.0.0.8
dnsmasq-tftp: 10.0.0.8 has /srv/a.efi: 2000000 bytes in 0.500 s, 4000 kB/s
";
    let wanted = "\
52:54:00:00:00:01 (10.0.0.8), architecture 7 (x86-64_EFI)
             answered
             answered on port 4011: ACK to 10.0.0.8:4011, file a.efi from 10.0.0.1 (pxe-service c:3)
             /srv/a.efi                     2.0 MB in 0.50 s, 4.0 MB/s
  => a.efi was the last file it asked for
     if it does not boot: the next stage may come over HTTP, which is not in this log; or the file is for another firmware, or Secure Boot refuses it
";
    assert_eq!(all(log), [wanted]);
}

#[test]
fn two_machines_and_two_boots_are_told_apart() {
    let log = "\
Dec 31 23:59:58 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:00:00:01 proxy
Jan  1 00:00:01 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:00:00:02 proxy
Jan  1 00:00:02 b dnsmasq-dhcp[9]: PXE(eth0) 10.0.0.1 52:54:00:00:00:01 a.0
Jan  1 00:00:03 b dnsmasq-tftp[9]: sent /t/initrd.img to 10.0.0.1
Jan  1 00:10:00 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:00:00:01 proxy
Jan  1 00:10:02 b dnsmasq-tftp[9]: file /t/x not found for 10.0.0.1
";
    let told = all(log);
    let heads: Vec<&str> = told.iter().filter_map(|boot| boot.lines().next()).collect();
    assert_eq!(
        heads,
        [
            "52:54:00:00:00:01 (10.0.0.1), Dec 31 23:59:58",
            "52:54:00:00:00:02, Jan  1 00:00:01",
            "52:54:00:00:00:01 (10.0.0.1), Jan  1 00:10:00"
        ]
    );
    assert!(told[0].contains("+5.0 s  /t/initrd.img"), "{}", told[0]);
    assert!(told[2].contains("it stopped at /t/x"), "{}", told[2]);
}

#[test]
fn any_text_is_read_without_harm() {
    for line in [
        "",
        "dnsmasq",
        "dnsmasq[",
        "dnsmasq-dhcp: ",
        "dnsmasq-dhcp:  ",
        "dnsmasq-tftp: sent ",
        "dnsmasq-tftp: error  received from ",
        "T dnsmasq-dhcp: port 1: x from 1",
        "Nov 99 1:1 dnsmasq-dhcp: PXE( : proxy",
        "é dnsmasq-dhcp: é: PXE",
        "Nov é dnsmasq: x",
    ] {
        all(line);
    }
}
