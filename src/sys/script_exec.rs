//! Commands for scripts of the configuration, with the signals that scripts of dnsmasq have.

use super::signals::handle;
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::unistd::execve;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// A command that executes the file at `path`, and neither searches for it nor runs it by a shell if it has no valid format.
/// `removed` is not in its environment. It may be spawned only while there is one thread.
pub fn script(path: &Path, args: &[&OsStr], removed: &str) -> io::Result<Command> {
    let program = c_string(path.as_os_str())?;
    let args: Vec<CString> = args.iter().copied().map(c_string).collect::<Result<_, _>>()?;
    let env = std::env::vars_os().filter(|(name, _)| name != removed);
    let env =
        env.map(|(name, value)| CString::new([name.into_vec(), value.into_vec()].join(&b'=')));
    let env: Vec<CString> = env.collect::<Result<_, _>>()?;
    let mut command = Command::new(path);
    // SAFETY: there is one thread, so no lock is held in the child, and `execve` may allocate.
    unsafe {
        command.pre_exec(move || {
            set_signals()?;
            match execve(&program, &args, &env)? {}
        })
    };
    Ok(command)
}

/// The program of this command gets the same signals.
pub fn with_script_signals(command: &mut Command) {
    // SAFETY: the function calls only sigaction(2) and pthread_sigmask(3), which are async-signal-safe.
    unsafe { command.pre_exec(set_signals) };
}

/// No signal is blocked, and SIGPIPE is ignored. Signals that this process ignores stay ignored.
fn set_signals() -> io::Result<()> {
    // The standard library has set the default action.
    handle(Signal::SIGPIPE, SigHandler::SigIgn);
    Ok(SigSet::empty().thread_set_mask()?)
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}
