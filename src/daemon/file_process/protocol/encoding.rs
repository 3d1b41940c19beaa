//! The messages as bytes: a first byte for the kind, then fields in native byte order.

mod fields;
#[cfg(test)]
mod tests;

use self::fields::Fields;
use super::{
    Cause, ExaminedProgram, FileFacts, InspectedFile, ListedDirectory, LookedUp, Lookup,
    LookupKind, Outcome, Reply, Request, Started, Unwatched,
};
use crate::boot_monitor::event::RefusalReason;
use crate::daemon::file_process::roots::RootNumber;
use crate::diagnose::boot_program::Client;
use crate::sys::directory_changes::Watch;
use crate::wire::client_arch::Architecture;

/// The first byte of a message.
mod kind {
    pub const LOOKUPS: u8 = 1;
    pub const READ_CONFIG: u8 = 2;
    pub const INSPECT: u8 = 3;
    pub const REOPEN_LOG: u8 = 4;
    pub const CONNECT_SYSLOG: u8 = 5;
    pub const REMOVE_PID_FILE: u8 = 6;
    pub const LOOKED_UP: u8 = 7;
    pub const LAST_LOOKED_UP: u8 = 8;
    pub const CONFIG: u8 = 9;
    pub const CHANGED: u8 = 10;
    pub const INSPECTED: u8 = 11;
    pub const LOG_OPENED: u8 = 12;
    pub const SYSLOG_CONNECTED: u8 = 13;
    pub const PID_FILE_REMOVED: u8 = 14;
    pub const CONFIG_OUTDATED: u8 = 15;
    pub const STARTED: u8 = 16;
    pub const FAILED: u8 = 17;
    pub const EXAMINE_PROGRAM: u8 = 18;
    pub const PROGRAM_EXAMINED: u8 = 19;
    pub const LIST_DIRECTORY: u8 = 20;
    pub const DIRECTORY_LISTED: u8 = 21;
    pub const DIRECTORY_NOT_LISTED: u8 = 22;
    pub const STATUS_WRITTEN: u8 = 23;
    pub const STOP_CONTROL: u8 = 24;
    pub const STATUS_REQUESTED: u8 = 25;
    pub const CONTROL_CONNECTION: u8 = 26;
    pub const START_CONTROL: u8 = 27;
    pub const SERVE_CONNECTION: u8 = 28;
}

/// The first byte of an outcome.
mod outcome {
    pub const FILE: u8 = 0;
    pub const NOT_FOUND: u8 = 1;
    pub const DENIED: u8 = 2;
    pub const FAILED: u8 = 3;
    pub const DIRECTORY: u8 = 4;
    pub const NO_DIRECTORY: u8 = 5;
    pub const DROPPED: u8 = 6;
}

impl Request {
    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Lookups(lookups) => {
                let mut bytes = vec![kind::LOOKUPS];
                for lookup in lookups {
                    lookup.encode(&mut bytes);
                }
                bytes
            }
            Self::ReadConfig => vec![kind::READ_CONFIG],
            Self::Inspect { id, files } => {
                let mut bytes = vec![kind::INSPECT];
                bytes.extend_from_slice(&id.to_ne_bytes());
                for file in files {
                    file.encode(&mut bytes);
                }
                bytes
            }
            Self::ExamineProgram(program) => program.encode(),
            Self::ListDirectory { root, name, unused } => {
                let mut bytes = vec![kind::LIST_DIRECTORY];
                put_name(&mut bytes, *root, name);
                put_watches(&mut bytes, unused);
                bytes
            }
            Self::ReopenLog => vec![kind::REOPEN_LOG],
            Self::ConnectSyslog => vec![kind::CONNECT_SYSLOG],
            Self::RemovePidFile => vec![kind::REMOVE_PID_FILE],
            Self::StatusWritten(number) => with_number(kind::STATUS_WRITTEN, &number.to_ne_bytes()),
            Self::StartControl => vec![kind::START_CONTROL],
            Self::StopControl => vec![kind::STOP_CONTROL],
            Self::ServeConnection => vec![kind::SERVE_CONNECTION],
        }
    }

    /// The request of a message; `None`: it is malformed.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(match fields.byte()? {
            kind::LOOKUPS => Self::Lookups(fields.all(Lookup::decode)?),
            kind::READ_CONFIG => Self::ReadConfig,
            kind::INSPECT => {
                let id = fields.number()?;
                Self::Inspect { id, files: fields.all(InspectedFile::decode)? }
            }
            kind::EXAMINE_PROGRAM => Self::ExamineProgram(ExaminedProgram::decode(&mut fields)?),
            kind::LIST_DIRECTORY => {
                let (root, name) = fields.name()?;
                Self::ListDirectory { root, name: name.to_vec(), unused: fields.watches()? }
            }
            kind::REOPEN_LOG => Self::ReopenLog,
            kind::CONNECT_SYSLOG => Self::ConnectSyslog,
            kind::REMOVE_PID_FILE => Self::RemovePidFile,
            kind::STATUS_WRITTEN => Self::StatusWritten(fields.number()?),
            kind::START_CONTROL => Self::StartControl,
            kind::STOP_CONTROL => Self::StopControl,
            kind::SERVE_CONNECTION => Self::ServeConnection,
            _ => return None,
        })
    }
}

