//! Replaces `seccomp` on architectures that seccompiler does not support.

use super::profile::{Parameters, Process};
use std::fmt;

/// Why seccomp does not restrict this process.
#[derive(Debug)]
pub enum SeccompError {
    /// seccompiler does not support this architecture.
    Architecture(&'static str),
}

impl fmt::Display for SeccompError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Architecture(name) = self;
        write!(f, "not for {name}")
    }
}

/// Always fails.
pub fn install(_: Process, _: &Parameters) -> Result<usize, SeccompError> {
    Err(SeccompError::Architecture(std::env::consts::ARCH))
}
