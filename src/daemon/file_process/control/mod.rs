//! The control socket in the file process, which has no network: it accepts connections of root, answers requests for the state of
//! the server, and passes the connection of a process that replaces the server to the packet process.
//!
//! One thread waits for connections and for requests on them. Each request is answered by a thread of its own, which ends with
//! the answer. So a client that does not read, or a packet process that does not answer, delays no other client.

mod answers;
mod documents;

use self::answers::{send_document, send_error};
use self::documents::Documents;
use super::protocol::Reply;
use crate::control::{Command, MAX_REQUEST_LEN, Request as ControlRequest};
use crate::sys::channel::Channel;
use crate::sys::control_socket::{self, ControlListener};
use crate::sys::fds::{Readable, wait_any_readable};
use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Connections at the same time.
const MAX_CONNECTIONS: usize = 8;
/// A connection without a request is closed after this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// After an error of accept(2), such as no free descriptor, connections wait for this time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A connection that has waited for a request for this time may be closed for another one; any, if the other one has waited for
/// [`MAX_FULL`]. In between, it is tried again after [`FULL_PAUSE`].
const MIN_IDLE: Duration = Duration::from_millis(100);
const MAX_FULL: Duration = Duration::from_secs(1);
const FULL_PAUSE: Duration = Duration::from_millis(20);

/// The control socket.
pub struct Control {
    listener: ControlListener,
    /// Ends the wait of [`Control::serve`], after `state` has changed.
    wake: (PipeReader, PipeWriter),
    state: Mutex<State>,
    documents: Documents,
}

#[derive(Default)]
struct State {
    /// Requests that are being answered.
    answering: usize,
    /// Connections whose request was answered.
    answered: Vec<Channel>,
    /// A thread is in [`Control::serve`].
    serves: bool,
    /// Another process accepts connections now.
    stopped: bool,
}

impl State {
    /// The connections that do not wait for a request.
    fn counted(&self) -> usize {
        self.answering + self.answered.len()
    }

    /// Whether a connection may be accepted. One that waits for a request may be closed for it.
    fn accepts(&self) -> bool {
        !self.stopped && self.counted() < MAX_CONNECTIONS
    }
}

/// A connection that waits for its next request.
struct Waiting {
    connection: Channel,
    since: Instant,
}

/// The connections that are not being answered.
#[derive(Default)]
struct Connections {
    waiting: Vec<Waiting>,
    /// Whether another one is to be accepted.
    has_further: bool,
    /// Since when there is no space for it.
    full_since: Option<Instant>,
    /// When the next one may be accepted.
    accept_after: Option<Instant>,
}

type Spawn = fn(Box<dyn FnOnce() + Send>) -> bool;

impl Control {
    /// Serves this socket, as soon as [`Control::serve`] is called.
    pub fn new(listener: ControlListener) -> io::Result<Self> {
        let wake = io::pipe()?;
        Ok(Self { listener, wake, state: Mutex::default(), documents: Documents::default() })
    }

    /// Accepts connections until [`Control::stop`] is called, and answers their requests until all are closed. `spawn` starts a
    /// thread. If another thread is in it, that one goes on.
    pub fn serve(self: &Arc<Self>, channel: &Arc<Channel>, spawn: Spawn) {
        let other_serves = {
            let mut state = self.state();
            state.stopped = false;
            std::mem::replace(&mut state.serves, true)
        };
        if other_serves {
            return self.wake();
        }
        let mut connections = Connections::default();
        while self.take_answered(&mut connections.waiting) {
            let requests = self.wait(&mut connections);
            self.answer_all(&mut connections.waiting, &requests, channel, spawn);
            connections.close_silent();
            if connections.has_further {
                self.accept(&mut connections);
            }
        }
    }

    /// Answers a connection that another process has accepted, which has requested the state of this process. The other process
    /// has checked the user. It passes each request, so the connection ends here.
    pub fn serve_passed(
        self: &Arc<Self>,
        connection: Channel,
        channel: &Arc<Channel>,
        spawn: Spawn,
    ) {
        if self.state().counted() >= MAX_CONNECTIONS {
            return;
        }
        let (answer, channel) = (Answer::begin(self), channel.clone());
        spawn(Box::new(move || {
            answer.0.answer_status(&connection, &channel);
        }));
    }

    /// Ends the accepting of connections, until [`Control::serve`] is called again: another process accepts them now.
    pub fn stop(&self) {
        self.state().stopped = true;
        self.wake();
    }

    /// The packet process has written a document.
    pub fn written(&self, number: u32) {
        self.documents.written(number);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        // The pipe has space, because the reader empties it, and the reader is not closed.
        let _ = (&self.wake.1).write_all(&[0]);
    }

    /// Adds the connections that were answered. `false`: it was stopped, and no connection is left.
    fn take_answered(&self, waiting: &mut Vec<Waiting>) -> bool {
        let mut state = self.state();
        waiting.extend(state.answered.drain(..).map(Waiting::new));
        state.serves = !state.stopped || !waiting.is_empty() || state.answering > 0;
        state.serves
    }

