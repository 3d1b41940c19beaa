//! `--status`: its formats, its exit codes, its documents.

mod common;

use common::required;
use common::status_server::{StatusServer, ask, earlier_state, full_state};
use pxemasq::status::Status;
use pxemasq::sys::control_socket::{self, ControlListener};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

crate::tests![
    text_and_json_have_the_transfers_of_all_processes,
    earlier_process_that_has_ended_is_skipped,
    server_of_a_later_version_is_understood,
    answer_that_is_no_document_is_an_error,
    without_a_server_the_exit_code_is_5,
    server_that_does_not_answer_is_an_error_after_5_seconds,
    server_that_does_not_accept_connections_is_an_error_after_5_seconds,
    wrong_options_are_refused_with_a_reason,
    invalid_configuration_is_refused_and_the_way_without_it_is_named,
    hostile_names_do_not_reach_the_terminal,
    metrics_are_accepted_by_promtool,
    dashboard_and_documents_use_all_metrics_and_no_others,
    panels_of_the_dashboard_are_complete_and_do_not_overlap,
    queries_of_the_dashboard_are_accepted_by_promtool,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// The output and the exit code.
fn result(output: &Output) -> (String, Option<i32>) {
    let text = [&output.stdout[..], &output.stderr].concat();
    (String::from_utf8(text).expect("it is UTF-8"), output.status.code())
}

fn json(server: &StatusServer) -> Value {
    let (text, code) = result(&server.ask(&["--status=json"]));
    assert_eq!(code, Some(0), "{text}");
    serde_json::from_str(&text).expect("it is JSON")
}

fn text_and_json_have_the_transfers_of_all_processes() {
    let server = StatusServer::of(&[full_state(), earlier_state()]);
    let (text, code) = result(&server.ask(&["--status"]));
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "pxemasq 0.1.0, process 1234, serves since ",
        "Process 1200, which it has replaced, finishes its transfers.",
        "52:54:00:12:34:56  192.168.1.101  x86-64_EFI    loads ",
        "  DHCP requests: 2360 (1600 offers",
        "    60: it is no PXE client",
        "! transfers: 45 of 50: more than 80 % is used; raise tftp-max",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(result(&server.ask(&["--status=text"])), (text, code));
    let document = json(&server);
    assert_eq!(document["pid"], 1234);
    assert_eq!(document["machines"].as_array().map(Vec::len), Some(1));
    assert_eq!(document["machines"][0]["transfers"].as_array().map(Vec::len), Some(2));
    assert_eq!(document["counters"]["offers"], 1600);
    let with_json = result(&server.ask(&["--status", "--json"])).0;
    assert_eq!(serde_json::from_str::<Value>(&with_json).expect("it is JSON"), document);
}

fn earlier_process_that_has_ended_is_skipped() {
    let document = json(&StatusServer::of(&[full_state()]));
    assert_eq!(document["counters"]["offers"], 800);
    assert_eq!(document["machines"][0]["transfers"].as_array().map(Vec::len), Some(1));
}

/// With more keys, without some, and with a stage that is not known.
fn server_of_a_later_version_is_understood() {
    let document = r#"{"schema":2,"pid":7,"new":{"a":[1]},"machines":[{"mac":"52:54:00:12:34:56","stage":"sleeps","x":1}]}"#;
    let server = StatusServer::start(vec![document.to_owned()]);
    let document = json(&server);
    assert_eq!(
        (&document["pid"], &document["machines"][0]["stage"]),
        (&7.into(), &"unknown".into())
    );
    for format in ["text", "metrics"] {
        let (text, code) = result(&server.ask(&[&format!("--status={format}")]));
        assert_eq!(code, Some(0), "{text}");
    }
}

fn answer_that_is_no_document_is_an_error() {
    for document in ["", "{\"pid\":", "[]x", r#"{"pid":"a\u001b[2J"}"#] {
        let server = StatusServer::start(vec![document.to_owned()]);
        let (text, code) = result(&server.ask(&["--status"]));
        assert_eq!(code, Some(5), "{text}");
        assert!(text.contains("the state that the server has sent cannot be read"), "{text}");
        assert!(!text.contains('\x1b'), "{text:?}");
    }
}

fn without_a_server_the_exit_code_is_5() {
    let folder = tempfile::tempdir().expect("a directory");
    let pid_file = folder.path().join("pid");
    let check = || {
        for format in ["text", "json", "metrics"] {
            let (text, code) = result(&ask(&pid_file, &[&format!("--status={format}")]));
            assert_eq!(code, Some(5), "{format}: {text}");
            assert!(text.contains("no server is running with the control socket"), "{text}");
        }
    };
    check();
    // A server that was killed leaves its socket.
    drop(ControlListener::bind(&folder.path().join("pid.control")).expect("it binds"));
    check();
}

fn server_that_does_not_answer_is_an_error_after_5_seconds() {
    check_silent_server(0);
}

fn server_that_does_not_accept_connections_is_an_error_after_5_seconds() {
    check_silent_server(100);
}

/// A server that accepts no connection, while others wait: at most so many, until there is no space for one more.
fn check_silent_server(others: usize) {
    let folder = tempfile::tempdir().expect("a directory");
    let (pid_file, path) = (folder.path().join("pid"), folder.path().join("pid.control"));
    let _silent = ControlListener::bind(&path).expect("it binds");
    let waiting: Vec<_> =
        (0..others).map_while(|_| control_socket::connect_to_server(&path).ok()).collect();
    assert!(others == 0 || waiting.len() < others, "there is always space");
    let start = Instant::now();
    let (text, code) = result(&ask(&pid_file, &["--status"]));
    let time = start.elapsed();
    assert_eq!(code, Some(5), "{text}");
    assert!(text.contains("it was silent for 5 s"), "{text}");
    let seconds = Duration::from_secs(5)..Duration::from_secs(15);
    assert!(seconds.contains(&time), "{time:?}");
}

fn wrong_options_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().expect("a directory");
    let pid_file = folder.path().join("pid");
    let both =
        |one: &str, other: &str| format!("{one} cannot be combined with {other}: use one of them");
    for (arguments, reason) in [
        (&["--status=xml"][..], "--status=xml: use text, json, watch or metrics".to_owned()),
        (
            &["--status=metrics", "--json"],
            "--json cannot be combined with --status=metrics: use --status=json".to_owned(),
        ),
        (&["--status", "--replace"], both("--status", "--replace")),
        (&["--test", "--status"], both("--status", "--test")),
        (&["--explain", "--status"], both("--status", "--explain")),
        (&["--story", "--status"], both("--status", "--story")),
        (&["--test", "--replace"], both("--replace", "--test")),
        (&["--explain=uefi", "--replace"], both("--replace", "--explain")),
        (&["--replace", "--story"], both("--replace", "--story")),
        (&["--json"], "--json is for --explain, --status or --story".to_owned()),
    ] {
        let (text, code) = result(&ask(&pid_file, arguments));
        assert_eq!(code, Some(1), "{arguments:?}: {text}");
        let expected = format!("\ndnsmasq: bad command line options: {reason}\n");
        assert_eq!(text, expected, "{arguments:?}");
    }
    let (text, code) = result(&ask(&pid_file, &["--status", "--version"]));
    assert_eq!(code, Some(0), "{text}");
    let output = Command::new(env!("CARGO_BIN_EXE_pxemasq"))
        .args(["--status", "--conf-file", "--pid-file"])
        .output()
        .expect("pxemasq runs");
    let (text, code) = result(&output);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("cannot be found without a pid file"), "{text}");
}