impl Lookup {
    /// Appends the bytes of a look-up.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.id.to_ne_bytes());
        bytes.push(u8::from(self.kind == LookupKind::Directory));
        put_name(bytes, self.root, &self.name);
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.number()?;
        let kind = if fields.byte()? == 0 { LookupKind::File } else { LookupKind::Directory };
        let (root, name) = fields.name()?;
        Some(Self { id, kind, root, name: name.to_vec() })
    }
}

impl InspectedFile {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(match self.reason {
            RefusalReason::NotFound => 0,
            RefusalReason::PermissionDenied => 1,
            RefusalReason::Unreported => 2,
            RefusalReason::Unreadable => 3,
        });
        bytes.push(u8::from(self.is_configured));
        put_name(bytes, self.root, &self.name);
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let reason = match fields.byte()? {
            0 => RefusalReason::NotFound,
            1 => RefusalReason::PermissionDenied,
            3 => RefusalReason::Unreadable,
            _ => RefusalReason::Unreported,
        };
        let is_configured = fields.byte()? != 0;
        let (root, name) = fields.name()?;
        Some(Self { root, name: name.to_vec(), reason, is_configured })
    }
}

impl ExaminedProgram {
    fn encode(&self) -> Vec<u8> {
        let mut bytes = with_number(kind::EXAMINE_PROGRAM, &self.id.to_ne_bytes());
        bytes.extend_from_slice(&self.client.architecture.0.to_ne_bytes());
        bytes.push(u8::from(self.client.is_ipxe));
        put_name(&mut bytes, self.root, &self.name);
        bytes
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.number()?;
        let architecture = Architecture(u16::from_ne_bytes(fields.array()?));
        let client = Client { architecture, is_ipxe: fields.byte()? != 0 };
        let (root, name) = fields.name()?;
        Some(Self { id, root, name: name.to_vec(), client })
    }
}

/// A longer name is cut. No request has one.
fn put_name(bytes: &mut Vec<u8>, root: RootNumber, name: &[u8]) {
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    bytes.extend_from_slice(&root.to_ne_bytes());
    bytes.extend_from_slice(&length.to_ne_bytes());
    bytes.extend_from_slice(&name[..usize::from(length)]);
}

fn put_watches(bytes: &mut Vec<u8>, watches: &[Watch]) {
    bytes.extend(watches.iter().flat_map(|watch| watch.to_ne_bytes()));
}

impl ListedDirectory {
    fn encode(&self, size: u64) -> Vec<u8> {
        let mut bytes = match self.end {
            Some(end) => with_number(kind::DIRECTORY_LISTED, &end.to_ne_bytes()),
            None => vec![kind::DIRECTORY_NOT_LISTED],
        };
        bytes.extend_from_slice(&size.to_ne_bytes());
        put_watches(&mut bytes, &self.watches);
        bytes
    }
}

