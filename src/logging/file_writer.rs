//! A thread that writes a file, a pipe or a terminal, so that logging never waits for it.

use super::record::Record;
use crate::sys::fds::wait_writable;
use crate::sys::file_io::O_NONBLOCK;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The queue to the thread.
pub struct Writer {
    shared: Arc<Shared>,
    /// Whether the thread was started. It is started with the first line, because the process may fork before.
    started: bool,
}

/// A function that formats a record as a line.
pub type RecordFormat = fn(&Record) -> Vec<u8>;

type OnFailure = dyn Fn(Option<io::Error>, Vec<Record>) + Send;

/// Functions that the thread calls.
pub struct WriterCallbacks {
    /// The file cannot be written, or (without error) not be opened again. These records were not written; later records must
    /// be written elsewhere.
    pub failed: Box<OnFailure>,
    /// The file was opened again: later records are written to it.
    pub reopened: Box<dyn Fn() + Send>,
    /// The record about a number of lost records.
    pub overflow: Box<dyn Fn(usize) -> Record + Send>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// `None` after the thread was started.
    target: Mutex<Option<WriterThread>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Entry>,
    lost: usize,
    /// The thread is writing.
    busy: bool,
    /// The thread must be woken when there is an entry.
    waiting: bool,
}

enum Entry {
    Record(Record),
    /// The new file; `None`: it could not be opened.
    Reopened(Option<File>),
}

/// What is done with the rest of a line that was written partly.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AfterFailure {
    /// It is written to the next file, as in dnsmasq.
    KeepRestOfLine,
    /// It is lost: there is no next file.
    DropRestOfLine,
}

/// The state of the thread.
struct WriterThread {
    file: File,
    after_failure: AfterFailure,
    /// The rest of a line that was written partly.
    partial_line: Vec<u8>,
    format: RecordFormat,
    calls: WriterCallbacks,
}

/// Lines in the queue: some seconds of a thousand clients.
const QUEUE_CAPACITY: usize = 4096;
/// With so many entries, the thread is woken at once.
const WAKE_LEN: usize = 64;
/// The stack of the thread, which has no deep calls.
const STACK_SIZE: usize = 128 << 10;

/// Opens or creates a log file, with mode 0640 (docs/dnsmasq/daemon.md, section 4.3). For a FIFO it waits for a reader, as
/// dnsmasq does.
pub fn open_log_file(path: &Path) -> io::Result<File> {
    log_file_options().open(path)
}

/// Opens or creates the log file after SIGUSR2, in the file process. It does not wait: a FIFO without a reader is an error.
pub fn open_log_file_again(path: &Path) -> io::Result<File> {
    log_file_options().custom_flags(O_NONBLOCK).open(path)
}

fn log_file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o640);
    options
}

impl Writer {
    /// A writer for this format.
    pub fn new(
        file: File,
        after_failure: AfterFailure,
        format: RecordFormat,
        calls: WriterCallbacks,
    ) -> Self {
        let target = WriterThread { file, after_failure, partial_line: Vec::new(), format, calls };
        let shared = Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            target: Mutex::new(Some(target)),
        };
        Self { shared: Arc::new(shared), started: false }
    }

    /// Queues a record. [`Writer::wake`] must follow: to wake the thread for each record takes longer than to write it.
    pub fn take(&mut self, record: &Record) {
        if !self.started {
            let shared = self.shared.clone();
            let log = thread::Builder::new().name("log".into()).stack_size(STACK_SIZE);
            // If the thread cannot be started, the next line tries again.
            self.started = log.spawn(move || shared.serve()).is_ok();
        }
        let mut state = self.shared.locked();
        if state.queue.len() >= QUEUE_CAPACITY {
            state.lost += 1;
            return;
        }
        state.queue.push_back(Entry::Record(record.clone()));
        if state.queue.len() >= WAKE_LEN {
            self.shared.wake(state);
        }
    }

    /// Wakes the thread if there are records to write.
    pub fn wake(&self) {
        self.shared.wake(self.shared.locked());
    }

    /// The file was opened again: later records are written to this one. `None`: it could not be opened.
    pub fn reopened(&self, file: Option<File>) {
        let mut state = self.shared.locked();
        // Nothing was written since the last time.
        if let Some(Entry::Reopened(_)) = state.queue.back() {
            state.queue.pop_back();
        }
        state.queue.push_back(Entry::Reopened(file));
        self.shared.wake(state);
    }

    /// Waits until all records are written, at most for `timeout`.
    pub fn flush_and_wait(&self, timeout: Duration) {
        self.wake();
        let started = self.started;
        let unwritten = |state: &mut State| started && (state.busy || !state.queue.is_empty());
        let _ = self.shared.changed.wait_timeout_while(self.shared.locked(), timeout, unwritten);
    }
}

