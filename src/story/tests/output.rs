//! Text and JSON for the boots of a log, and filters.

use super::correlated;
use crate::story::correlate::FailedStart;
use crate::story::{OutputFormat, Source, StoryRequest, json, text};
use crate::terminal::Style;
use serde_json::{Value, json};

const LOG: &str = "\
Nov 22 17:50:08 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:12:34:56 proxy
Nov 22 17:50:12 b dnsmasq-tftp[9]: sent /t/vmlinuz to 10.0.0.9
Nov 22 17:50:12 b dnsmasq-tftp[9]: 10.0.0.9 has /t/vmlinuz: 2000000 bytes in 0.500 s, 4000 kB/s
Nov 22 17:51:00 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:12:34:57 proxy
Nov 22 17:52:00 b dnsmasq-dhcp[9]: PXE(eth0) 52:54:00:12:34:58 proxy-ignored
";

fn story(log: &str, words: &[&str], style: Style) -> String {
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    let request = StoryRequest::parse("", &words).expect("valid words");
    let boots = request.filter.apply(correlated(log).into_boots());
    text::story(&boots, &[], &[], Source::Log, style)
}

#[test]
fn summary_precedes_the_boots() {
    let output = story(LOG, &[], Style::Plain);
    let summary = "\
3 network boots: 1 boots, 1 unknown, 1 does not boot
  boots          52:54:00:12:34:56 (10.0.0.9), Nov 22 17:50:08, 4.0 s: it has its operating system: vmlinuz was the last file
  unknown        52:54:00:12:34:57, Nov 22 17:51:00, 0.0 s: it got a reply; nothing more was requested
  does not boot  52:54:00:12:34:58, Nov 22 17:52:00, 0.0 s: it is ignored

52:54:00:12:34:56 (10.0.0.9), Nov 22 17:50:08
     +0.0 s  answered
";
    assert!(output.starts_with(summary), "{output}");
}

#[test]
fn filter_selects_boots() {
    for (words, heads) in [
        (&["mac=52:54:00:12:34:57"][..], &["1 network boot: unknown"][..]),
        (&["mac=52-54-00-12-34-58"], &["1 network boot: does not boot"]),
        (&["ip=10.0.0.9"], &["1 network boot: boots"]),
        (&["last"], &["1 network boot: does not boot"]),
        (&["last", "mac=52:54"], &["1 network boot: does not boot"]),
        (
            &["mac=aa:bb"],
            &[
                "no boots found in this log: it has no line of dnsmasq about a network boot, or mac= and ip= exclude all",
            ],
        ),
    ] {
        let output = story(LOG, words, Style::Plain);
        assert_eq!(output.lines().take(1).collect::<Vec<_>>(), heads, "{words:?}");
    }
}

#[test]
fn colours_are_only_in_a_coloured_text() {
    let colored = story(LOG, &[], Style::Colored);
    assert!(colored.contains("\x1b[32m  boots") || colored.contains("\x1b[32mboots"), "{colored}");
    assert!(!story(LOG, &[], Style::Plain).contains('\x1b'));
}

#[test]
fn log_without_times_says_so() {
    let output = story("dnsmasq-tftp: sent /t/vmlinuz to 10.0.0.9", &[], Style::Plain);
    assert!(output.contains("this log has no times"), "{output}");
    assert!(!story(LOG, &[], Style::Plain).contains("this log has no times"));
}

#[test]
fn document_has_each_boot_with_its_steps() {
    let boots = correlated(LOG).into_boots();
    let start = FailedStart { raw_time: String::new(), text: "port in use".to_owned() };
    let document: Value =
        serde_json::from_str(&json::document(&boots, &[start], &["x".to_owned()]))
            .expect("valid JSON");
    assert_eq!(document["schema"], 1);
    assert_eq!(document["server_problems"], json!(["x"]));
    assert_eq!(document["failed_starts"], json!([{"time": null, "text": "port in use"}]));
    assert_eq!(
        document["boots"][0],
        json!({
            "mac": "52:54:00:12:34:56",
            "ip": "10.0.0.9",
            "name": null,
            "origin": null,
            "architecture": null,
            "architecture_name": null,
            "started": "Nov 22 17:50:08",
            "started_at": null,
            "seconds": 4.0,
            "verdict": {
                "verdict": "boots",
                "id": "system-sent",
                "text": "it has its operating system: vmlinuz was the last file",
                "advice": null,
            },
            "steps": [
                {"offset": 0.0, "kind": "answered", "port": null, "outcome": null, "count": 1},
                {"offset": 4.0, "kind": "file", "path": "/t/vmlinuz", "bytes": 2_000_000, "seconds": 0.5},
            ],
        })
    );
    assert_eq!(document["boots"][2]["verdict"]["verdict"], "does_not_boot");
}

#[test]
fn start_is_in_seconds_since_the_epoch_if_the_log_has_the_year() {
    let log = "2026-11-22T17:50:08+01:00 b dnsmasq-tftp[9]: sent /t/x to 10.0.0.9";
    let boots = correlated(log).into_boots();
    let document: Value =
        serde_json::from_str(&json::document(&boots, &[], &[])).expect("valid JSON");
    assert_eq!(document["boots"][0]["started_at"], 1_795_366_208.0);
}

#[test]
fn words_are_format_filter_or_log() {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let request = StoryRequest::parse("html", &words(&["a.log", "b.log", "last"])).unwrap();
    assert_eq!(
        (request.format, &request.paths[..]),
        (OutputFormat::Html, &words(&["a.log", "b.log"])[..])
    );
    let request = StoryRequest::parse("json,last,mac=52:54", &[]).unwrap();
    assert_eq!(request.format, OutputFormat::Json);
    assert_eq!(
        request,
        StoryRequest::parse("", &words(&["json", "last", "mac=52-54", "-"])).unwrap()
    );
    for invalid in ["pdf", "mac=", "mac=x", "ip=1.2.3"] {
        assert!(StoryRequest::parse(invalid, &[]).is_err(), "{invalid}");
    }
}

#[test]
fn problems_of_the_server_are_shown_if_there_is_no_boot() {
    let log = "dnsmasq: started, version 2.90\ndnsmasq: warning: interface eth9 does not currently exist\n";
    let output = text::story(&[], &[], &correlated(log).problems(), Source::Log, Style::Plain);
    let expected = "the server logged: interface eth9 does not currently exist\n";
    assert!(output.ends_with(expected), "{output}");
}
