//! `--status=watch` in terminals of tmux, with a control socket of the test.

#[path = "../common/mod.rs"]
mod common;
mod server;
mod terminal;

use common::required;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pxemasq::status::{Stage, Status};
use pxemasq::status_query::watch::Screen;
use server::{Answer, Server, later, status};
use std::process::Command;
use terminal::Terminal;
use unicode_width::UnicodeWidthStr;

crate::tests![
    view_fits_the_terminal_and_its_bars_move,
    view_of_4096_machines_shows_the_slowest,
    view_follows_the_size_of_the_terminal,
    view_without_colors_has_no_escape_sequences_for_them,
    file_name_cannot_control_the_terminal,
    terminal_is_reset_after_a_key,
    terminal_is_reset_after_a_signal,
    terminal_is_reset_after_a_panic,
    terminal_is_reset_while_the_view_is_stopped,
    end_of_the_server_ends_the_view_with_exit_code_5,
    view_goes_on_with_the_process_that_replaces_the_server,
    view_can_be_ended_while_the_server_does_not_answer,
    output_that_is_no_terminal_is_an_error,
];

/// In this environment, the program is one that fails while the view is shown.
const PANIC: &str = "WATCH_TEST_PANIC";

fn main() -> std::process::ExitCode {
    if std::env::var_os(PANIC).is_some() {
        let _screen = Screen::enter();
        panic!("the reason of the test");
    }
    common::harness::run(&[TESTS])
}

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (200, 60);

/// A view of a server with this document.
fn view(size: (u16, u16), environment: &[&str], status: Status) -> Option<(Terminal, Server)> {
    let terminal = required(Terminal::new())?;
    let server = Server::start(&terminal.path("server.pid.control"), status);
    let program = env!("CARGO_BIN_EXE_pxemasq");
    let command = [program, "--status=watch", "--pid-file=server.pid", "-C", "/dev/null"];
    terminal.start(size, environment, &command);
    Some((terminal, server))
}

fn pid(terminal: &Terminal) -> Pid {
    Pid::from_raw(terminal.wait_for_file("pid").parse().expect("a number"))
}

fn view_fits_the_terminal_and_its_bars_move() {
    for size in [SMALL, LARGE] {
        let first = status(4711, 3);
        let Some((terminal, server)) = view(size, &[], first.clone()) else { return };
        let screen = terminal.wait_for(" 10 %");
        assert!(
            screen[0].starts_with("pxemasq 0.1.0   process 4711   up 1 min 0 s"),
            "{screen:#?}"
        );
        assert!(screen[1].starts_with("3 machines   3 loading"), "{screen:#?}");
        assert!(screen[2].starts_with("3.0 MB/s   - answers/s"), "{screen:#?}");
        assert!(screen[6].starts_with("52:54:00:00:00:00 "), "{screen:#?}");
        assert_eq!(screen.len(), usize::from(size.1));
        assert!(screen.iter().all(|line| line.width() <= usize::from(size.0)), "{screen:#?}");
        assert!(screen.last().is_some_and(|line| line.ends_with("q: end")), "{screen:#?}");
        let bar = |screen: &[String]| screen[6].matches('#').count();
        let before = bar(&screen);
        server.set_status(&later(&first, 40_000_000));
        let screen = terminal.wait_for(" 50 %");
        assert!(bar(&screen) > before, "{screen:#?}");
        assert!(screen[6].contains(" 80.0 MB/s "), "{screen:#?}");
        assert!(screen[2].starts_with("240.0 MB/s   0.0 answers/s"), "{screen:#?}");
        assert_eq!(server.connections(), 1, "it stays open");
    }
}

fn view_of_4096_machines_shows_the_slowest() {
    let mut many = status(4711, 4096);
    many.machines[77].transfers[0].bytes_per_second = 5;
    many.machines[99].idle_ms = 12_000;
    let Some((terminal, _server)) = view(SMALL, &[], many) else { return };
    let screen = terminal.wait_for("… and 4,079 more machines");
    assert!(screen[1].starts_with("4,096 machines   4,096 loading"), "{screen:#?}");
    assert!(screen[6].starts_with("52:54:00:00:00:63 "), "{screen:#?}");
    assert!(screen[6].ends_with("no ACK for 12 s"), "{screen:#?}");
    assert!(screen[7].starts_with("52:54:00:00:00:4d "), "{screen:#?}");
}

fn view_follows_the_size_of_the_terminal() {
    let Some((terminal, _server)) = view(SMALL, &[], status(4711, 100)) else { return };
    terminal.wait_for("… and 83 more machines");
    for (width, height, more) in [("200", "60", 47), ("20", "5", 99), ("80", "24", 83)] {
        terminal.tmux(&["resize-window", "-x", width, "-y", height]);
        let more = format!("… and {more} more");
        let last = |screen: &[String]| screen.last().is_some_and(|line| line.starts_with(&more));
        let screen = terminal.wait_until(&more, last);
        assert_eq!(screen.len().to_string(), height);
    }
    terminal.keys("q");
    assert_eq!(terminal.end().0, "0");
}

