//! Hosts and option files: all of them on request, and those of watched directories when they change.

use super::protocol::Reply;
use super::replies::{send, send_data};
use super::watched::{Changes, WatchedDirectories};
use crate::config::reload::file_list::ConfigFileList;
use crate::sys::channel::Channel;
use crate::sys::inotify::EventSource;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The files of a configuration. Only these are read.
pub struct ConfigFiles {
    list: ConfigFileList,
    /// Locked until a reply is sent, so that replies have the order in which the files were read.
    watched: Mutex<Option<WatchedDirectories>>,
    /// `None`: there are no directories to watch.
    events: Option<EventSource>,
}

impl ConfigFiles {
    /// The files of this list.
    pub fn new(list: ConfigFileList, watched: Option<WatchedDirectories>) -> Self {
        let events = watched.as_ref().and_then(WatchedDirectories::events);
        Self { list, watched: Mutex::new(watched), events }
    }

    /// Watches the directories that exist now, then reads all files and sends them.
    pub fn send_all(&self, channel: &Channel) {
        let mut watched = self.watched();
        let unwatched =
            watched.as_mut().map_or_else(Vec::new, |watched| watched.rewatch(&self.list));
        let snapshot = self.list.read();
        // Without memory for them, what was read before stays in force.
        send_data(
            channel,
            move |out| snapshot.encode(out),
            |size| Reply::Config { size, unwatched: unwatched.clone() },
        );
    }

    /// Sends each file of a watched directory that changes, until the channel is closed.
    pub fn watch(&self, channel: &Channel) {
        let Some(events) = &self.events else { return };
        loop {
            events.wait();
            self.send_changed(channel);
        }
    }

    fn send_changed(&self, channel: &Channel) {
        let watched = self.watched();
        let Some(directories) = watched.as_ref() else { return };
        match directories.changes() {
            Changes::None => {}
            Changes::Overflow => send(channel, &Reply::ConfigOutdated, None, None),
            Changes::Files(files) => {
                for (directory, name) in files {
                    if let Some(changed) = self.list.read_changed(directory, &name) {
                        send_data(channel, |out| changed.encode(out), Reply::Changed);
                    }
                }
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, Option<WatchedDirectories>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
