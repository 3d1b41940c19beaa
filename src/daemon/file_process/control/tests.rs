//! Clients of the control socket, with valid and invalid requests. The other end of the channel is the packet process.

use super::{Control, MAX_CONNECTIONS};
use crate::control::{Command, ERROR, LAST, MAX_PART_LEN, MORE, Replace, Request};
use crate::daemon::file_process::protocol::Reply;
use crate::sys::channel::Channel;
use crate::sys::control_socket::{ControlListener, connect_to_server};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tempfile::TempDir;

struct Scene {
    folder: TempDir,
    control: Arc<Control>,
    packets: Channel,
    files: Arc<Channel>,
    serving: Option<JoinHandle<()>>,
}

/// An answer comes earlier.
const TIMEOUT: Duration = Duration::from_secs(5);
const ERROR_OF_OTHER_VERSION: &str = "the running server has version 1";

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = ControlListener::bind(&folder.path().join("control")).unwrap();
        let control = Arc::new(Control::new(listener).unwrap());
        let (packets, files) = Channel::pair().unwrap();
        let files = Arc::new(files);
        let (serving, channel) = (control.clone(), files.clone());
        let spawn = |task| thread::Builder::new().spawn(task).is_ok();
        let serving = Some(thread::spawn(move || serving.serve(&channel, spawn)));
        Self { folder, control, packets, files, serving }
    }

    fn client(&self) -> Channel {
        connect_to_server(&self.folder.path().join("control")).unwrap()
    }

    /// In place of the packet process: writes this document for the next request.
    fn write_document(&self, document: &[u8]) {
        let (number, mut file) = requested(&self.packets);
        file.write_all(document).unwrap();
        self.control.written(number);
    }
}

fn requested(packets: &Channel) -> (u32, File) {
    let mut buffer = [0; 64];
    assert!(packets.wait(TIMEOUT), "nothing was requested");
    let message = packets.receive_fds(&mut buffer).unwrap();
    let Some(Reply::StatusRequested(number)) = Reply::decode(&buffer[..message.size]) else {
        panic!("another message: {buffer:?}")
    };
    (number, File::from(message.fds.into_iter().next().unwrap()))
}

/// The next part of an answer. `None`: the connection was closed.
fn part(client: &Channel) -> Option<(u8, Vec<u8>)> {
    let mut buffer = vec![0; MAX_PART_LEN + 1];
    assert!(client.wait(TIMEOUT), "there is no answer");
    let (kind, rest) = client.recv_blocking(&mut buffer)?.split_first()?;
    Some((*kind, rest.to_vec()))
}

/// The error that a message gets.
fn error_of(client: &Channel, message: &[u8]) -> String {
    client.send(message).unwrap();
    let (kind, text) = part(client).expect("an answer");
    assert_eq!(kind, ERROR);
    String::from_utf8(text).unwrap()
}

fn status() -> Vec<u8> {
    Request::new(Command::Status { earlier: 0 }).encode()
}

