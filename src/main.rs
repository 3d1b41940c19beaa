//! Arguments → start → loop → exit code.

// They end the process where nobody reads what they print.
#![warn(clippy::print_stdout, clippy::print_stderr)]

use pxemasq::daemon::ExitReason;
use pxemasq::daemon::startup::{Command, Parsed, parse};
use pxemasq::error::StartupError;
use pxemasq::explain::ExplainOutput;
use pxemasq::logging::Logger;
use pxemasq::story;
use pxemasq::sys::daemonize::set_umask;
use pxemasq::sys::signals::install_startup_handlers;
use pxemasq::terminal::{is_interactive, print_stderr, print_stdout};
use std::ffi::OsString;
use std::process::ExitCode;

#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    install_startup_handlers();
    set_umask();
    let journal = Logger::open();
    let code = run(&words, &journal).unwrap_or_else(|failure| fail(&failure, &journal));
    journal.flush_and_wait();
    code
}

fn run(words: &[OsString], journal: &Logger) -> Result<ExitCode, StartupError> {
    let posixly_correct = std::env::var_os("POSIXLY_CORRECT").is_some();
    match parse(words, posixly_correct)? {
        Command::Print(text) => print_stdout(&text),
        Command::Test { parsed, strict } => {
            print_stderr("dnsmasq: syntax check OK.");
            return Ok(print_warnings(&parsed, strict));
        }
        Command::Story { format: form, path } => {
            return Ok(story_exit_code(story::run(form, path.as_deref())));
        }
        Command::Explain { parsed, clients, json } => {
            return Ok(print_report(parsed.explain(&clients, json)));
        }
        Command::Serve(parsed) => {
            if let Some(daemon) = parsed.bind(journal)?.detach()? {
                return Ok(code(daemon.serve(journal)?));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the files and warnings of `--test`. Without warnings, other programs get dnsmasq's output only.
fn print_warnings(parsed: &Parsed, strict: bool) -> ExitCode {
    let remarks = parsed.warnings();
    let files = parsed.files().join(", ");
    if !files.is_empty() && !remarks.is_empty() {
        print_stderr(&format!("warning: files read: {files}"));
    } else if !files.is_empty() && (strict || is_interactive()) {
        print_stderr(&format!("files read: {files}"));
    }
    remarks.iter().for_each(|remark| print_stderr(&format!("warning: {remark}")));
    if strict && !remarks.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn story_exit_code(result: Result<(), StartupError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => complain(&failure),
    }
}

/// Prints the report of `--explain`.
fn print_report(explained: Result<ExplainOutput, StartupError>) -> ExitCode {
    match explained {
        Ok(ExplainOutput { text, works }) => {
            print_stdout(&text);
            if works { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => complain(&failure),
    }
}

/// As dnsmasq prints it: behind an empty line.
fn print_error(error: &StartupError) {
    print_stderr(&format!("\ndnsmasq: {error}"));
}

/// An error of `--explain` or `--story` is printed and not logged: the daemon was not started.
fn complain(failure: &StartupError) -> ExitCode {
    print_error(failure);
    ExitCode::from(failure.exit_code())
}

fn code(end: ExitReason) -> ExitCode {
    match end {
        ExitReason::Terminated => ExitCode::SUCCESS,
        ExitReason::Interrupted => ExitCode::from(5),
        ExitReason::Failed(code) => ExitCode::from(code),
    }
}

/// Prints the error, and logs it.
fn fail(failure: &StartupError, journal: &Logger) -> ExitCode {
    if !journal.is_stderr() {
        print_error(failure);
        // Other programs compare dnsmasq's output, so the detail is printed for persons only (D-001).
        if let Some(detail) = failure.detail()
            && is_interactive()
        {
            print_stderr(detail);
        }
    }
    journal.write_failure(&failure.to_string());
    ExitCode::from(failure.exit_code())
}
