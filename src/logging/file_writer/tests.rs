//! The thread that writes a file.

use super::*;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::mpsc::{Receiver, channel};

type Failed = Receiver<(bool, Vec<Record>)>;

fn record(text: &str) -> Record {
    Record::now(3, 6, "dnsmasq", text.to_owned())
}

fn writer(path: &Path) -> (Writer, Failed) {
    writer_of(open_log_file(path).unwrap())
}

fn writer_of(file: File) -> (Writer, Failed) {
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
    (Writer::new(file, AfterFailure::KeepRestOfLine, format, calls), failures)
}

#[test]
fn records_before_reopen_are_written_to_the_moved_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
    let (mut writer, _failures) = writer(&path);
    writer.take(record("one"));
    std::fs::rename(&path, &moved).unwrap();
    writer.take(record("two"));
    writer.reopened(open_log_file_again(&path).ok());
    writer.take(record("three"));
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
    writer.take(record("one"));
    writer.wake();
    assert_eq!(failures.recv().unwrap(), (true, Vec::new()));
    std::fs::remove_file(&path).unwrap();
    writer.reopened(open_log_file_again(&path).ok());
    writer.take(record("two"));
    writer.flush_and_wait(Duration::from_secs(5));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
}

/// Each write is one datagram.
fn datagram_writer() -> (Writer, UnixDatagram) {
    let (file, reader) = UnixDatagram::pair().unwrap();
    reader.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let file = File::from(OwnedFd::from(file));
    (writer_of(file).0, reader)
}

fn received(reader: &UnixDatagram) -> String {
    let mut buffer = vec![0; 1 << 20];
    let size = reader.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..size].to_vec()).unwrap()
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn record_that_no_other_one_follows_is_written() {
    let (mut writer, reader) = datagram_writer();
    for nth in 0..100 {
        writer.take(record(&nth.to_string()));
        writer.wake();
        assert_eq!(received(&reader), format!("{nth}\n"));
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn records_that_follow_each_other_are_written_together() {
    let (mut writer, reader) = datagram_writer();
    for nth in 0..1000 {
        writer.take(record(&nth.to_string()));
        writer.wake();
    }
    let (mut text, mut writes) = (String::new(), 0);
    while text.lines().count() < 1000 {
        text += &received(&reader);
        writes += 1;
    }
    assert_eq!(text, (0..1000).map(|nth| format!("{nth}\n")).collect::<String>());
    assert!(writes < 100, "{writes} writes");
}

#[test]
fn failure_is_reported_when_the_file_cannot_be_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let (mut writer, failures) = writer(&path);
    writer.take(record("one"));
    writer.flush_and_wait(Duration::from_secs(5));
    std::fs::remove_dir_all(folder.path()).unwrap();
    writer.reopened(open_log_file_again(&path).ok());
    assert_eq!(failures.recv().unwrap(), (false, Vec::new()));
}