fn view_without_colors_has_no_escape_sequences_for_them() {
    for (environment, has_colors) in
        [(&["TERM=screen"][..], true), (&["NO_COLOR=1"], false), (&["TERM=dumb"], false)]
    {
        let Some((terminal, _server)) = view(SMALL, environment, status(4711, 3)) else { return };
        terminal.wait_for(" 10 %");
        let painted = terminal.tmux(&["capture-pane", "-p", "-e"]);
        assert_eq!(painted.contains('\x1b'), has_colors, "{environment:?}: {painted}");
    }
}

fn file_name_cannot_control_the_terminal() {
    let hostile = "\x1b[?1049l\x1b[2Ja\x1b]0;title\x07\u{9b}2Jb\r\n\u{202e}";
    let mut status = status(4711, 2);
    hostile.clone_into(&mut status.machines[0].transfers[0].file);
    status.machines[1].mac = Some(hostile.to_owned());
    status.machines[1].transfers.clear();
    status.machines[1].stage = Stage::Refused;
    status.machines[1].last_file = Some(hostile.to_owned());
    let Some((terminal, _server)) = view(LARGE, &[], status) else { return };
    let screen = terminal.wait_for("?[?1049l?[2Ja?]0;title??2Jb???");
    assert!(screen[0].starts_with("pxemasq 0.1.0"), "{screen:#?}");
    assert_eq!(terminal.tmux(&["display-message", "-p", "#{alternate_on}"]), "1\n");
    assert_ne!(terminal.tmux(&["display-message", "-p", "#{pane_title}"]), "title\n");
}

fn terminal_is_reset_after_a_key() {
    for key in ["q", "C-c"] {
        let Some((terminal, _server)) = view(SMALL, &[], status(4711, 3)) else { return };
        terminal.wait_for(" 10 %");
        terminal.keys(key);
        assert_eq!(terminal.end().0, "0", "{key}");
    }
}

fn terminal_is_reset_after_a_signal() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let Some((terminal, _server)) = view(SMALL, &[], status(4711, 3)) else { return };
        terminal.wait_for(" 10 %");
        kill(pid(&terminal), signal).expect("it runs");
        assert_eq!(terminal.end().0, "0", "{signal}");
    }
}

fn terminal_is_reset_after_a_panic() {
    let Some(terminal) = required(Terminal::new()) else { return };
    let program = std::env::current_exe().expect("a path");
    terminal.start(SMALL, &[&format!("{PANIC}=1")], &[program]);
    let (code, screen) = terminal.end();
    assert_ne!(code, "0");
    assert!(screen.iter().any(|line| line.contains("the reason of the test")), "{screen:#?}");
}

fn terminal_is_reset_while_the_view_is_stopped() {
    for signal in [None, Some(Signal::SIGTSTP)] {
        let Some((terminal, server)) = view(SMALL, &[], status(4711, 3)) else { return };
        terminal.wait_for(" 10 %");
        match signal {
            None => terminal.keys("C-z"),
            Some(signal) => kill(pid(&terminal), signal).expect("it runs"),
        }
        terminal.assert_reset(&terminal.wait_for_file("stopped"));
        server.set_status(&status(4711, 7));
        terminal.keys("Enter");
        terminal.wait_for("7 machines");
        terminal.keys("q");
        assert_eq!(terminal.end().0, "0");
    }
}

fn end_of_the_server_ends_the_view_with_exit_code_5() {
    let Some((terminal, mut server)) = view(SMALL, &[], status(4711, 3)) else { return };
    terminal.wait_for(" 10 %");
    server.stop();
    let (code, screen) = terminal.end();
    assert_eq!(code, "5");
    assert!(screen.contains(&"dnsmasq: the server has ended".to_owned()), "{screen:#?}");
}

fn view_goes_on_with_the_process_that_replaces_the_server() {
    let first = status(4711, 3);
    let old = Status { replaced: true, ..first.clone() };
    for old in [Answer::Close, Answer::Document(Box::new(old))] {
        let Some((terminal, server)) = view(SMALL, &[], first.clone()) else { return };
        terminal.wait_for("process 4711");
        server.replace(old, &status(4712, 5));
        let screen = terminal.wait_for("process 4712");
        assert!(screen[1].starts_with("5 machines"), "{screen:#?}");
        terminal.keys("q");
        assert_eq!(terminal.end().0, "0");
    }
}

fn view_can_be_ended_while_the_server_does_not_answer() {
    let Some((terminal, server)) = view(SMALL, &[], status(4711, 3)) else { return };
    terminal.wait_for(" 10 %");
    server.set(Answer::None);
    let screen = terminal.wait_for("the server has not answered: it was silent");
    assert!(screen[6].contains(" 10 %"), "{screen:#?}");
    terminal.keys("q");
    assert_eq!(terminal.end().0, "0");
}

fn output_that_is_no_terminal_is_an_error() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_pxemasq"));
    program.args(["--status=watch", "--pid-file=/nonexistent/pid", "-C", "/dev/null"]);
    let output = program.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    let expected = "\ndnsmasq: --status=watch needs a terminal: use --status or --status=json\n";
    assert_eq!((error.as_ref(), output.stdout), (expected, Vec::new()));
}
