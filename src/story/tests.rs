//! Logs, told.

mod round_trip;

use super::correlate::BootCorrelator;

fn all(log: &str) -> Vec<String> {
    let mut narrator = BootCorrelator::default();
    log.lines().for_each(|line| _ = narrator.add(line, None));
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

#[test]
fn without_times_a_boot_ends_with_its_system() {
    let boot = "dnsmasq-dhcp: PXE(eth0) 52:54:00:00:00:01 proxy\n\
                dnsmasq-dhcp: PXE(eth0) 10.0.0.1 52:54:00:00:00:01 pxelinux.0\n\
                dnsmasq-tftp: sent /t/pxelinux.0 to 10.0.0.1\n\
                dnsmasq-tftp: sent /t/vmlinuz to 10.0.0.1\n\
                dnsmasq-tftp: file /t/wpad.dat not found for 10.0.0.1\n";
    let told = all(&boot.repeat(3));
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|boot| boot.ends_with("vmlinuz was the last file\n")), "{told:?}");
}

#[test]
fn a_client_that_falls_silent_is_told_with_the_name_that_its_lease_tells() {
    let log = "Nov 22 17:50:08 b dnsmasq-dhcp[9]: DHCPACK(br0) 10.0.0.9 52:54:00:12:34:56 pc\n\
               Nov 22 17:50:09 b dnsmasq-tftp[9]: sent /t/undionly.kpxe to 10.0.0.9\n\
               Nov 22 17:51:30 b dnsmasq-tftp[9]: failed sending /t/menu.cfg to 10.0.0.9\n";
    let told = all(log).concat();
    assert!(told.starts_with("52:54:00:12:34:56 (10.0.0.9), Nov 22 17:50:09\n"), "{told}");
    assert!(told.contains("=> it stopped acknowledging /t/menu.cfg\n"), "{told}");
}

#[test]
fn whose_address_is_not_told_is_not_blamed() {
    let mac = |last| format!("dnsmasq-dhcp: PXE(eth0) 52:54:00:00:00:0{last} proxy\n");
    let file = |last| format!("dnsmasq-tftp: sent /t/ipxe.efi to 10.0.0.{last}\n");
    let log: String = (1..4).map(mac).chain((1..4).map(file)).collect();
    let told = all_settled(&log).concat();
    assert!(
        !told.contains("firewall") && told.contains("the log does not tell its address"),
        "{told}"
    );
}

/// As at the end of a log.
fn all_settled(log: &str) -> Vec<String> {
    let mut narrator = BootCorrelator::default();
    log.lines().for_each(|line| _ = narrator.add(line, None));
    narrator.into_boots().iter().map(ToString::to_string).collect()
}
