//! Standard input, output and error (docs/dnsmasq/daemon.md, section 1).

use super::predecessor::Predecessor;
use crate::config::Process;
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::daemonize::{redirect_stdio_to_null, set_stderr};
use std::io::{self, stderr};
use std::os::fd::{AsFd, OwnedFd};

/// A copy of standard error, if the log is written there. A process that replaces another one uses the standard error of that one:
/// its log goes on where it was. Call it before the log is opened.
pub fn standard_error_of_log(
    process: &Process,
    predecessor: Option<&Predecessor>,
) -> Result<Option<OwnedFd>, StartupError> {
    if !process.logs_to_stderr() {
        return Ok(None);
    }
    let earlier = predecessor.and_then(|server| server.standard_error.as_ref());
    let taken = earlier.map_or(Ok(()), set_stderr);
    let copied = taken.and_then(|()| stderr().as_fd().try_clone_to_owned());
    copied.map(Some).map_err(|error| failed(&error))
}

/// Redirects the streams to `/dev/null`. In debug mode standard error remains, and without `--replace` the others too.
pub fn redirect(
    process: &Process,
    replaces: bool,
    standard_error: Option<&OwnedFd>,
) -> Result<(), StartupError> {
    if process.debug && !replaces {
        return Ok(());
    }
    redirect_stdio_to_null().map_err(|error| failed(&error))?;
    let kept = standard_error.filter(|_| process.debug);
    kept.map_or(Ok(()), set_stderr).map_err(|error| failed(&error))
}

fn failed(error: &io::Error) -> StartupError {
    StartupError::other(format!("cannot redirect the standard streams: {}", strerror(error)))
}
