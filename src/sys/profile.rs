//! Which restrictions a process of the program gets.

use std::os::fd::RawFd;
use std::path::PathBuf;

/// A process of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// Reads and sends datagrams.
    Packets,
    /// Opens files.
    Files,
    /// Adds neighbour entries, receives from the packet socket and binds sockets to interfaces.
    Host,
}

/// A descriptor whose number is known at run time only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The datagram socket to the system log.
    Syslog,
    /// The datagram socket to the service manager.
    ServiceManager,
    /// The channel to another process of the program.
    Channel,
    /// A socket to rtnetlink.
    Netlink,
    /// No descriptor: the low 32 bits of the context of `io_submit`.
    WriteContext,
}

/// The values of a table of system calls that are known at run time only.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    /// The process id.
    pub process: u32,
    /// Descriptors with their roles. A role may have none or several.
    pub descriptors: Vec<(Role, RawFd)>,
}

/// Files and directories that Landlock allows. A directory includes all that is below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedPaths {
    /// Read files and list directories.
    pub read: Vec<PathBuf>,
    /// Write files and create files.
    pub write: Vec<PathBuf>,
    /// Remove files.
    pub remove: Vec<PathBuf>,
}

/// The restrictions of one process.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The process.
    pub process: Process,
    /// The paths that it may use.
    pub paths: AllowedPaths,
    /// Values for its table of system calls.
    pub parameters: Parameters,
}

impl Parameters {
    /// The values of this process.
    pub fn new(descriptors: &[(Role, RawFd)]) -> Self {
        Self { process: std::process::id(), descriptors: descriptors.to_vec() }
    }

    /// The descriptors of a role.
    pub fn of(&self, role: Role) -> impl Iterator<Item = RawFd> {
        self.descriptors.iter().filter(move |(other, _)| *other == role).map(|(_, fd)| *fd)
    }
}

impl Profile {
    /// The packet process. It may not use a path. Roles: syslog, service manager, write context.
    pub fn packets(descriptors: &[(Role, RawFd)]) -> Self {
        Self::without_paths(Process::Packets, descriptors)
    }

    /// The file process. It may read all files, and write and remove below these paths. Role: channel.
    pub fn files(write: Vec<PathBuf>, remove: Vec<PathBuf>, descriptors: &[(Role, RawFd)]) -> Self {
        let paths = AllowedPaths { read: vec![PathBuf::from("/")], write, remove };
        Self { paths, ..Self::without_paths(Process::Files, descriptors) }
    }

    /// The host process. It may not use a path. Roles: channel, netlink.
    pub fn host(descriptors: &[(Role, RawFd)]) -> Self {
        Self::without_paths(Process::Host, descriptors)
    }

    fn without_paths(process: Process, descriptors: &[(Role, RawFd)]) -> Self {
        let parameters = Parameters::new(descriptors);
        Self { process, paths: AllowedPaths::default(), parameters }
    }
}
