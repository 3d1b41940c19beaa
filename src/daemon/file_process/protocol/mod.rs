//! The messages between the packet process and the file process. Both sides read them without trust in the other one.

mod encoding;

use super::roots::RootNumber;
use crate::boot_monitor::event::RefusalReason;
use crate::diagnose::boot_program::Client;
use crate::sys::directory_changes::Watch;

/// A request of the packet process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Look up names. The replies to those that take no time come in one message.
    Lookups(Vec<Lookup>),
    /// Read all hosts and option files.
    ReadConfig,
    /// Find out why files were not sent to a client.
    Inspect {
        /// The number of the inspection.
        id: u32,
        /// The files.
        files: Vec<InspectedFile>,
    },
    /// Find out why a client loads a boot file again and again.
    ExamineProgram(ExaminedProgram),
    /// List the last directory of a path that exists, and watch it and all above it.
    ListDirectory {
        /// The root.
        root: RootNumber,
        /// The name below the root.
        name: Vec<u8>,
        /// Directories that need not be watched any more.
        unused: Vec<Watch>,
    },
    /// Open the log file again.
    ReopenLog,
    /// Connect to the system log again.
    ConnectSyslog,
    /// Remove the pid file, and the control socket.
    RemovePidFile,
    /// The document of this [`Reply::StatusRequested`] is written.
    StatusWritten(u32),
    /// Accept connections of the control socket.
    StartControl,
    /// Accept no connections of the control socket until [`Request::StartControl`]: another process does.
    StopControl,
    /// A connection of the control socket, which is passed as a descriptor, has requested the state of this process.
    ServeConnection,
}

/// A name to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The number of the look-up.
    pub id: u32,
    /// What is looked up.
    pub kind: LookupKind,
    /// The root.
    pub root: RootNumber,
    /// The name below the root.
    pub name: Vec<u8>,
}

/// What is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupKind {
    /// A file, to be opened.
    File,
    /// Whether there is a directory.
    Directory,
}

/// A file that was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedFile {
    /// The root.
    pub root: RootNumber,
    /// The name below the root.
    pub name: Vec<u8>,
    /// Why it was not sent.
    pub reason: RefusalReason,
    /// Whether a line of the configuration names it.
    pub is_configured: bool,
}

/// A boot file that a client loads again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminedProgram {
    /// The number of the examination.
    pub id: u32,
    /// The root.
    pub root: RootNumber,
    /// The name below the root.
    pub name: Vec<u8>,
    /// The client.
    pub client: Client,
}

/// A reply of the file process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It has given up its rights, and serves. The first reply.
    Started(Started),
    /// It does not serve: exit code and message. The only reply.
    Failed(u8, String),
    /// Results of look-ups. For each [`Outcome::File`] the message has a descriptor.
    LookedUp {
        /// The next batch may be sent.
        batch_done: bool,
        /// The results.
        results: Vec<LookedUp>,
    },
    /// The contents of all hosts and option files, in memory that is passed as a descriptor. No descriptor: they could not be
    /// read.
    Config {
        /// Bytes.
        size: u64,
        /// Directories that cannot be watched.
        unwatched: Vec<Unwatched>,
    },
    /// A file in a watched directory has changed. Its contents are in memory that is passed as a descriptor, of this size.
    Changed(u64),
    /// More has changed in watched directories than the kernel can queue: all files must be read.
    ConfigOutdated,
    /// The result of an inspection.
    Inspected {
        /// The number of the inspection.
        id: u32,
        /// `None`: there is nothing to report.
        cause: Option<Cause>,
    },
    /// The result of an examination.
    ProgramExamined {
        /// The number of the examination.
        id: u32,
        /// Why the client loads the file again, if the file shows it.
        reason: Option<String>,
    },
    /// A directory was listed. Its names, each with a NUL behind it, are in memory that is passed as a descriptor, of this size. No
    /// descriptor: it was not listed.
    DirectoryListed(ListedDirectory, u64),
    /// The log file was opened: 0 and a descriptor, or the error number.
    LogOpened(i32),
    /// The result of connecting to the system log: 0, or the error number. A descriptor: the system log is a stream socket.
    SyslogConnected(i32),
    /// The pid file was removed, if that was possible.
    PidFileRemoved,
    /// The state of the server is requested: write the document into the file in memory that is passed as a descriptor.
    StatusRequested(u32),
    /// A connection of the control socket, which is passed as a descriptor, and its request
    /// ([`crate::control::Request`]). Its user is permitted.
    ControlConnection(Vec<u8>),
}

/// A directory whose names are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListedDirectory {
    /// The directories that are watched: `/`, and so on along the path.
    pub watches: Vec<Watch>,
    /// Where its path ends in the path of the request; 0: it is `/`. `None`: it was not listed.
    pub end: Option<u16>,
}

/// The result of the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The restrictions of the process, for the log.
    pub restrictions: String,
    /// Roots that cannot be opened, by index (`tftp-no-fail`).
    pub missing_roots: Vec<u16>,
}

/// A directory that cannot be watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwatched {
    /// Its index in the list of files.
    pub index: u16,
    /// The error number.
    pub error: i32,
}

/// The result of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookedUp {
    /// The number of the look-up.
    pub id: u32,
    /// The result.
    pub outcome: Outcome,
}

/// The result of a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file is open.
    File(FileFacts),
    /// There is no such file.
    NotFound,
    /// It may not be read.
    Denied,
    /// Another error, by its number.
    Failed(i32),
    /// Whether the path is a directory.
    Directory(bool),
    /// Too many look-ups wait for this disk: the client has to repeat its request.
    Dropped,
}

/// Facts about an open file (fstat(2), fstatfs(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// The number of the file system.
    pub device: u64,
    /// Device, inode, size, times of modification and change in ns: two files with the same numbers are one file with the same
    /// contents.
    pub version: [i64; 5],
    /// The size in bytes.
    pub size: u64,
    /// Whether it is a regular file.
    pub is_regular: bool,
    /// Whether it is a directory. The descriptor is that of an empty file then.
    pub is_directory: bool,
    /// Whether it is on tmpfs or ramfs.
    pub is_in_memory: bool,
    /// Whether inotify(7) reports each change of its name: the last component of the path is no symbolic link, and the file is on
    /// a file system that only this kernel changes.
    pub is_name_reported: bool,
}

/// Why a file was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The index of the file in the request.
    pub file: u16,
    /// The sentence.
    pub text: String,
}

/// The size of the buffer for a message.
pub const MAX_MESSAGE_LEN: usize = 64 * 1024;
/// Bytes of names in one batch, at most.
pub const MAX_BATCH_LEN: usize = 32 * 1024;
/// Bytes of a path with its NUL, at most (`PATH_MAX`).
pub const MAX_PATH_LEN: usize = 4096;
/// Look-ups in one batch, at most: each may have a descriptor.
pub const MAX_BATCH: usize = 128;
