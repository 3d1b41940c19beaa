//! The control socket in the file process, which has no network: it accepts connections of root, answers requests for the state of
//! the server, and passes the connection of a process that replaces the server to the packet process.

use super::protocol::Reply;
use super::replies::send;
use crate::control::{
    Command, ERROR, LAST, MAX_PART_LEN, MAX_REQUEST_LEN, MORE, Request as ControlRequest,
};
use crate::sys::channel::Channel;
use crate::sys::control_socket::{self, ControlListener};
use crate::sys::fds::wait_readable;
use crate::sys::memory_file;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Connections at the same time.
const MAX_CONNECTIONS: usize = 8;
/// A connection without a request is closed after this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A client that does not read an answer is disconnected after this time.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the packet process has for the document.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);
/// A document that is not older is sent to further clients.
const MAX_AGE: Duration = Duration::from_millis(100);
/// Bytes of a document, at most.
const MAX_DOCUMENT_LEN: u64 = 16 << 20;

/// The control socket.
pub struct Control {
    listener: ControlListener,
    /// The user who started the program. Its connections are accepted, and those of root.
    user: u32,
    /// Ends [`Control::serve`].
    stop: (PipeReader, PipeWriter),
    connections: AtomicUsize,
    /// Locked while the packet process writes a document. The last document, and when it was requested.
    document: Mutex<Option<(Instant, Arc<Vec<u8>>)>>,
    /// The number of the last request to the packet process, and of the last one that it has answered.
    exchange: Mutex<Exchange>,
    answered: Condvar,
}

#[derive(Default)]
struct Exchange {
    requested: u32,
    written: u32,
}

impl Control {
    /// Serves this socket, as soon as [`Control::serve`] is called.
    pub fn new(listener: ControlListener, user: u32) -> io::Result<Self> {
        Ok(Self {
            listener,
            user,
            stop: io::pipe()?,
            connections: AtomicUsize::new(0),
            document: Mutex::default(),
            exchange: Mutex::default(),
            answered: Condvar::new(),
        })
    }

    /// Accepts connections until [`Control::stop`] is called. `spawn` starts a thread.
    pub fn serve(
        self: &Arc<Self>,
        channel: &Arc<Channel>,
        spawn: fn(Box<dyn FnOnce() + Send>) -> bool,
    ) {
        loop {
            let (connection, stopped) = wait_readable(&self.listener, Some(&self.stop.0));
            if stopped {
                return;
            }
            let Some(connection) = connection.then(|| self.listener.accept().ok()).flatten() else {
                continue;
            };
            let Some(slot) = Slot::take(self) else { continue };
            let (control, channel) = (self.clone(), channel.clone());
            // Without a thread the connection is closed.
            spawn(Box::new(move || {
                control.serve_connection(connection, &channel);
                drop(slot);
            }));
        }
    }

    /// Answers a connection that another process has accepted, which has requested the state of this process.
    pub fn serve_passed(
        self: &Arc<Self>,
        connection: Channel,
        channel: &Arc<Channel>,
        spawn: fn(Box<dyn FnOnce() + Send>) -> bool,
    ) {
        let Some(slot) = Slot::take(self) else { return };
        let (control, channel) = (self.clone(), channel.clone());
        spawn(Box::new(move || {
            // The other process has checked the user. It passes each request, so the connection ends here.
            let _ = control.answer_status(&connection, &channel);
            drop(slot);
        }));
    }

    fn answer_status(&self, connection: &Channel, channel: &Channel) -> io::Result<()> {
        match self.status(channel) {
            Ok(document) => send_document(connection, &document),
            Err(error) => send_error(connection, &error),
        }
    }

    /// Ends [`Control::serve`]: another process accepts connections now.
    pub fn stop(&self) {
        // The pipe has space, and its reader is not closed.
        let _ = (&self.stop.1).write_all(&[0]);
    }

    /// The packet process has written a document.
    pub fn written(&self, number: u32) {
        locked(&self.exchange).written = number;
        self.answered.notify_all();
    }

    fn serve_connection(&self, connection: Channel, channel: &Channel) {
        if !control_socket::is_trusted_by(&connection, self.user).unwrap_or(false) {
            let _ = send_error(&connection, "only root and the user who started it may do this");
            return;
        }
        let mut buffer = [0; MAX_REQUEST_LEN];
        while connection.wait(REQUEST_TIMEOUT) {
            let size = match control_socket::read(&connection, &mut buffer) {
                Ok(size) if size > 0 => size,
                _ => return,
            };
            let request = &buffer[..size];
            let answered = match ControlRequest::decode(request) {
                Err(error) => send_error(&connection, &error),
                Ok(ControlRequest { command: Command::Status { earlier: 0 }, .. }) => {
                    self.answer_status(&connection, channel)
                }
                Ok(_) => {
                    let fd = OwnedFd::from(connection);
                    let reply = Reply::ControlConnection(request.to_vec());
                    return send(channel, &reply, Some(&fd), None);
                }
            };
            if answered.is_err() {
                return;
            }
        }
    }

    /// The document of the packet process.
    fn status(&self, channel: &Channel) -> Result<Arc<Vec<u8>>, String> {
        let mut last = locked(&self.document);
        if let Some((when, document)) = &*last
            && when.elapsed() < MAX_AGE
        {
            return Ok(document.clone());
        }
        let now = Instant::now();
        let document = self
            .request_document(channel)
            .map_err(|error| format!("the state of the server cannot be read: {error}"))?;
        let document = Arc::new(document);
        *last = Some((now, document.clone()));
        Ok(document)
    }

    fn request_document(&self, channel: &Channel) -> io::Result<Vec<u8>> {
        let mut file = memory_file::create()?;
        let number = {
            let mut exchange = locked(&self.exchange);
            exchange.requested = exchange.requested.wrapping_add(1);
            exchange.requested
        };
        let fd = OwnedFd::from(file.try_clone()?);
        send(channel, &Reply::StatusRequested(number), Some(&fd), None);
        let exchange = locked(&self.exchange);
        let is_pending = |exchange: &mut Exchange| exchange.written != number;
        let (exchange, timeout) = self
            .answered
            .wait_timeout_while(exchange, STATUS_TIMEOUT, is_pending)
            .unwrap_or_else(PoisonError::into_inner);
        drop(exchange);
        if timeout.timed_out() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        file.rewind()?;
        let mut document = Vec::new();
        File::take(file, MAX_DOCUMENT_LEN).read_to_end(&mut document)?;
        Ok(document)
    }
}

/// A connection that is counted until it is dropped.
struct Slot(Arc<Control>);

impl Slot {
    /// `None`: there are too many.
    fn take(control: &Arc<Control>) -> Option<Self> {
        let slot = Self(control.clone());
        (control.connections.fetch_add(1, Ordering::Relaxed) < MAX_CONNECTIONS).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send_error(connection: &Channel, text: &str) -> io::Result<()> {
    send_part(connection, ERROR, text.as_bytes())
}

fn send_document(connection: &Channel, document: &[u8]) -> io::Result<()> {
    let mut rest = document;
    while rest.len() > MAX_PART_LEN {
        let (part, left) = rest.split_at(MAX_PART_LEN);
        send_part(connection, MORE, part)?;
        rest = left;
    }
    send_part(connection, LAST, rest)
}

fn send_part(connection: &Channel, kind: u8, part: &[u8]) -> io::Result<()> {
    let message = [&[kind], part].concat();
    control_socket::write(connection, &message, SEND_TIMEOUT)
}
