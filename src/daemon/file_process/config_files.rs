//! Hosts and option files: all of them on request, and those of watched directories when they change.

use super::protocol::Reply;
use super::replies::send;
use super::watched::{Changes, WatchedDirectories};
use crate::config::reload::file_list::ConfigFileList;
use crate::sys::channel::Channel;
use crate::sys::inotify::EventSource;
use crate::sys::memory_file;
use std::fs::File;
use std::io::{self, BufWriter, Write};
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
        let encoded = in_memory(|out| snapshot.encode(out));
        drop(snapshot);
        send_data(channel, encoded, |size| Reply::Config { size, unwatched: unwatched.clone() });
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
                        let encoded = in_memory(|out| changed.encode(out));
                        send_data(channel, encoded, Reply::Changed);
                    }
                }
            }
        }
    }

    fn watched(&self) -> MutexGuard<'_, Option<WatchedDirectories>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Data as a file in memory, with its size.
fn in_memory(
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<(File, u64)> {
    let mut out = BufWriter::new(memory_file::create()?);
    write(&mut out)?;
    out.flush()?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

/// Without memory for the data, the reply has no descriptor: what was read before stays in force.
fn send_data(channel: &Channel, encoded: io::Result<(File, u64)>, reply: impl Fn(u64) -> Reply) {
    let (fd, size) = encoded.map_or((None, 0), |(file, size)| (Some(file.into()), size));
    send(channel, &reply(size), fd.as_ref(), Some(reply(0)));
}
