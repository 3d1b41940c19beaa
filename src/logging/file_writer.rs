//! A file, a pipe or a terminal behind a thread: whoever logs never waits for one.

use super::record::Record;
use crate::sys::fds::wait_writable;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Our side of the thread.
pub struct Writer {
    shared: Arc<Shared>,
    /// The thread is started with the first line: before that there may be a process to be copied.
    runs: bool,
}

/// How a record becomes a line.
pub type RecordFormat = fn(&Record) -> Vec<u8>;

type OnFailure = dyn Fn(Option<io::Error>, Vec<Record>) + Send;

/// What a writer cannot do by itself.
pub struct WriterCallbacks {
    /// It has failed, perhaps with an error; these records are left. Whatever comes now is for somebody else.
    pub failed: Box<OnFailure>,
    /// There is a new file, and what comes now is for it.
    pub reopened: Box<dyn Fn() + Send>,
    /// The record that says how many were lost.
    pub overflow: Box<dyn Fn(usize) -> Record + Send>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Until the thread has it.
    target: Mutex<Option<WriterThread>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Entry>,
    lost: usize,
    /// Some are being written.
    busy: bool,
}

#[derive(PartialEq)]
enum Entry {
    Record(Record),
    Reopen,
}

/// The thread's side.
struct WriterThread {
    file: File,
    /// Where it is opened anew.
    path: Option<PathBuf>,
    /// What is left of a line that could be written in part only.
    partial_line: Vec<u8>,
    form: RecordFormat,
    calls: WriterCallbacks,
}

/// Lines that may wait: some seconds of a large lab.
const QUEUE_CAPACITY: usize = 4096;
/// Of the thread; it calls nothing deep.
const STACK: usize = 128 << 10;

/// Opens a log file, or makes a new one (docs/dnsmasq/daemon.md, section 4.3).
pub fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

