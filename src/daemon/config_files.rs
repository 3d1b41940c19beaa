//! Files of hosts and options: their contents come from the file process.

use super::file_process::protocol::Unwatched;
use crate::byte_text::path_text;
use crate::config::Config;
use crate::config::file_content::MAX_TOTAL_SIZE;
use crate::config::reload::ReloadableFiles;
use crate::config::reload::snapshot::{ChangedFile, ConfigSnapshot};
use crate::config::server_names::ServerNames;
use crate::log_line::FileLine;
use crate::strerror::strerror;
use crate::time::Timestamp;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// Files that are read while the daemon serves.
pub struct ConfigFiles {
    /// Hosts files and the like.
    pub reloadable: ReloadableFiles,
    /// When they are read again.
    pub schedule: ReloadSchedule,
}

/// When files are read again: one reading after the other, and with pauses, so that clients are served meanwhile.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ReloadSchedule {
    in_flight: bool,
    /// A further reading was requested.
    wanted: bool,
    /// The earliest time of the next reading.
    not_before: Timestamp,
}

/// The contents of all files, with their names. More is not read.
const MAX_ENCODED_SIZE: u64 = MAX_TOTAL_SIZE + (16 << 20);
/// The pause after a reading, as a multiple of the time for which the loop was busy with it.
const PAUSE_FACTOR: u32 = 4;

impl ReloadSchedule {
    /// Files must be read again; whether to request it now.
    pub fn request(&mut self, now: Timestamp) -> bool {
        self.wanted = true;
        self.due(now)
    }

    /// Whether to request a reading now.
    pub fn due(&mut self, now: Timestamp) -> bool {
        let due = self.wanted && !self.in_flight && self.not_before <= now;
        if due {
            (self.wanted, self.in_flight) = (false, true);
        }
        due
    }

    /// The time at which [`ReloadSchedule::due`] must be called.
    pub fn deadline(&self) -> Option<Timestamp> {
        (self.wanted && !self.in_flight).then_some(self.not_before)
    }

    /// The files were read, and the loop was busy for this time.
    pub fn finished(&mut self, busy: Duration, now: Timestamp) {
        self.in_flight = false;
        self.not_before = now + busy * PAUSE_FACTOR;
    }
}

impl ConfigFiles {
    /// The files of a configuration. None is read yet.
    pub fn new(config: &Config) -> Self {
        let schedule = ReloadSchedule::default();
        Self { reloadable: ReloadableFiles::from_config(config), schedule }
    }

    /// Uses the contents of all files; the server names, and lines for the log. `None`: the contents could not be read, and what
    /// was read before stays in force.
    pub fn read(
        &mut self,
        contents: (Option<OwnedFd>, u64),
        unwatched: &[Unwatched],
        config: &mut Config,
    ) -> Option<(ServerNames, Vec<FileLine>)> {
        let mut lines = self.unwatched_lines(unwatched);
        let bytes = read_memory(contents, MAX_ENCODED_SIZE).ok()?;
        let (names, read) = self.reloadable.read(config, ConfigSnapshot::decode(&bytes)?);
        lines.extend(read);
        Some((names, lines))
    }

    fn unwatched_lines(&self, unwatched: &[Unwatched]) -> Vec<FileLine> {
        let files = self.reloadable.list().files();
        let line = |Unwatched { index, error }: &Unwatched| {
            let path = path_text(&files.get(usize::from(*index))?.path);
            let reason = strerror(&io::Error::from_raw_os_error(*error));
            Some(FileLine::Unwatched { path, reason })
        };
        unwatched.iter().filter_map(line).collect()
    }

    /// Uses a changed file of a watched directory; lines for the log.
    pub fn read_changed(
        &mut self,
        contents: (Option<OwnedFd>, u64),
        config: &mut Config,
        names: &mut ServerNames,
    ) -> Vec<FileLine> {
        let Ok(bytes) = read_memory(contents, MAX_ENCODED_SIZE) else { return Vec::new() };
        let changed = ChangedFile::decode(&bytes);
        changed
            .map_or_else(Vec::new, |changed| self.reloadable.read_changed(changed, config, names))
    }
}

/// The contents of a file in memory.
pub fn read_memory((fd, size): (Option<OwnedFd>, u64), max_size: u64) -> io::Result<Vec<u8>> {
    let file = File::from(fd.ok_or(io::ErrorKind::NotFound)?);
    let mut bytes = Vec::new();
    // Not `seek`: the offset is shared with the process that has written it.
    let size = size.min(max_size);
    MemoryReader { file, offset: 0 }.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

struct MemoryReader {
    file: File,
    offset: u64,
}

impl Read for MemoryReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = std::os::unix::fs::FileExt::read_at(&self.file, buffer, self.offset)?;
        self.offset += size as u64;
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn requests_during_a_reading_cause_one_more_after_a_pause() {
        let (start, mut schedule) = (Timestamp(1000), ReloadSchedule::default());
        assert!(schedule.request(start));
        for _ in 0..100 {
            assert!(!schedule.request(start + ms(20)), "a reading is in flight");
        }
        assert_eq!(schedule.deadline(), None);
        schedule.finished(ms(100), start + ms(150));
        assert_eq!(schedule.deadline(), Some(start + ms(550)));
        assert!(!schedule.due(start + ms(549)));
        assert!(!schedule.request(start + ms(549)));
        assert!(schedule.due(start + ms(550)));
        schedule.finished(ms(100), start + ms(700));
        assert_eq!(schedule.deadline(), None, "no further reading was requested");
        assert!(!schedule.due(start + ms(5000)));
    }
}
