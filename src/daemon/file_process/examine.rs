//! Why a client loads a boot file again and again, as far as the file shows it.

use super::inspect::Inspector;
use super::protocol::ExaminedProgram;
use crate::diagnose::boot_program::{explain_repeated_load, identify};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

impl Inspector {
    /// The reason as a sentence.
    pub fn examine(&self, program: &ExaminedProgram) -> Option<String> {
        let path = self.roots.join(program.root, &program.name)?;
        let path = Path::new(OsStr::from_bytes(&path));
        let reason = explain_repeated_load(&identify(path).ok()?, path, program.client)?;
        Some(reason.to_string())
    }
}