fn invalid_configuration_is_refused_and_the_way_without_it_is_named() {
    let server = StatusServer::of(&[full_state()]);
    let folder = tempfile::tempdir().expect("a directory");
    let file = folder.path().join("dnsmasq.conf");
    fs::write(&file, "nonsense\n").expect("it is written");
    let way =
        "to ask the running server without the configuration, use --conf-file --pid-file=<path>";
    let conf_file = format!("--conf-file={}", file.display());
    for (words, expected, is_named) in [
        (&["--status", &conf_file][..], 1, true),
        (&["--status=json", &conf_file, "--conf-dir=/nonexistent"], 3, true),
        (&["--status", "--port=x"], 1, true),
        (&["--status", "--nonsense"], 1, false),
        (&[&conf_file], 1, false),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_pxemasq")).args(words).output();
        let (text, code) = result(&output.expect("pxemasq runs"));
        assert_eq!((code, text.contains(way)), (Some(expected), is_named), "{words:?}: {text}");
    }
    // What the message names.
    let (text, code) = result(&server.ask(&["--status"]));
    assert_eq!(code, Some(0), "{text}");
}

fn hostile_names_do_not_reach_the_terminal() {
    let evil = "/srv/a\x1b]0;x\x07\u{9b}2J\u{202e}\n\u{10ff9b}b";
    let mut state = full_state();
    evil.clone_into(&mut state.version);
    state.machines[0].mac = Some(evil.to_owned());
    evil.clone_into(&mut state.machines[0].transfers[0].file);
    evil.clone_into(&mut state.limits[0].id);
    evil.clone_into(&mut state.counters.dhcp_drops[0].reason);
    let server = StatusServer::of(&[state]);
    for format in ["text", "json", "metrics"] {
        let (text, code) = result(&server.ask(&[&format!("--status={format}")]));
        assert_eq!(code, Some(0), "{text}");
        let control = text.chars().find(|c| *c != '\n' && (c.is_control() || *c == '\u{202e}'));
        assert_eq!(control, None, "{format}: {text:?}");
        assert!(text.contains("/srv/a"), "{format}: {text}");
    }
}