impl Reply {
    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::LookedUp { batch_done, results } => {
                let kind = if *batch_done { kind::LAST_LOOKED_UP } else { kind::LOOKED_UP };
                let mut bytes = vec![kind];
                for result in results {
                    result.encode(&mut bytes);
                }
                bytes
            }
            Self::Config { size, unwatched } => {
                let mut bytes = with_number(kind::CONFIG, &size.to_ne_bytes());
                for Unwatched { index, error } in unwatched {
                    bytes.extend_from_slice(&index.to_ne_bytes());
                    bytes.extend_from_slice(&error.to_ne_bytes());
                }
                bytes
            }
            Self::Started(Started { restrictions, missing_roots }) => {
                let count = u16::try_from(missing_roots.len()).unwrap_or(u16::MAX);
                let mut bytes = with_number(kind::STARTED, &count.to_ne_bytes());
                bytes.extend(missing_roots.iter().flat_map(|root| root.to_ne_bytes()));
                bytes.extend_from_slice(restrictions.as_bytes());
                bytes
            }
            Self::Failed(code, message) => [&[kind::FAILED, *code], message.as_bytes()].concat(),
            Self::ConfigOutdated => vec![kind::CONFIG_OUTDATED],
            Self::Changed(size) => with_number(kind::CHANGED, &size.to_ne_bytes()),
            Self::Inspected { id, cause } => inspected(*id, cause.as_ref()),
            Self::ProgramExamined { id, reason } => {
                let mut bytes = with_number(kind::PROGRAM_EXAMINED, &id.to_ne_bytes());
                bytes.extend_from_slice(reason.as_deref().unwrap_or_default().as_bytes());
                bytes
            }
            Self::DirectoryListed(listed, size) => listed.encode(*size),
            Self::LogOpened(error) => with_number(kind::LOG_OPENED, &error.to_ne_bytes()),
            Self::SyslogConnected(error) => {
                with_number(kind::SYSLOG_CONNECTED, &error.to_ne_bytes())
            }
            Self::PidFileRemoved => vec![kind::PID_FILE_REMOVED],
            Self::StatusRequested(number) => {
                with_number(kind::STATUS_REQUESTED, &number.to_ne_bytes())
            }
            Self::ControlConnection(request) => with_number(kind::CONTROL_CONNECTION, request),
        }
    }

    /// The reply of a message; `None`: it is malformed.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        Some(match fields.byte()? {
            kind @ (kind::LOOKED_UP | kind::LAST_LOOKED_UP) => Self::LookedUp {
                batch_done: kind == kind::LAST_LOOKED_UP,
                results: fields.all(LookedUp::decode)?,
            },
            kind::CONFIG => {
                let size = u64::from_ne_bytes(fields.array()?);
                Self::Config { size, unwatched: fields.all(Fields::unwatched)? }
            }
            kind::STARTED => Self::Started(fields.started()?),
            kind::FAILED => Self::Failed(fields.byte()?, fields.text()),
            kind::CONFIG_OUTDATED => Self::ConfigOutdated,
            kind::CHANGED => Self::Changed(u64::from_ne_bytes(fields.array()?)),
            kind::INSPECTED => {
                let id = fields.number()?;
                let cause = if fields.0.is_empty() { None } else { Some(fields.cause()?) };
                Self::Inspected { id, cause }
            }
            kind::PROGRAM_EXAMINED => {
                let id = fields.number()?;
                Self::ProgramExamined {
                    id,
                    reason: Some(fields.text()).filter(|text| !text.is_empty()),
                }
            }
            kind::DIRECTORY_LISTED => {
                let end = u16::from_ne_bytes(fields.array()?);
                fields.directory_listed(Some(end))?
            }
            kind::DIRECTORY_NOT_LISTED => fields.directory_listed(None)?,
            kind::LOG_OPENED => Self::LogOpened(i32::from_ne_bytes(fields.array()?)),
            kind::SYSLOG_CONNECTED => Self::SyslogConnected(i32::from_ne_bytes(fields.array()?)),
            kind::PID_FILE_REMOVED => Self::PidFileRemoved,
            kind::STATUS_REQUESTED => Self::StatusRequested(fields.number()?),
            kind::CONTROL_CONNECTION => Self::ControlConnection(fields.0.to_vec()),
            _ => return None,
        })
    }
}

fn inspected(id: u32, cause: Option<&Cause>) -> Vec<u8> {
    let mut bytes = with_number(kind::INSPECTED, &id.to_ne_bytes());
    if let Some(Cause { file, text }) = cause {
        bytes.extend_from_slice(&file.to_ne_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}

fn with_number(kind: u8, number: &[u8]) -> Vec<u8> {
    [&[kind], number].concat()
}

impl LookedUp {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.id.to_ne_bytes());
        match &self.outcome {
            Outcome::File(facts) => {
                bytes.push(outcome::FILE);
                facts.encode(bytes);
            }
            Outcome::NotFound => bytes.push(outcome::NOT_FOUND),
            Outcome::Denied => bytes.push(outcome::DENIED),
            Outcome::Failed(error) => {
                bytes.push(outcome::FAILED);
                bytes.extend_from_slice(&error.to_ne_bytes());
            }
            Outcome::Directory(true) => bytes.push(outcome::DIRECTORY),
            Outcome::Directory(false) => bytes.push(outcome::NO_DIRECTORY),
            Outcome::Dropped => bytes.push(outcome::DROPPED),
        }
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.number()?;
        let outcome = match fields.byte()? {
            outcome::FILE => Outcome::File(FileFacts::decode(fields)?),
            outcome::NOT_FOUND => Outcome::NotFound,
            outcome::DENIED => Outcome::Denied,
            outcome::FAILED => Outcome::Failed(i32::from_ne_bytes(fields.array()?)),
            outcome::DIRECTORY => Outcome::Directory(true),
            outcome::NO_DIRECTORY => Outcome::Directory(false),
            outcome::DROPPED => Outcome::Dropped,
            _ => return None,
        };
        Some(Self { id, outcome })
    }
}

impl FileFacts {
    fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.device.to_ne_bytes());
        for number in self.version {
            bytes.extend_from_slice(&number.to_ne_bytes());
        }
        bytes.extend_from_slice(&self.size.to_ne_bytes());
        let flags = [self.is_regular, self.is_in_memory, self.is_directory, self.is_name_reported];
        bytes.push((0..).zip(flags).map(|(bit, flag)| u8::from(flag) << bit).sum());
    }

    fn decode(fields: &mut Fields<'_>) -> Option<Self> {
        let device = u64::from_ne_bytes(fields.array()?);
        let mut version = [0; 5];
        for number in &mut version {
            *number = i64::from_ne_bytes(fields.array()?);
        }
        let size = u64::from_ne_bytes(fields.array()?);
        let flags = fields.byte()?;
        let [is_regular, is_in_memory, is_directory, is_name_reported] =
            [1, 2, 4, 8].map(|flag| flags & flag != 0);
        Some(Self {
            device,
            version,
            size,
            is_regular,
            is_directory,
            is_in_memory,
            is_name_reported,
        })
    }
}
