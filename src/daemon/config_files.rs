//! Files of hosts and options: reading all of them again.

use super::config_watch::WatchedDirectories;
use crate::config::Config;
use crate::config::reload::ReloadableFiles;
use crate::config::server_names::ServerNames;
use crate::log_line::FileLine;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;

/// Files that are read while the daemon serves.
pub struct ConfigFiles {
    /// Hosts files and the like.
    pub reloadable: ReloadableFiles,
    /// Directories whose files are read when they change.
    pub watched: Option<WatchedDirectories>,
    /// The lease file. It stays open, as in dnsmasq.
    #[expect(dead_code, reason = "it is held open only")]
    pub leases: Option<File>,
}

impl ConfigFiles {
    /// Watches the directories that exist now, then reads all files again; the server names, and lines for the log.
    pub fn read(&mut self, config: &mut Config) -> (ServerNames, Vec<FileLine>) {
        let mut lines = match &mut self.watched {
            Some(watched) => watched.rewatch(self.reloadable.list()),
            None => Vec::new(),
        };
        let snapshot = self.reloadable.list().read();
        let (names, read) = self.reloadable.read(config, snapshot);
        lines.extend(read);
        (names, lines)
    }

    /// Reads a changed file of a watched directory, by the index of the directory in the list; lines for the log.
    pub fn read_changed(
        &mut self,
        directory: usize,
        name: &OsStr,
        config: &mut Config,
        names: &mut ServerNames,
    ) -> Vec<FileLine> {
        match self.reloadable.list().read_changed(directory, name.as_bytes()) {
            Some(changed) => self.reloadable.read_changed(changed, config, names),
            None => Vec::new(),
        }
    }
}
