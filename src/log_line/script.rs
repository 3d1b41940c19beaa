//! Lines of the script that is told of files that were sent (`dhcp-script`; docs/dnsmasq/tftp.md, section 13).

use super::{PROCESS, Priority};
use std::fmt;

/// What the script says, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptLine {
    /// A line that it has printed.
    Output(String),
    /// It ended with a code other than 0.
    Exited(i32),
    /// A signal ended it.
    Killed(i32),
    /// It cannot be run.
    Unexecutable {
        /// Its path.
        script: String,
        /// The system's words.
        reason: String,
    },
}

impl ScriptLine {
    pub(super) fn identity(&self) -> &'static str {
        if matches!(self, Self::Output(_)) { "dnsmasq-script" } else { PROCESS }
    }

    pub(super) fn priority(&self) -> Priority {
        match self {
            Self::Output(_) => Priority::Debug,
            Self::Exited(_) | Self::Killed(_) => Priority::Warning,
            Self::Unexecutable { .. } => Priority::Error,
        }
    }
}

impl fmt::Display for ScriptLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(text) => f.write_str(text),
            Self::Exited(code) => write!(f, "script process exited with status {code}"),
            Self::Killed(signal) => write!(f, "script process killed by signal {signal}"),
            Self::Unexecutable { script, reason } => {
                write!(f, "failed to execute {script}: {reason}")
            }
        }
    }
}