    /// Waits for a connection, a request, or the end of an answer; for each entry of `waiting` whether there is a request. While as
    /// many connections as may exist are being answered, further ones wait in the queue of the kernel.
    fn wait(&self, connections: &mut Connections) -> Vec<Readable> {
        let pause = connections.accept_after.filter(|at| *at > Instant::now());
        let accepts = pause.is_none() && self.state().accepts();
        let waiting = &connections.waiting;
        let mut fds = vec![self.wake.0.as_fd()];
        fds.extend(waiting.iter().map(|one| one.connection.as_fd()));
        fds.extend(accepts.then(|| self.listener.as_fd()));
        let deadline = waiting.iter().map(Waiting::deadline).chain(pause).min();
        let mut ready = wait_any_readable(&fds, deadline);
        connections.has_further = accepts && ready.pop() != Some(Readable::No);
        if accepts && !connections.has_further {
            connections.full_since = None;
        }
        if ready.first() == Some(&Readable::Yes) {
            // The contents have no meaning.
            let _ = (&self.wake.0).read(&mut [0; 64]);
        }
        ready.split_off(1)
    }

    /// Starts a thread for each connection with a request.
    fn answer_all(
        self: &Arc<Self>,
        waiting: &mut Vec<Waiting>,
        requests: &[Readable],
        channel: &Arc<Channel>,
        spawn: Spawn,
    ) {
        let mut requests = requests.iter();
        let mut request = || requests.next().copied().unwrap_or(Readable::No);
        for (one, request) in std::mem::take(waiting).into_iter().map(|one| (one, request())) {
            match request {
                Readable::No => waiting.push(one),
                Readable::Closed => {}
                Readable::Yes => {
                    let (answer, channel) = (Answer::begin(self), channel.clone());
                    // Without a thread the connection is closed.
                    spawn(Box::new(move || answer.run(one.connection, &channel)));
                }
            }
        }
    }

    fn accept(&self, connections: &mut Connections) {
        let counted = self.state().counted();
        if !self.state().accepts() || !connections.make_space(counted) {
            return;
        }
        match self.listener.accept() {
            Ok(connection) => {
                if self.listener.trusts(&connection) {
                    connections.waiting.push(Waiting::new(connection));
                } else {
                    send_error(&connection, "only root and the user who started it may do this");
                }
            }
            Err(error) if is_harmless(&error) => {}
            Err(_) => connections.accept_after = Some(Instant::now() + ACCEPT_PAUSE),
        }
    }

    /// Answers the next request. The connection, if it is still for this process.
    fn answer(&self, connection: Channel, channel: &Channel) -> Option<Channel> {
        // One byte more shows that a request is too long.
        let mut buffer = [0; MAX_REQUEST_LEN + 1];
        let size = control_socket::read(&connection, &mut buffer).ok()?;
        let answered = match decode(&buffer[..size])? {
            Err(error) => send_error(&connection, &error),
            Ok(Command::Status { earlier: 0 }) => self.answer_status(&connection, channel),
            Ok(_) => {
                let reply = Reply::ControlConnection(buffer[..size].to_vec());
                match channel.send_fds_nonblocking(&reply.encode(), &[connection.as_fd()]) {
                    Ok(()) => return None,
                    Err(_) => send_error(&connection, "the server is busy: try again"),
                }
            }
        };
        answered.then_some(connection)
    }
}

impl Control {
    fn answer_status(&self, connection: &Channel, channel: &Channel) -> bool {
        match self.documents.get(channel) {
            Ok(document) => send_document(connection, &document),
            Err(error) => send_error(connection, &error),
        }
    }
}

impl Waiting {
    fn new(connection: Channel) -> Self {
        Self { connection, since: Instant::now() }
    }

    fn deadline(&self) -> Instant {
        self.since + REQUEST_TIMEOUT
    }
}

impl Connections {
    fn close_silent(&mut self) {
        let now = Instant::now();
        self.waiting.retain(|one| one.deadline() > now);
    }

    /// Makes space for a connection. If there are too many, the one that has waited longest for its next request is closed: its
    /// client can connect again, and no number of silent clients keeps out another one. `answering`: the connections that do not
    /// wait. `false`: all have had a request just now.
    fn make_space(&mut self, answering: usize) -> bool {
        let now = Instant::now();
        let oldest = (0..self.waiting.len()).min_by_key(|at| self.waiting[*at].since);
        let Some(oldest) = oldest.filter(|_| self.waiting.len() + answering >= MAX_CONNECTIONS)
        else {
            return true;
        };
        let full_since = *self.full_since.get_or_insert(now);
        if now < self.waiting[oldest].since + MIN_IDLE && now < full_since + MAX_FULL {
            self.accept_after = Some(now + FULL_PAUSE);
            return false;
        }
        self.full_since = None;
        self.waiting.remove(oldest);
        true
    }
}

/// Another process has accepted the connection, or its client has closed it.
fn is_harmless(error: &io::Error) -> bool {
    [ErrorKind::WouldBlock, ErrorKind::Interrupted, ErrorKind::ConnectionAborted]
        .contains(&error.kind())
}

/// What a message requests. `None`: the client has closed the connection.
fn decode(message: &[u8]) -> Option<Result<Command, String>> {
    match message.len() {
        0 => None,
        size if size > MAX_REQUEST_LEN => {
            Some(Err(format!("the request is longer than {MAX_REQUEST_LEN} bytes")))
        }
        _ => Some(ControlRequest::decode(message).map(|request| request.command)),
    }
}

/// A request that is being answered, which is counted until it is dropped.
struct Answer(Arc<Control>);

impl Answer {
    fn begin(control: &Arc<Control>) -> Self {
        control.state().answering += 1;
        Self(control.clone())
    }

    fn run(self, connection: Channel, channel: &Channel) {
        let connection = self.0.answer(connection, channel);
        self.0.state().answered.extend(connection);
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.0.state().answering -= 1;
        self.0.wake();
    }
}

#[cfg(test)]
mod tests;
