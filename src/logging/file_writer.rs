//! A thread that writes a file, a pipe or a terminal, so that logging never waits for it.

#[cfg(test)]
mod tests;

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
    thread: ThreadState,
    /// Another thread waits until all records are written.
    is_flushing: bool,
}

/// What the thread does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ThreadState {
    /// It takes the entries of the queue next.
    #[default]
    Running,
    /// It writes entries that it has taken.
    Writing,
    /// It has written, and waits for [`PAUSE`], so that lines which follow each other are written together. It is woken before
    /// only if it must not wait.
    Pausing,
    /// It must be woken when there is an entry.
    Waiting,
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
    /// The lines that are written, and the end of each in bytes.
    lines: Vec<u8>,
    ends: Vec<usize>,
}

/// Lines in the queue: some seconds of a thousand clients.
const QUEUE_CAPACITY: usize = 4096;
/// With so many entries, the thread is woken at once.
const WAKE_LEN: usize = 64;
/// With so many entries, the pause of the thread ends.
const MAX_LEN_IN_PAUSE: usize = QUEUE_CAPACITY / 4;
/// A queue for more entries than this is not used again.
const MAX_KEPT_CAPACITY: usize = 256;
/// The time between two writes. To wake the thread takes longer than to write a line. A line is lost if the process is killed
/// within this time, and a reader of the file does not notice it.
const PAUSE: Duration = Duration::from_millis(5);
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
        let (partial_line, lines, ends) = (Vec::new(), Vec::new(), Vec::new());
        let target = WriterThread { file, after_failure, partial_line, format, calls, lines, ends };
        let shared = Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            target: Mutex::new(Some(target)),
        };
        Self { shared: Arc::new(shared), started: false }
    }

    /// Queues a record. [`Writer::wake`] must follow: to wake the thread for each record takes longer than to write it.
    pub fn take(&mut self, record: Record) {
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
        state.queue.push_back(Entry::Record(record));
        if state.queue.len() >= MAX_LEN_IN_PAUSE {
            self.shared.wake_now(state);
        } else if state.queue.len() >= WAKE_LEN {
            self.shared.wake(state);
        }
    }

    /// Wakes the thread if there are records to write, unless it writes them soon without.
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
        self.shared.wake_now(state);
    }

    /// Waits until all records are written, at most for `timeout`.
    pub fn flush_and_wait(&self, timeout: Duration) {
        if !self.started {
            return;
        }
        self.shared.wake_now(self.shared.locked());
        let mut state = self.shared.locked();
        state.is_flushing = true;
        let is_unwritten =
            |state: &mut State| state.thread == ThreadState::Writing || !state.queue.is_empty();
        let _ = self.shared.changed.wait_timeout_while(state, timeout, is_unwritten);
    }
}

impl Shared {
    /// A panic of the other thread does not damage the queue.
    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, state: MutexGuard<'_, State>) {
        if state.thread == ThreadState::Waiting {
            self.wake_now(state);
        }
    }

    /// Wakes the thread if there are records to write. It does not pause.
    fn wake_now(&self, mut state: MutexGuard<'_, State>) {
        let is_idle = matches!(state.thread, ThreadState::Pausing | ThreadState::Waiting);
        if is_idle && !state.queue.is_empty() {
            state.thread = ThreadState::Running;
            drop(state);
            self.changed.notify_all();
        }
    }

    fn serve(&self) {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut target) = target else { return };
        // Both are used again, so that they need no memory for each batch.
        let (mut batch, mut records) = (VecDeque::new(), Vec::new());
        loop {
            let lost = self.next(&mut batch);
            for entry in batch.drain(..) {
                match entry {
                    Entry::Record(record) => records.push(record),
                    Entry::Reopened(file) => {
                        target.write(&mut records);
                        target.continue_in(file);
                    }
                }
            }
            records.extend((lost > 0).then(|| (target.calls.overflow)(lost)));
            target.write(&mut records);
            if batch.capacity() > MAX_KEPT_CAPACITY {
                (batch, records) = (VecDeque::new(), Vec::new());
                target.shrink();
            }
        }
    }

    /// Waits for entries and exchanges them for `batch`, which is empty; the number of lost records.
    fn next(&self, batch: &mut VecDeque<Entry>) -> usize {
        let mut state = self.locked();
        if state.thread == ThreadState::Writing {
            state = self.pause(state);
        }
        while state.queue.is_empty() {
            state.thread = ThreadState::Waiting;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.thread = ThreadState::Writing;
        std::mem::swap(&mut state.queue, batch);
        std::mem::take(&mut state.lost)
    }

    /// Waits for [`PAUSE`] after a write, or until the thread is woken.
    fn pause<'s>(&self, mut state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        if state.is_flushing {
            state.thread = ThreadState::Running;
            self.changed.notify_all();
            return state;
        }
        state.thread = ThreadState::Pausing;
        let is_pausing = |state: &mut State| state.thread == ThreadState::Pausing;
        let paused = self.changed.wait_timeout_while(state, PAUSE, is_pausing);
        paused.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl WriterThread {
    /// Writes and removes records, with one system call if possible.
    fn write(&mut self, records: &mut Vec<Record>) {
        if !records.is_empty() {
            self.write_after(&[], records);
        }
    }

    /// Writes bytes, and records after them, which are removed. If it fails within a line, the rest of the line is written to the
    /// next file, as in dnsmasq, and later records are passed to `failed`.
    ///
    /// Example: if six bytes of `one\n`, `two\n` and `three\n` were written, the rest is `o\n`, and `three` is passed on.
    fn write_after(&mut self, bytes: &[u8], records: &mut Vec<Record>) -> bool {
        let Self { file, after_failure, partial_line, format, calls, lines, ends } = self;
        lines.clear();
        lines.extend_from_slice(bytes);
        ends.clear();
        ends.push(lines.len());
        for record in records.iter() {
            lines.extend_from_slice(&format(record));
            ends.push(lines.len());
        }
        let Err((written, error)) = write_all(file, lines) else {
            records.clear();
            return true;
        };
        let failed_in = ends.partition_point(|&end| end <= written).max(1);
        if *after_failure == AfterFailure::KeepRestOfLine {
            let end = ends.get(failed_in).copied().unwrap_or(lines.len());
            partial_line.extend_from_slice(&lines[written..end]);
        }
        (calls.failed)(Some(error), records.drain(..).skip(failed_in).collect());
        false
    }

    /// Frees memory that many lines have needed.
    fn shrink(&mut self) {
        (self.lines, self.ends) = (Vec::new(), Vec::new());
    }

    fn continue_in(&mut self, file: Option<File>) {
        let Some(file) = file else { return (self.calls.failed)(None, Vec::new()) };
        self.file = file;
        let rest = std::mem::take(&mut self.partial_line);
        if self.write_after(&rest, &mut Vec::new()) {
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
