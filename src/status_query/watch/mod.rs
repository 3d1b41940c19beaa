//! `--status=watch`: a live view of the running server in a terminal.

mod screen;
mod source;
mod view;

pub use screen::Screen;

use crate::error::StartupError;
use crate::status::Status;
use crate::strerror::strerror;
use crate::sys::terminal_events::{TerminalEvent, TerminalEvents};
use source::{Failure, Source};
use std::io::{self, IsTerminal, PipeWriter, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};
use view::View;

/// The time between two documents.
const INTERVAL: Duration = Duration::from_millis(500);

const CTRL_C: u8 = 3;
const CTRL_L: u8 = 12;
const CTRL_Z: u8 = 26;

/// Shows the state of the server of this control socket until a key or a signal ends it (`Ok`), or the server ends.
pub fn watch(socket: PathBuf) -> Result<(), StartupError> {
    if !io::stdout().is_terminal() {
        return Err(StartupError::config(
            "--status=watch needs a terminal: use --status or --status=json",
        ));
    }
    let mut source = Source::connect(socket)?;
    let view = View::new(source.next().map_err(Failure::into_error)?, None);
    let failed = |error: io::Error| {
        StartupError::other(format!("cannot use the terminal: {}", strerror(&error)))
    };
    let (wake, waker) = io::pipe().map_err(failed)?;
    let events = TerminalEvents::new(wake).map_err(failed)?;
    let documents = spawn(source, waker).map_err(failed)?;
    let screen = Screen::enter().map_err(failed)?;
    let mut watch = Watch { screen, events, documents, view };
    loop {
        match watch.turn().map_err(failed)? {
            Turn::Continues => {}
            Turn::Ends => return Ok(()),
            Turn::Failed(error) => return Err(error),
        }
    }
}

type Document = Result<Status, Failure>;

/// Requests documents in a thread of its own, so that keys have an effect while the server does not answer.
fn spawn(source: Source, waker: PipeWriter) -> io::Result<Receiver<Document>> {
    let (sender, documents) = channel();
    thread::Builder::new().spawn(move || request_documents(source, &sender, waker))?;
    Ok(documents)
}

/// Ends when there is no server or no view any more.
fn request_documents(mut source: Source, sender: &Sender<Document>, mut waker: PipeWriter) {
    loop {
        let start = Instant::now();
        let document = source.next();
        let has_ended = document == Err(Failure::Ended);
        if sender.send(document).is_err() || waker.write_all(&[0]).is_err() || has_ended {
            return;
        }
        thread::sleep(INTERVAL.saturating_sub(start.elapsed()));
    }
}

struct Watch {
    screen: Screen,
    events: TerminalEvents,
    documents: Receiver<Document>,
    view: View,
}

enum Turn {
    Continues,
    Ends,
    Failed(StartupError),
}

impl Watch {
    /// Draws the view, and waits for events.
    fn turn(&mut self) -> io::Result<Turn> {
        let size = Screen::size();
        self.screen.draw(size, self.view.lines(size))?;
        for event in self.events.wait()? {
            match event {
                TerminalEvent::End | TerminalEvent::Key(b'q' | b'Q' | CTRL_C) => {
                    return Ok(Turn::Ends);
                }
                TerminalEvent::Suspend | TerminalEvent::Key(CTRL_Z) => {
                    self.screen.pause();
                    self.events.suspend()?;
                    self.screen.resume()?;
                }
                TerminalEvent::Key(CTRL_L) => self.screen.forget(),
                TerminalEvent::Key(_) | TerminalEvent::Resized => {}
                TerminalEvent::Woken => {
                    if let Some(error) = self.receive() {
                        return Ok(Turn::Failed(error));
                    }
                }
            }
        }
        Ok(Turn::Continues)
    }

    /// Takes the documents that have come. `Some`: there will be no more.
    fn receive(&mut self) -> Option<StartupError> {
        loop {
            match self.documents.try_recv() {
                Ok(Ok(status)) => self.view = View::new(status, Some(&self.view)),
                Ok(Err(Failure::NoAnswer(error))) => self.view.set_notice(&error.to_string()),
                Ok(Err(ended)) => return Some(ended.into_error()),
                Err(TryRecvError::Empty) => return None,
                // The thread has panicked, which has printed a message.
                Err(TryRecvError::Disconnected) => {
                    return Some(StartupError::other("the state of the server cannot be read"));
                }
            }
        }
    }
}
