//! Keys, signals and the end of a wait, for a program that fills the terminal.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, Signal, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::fs::File;
use std::io::{self, IsTerminal, PipeReader, Read};
use std::os::fd::AsFd;

/// Signals that end the view.
const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TerminalEvent {
    /// A byte of a key.
    Key(u8),
    /// The terminal has another size.
    Resized,
    /// A signal that stops the process (SIGTSTP): [`TerminalEvents::suspend`] stops it.
    Suspend,
    /// A signal that ends the process.
    End,
    /// Another thread has written to the pipe, or closed it.
    Woken,
}

/// The sources of events.
pub struct TerminalEvents {
    signals: SignalFd,
    /// `None`: there is no terminal to read keys from.
    keys: Option<File>,
    wake: PipeReader,
}

impl TerminalEvents {
    /// Blocks the signals in this thread and in threads that it starts. `wake`: a pipe for [`TerminalEvent::Woken`].
    pub fn new(wake: PipeReader) -> io::Result<Self> {
        let signals: SigSet =
            ENDING.into_iter().chain([Signal::SIGWINCH, Signal::SIGTSTP]).collect();
        signals.thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self { signals: SignalFd::with_flags(&signals, flags)?, keys: keyboard(), wake })
    }

    /// Waits for events. It returns at least one, except after a signal of another kind.
    pub fn wait(&mut self) -> io::Result<Vec<TerminalEvent>> {
        let readable = |fd| PollFd::new(fd, PollFlags::POLLIN);
        let mut fds = vec![readable(self.signals.as_fd()), readable(self.wake.as_fd())];
        fds.extend(self.keys.as_ref().map(|keys| readable(keys.as_fd())));
        match poll(&mut fds, PollTimeout::NONE) {
            Err(Errno::EINTR) => return Ok(Vec::new()),
            result => result?,
        };
        let ready: Vec<bool> = fds.iter().map(|fd| fd.any().unwrap_or(false)).collect();
        let mut events = self.signal_events();
        if ready[1] {
            // A closed pipe is an event too.
            let _ = self.wake.read(&mut [0; 64]);
            events.push(TerminalEvent::Woken);
        }
        if ready.get(2) == Some(&true) {
            events.extend(self.read_keys());
        }
        Ok(events)
    }

    fn signal_events(&self) -> Vec<TerminalEvent> {
        let next = || self.signals.read_signal().ok().flatten();
        let event = |signal| match signal {
            Ok(Signal::SIGWINCH) => TerminalEvent::Resized,
            Ok(Signal::SIGTSTP) => TerminalEvent::Suspend,
            _ => TerminalEvent::End,
        };
        let number = |signo: u32| Signal::try_from(signo.cast_signed());
        std::iter::from_fn(next).map(|info| event(number(info.ssi_signo))).collect()
    }

    /// The bytes that were typed. The end of the input is no key, and no terminal that could be closed: SIGHUP reports that.
    fn read_keys(&mut self) -> Vec<TerminalEvent> {
        let mut buffer = [0; 64];
        let read = self.keys.as_ref().map_or(Ok(0), |mut keys| keys.read(&mut buffer));
        match read {
            Ok(size) if size > 0 => {
                buffer[..size].iter().copied().map(TerminalEvent::Key).collect()
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Vec::new(),
            _ => {
                self.keys = None;
                Vec::new()
            }
        }
    }

    /// Stops the process as SIGTSTP does, until it is continued. A process that no shell controls is not stopped (signal(7)).
    pub fn suspend(&self) -> io::Result<()> {
        super::signals::handle(Signal::SIGTSTP, SigHandler::SigDfl);
        let signal = SigSet::from(Signal::SIGTSTP);
        raise(Signal::SIGTSTP)?;
        signal.thread_unblock()?;
        signal.thread_block()?;
        Ok(())
    }
}

/// Standard input if it is a terminal, else the terminal of the process.
fn keyboard() -> Option<File> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return stdin.as_fd().try_clone_to_owned().ok().map(File::from);
    }
    File::open("/dev/tty").ok()
}
