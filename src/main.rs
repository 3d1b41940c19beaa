//! Arguments → start → loop → exit code.

// The macros `println` and `eprintln` panic if the output is closed.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use pxemasq::daemon::ExitReason;
use pxemasq::daemon::startup::{Command, Parsed, parse};
use pxemasq::error::StartupError;
use pxemasq::explain::ExplainOutput;
use pxemasq::finding::Level;
use pxemasq::logging::Logger;
use pxemasq::story;
use pxemasq::sys::daemonize::set_umask;
use pxemasq::sys::signals::install_startup_handlers;
use pxemasq::sys::threads::use_one_heap;
use pxemasq::terminal::{is_interactive, print_stderr, print_stdout};
use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    install_startup_handlers();
    set_umask();
    use_one_heap();
    let logger = Logger::open();
    let code = run(&args, &logger).unwrap_or_else(|error| report_failed_start(&error, &logger));
    logger.flush_and_wait();
    code
}

fn run(args: &[OsString], logger: &Logger) -> Result<ExitCode, StartupError> {
    let posixly_correct = std::env::var_os("POSIXLY_CORRECT").is_some();
    match parse(args, posixly_correct)? {
        Command::Print(text) => print_stdout(&text),
        Command::Test { parsed, strict } => {
            print_stderr("dnsmasq: syntax check OK.");
            return Ok(print_findings(&parsed, strict));
        }
        Command::Story(request) => return Ok(story_result(story::run(&request))),
        Command::Explain { parsed, clients, json } => {
            return Ok(print_explanation(parsed.explain(&clients, json)));
        }
        Command::Serve(parsed) => {
            if let Some(daemon) = parsed.bind(logger)?.detach()? {
                return Ok(exit_code(daemon.serve(logger)?));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the findings of `--test`. The list of files is printed only with findings, for `strict`, or to a terminal: the
/// output for programs is that of dnsmasq.
fn print_findings(parsed: &Parsed, strict: bool) -> ExitCode {
    let mut findings = parsed.findings();
    findings.sort_by_key(|finding| finding.level);
    let files = parsed.files().join(", ");
    if !files.is_empty() && (strict || !findings.is_empty() || is_interactive()) {
        print_stderr(&format!("files read: {files}"));
    }
    for finding in &findings {
        print_stderr(&format!("{}: {finding}", finding.level));
    }
    let fails = findings.iter().any(|finding| finding.level <= Level::Warning);
    if strict && fails { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn story_result(result: Result<(), StartupError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => print_error(&error),
    }
}

/// Prints the result of `--explain`.
fn print_explanation(result: Result<ExplainOutput, StartupError>) -> ExitCode {
    match result {
        Ok(ExplainOutput { text, works }) => {
            print_stdout(&text);
            if works { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => print_error(&error),
    }
}

/// Prints an error as dnsmasq does: after an empty line.
fn print_message(error: &StartupError) {
    print_stderr(&format!("\ndnsmasq: {error}"));
}

/// Prints an error of `--explain` or `--story`. It is no failed start, so it is not logged.
fn print_error(error: &StartupError) -> ExitCode {
    print_message(error);
    ExitCode::from(error.exit_code())
}

fn exit_code(reason: ExitReason) -> ExitCode {
    match reason {
        ExitReason::Terminated => ExitCode::SUCCESS,
        ExitReason::Interrupted | ExitReason::HelperEnded => ExitCode::from(5),
        ExitReason::Failed(code) => ExitCode::from(code),
    }
}

/// Prints the error of a failed start and logs it.
fn report_failed_start(error: &StartupError, logger: &Logger) -> ExitCode {
    if !logger.is_stderr() {
        print_message(error);
        // Not for programs, which may compare the output with that of dnsmasq (D-001).
        if let Some(detail) = error.detail().filter(|_| is_interactive()) {
            print_stderr(detail);
        }
    }
    logger.write_failure(&error.to_string());
    ExitCode::from(error.exit_code())
}