impl Writer {
    /// Writes records in that form. `path`: where the file is, if it can be opened anew.
    pub fn new(
        file: File,
        path: Option<PathBuf>,
        form: RecordFormat,
        calls: WriterCallbacks,
    ) -> Self {
        let target = WriterThread { file, path, partial_line: Vec::new(), form, calls };
        let shared = Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            target: Mutex::new(Some(target)),
        };
        Self { shared: Arc::new(shared), runs: false }
    }

    /// Takes a record.
    pub fn take(&mut self, record: &Record) {
        if !self.runs {
            let theirs = self.shared.clone();
            let log = thread::Builder::new().name("log".into()).stack_size(STACK);
            // Where there is no room for a thread, lines wait for the next try.
            self.runs = log.spawn(move || theirs.serve()).is_ok();
        }
        let mut state = self.shared.locked();
        if state.queue.len() >= QUEUE_CAPACITY {
            state.lost += 1;
            return;
        }
        state.queue.push_back(Entry::Record(record.clone()));
        drop(state);
        self.shared.changed.notify_all();
    }

    /// What comes now is for a new file.
    pub fn reopen(&self) {
        let mut state = self.shared.locked();
        if state.queue.back() != Some(&Entry::Reopen) {
            state.queue.push_back(Entry::Reopen);
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Waits until all is written, so long at most.
    pub fn flush_and_wait(&self, patience: Duration) {
        let runs = self.runs;
        let unwritten = |state: &mut State| runs && (state.busy || !state.queue.is_empty());
        drop(self.shared.changed.wait_timeout_while(self.shared.locked(), patience, unwritten));
    }
}

impl Shared {
    /// A panic leaves the queue as good as it was.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut target) = target else { return };
        loop {
            let (batch, lost) = self.next();
            let mut records = Vec::new();
            for entry in batch {
                match entry {
                    Entry::Record(record) => records.push(record),
                    Entry::Reopen => {
                        target.write(std::mem::take(&mut records));
                        target.reopen();
                    }
                }
            }
            records.extend((lost > 0).then(|| (target.calls.overflow)(lost)));
            target.write(records);
        }
    }

    /// Waits for something to write, and takes all there is; tells how many were lost, too.
    fn next(&self) -> (VecDeque<Entry>, usize) {
        let mut state = self.locked();
        state.busy = false;
        self.changed.notify_all();
        state = self
            .changed
            .wait_while(state, |state| state.queue.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        state.busy = true;
        (std::mem::take(&mut state.queue), std::mem::take(&mut state.lost))
    }
}

impl WriterThread {
    /// Writes records in one go.
    fn write(&mut self, records: Vec<Record>) {
        if !records.is_empty() {
            self.write_behind(Vec::new(), records);
        }
    }

    /// Writes bytes, and records behind them. The line it fails in is finished in the next file, as dnsmasq does; those
    /// behind that line are told elsewhere.
    ///
    /// Of the lines `one\n`, `two\n` and `three\n` six bytes were written: the rest is `o\n`, and `three` is left.
    fn write_behind(&mut self, mut lines: Vec<u8>, records: Vec<Record>) -> bool {
        let mut ends = vec![lines.len()];
        for record in &records {
            lines.extend((self.form)(record));
            ends.push(lines.len());
        }
        let Err((written, error)) = write_all(&mut self.file, &lines) else { return true };
        let failed_in = ends.partition_point(|&end| end <= written).max(1);
        if self.path.is_some() {
            let end = ends.get(failed_in).copied().unwrap_or(lines.len());
            self.partial_line.extend_from_slice(&lines[written..end]);
        }
        (self.calls.failed)(Some(error), records.into_iter().skip(failed_in).collect());
        false
    }

    fn reopen(&mut self) {
        let Some(path) = &self.path else { return };
        match open(path) {
            Ok(file) => {
                self.file = file;
                let rest = std::mem::take(&mut self.partial_line);
                if self.write_behind(rest, Vec::new()) {
                    (self.calls.reopened)();
                }
            }
            Err(_) => (self.calls.failed)(None, Vec::new()),
        }
    }
}

/// As the library's, which does not say how far it came.
fn write_all(file: &mut File, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // Somebody who shares it has made it so. There is time: this is a thread of its own.
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_writable(file),
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};

    type Failed = Receiver<(bool, Vec<Record>)>;

    fn record(text: &str) -> Record {
        Record::now(3, 6, "dnsmasq", text.to_owned())
    }

    fn writer(path: &Path) -> (Writer, Failed) {
        let (tell, told) = channel();
        let failed = move |error: Option<io::Error>, left| {
            drop(tell.send((error.is_some(), left)));
        };
        let calls = WriterCallbacks {
            failed: Box::new(failed),
            reopened: Box::new(|| {}),
            overflow: Box::new(|lost| record(&"0".repeat(lost))),
        };
        let form: RecordFormat = |record| format!("{}\n", record.text).into_bytes();
        (Writer::new(open(path).unwrap(), Some(path.to_owned()), form, calls), told)
    }

    #[test]
    fn a_file_that_was_moved_away_gets_what_came_before() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let (mut writer, _told) = writer(&path);
        writer.take(&record("one"));
        std::fs::rename(&path, &moved).unwrap();
        writer.take(&record("two"));
        writer.reopen();
        writer.take(&record("three"));
        writer.flush_and_wait(Duration::from_secs(5));
        assert_eq!(std::fs::read_to_string(moved).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "three\n");
    }

    #[test]
    fn a_line_that_does_not_fit_is_for_the_next_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let (mut writer, told) = writer(&path);
        writer.take(&record("one"));
        assert_eq!(told.recv().unwrap(), (true, Vec::new()));
        std::fs::remove_file(&path).unwrap();
        writer.reopen();
        writer.take(&record("two"));
        writer.flush_and_wait(Duration::from_secs(5));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn where_there_is_no_file_any_more_others_take_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut writer, told) = writer(&path);
        writer.take(&record("one"));
        writer.flush_and_wait(Duration::from_secs(5));
        std::fs::remove_dir_all(folder.path()).unwrap();
        writer.reopen();
        assert_eq!(told.recv().unwrap(), (false, Vec::new()));
    }
}