impl Shared {
    /// A panic of the other thread does not damage the queue.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if !state.queue.is_empty() && std::mem::take(&mut state.waiting) {
            drop(state);
            self.changed.notify_all();
        }
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
                    Entry::Reopened(file) => {
                        target.write(std::mem::take(&mut records));
                        target.continue_in(file);
                    }
                }
            }
            records.extend((lost > 0).then(|| (target.calls.overflow)(lost)));
            target.write(records);
        }
    }

    /// Waits for entries and takes all of them; also the number of lost records.
    fn next(&self) -> (VecDeque<Entry>, usize) {
        let mut state = self.locked();
        if std::mem::take(&mut state.busy) {
            // Another thread may wait until all records are written.
            self.changed.notify_all();
        }
        while state.queue.is_empty() {
            state.waiting = true;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        (state.busy, state.waiting) = (true, false);
        (std::mem::take(&mut state.queue), std::mem::take(&mut state.lost))
    }
}

impl WriterThread {
    /// Writes records with one system call, if possible.
    fn write(&mut self, records: Vec<Record>) {
        if !records.is_empty() {
            self.write_after(Vec::new(), records);
        }
    }

    /// Writes bytes, and records after them. If it fails within a line, the rest of the line is written to the next file, as
    /// in dnsmasq, and later records are passed to `failed`.
    ///
    /// Example: if six bytes of `one\n`, `two\n` and `three\n` were written, the rest is `o\n`, and `three` is passed on.
    fn write_after(&mut self, mut lines: Vec<u8>, records: Vec<Record>) -> bool {
        let mut ends = vec![lines.len()];
        for record in &records {
            lines.extend((self.format)(record));
            ends.push(lines.len());
        }
        let Err((written, error)) = write_all(&mut self.file, &lines) else { return true };
        let failed_in = ends.partition_point(|&end| end <= written).max(1);
        if self.after_failure == AfterFailure::KeepRestOfLine {
            let end = ends.get(failed_in).copied().unwrap_or(lines.len());
            self.partial_line.extend_from_slice(&lines[written..end]);
        }
        (self.calls.failed)(Some(error), records.into_iter().skip(failed_in).collect());
        false
    }

    fn continue_in(&mut self, file: Option<File>) {
        let Some(file) = file else { return (self.calls.failed)(None, Vec::new()) };
        self.file = file;
        let rest = std::mem::take(&mut self.partial_line);
        if self.write_after(rest, Vec::new()) {
            (self.calls.reopened)();
        }
    }
}

/// As `Write::write_all`, with the number of written bytes in the error.
fn write_all(file: &mut File, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return Err((written, ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // O_NONBLOCK was set by another process that shares the file, or to open it again. This thread may wait.
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
        let (sender, failures) = channel();
        let failed = move |error: Option<io::Error>, left| {
            let _ = sender.send((error.is_some(), left));
        };
        let calls = WriterCallbacks {
            failed: Box::new(failed),
            reopened: Box::new(|| {}),
            overflow: Box::new(|lost| record(&"0".repeat(lost))),
        };
        let format: RecordFormat = |record| format!("{}\n", record.text).into_bytes();
        let file = open_log_file(path).unwrap();
        (Writer::new(file, AfterFailure::KeepRestOfLine, format, calls), failures)
    }

    #[test]
    fn records_before_reopen_are_written_to_the_moved_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let (mut writer, _failures) = writer(&path);
        writer.take(&record("one"));
        std::fs::rename(&path, &moved).unwrap();
        writer.take(&record("two"));
        writer.reopened(open_log_file_again(&path).ok());
        writer.take(&record("three"));
        writer.flush_and_wait(Duration::from_secs(5));
        assert_eq!(std::fs::read_to_string(moved).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "three\n");
    }

    #[test]
    fn line_that_cannot_be_written_is_written_to_the_next_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let (mut writer, failures) = writer(&path);
        writer.take(&record("one"));
        writer.wake();
        assert_eq!(failures.recv().unwrap(), (true, Vec::new()));
        std::fs::remove_file(&path).unwrap();
        writer.reopened(open_log_file_again(&path).ok());
        writer.take(&record("two"));
        writer.flush_and_wait(Duration::from_secs(5));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
    }

    #[test]
    fn failure_is_reported_when_the_file_cannot_be_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let (mut writer, failures) = writer(&path);
        writer.take(&record("one"));
        writer.flush_and_wait(Duration::from_secs(5));
        std::fs::remove_dir_all(folder.path()).unwrap();
        writer.reopened(open_log_file_again(&path).ok());
        assert_eq!(failures.recv().unwrap(), (false, Vec::new()));
    }
}
