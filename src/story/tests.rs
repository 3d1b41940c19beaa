//! Logs and the text that is printed for them.

mod output;
mod round_trip;
mod verdicts;

use super::correlate::BootCorrelator;

fn correlated(log: &str) -> BootCorrelator {
    let mut correlator = BootCorrelator::default();
    for line in log.lines() {
        correlator.add(line, None);
    }
    correlator
}

/// The texts of the boots before the end of the log is known.
fn boots(log: &str) -> Vec<String> {
    correlated(log).boots().iter().map(ToString::to_string).collect()
}

#[test]
fn steps_of_a_dnsmasq_log_are_printed() {
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
    let expected = "\
52:54:00:12:34:56 (10.0.0.9), Nov 22 17:50:08
     +0.0 s  answered, 2 times
     +4.0 s  selected: pxelinux.0
     +5.0 s  pxelinux.0
     +5.0 s  2 files do not exist, the last is pxelinux.cfg/0A
     +6.0 s  pxelinux.cfg/default
    +11.0 s  vmlinuz
  => boots: it has its operating system: vmlinuz was the last file
";
    assert_eq!(boots(log), [expected]);
}

#[test]
fn lines_of_log_debug_and_log_dhcp_add_details() {
    let log = "\
dnsmasq-dhcp: 7 vendor class: PXEClient:Arch:00007:UNDI:003016
dnsmasq-dhcp: 7 PXE(eth0) 52:54:00:00:00:01 proxy
dnsmasq-dhcp: port 67: DISCOVER from 52:54:00:00:00:01 by eth0, architecture 7 (x86-64_EFI), tags eth0: OFFER to 255.255.255.255:68, the file follows on port 4011 (pxe-service c:3)
dnsmasq-dhcp: 7 PXE(eth0) 52:54:00:00:00:01 proxy
dnsmasq-dhcp: port 4011: REQUEST from 52:54:00:00:00:01 by eth0, architecture 7 (x86-64_EFI), tags eth0: ACK to 10.0.0.8:4011, file a.efi from 10.0.0.1 (pxe-service c:3)
dnsmasq-tftp: sent /srv/a.efi to 10.0.0.8
dnsmasq-tftp: 10.0.0.8 has /srv/a.efi: 2000000 bytes in 0.500 s, 4000 kB/s
";
    let expected = "\
52:54:00:00:00:01 (10.0.0.8), architecture 7 (x86-64_EFI)
             answered on port 67: OFFER to 255.255.255.255:68, the file follows on port 4011 (pxe-service c:3)
             answered on port 4011: ACK to 10.0.0.8:4011, file a.efi from 10.0.0.1 (pxe-service c:3)
             /srv/a.efi                     2.0 MB in 0.50 s, 4.0 MB/s
  => unknown: a.efi was the last file that it requested, and there is no error
     if it does not boot, possible: the next stage uses HTTP, which is not shown here; the file is for another firmware; or Secure Boot rejects it
";
    assert_eq!(boots(log), [expected]);
}

#[test]
fn boots_of_two_clients_and_two_boots_of_one_client_are_separate() {
    let log = "\
Dec 31 23:59:58 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:00:00:01 proxy
Jan  1 00:00:01 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:00:00:02 proxy
Jan  1 00:00:02 b dnsmasq-dhcp[9]: PXE(eth0) 10.0.0.1 52:54:00:00:00:01 a.0
Jan  1 00:00:03 b dnsmasq-tftp[9]: sent /t/initrd.img to 10.0.0.1
Jan  1 00:10:00 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:00:00:01 proxy
Jan  1 00:10:02 b dnsmasq-tftp[9]: file /t/x not found for 10.0.0.1
";
    let texts = boots(log);
    let heads: Vec<&str> = texts.iter().filter_map(|boot| boot.lines().next()).collect();
    assert_eq!(
        heads,
        [
            "52:54:00:00:00:01 (10.0.0.1), Dec 31 23:59:58",
            "52:54:00:00:00:02, Jan  1 00:00:01",
            "52:54:00:00:00:01 (10.0.0.1), Jan  1 00:10:00"
        ]
    );
    assert!(texts[0].contains("+5.0 s  /t/initrd.img"), "{}", texts[0]);
    assert!(texts[2].contains("it stopped at /t/x"), "{}", texts[2]);
}

#[test]
fn malformed_line_belongs_to_no_boot() {
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
        assert_eq!(boots(line), [""; 0], "{line}");
    }
}

#[test]
fn log_without_time_stamps_is_split_after_the_operating_system() {
    let boot = "dnsmasq-dhcp: PXE(eth0) 52:54:00:00:00:01 proxy\n\
                dnsmasq-dhcp: PXE(eth0) 10.0.0.1 52:54:00:00:00:01 pxelinux.0\n\
                dnsmasq-tftp: sent /t/pxelinux.0 to 10.0.0.1\n\
                dnsmasq-tftp: sent /t/vmlinuz to 10.0.0.1\n\
                dnsmasq-tftp: file /t/wpad.dat not found for 10.0.0.1\n";
    let texts = boots(&boot.repeat(3));
    assert_eq!(texts.len(), 3);
    assert!(texts.iter().all(|text| text.ends_with("vmlinuz was the last file\n")), "{texts:?}");
}

#[test]
fn hardware_address_comes_from_the_lease_when_a_transfer_times_out() {
    let log = "Nov 22 17:50:08 b dnsmasq-dhcp[9]: DHCPACK(br0) 10.0.0.9 52:54:00:12:34:56 pc\n\
               Nov 22 17:50:09 b dnsmasq-tftp[9]: sent /t/undionly.kpxe to 10.0.0.9\n\
               Nov 22 17:51:30 b dnsmasq-tftp[9]: failed sending /t/menu.cfg to 10.0.0.9\n";
    let texts = boots(log).concat();
    assert!(texts.starts_with("52:54:00:12:34:56 (10.0.0.9), Nov 22 17:50:09\n"), "{texts}");
    assert!(texts.contains("=> does not boot: it stopped acknowledging /t/menu.cfg\n"), "{texts}");
}

#[test]
fn client_without_known_ip_address_is_not_reported_as_firewalled() {
    let mac = |last| format!("dnsmasq-dhcp: PXE(eth0) 52:54:00:00:00:0{last} proxy\n");
    let file = |last| format!("dnsmasq-tftp: sent /t/ipxe.efi to 10.0.0.{last}\n");
    let log: String = (1..4).map(mac).chain((1..4).map(file)).collect();
    let texts = finished_boots(&log).concat();
    assert!(
        !texts.contains("firewall")
            && texts.contains("the recording does not show which files it requested"),
        "{texts}"
    );
}

/// The texts of the boots at the end of the log.
fn finished_boots(log: &str) -> Vec<String> {
    correlated(log).into_boots().iter().map(ToString::to_string).collect()
}
