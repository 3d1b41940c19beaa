//! Arguments → start → loop → exit code.

// The macros `println` and `eprintln` panic if the output is closed.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use pxemasq::daemon::ExitReason;
use pxemasq::daemon::startup::test_run::TestReport;
use pxemasq::daemon::startup::{Command, parse};
use pxemasq::error::StartupError;
use pxemasq::explain::ExplainOutput;
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
        Command::Test(run) => return Ok(print_test(&run.report())),
        Command::Status(request) => return Ok(story_result(request.run())),
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

/// Prints the result of `--test`. Without a value and without findings it is dnsmasq's line only: programs may compare it.
fn print_test(report: &TestReport) -> ExitCode {
    report.lines(is_interactive()).iter().for_each(|line| print_stderr(line));
    if let Some(json) = report.json() {
        print_stdout(&json);
    }
    ExitCode::from(report.exit_code())
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
        Ok(ExplainOutput { text, has_failure }) => {
            print_stdout(&text);
            if has_failure { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Err(error) => print_error(&error),
    }
}

/// Prints an error as dnsmasq does: after an empty line.
fn print_message(error: &StartupError) {
    print_stderr(&format!("\ndnsmasq: {error}"));
    for message in error.further() {
        print_stderr(&format!("dnsmasq: {message}"));
    }
}

/// Prints an error of `--explain` or `--story`. It is no failed start, so it is not logged.
fn print_error(error: &StartupError) -> ExitCode {
    print_message(error);
    ExitCode::from(error.exit_code())
}

fn exit_code(reason: ExitReason) -> ExitCode {
    ExitCode::from(reason.code())
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
    logger.write_failure(error);
    ExitCode::from(error.exit_code())
}
