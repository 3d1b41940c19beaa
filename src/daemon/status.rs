//! The state of the server, for `--status`.

use super::Daemon;
use super::file_process::protocol::Request;
use crate::status::{Counters, SCHEMA, Status};
use crate::time::Timestamp;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

impl Daemon {
    /// Writes the state into a file in memory of the file process.
    pub(super) fn write_status(&mut self, number: u32, file: Option<OwnedFd>, now: Timestamp) {
        let status = self.status(now);
        if let (Some(file), Ok(document)) = (file, serde_json::to_vec(&status)) {
            // A part of a document is no JSON, which the client reports.
            let _ = File::from(file).write_all(&document);
        }
        self.file_process.send(&Request::StatusWritten(number));
    }

    /// What this process has counted.
    pub(super) fn counters(&self) -> Counters {
        Counters::default()
    }

    fn status(&self, _now: Timestamp) -> Status {
        Status {
            schema: SCHEMA,
            program: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            replaced: self.replacement.is_replaced(),
            earlier: self.replacement.earlier_pids(),
            ..Status::default()
        }
    }
}
