//! Word from the daemon in the background to the process that was started, which waits for it and passes it on to the
//! terminal and its exit code (docs/dnsmasq/daemon.md, section 2).

use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::daemonize::{ForkSide, detach};
use std::io::{self, PipeReader, PipeWriter, Read, Write};

/// The daemon's side.
pub struct ForkStatus(PipeWriter);

/// The word for a start; no exit code of a failure.
const STARTED: u8 = 0;

impl ForkStatus {
    /// Goes into the background. `None`: we are the process that was started, and the daemon serves.
    pub fn detach() -> Result<Option<Self>, StartupError> {
        let failed = |error: io::Error| {
            StartupError::other(format!("cannot fork into background: {}", strerror(&error)))
        };
        match detach().map_err(failed)? {
            ForkSide::Daemon(speaks) => Ok(Some(Self(speaks))),
            ForkSide::Parent(hears) => wait(hears).map(|()| None),
        }
    }

    /// It serves.
    pub fn started(mut self) {
        // Whoever did not wait needs no word.
        drop(self.0.write_all(&[STARTED]));
    }

    /// It does not.
    pub fn failed(mut self, failure: &StartupError) {
        let detail = failure.detail.as_deref().unwrap_or_default();
        let words = [&[failure.code], failure.message.as_bytes(), &[0], detail.as_bytes()].concat();
        drop(self.0.write_all(&words));
    }
}

fn wait(mut hears: PipeReader) -> Result<(), StartupError> {
    let mut words = Vec::new();
    let heard = hears.read_to_end(&mut words);
    match &words[..] {
        [STARTED] => Ok(()),
        [code, told @ ..] => {
            // The daemon sends text, in which bytes that are not UTF-8 are replaced already.
            let told = String::from_utf8_lossy(told);
            let (sentence, detail) = told.split_once('\0').unwrap_or((&told, ""));
            let failure = StartupError::new(*code, sentence);
            Err(if detail.is_empty() { failure } else { failure.with_detail(detail.to_owned()) })
        }
        [] => {
            let why =
                heard.err().map_or_else(|| "it was killed".to_owned(), |error| strerror(&error));
            Err(StartupError::other(format!("cannot fork into background: {why}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(words: &[u8]) -> Result<(), StartupError> {
        let (hears, mut speaks) = io::pipe().unwrap();
        speaks.write_all(words).unwrap();
        drop(speaks);
        wait(hears)
    }

    #[test]
    fn a_failure_arrives_whole() {
        let (hears, speaks) = io::pipe().unwrap();
        let failure = StartupError::file("cannot open log").with_detail("  see c:1".to_owned());
        ForkStatus(speaks).failed(&failure);
        assert_eq!(wait(hears), Err(failure));
        assert_eq!(heard(&[STARTED]), Ok(()));
    }

    #[test]
    fn a_daemon_that_dies_has_not_started() {
        let failure = heard(&[]).unwrap_err();
        assert_eq!(failure, StartupError::other("cannot fork into background: it was killed"));
    }
}
