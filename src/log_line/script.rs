//! Lines of the script that is run for each file that was sent (`dhcp-script`; docs/dnsmasq/tftp.md, section 13).

use super::{PROCESS, Priority};
use std::fmt;

/// Output and exit of the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScriptLine {
    /// A line of its output.
    Output(String),
    /// It exited with a code other than 0.
    Exited(i32),
    /// It was terminated by a signal.
    Killed(i32),
    /// It cannot be executed.
    Unexecutable {
        /// Path of the script.
        script: String,
        /// The system error.
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
