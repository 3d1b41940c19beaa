//! The terminal of the view. It is left as it was found: at the end, when the process is suspended, and at a panic.

use super::view::{Line, Size};
use crate::terminal::Style;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::queue;
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, DisableLineWrap, EnableLineWrap,
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use terminal_size::terminal_size_of;

/// Whether the terminal is in the state of the view. A panic of any thread resets it.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The alternate screen of the terminal, without a cursor, in raw mode. Dropping it resets the terminal.
pub struct Screen {
    style: Style,
    /// What is on the screen. `None`: it is not known.
    shown: Option<(Size, Vec<Line>)>,
}

impl Screen {
    /// Switches to the alternate screen. At a panic the terminal is reset before the message is printed.
    pub fn enter() -> io::Result<Self> {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            leave();
            previous(info);
        }));
        let mut screen = Self { style: Style::of_stdout(), shown: None };
        screen.resume()?;
        Ok(screen)
    }

    /// Resets the terminal, until [`Screen::resume`].
    pub fn pause(&self) {
        leave();
    }

    /// Switches to the alternate screen again.
    pub fn resume(&mut self) -> io::Result<()> {
        self.shown = None;
        // Without a terminal to read from there are no keys, and no mode for them.
        let _ = enable_raw_mode();
        ENTERED.store(true, Ordering::SeqCst);
        let mut out = Vec::new();
        queue!(out, EnterAlternateScreen, DisableLineWrap, Hide)?;
        write(&out)
    }

    /// The size of the terminal now.
    pub fn size() -> Size {
        let size = terminal_size_of(io::stdout());
        size.map_or(Size { width: 80, height: 24 }, |(width, height)| Size {
            width: width.0.into(),
            height: height.0.into(),
        })
    }

    /// Draws the lines that have changed; all, if the size has changed.
    pub fn draw(&mut self, size: Size, lines: Vec<Line>) -> io::Result<()> {
        let known = self.shown.take().filter(|(known, _)| *known == size);
        let mut out = Vec::new();
        queue!(out, BeginSynchronizedUpdate)?;
        if known.is_none() {
            queue!(out, Clear(ClearType::All))?;
        }
        let before = known.map_or_else(Vec::new, |(_, lines)| lines);
        for (row, line) in (0..).zip(&lines) {
            if before.get(usize::from(row)) != Some(line) {
                let text = line.paint(self.style);
                queue!(out, MoveTo(0, row), Clear(ClearType::UntilNewLine), Print(text))?;
            }
        }
        queue!(out, EndSynchronizedUpdate)?;
        write(&out)?;
        self.shown = Some((size, lines));
        Ok(())
    }

    /// The next [`Screen::draw`] draws all lines.
    pub fn forget(&mut self) {
        self.shown = None;
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Resets the terminal, if it is in the state of the view.
fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = Vec::new();
    // A terminal that is closed cannot be reset.
    let _ = queue!(out, EndSynchronizedUpdate, EnableLineWrap, Show, LeaveAlternateScreen);
    let _ = write(&out);
    let _ = disable_raw_mode();
}

fn write(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}
