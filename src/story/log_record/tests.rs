//! Log lines in the formats of the programs that write them.

use super::*;

const TEXT: &str = "sent /a to b";

fn seconds(line: &str) -> f64 {
    log_record(line).unwrap().time.seconds.unwrap()
}

#[test]
fn time_stamp_of_each_log_format_is_parsed() {
    for (head, time) in [
        ("Nov 22 17:50:08 boot dnsmasq-tftp[12]: ", "Nov 22 17:50:08"),
        ("Nov  2 17:50:08 dnsmasq dnsmasq-tftp[12]: ", "Nov  2 17:50:08"),
        ("Nov 22 17:50:08.250000 boot dnsmasq-tftp[12]: ", "Nov 22 17:50:08.250000"),
        ("2026-11-22T18:50:08.25+01:00 boot dnsmasq-tftp[12]: ", "2026-11-22T18:50:08.25+01:00"),
        ("2026-11-22T17:50:08+0000 boot dnsmasq-tftp[12]: ", "2026-11-22T17:50:08+0000"),
        ("2026-11-22T17:50:08.250000000Z dnsmasq-tftp: ", "2026-11-22T17:50:08.250000000Z"),
        ("2026-11-22 17:50:08 boot dnsmasq-tftp[12]: ", "2026-11-22 17:50:08"),
        ("Sun 2026-11-22 17:50:08 UTC boot dnsmasq-tftp[12]: ", "2026-11-22 17:50:08"),
        ("Sun Nov 22 17:50:08 2026 daemon.info dnsmasq-tftp[12]: ", "Nov 22 17:50:08"),
        ("Nov 22 17:50:08 boot dnsmasq.service[12]: ", "Nov 22 17:50:08"),
        ("1763833808.250000 boot dnsmasq-tftp[12]: ", "1763833808.250000"),
        ("[ 1208.250000] boot dnsmasq-tftp[12]: ", "1208.250000]"),
        ("dnsmasq-tftp: ", ""),
        ("", ""),
        ("<30>Nov 22 17:50:08 dnsmasq-tftp[12]: ", "Nov 22 17:50:08"),
    ] {
        let line = format!("{head}{TEXT}");
        let record = log_record(&line).unwrap();
        assert_eq!((record.time.text, record.component), (time, Component::Tftp), "{line}");
        assert_eq!(record.text, TEXT);
        let second = record.time.seconds.map(|time| time % 60.0);
        assert_eq!(second.is_none(), time.is_empty(), "{line}");
        assert!(second.is_none_or(|second| (8.0..8.5).contains(&second)), "{line} {second:?}");
    }
}

#[test]
fn times_are_compared_across_zones_and_months() {
    let utc = seconds("2026-11-22T17:50:08Z dnsmasq[1]: x");
    let local = seconds("2026-11-22T18:50:08+01:00 dnsmasq[1]: x");
    assert!((utc - local).abs() < 0.001);
    let before = seconds("Nov 30 23:59:59 dnsmasq[1]: x");
    let after = seconds("Dec  1 00:00:01 dnsmasq[1]: x");
    assert!((after - before - 2.0).abs() < 0.001);
}

#[test]
fn journal_record_is_converted_to_a_line() {
    let json = r#"{"MESSAGE":"sent /a to b","SYSLOG_IDENTIFIER":"dnsmasq-tftp","__REALTIME_TIMESTAMP":"1763833808250000"}"#;
    let line = "1763833808.250000  dnsmasq-tftp: sent /a to b";
    assert_eq!(line_of_json(json).as_deref(), Some(line));
}

#[test]
fn line_of_another_program_is_skipped() {
    assert_eq!(log_record("Nov 22 17:50:08 boot kernel: eth0 is up"), None);
}