/// A request of another version, with spaces up to this size.
fn other_version(size: usize) -> Vec<u8> {
    let mut message = br#"{"protocol":2,"request":"status"}"#.to_vec();
    message.resize(size, b' ');
    message
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn document_is_sent_in_parts_and_the_connection_goes_on() {
    let scene = Scene::new();
    let client = scene.client();
    let document: Vec<u8> = (0..100_000_u32).map(|nth| nth.to_le_bytes()[0]).collect();
    for _ in 0..2 {
        client.send(&status()).unwrap();
        // The second answer has the same document: it is less than 100 ms old.
        if !client.wait(Duration::from_millis(50)) {
            scene.write_document(&document);
        }
        let parts: Vec<_> = (0..4).map(|_| part(&client).unwrap()).collect();
        assert_eq!(
            parts.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(),
            [MORE, MORE, MORE, LAST]
        );
        assert_eq!(parts.into_iter().flat_map(|(_, part)| part).collect::<Vec<_>>(), document);
    }
    assert!(!scene.packets.wait(Duration::ZERO));
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn client_that_connects_after_eight_silent_ones_is_answered() {
    let scene = Scene::new();
    let silent: Vec<Channel> = (0..MAX_CONNECTIONS).map(|_| scene.client()).collect();
    // They are accepted in the order of their connections. The last one was accepted when it has an answer.
    error_of(&silent[MAX_CONNECTIONS - 1], b"x");
    let client = scene.client();
    assert!(error_of(&client, b"x").starts_with("this is no request"));
    assert_eq!(part(&silent[0]), None, "the one that has waited longest is closed");
    for kept in &silent[1..] {
        assert!(error_of(kept, b"x").starts_with("this is no request"));
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn request_that_is_too_long_has_an_error_even_if_its_beginning_is_valid() {
    let scene = Scene::new();
    let client = scene.client();
    assert!(error_of(&client, &other_version(4096)).starts_with(ERROR_OF_OTHER_VERSION));
    for size in [4097, 100_000] {
        let error = error_of(&client, &other_version(size));
        assert_eq!(error, "the request is longer than 4096 bytes");
    }
    client.send(b"").unwrap();
    assert_eq!(part(&client), None, "an empty message ends the connection");
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn descriptors_with_a_request_are_closed() {
    let scene = Scene::new();
    let client = scene.client();
    let (mut reader, writer) = io::pipe().unwrap();
    client.send_fds(&other_version(40), &[writer.as_fd(); 200]).unwrap();
    assert_eq!(part(&client).unwrap().0, ERROR);
    drop(writer);
    // It waits for as long as a writer is open.
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn connection_with_a_request_to_replace_is_passed_on_or_has_an_error() {
    let scene = Scene::new();
    let request = Request::new(Command::Replace(Replace::default())).encode();
    let client = scene.client();
    client.send(&request).unwrap();
    assert!(scene.packets.wait(TIMEOUT));
    let mut buffer = [0; 4096];
    let message = scene.packets.receive_fds(&mut buffer).unwrap();
    let expected = Reply::ControlConnection(request.clone());
    assert_eq!(Reply::decode(&buffer[..message.size]), Some(expected));
    let passed = message.fds.into_iter().next().map(Channel::from).unwrap();
    passed.send(b"offer").unwrap();
    assert_eq!(client.recv_blocking(&mut buffer), Some(&b"offer"[..]));
    // A packet process that does not read.
    while scene.files.send_fds_nonblocking(&[0; 4096], &[]).is_ok() {}
    let client = scene.client();
    for message in [&request, &status()] {
        assert_eq!(error_of(&client, message), "the server is busy: try again");
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn connections_are_answered_after_the_stop_until_they_are_closed() {
    let mut scene = Scene::new();
    let client = scene.client();
    error_of(&client, b"x");
    scene.control.stop();
    let late = scene.client();
    late.send(b"x").unwrap();
    error_of(&client, b"x");
    assert!(!late.wait(Duration::from_millis(50)), "another process accepts it");
    drop(client);
    scene.serving.take().unwrap().join().unwrap();
    // As a replaced process: the connections come from the process that has replaced it.
    let (client, passed) = Channel::pair().unwrap();
    scene
        .control
        .serve_passed(passed, &scene.files, |task| thread::Builder::new().spawn(task).is_ok());
    scene.write_document(b"{}");
    assert_eq!(part(&client), Some((LAST, b"{}".to_vec())));
    assert_eq!(part(&client), None);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn clients_that_close_their_connection_at_any_time_leave_nothing() {
    let mut scene = Scene::new();
    let document = vec![0; 1 << 20];
    for requests in 0..3 {
        let client = scene.client();
        for _ in 0..requests {
            client.send(&status()).unwrap();
        }
        drop(client);
    }
    let client = scene.client();
    client.send(&status()).unwrap();
    scene.write_document(&document);
    // The answer does not fit into the buffer of the connection.
    assert_eq!(part(&client).unwrap().0, MORE);
    drop(client);
    scene.control.stop();
    scene.serving.take().unwrap().join().unwrap();
    assert_eq!(scene.control.state().counted(), 0);
}
