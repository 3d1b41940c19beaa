//! The system log while the file process connects.

use super::Logger;
use super::syslog::{QueueLimits, SinkState, Syslog};
use super::syslog_connection::{Connected, SyslogConnector, SyslogSocket};
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// A log that is connected by the test, in place of the file process.
struct Setup {
    syslog: Syslog,
    connector: SyslogConnector,
    wakes: Arc<AtomicUsize>,
    path: PathBuf,
    _folder: TempDir,
}

impl Setup {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut syslog = Syslog::new(SyslogSocket::new(&path));
        let wakes = Arc::new(AtomicUsize::new(0));
        let counted = wakes.clone();
        let wake = move || {
            counted.fetch_add(1, Ordering::SeqCst);
        };
        let connector = syslog.connect_by_file_process(wake).unwrap();
        Self { syslog, connector, wakes, path, _folder: folder }
    }

    fn take(&mut self, records: &[&str]) {
        for record in records {
            self.syslog.take(record.as_bytes(), overflow);
        }
    }

    /// Answers the request, which must exist.
    fn answer(&mut self) {
        assert!(self.syslog.take_request());
        self.syslog.connected(self.connector.connect(), overflow);
    }
}

fn overflow(lost: usize) -> Vec<u8> {
    format!("lost {lost}").into_bytes()
}

/// A system log with a datagram socket.
fn datagrams(path: &Path) -> UnixDatagram {
    drop(std::fs::remove_file(path));
    let log = UnixDatagram::bind(path).unwrap();
    log.set_nonblocking(true).unwrap();
    log
}

fn received(log: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 2048];
    std::iter::from_fn(|| log.recv(&mut buffer).ok().map(|size| buffer[..size].to_vec()))
        .map(|record| String::from_utf8(record).unwrap())
        .collect()
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn connection_of_the_file_process_is_requested_once_and_used_for_all_records() {
    let mut setup = Setup::new();
    let log = datagrams(&setup.path);
    let fd = setup.syslog.datagram_fd();
    setup.take(&["a", "b"]);
    assert_eq!(received(&log), [""; 0]);
    assert!(setup.syslog.take_request());
    assert!(!setup.syslog.take_request(), "the request has no result yet");
    setup.take(&["c"]);
    assert!(!setup.syslog.take_request(), "the request has no result yet");
    assert_eq!(setup.wakes.load(Ordering::SeqCst), 1);
    setup.syslog.connected(setup.connector.connect(), overflow);
    setup.take(&["d"]);
    assert_eq!(received(&log), ["a", "b", "c", "d"]);
    drop(log);
    let log = datagrams(&setup.path);
    setup.take(&["e", "f"]);
    setup.answer();
    assert_eq!(received(&log), ["e", "f"]);
    assert!(fd.is_some() && setup.syslog.datagram_fd() == fd);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn records_during_a_request_that_fails_are_lost_except_the_first() {
    let mut setup = Setup::new();
    setup.take(&["a", "b", "c"]);
    setup.answer();
    assert_eq!(setup.syslog.state(), SinkState::Missing);
    assert!(!setup.syslog.take_request(), "the next record must cause the next request");
    let log = datagrams(&setup.path);
    setup.take(&["d", "e"]);
    setup.answer();
    assert_eq!(received(&log), ["a", "lost 3", "e"]);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn records_during_a_request_are_limited() {
    let mut setup = Setup::new();
    setup.syslog.resize(QueueLimits { missing: 2, stalled: 3 });
    let log = datagrams(&setup.path);
    setup.take(&["a", "b", "c", "d", "e", "f"]);
    setup.answer();
    // "a" caused the request, "b" to "d" came during it.
    assert_eq!(received(&log), ["a", "lost 2", "b", "c", "d"]);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn result_without_a_request_has_no_effect() {
    let mut setup = Setup::new();
    let log = datagrams(&setup.path);
    setup.take(&["a"]);
    setup.answer();
    let (unasked, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    setup.syslog.connected(Ok(Connected::Stream(unasked.into())), overflow);
    setup.syslog.connected(Err(ErrorKind::NotFound.into()), overflow);
    setup.take(&["b"]);
    assert_eq!(received(&log), ["a", "b"]);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn stream_that_the_file_process_has_connected_gets_the_records() {
    let mut setup = Setup::new();
    let listener = UnixListener::bind(&setup.path).unwrap();
    setup.take(&["a", "b"]);
    setup.answer();
    setup.take(&["c"]);
    let (mut stream, _) = listener.accept().unwrap();
    drop(setup);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text, "a\0b\0c\0");
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn stream_that_accepts_no_connection_is_requested_again_when_resumed() {
    let mut setup = Setup::new();
    setup.take(&["a"]);
    assert!(setup.syslog.take_request());
    setup.syslog.connected(Err(ErrorKind::WouldBlock.into()), overflow);
    assert_eq!(setup.syslog.state(), SinkState::Stalled);
    assert_eq!(setup.syslog.resume(overflow), SinkState::Connecting);
    let log = datagrams(&setup.path);
    setup.answer();
    assert_eq!(received(&log), ["a"]);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn standard_error_of_the_start_may_be_a_regular_file() {
    let process = crate::config::Process { debug: true, ..Default::default() };
    let regular = |fd: Option<&OwnedFd>| Logger::has_regular_file(&process, fd);
    let file: OwnedFd = tempfile::tempfile().unwrap().into();
    let (pipe, _writer) = std::io::pipe().unwrap();
    assert!(regular(Some(&file)));
    assert!(!regular(Some(&pipe.into())));
    assert!(!regular(None));
}
