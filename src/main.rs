//! Arguments → start → loop → exit code.

use pxemasq::daemon::End;
use pxemasq::daemon::startup::{Asked, parse};
use pxemasq::failure::Failure;
use pxemasq::journal::Journal;
use std::io::IsTerminal;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let journal = Journal::open();
    match run(&words, &journal) {
        Ok(code) => code,
        Err(failure) => fail(&failure, &journal),
    }
}

fn run(words: &[String], journal: &Journal) -> Result<ExitCode, Failure> {
    let posixly_correct = std::env::var_os("POSIXLY_CORRECT").is_some();
    match parse(words, posixly_correct)? {
        Asked::Print(text) => print!("{text}"),
        Asked::Test(parsed) => {
            eprintln!("dnsmasq: syntax check OK.");
            parsed.remarks().for_each(|remark| eprintln!("{remark}"));
        }
        Asked::Serve(parsed) => return Ok(code(parsed.bind(journal)?.confine()?.serve()?)),
    }
    Ok(ExitCode::SUCCESS)
}

fn code(end: End) -> ExitCode {
    match end {
        End::Terminated => ExitCode::SUCCESS,
        End::Interrupted => ExitCode::from(5),
    }
}

/// The person at the terminal is told, and so is the log.
fn fail(failure: &Failure, journal: &Journal) -> ExitCode {
    if !journal.is_stderr() {
        eprintln!("{failure}");
        // Programs compare what dnsmasq says; people look at the line. (D-001)
        failure
            .detail
            .iter()
            .filter(|_| std::io::stderr().is_terminal())
            .for_each(|detail| eprintln!("{detail}"));
    }
    journal.write_failure(&failure.sentence);
    ExitCode::from(failure.code)
}