/// The metrics of a state, as the program prints them.
fn metrics(state: Status) -> String {
    let server = StatusServer::of(&[state]);
    let (text, code) = result(&server.ask(&["--status=metrics"]));
    assert_eq!(code, Some(0), "{text}");
    text
}

fn metrics_are_accepted_by_promtool() {
    let mut hostile = full_state();
    "a\"\n# TYPE x counter\\".clone_into(&mut hostile.version);
    "a b\n}".clone_into(&mut hostile.limits[0].id);
    for state in [Status::default(), full_state(), hostile] {
        let text = metrics(state);
        let Some((answer, accepted)) = required(promtool(&text)) else { return };
        assert_eq!((answer, accepted), (String::new(), true), "{text}");
    }
    // The check finds something.
    let wrong = "# HELP pxemasq_x x\n# TYPE pxemasq_x counter\npxemasq_x 1\n";
    let (answer, accepted) = promtool(wrong).expect("it is installed");
    assert!(!accepted && answer.contains("_total"), "{answer}");
}

/// What `promtool check metrics` prints about metrics, and whether it accepts them.
fn promtool(metrics: &str) -> Result<(String, bool), String> {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|_| "no promtool (Debian: prometheus)".to_owned())?;
    let mut input = promtool.stdin.take().expect("it is a pipe");
    input.write_all(metrics.as_bytes()).expect("it reads");
    drop(input);
    let output = promtool.wait_with_output().expect("it ends");
    Ok((result(&output).0, output.status.success()))
}

/// All words that begin with `pxemasq_` and continue.
fn metric_names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
    let is_name = |word: &&str| word.strip_prefix("pxemasq_").is_some_and(|rest| !rest.is_empty());
    words.filter(is_name).map(str::to_owned).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("the file exists")
}

fn dashboard() -> Value {
    serde_json::from_str(&read("docs/grafana-dashboard.json")).expect("it is JSON")
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().expect("an array")
}

fn queries(dashboard: &Value) -> Vec<&str> {
    let targets =
        panels(dashboard).iter().map(|panel| panel["targets"].as_array().expect("an array"));
    targets.flatten().map(|target| target["expr"].as_str().expect("a query")).collect()
}

fn dashboard_and_documents_use_all_metrics_and_no_others() {
    let existing = metric_names(&metrics(full_state()));
    assert!(existing.len() > 15, "{existing:?}");
    assert_eq!(metric_names(&queries(&dashboard()).join("\n")), existing);
    assert_eq!(metric_names(&read("docs/operation.md")), existing);
}

/// Each panel has its own number and place, and its queries have the variables of the dashboard.
fn panels_of_the_dashboard_are_complete_and_do_not_overlap() {
    let dashboard = dashboard();
    let variables = dashboard["templating"]["list"].as_array().expect("an array");
    let names: Vec<&Value> = variables.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["datasource", "instance"]);
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels(&dashboard) {
        assert!(ids.insert(panel["id"].as_u64()), "{panel}");
        assert_eq!(panel["datasource"]["uid"], "${datasource}");
        let [x, y, w, h] =
            ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().expect("a number"));
        assert!(w > 0 && h > 0 && x + w <= 24, "{panel}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{panel}");
        }
    }
    assert!(queries(&dashboard).iter().all(|query| query.contains("instance=~\"$instance\"")));
}

/// Each query as a rule, with values for the variables.
fn queries_of_the_dashboard_are_accepted_by_promtool() {
    let dashboard = dashboard();
    let rule = |(number, query): (usize, &str)| {
        let query = query.replace("$__rate_interval", "1m").replace("$instance", ".*");
        serde_json::json!({"record": format!("rule_{number}"), "expr": query})
    };
    let rules: Vec<Value> = (0..).zip(queries(&dashboard)).map(rule).collect();
    for (rules, is_valid) in [(rules, true), (vec![rule((0, "rate(pxemasq_machines)"))], false)] {
        let file = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("rules.yml");
        fs::write(&path, file.to_string()).expect("the file is written");
        let checked = Command::new("promtool").args(["check", "rules"]).arg(path).output();
        let checked = checked.map_err(|_| "no promtool (Debian: prometheus)".to_owned());
        let Some(output) = required(checked) else { return };
        assert_eq!(output.status.success(), is_valid, "{}", result(&output).0);
    }
}
