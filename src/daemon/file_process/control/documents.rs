//! The document about the state of the server: the packet process writes it into a file in memory.

use super::super::protocol::Reply;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::memory_file;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the packet process has for a document.
const STATUS_TIMEOUT: Duration = Duration::from_secs(4);
/// A document that is not older is sent to further clients. So clients cause at most ten documents per second.
const MAX_AGE: Duration = Duration::from_millis(100);
/// Bytes of a document, at most.
const MAX_DOCUMENT_LEN: u64 = 16 << 20;

/// Documents for several threads. One request at a time goes to the packet process, and all threads that wait get its result.
#[derive(Default)]
pub struct Documents {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The last document, and when it was written.
    last: Option<(Instant, Arc<Vec<u8>>)>,
    /// The number of the last request.
    number: u32,
    progress: Progress,
}

/// The progress of the last request.
#[derive(Default)]
enum Progress {
    /// Nothing was requested, or its document was read.
    #[default]
    Done,
    /// The packet process writes into the file, since this time.
    Requested(File, Instant),
    /// It has written, at this time.
    Written(File, Instant),
    /// A thread reads the file.
    Reading,
}

impl Documents {
    /// A document that is not older than [`MAX_AGE`]. The error is a sentence for the client.
    pub fn get(&self, channel: &Channel) -> Result<Arc<Vec<u8>>, String> {
        self.get_within(channel, STATUS_TIMEOUT).map_err(|error| match error.kind() {
            ErrorKind::TimedOut => {
                "the server has not made its state within 4 seconds: it is busy or stopped. If it serves no clients either, restart it"
                    .to_owned()
            }
            ErrorKind::WouldBlock => "the server is busy: try again".to_owned(),
            _ => format!("the state of the server cannot be read: {}", strerror(&error)),
        })
    }

