//! Files of hosts and options: reading all of them again.

use super::config_watch::WatchedDirectories;
use crate::config::Config;
use crate::config::reload::ReloadableFiles;
use crate::config::server_names::ServerNames;
use crate::log_line::FileLine;
use std::fs::File;

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
            Some(watched) => watched.rewatch(config),
            None => Vec::new(),
        };
        let (names, read) = self.reloadable.read(config);
        lines.extend(read);
        (names, lines)
    }
}