    fn get_within(&self, channel: &Channel, limit: Duration) -> io::Result<Arc<Vec<u8>>> {
        let begin = Instant::now();
        let mut state = self.state();
        loop {
            if let Some((when, document)) = &state.last
                && (*when >= begin || when.elapsed() < MAX_AGE)
            {
                return Ok(document.clone());
            }
            if let Some((file, when)) = state.take_written() {
                drop(state);
                let document = read(file);
                state = self.state();
                state.progress = Progress::Done;
                self.changed.notify_all();
                state.last = Some((when, Arc::new(document?)));
                continue;
            }
            let left = limit.checked_sub(begin.elapsed()).ok_or(ErrorKind::TimedOut)?;
            if state.can_request(limit) {
                state.request(channel)?;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The packet process has written the document with this number. Late ones and others have no effect.
    pub fn written(&self, number: u32) {
        let mut state = self.state();
        if state.number != number {
            return;
        }
        match std::mem::take(&mut state.progress) {
            Progress::Requested(file, _) => {
                state.progress = Progress::Written(file, Instant::now());
                self.changed.notify_all();
            }
            other => state.progress = other,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether no request is on its way. One that has not been answered for `limit` may be lost: during the start, the packet
    /// process does not read all messages.
    fn can_request(&self, limit: Duration) -> bool {
        match &self.progress {
            Progress::Done => true,
            Progress::Requested(_, since) => since.elapsed() >= limit,
            Progress::Written(..) | Progress::Reading => false,
        }
    }

    /// Without waiting: the packet process may not read.
    fn request(&mut self, channel: &Channel) -> io::Result<()> {
        let file = memory_file::create()?;
        self.number = self.number.wrapping_add(1);
        channel
            .send_fds_nonblocking(&Reply::StatusRequested(self.number).encode(), &[file.as_fd()])?;
        self.progress = Progress::Requested(file, Instant::now());
        Ok(())
    }

    /// The file that was written. The calling thread must read it. One that was written when no client waited any more is old.
    fn take_written(&mut self) -> Option<(File, Instant)> {
        match std::mem::take(&mut self.progress) {
            Progress::Written(_, when) if when.elapsed() >= MAX_AGE => None,
            Progress::Written(file, when) => {
                self.progress = Progress::Reading;
                Some((file, when))
            }
            other => {
                self.progress = other;
                None
            }
        }
    }
}

fn read(mut file: File) -> io::Result<Vec<u8>> {
    file.rewind()?;
    let mut document = Vec::new();
    let size = file.take(MAX_DOCUMENT_LEN + 1).read_to_end(&mut document)?;
    if size as u64 > MAX_DOCUMENT_LEN { Err(ErrorKind::FileTooLarge.into()) } else { Ok(document) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::thread;

    const SOON: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(5);

    /// In place of the packet process: the next request.
    fn next(packets: &Channel) -> (u32, File) {
        let mut buffer = [0; 64];
        assert!(packets.wait(LONG), "nothing was requested");
        let message = packets.receive_fds(&mut buffer).unwrap();
        let Some(Reply::StatusRequested(number)) = Reply::decode(&buffer[..message.size]) else {
            panic!("another message: {buffer:?}")
        };
        (number, File::from(message.fds.into_iter().next().unwrap()))
    }

    fn kind(result: io::Result<Arc<Vec<u8>>>) -> ErrorKind {
        result.unwrap_err().kind()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn threads_at_the_same_time_get_one_document() {
        let (packets, files) = Channel::pair().unwrap();
        let documents = Documents::default();
        let got: Vec<_> = thread::scope(|scope| {
            let get = || documents.get_within(&files, LONG).unwrap();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(get)).collect();
            let (number, mut file) = next(&packets);
            file.write_all(b"{}").unwrap();
            documents.written(number.wrapping_sub(1));
            documents.written(number.wrapping_add(1));
            assert!(!packets.wait(SOON), "each thread has requested a document");
            documents.written(number);
            // A second report has no effect.
            documents.written(number);
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(got.iter().all(|document| ***document == *b"{}"));
        assert!(!packets.wait(Duration::ZERO));
        thread::sleep(MAX_AGE);
        assert_eq!(kind(documents.get_within(&files, SOON)), ErrorKind::TimedOut);
        next(&packets);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn document_that_was_not_written_in_time_is_requested_once_per_time_limit() {
        let (packets, files) = Channel::pair().unwrap();
        let documents = Documents::default();
        assert_eq!(kind(documents.get_within(&files, SOON)), ErrorKind::TimedOut);
        let (lost, mut file) = next(&packets);
        // The time of the request has passed: it may be lost.
        assert_eq!(kind(documents.get_within(&files, SOON)), ErrorKind::TimedOut);
        let (number, _file) = next(&packets);
        assert_ne!(number, lost);
        file.write_all(b"late").unwrap();
        documents.written(lost);
        // It was written when no thread waited: later it is old.
        documents.written(number);
        thread::sleep(MAX_AGE);
        assert_eq!(kind(documents.get_within(&files, SOON)), ErrorKind::TimedOut);
        next(&packets);
        assert!(!packets.wait(Duration::ZERO));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn document_that_comes_late_is_for_the_threads_that_wait_then() {
        let (packets, files) = Channel::pair().unwrap();
        let documents = Documents::default();
        assert_eq!(kind(documents.get_within(&files, SOON)), ErrorKind::TimedOut);
        let (number, mut file) = next(&packets);
        let got = thread::scope(|scope| {
            let waits = scope.spawn(|| documents.get_within(&files, LONG));
            assert!(!packets.wait(SOON), "it was requested again");
            file.write_all(b"late").unwrap();
            documents.written(number);
            waits.join().unwrap().unwrap()
        });
        assert_eq!(**got, *b"late");
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn document_that_is_too_long_is_an_error_and_the_next_one_is_read() {
        let (packets, files) = Channel::pair().unwrap();
        let documents = Documents::default();
        for (size, fits) in [(MAX_DOCUMENT_LEN + 1, false), (u64::MAX >> 2, false), (5, true)] {
            let got = thread::scope(|scope| {
                let waits = scope.spawn(|| documents.get_within(&files, LONG));
                let (number, file) = next(&packets);
                file.set_len(size).unwrap();
                documents.written(number);
                waits.join().unwrap()
            });
            match got {
                Ok(document) => assert!(fits && document.len() == 5),
                Err(error) => assert!(!fits && error.kind() == ErrorKind::FileTooLarge),
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn packet_process_that_does_not_read_or_has_ended_is_an_error_at_once() {
        let (packets, files) = Channel::pair().unwrap();
        while files.send_fds_nonblocking(&[0; 4096], &[]).is_ok() {}
        let documents = Documents::default();
        assert_eq!(kind(documents.get_within(&files, LONG)), ErrorKind::WouldBlock);
        drop(packets);
        // The first error reports that messages were not read.
        let ended = [(); 2].map(|()| kind(documents.get_within(&files, LONG)));
        assert_eq!(ended, [ErrorKind::ConnectionReset, ErrorKind::BrokenPipe]);
    }
}
