//! The servers of a log, each since its last start.

use crate::story::boot::ServerState;
use crate::story::event::ServerEvent;
use crate::story::log_record::LogTime;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

/// A start that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedStart {
    /// As in the log.
    pub raw_time: String,
    /// The reason.
    pub text: String,
}

/// The servers, by host name and process ID.
#[derive(Debug, Default)]
pub struct Servers {
    states: HashMap<String, Rc<ServerState>>,
    /// The server of the current line.
    current: String,
    /// The last line of a process: the reason, if its start is refused.
    last_line: Option<String>,
    failed_starts: Vec<FailedStart>,
    /// The values of `tftp-root`; they are removed from paths.
    roots: Vec<String>,
}

/// Limits the memory for a log of any length.
const MAX_SERVERS: usize = 1000;
const MAX_PROBLEMS: usize = 5;

impl Servers {
    pub fn set_current(&mut self, source: &str) {
        if self.current != source {
            source.clone_into(&mut self.current);
        }
    }

    /// The server of the current line.
    pub fn state(&self) -> Rc<ServerState> {
        self.states.get(&self.current).cloned().unwrap_or_default()
    }

    /// The problems of all servers, each once.
    pub fn problems(&self) -> Vec<String> {
        let all = self.states.values().flat_map(|state| &state.problems);
        let once: BTreeSet<&String> = all.collect();
        once.into_iter().cloned().collect()
    }

    pub fn failed_starts(&self) -> &[FailedStart] {
        &self.failed_starts
    }

    /// The server of the current line sends files.
    pub fn has_tftp(&mut self) {
        if !self.state().has_tftp {
            self.change(|state| state.has_tftp = true);
        }
    }

    pub fn add(&mut self, event: ServerEvent, time: LogTime<'_>) {
        match event {
            ServerEvent::Started => self.start(),
            ServerEvent::StartFailed => {
                let text = self.last_line.take().unwrap_or_default();
                self.failed_starts.push(FailedStart { raw_time: time.text.to_owned(), text });
            }
            ServerEvent::TftpEnabled(root) => {
                self.has_tftp();
                self.roots
                    .extend(root.filter(|root| !root.is_empty() && !self.roots.contains(root)));
            }
            ServerEvent::Problem(text) => {
                self.last_line = Some(text.clone());
                self.change(|state| {
                    if state.problems.len() < MAX_PROBLEMS && !state.problems.contains(&text) {
                        state.problems.push(text);
                    }
                });
            }
            ServerEvent::Stopped => {}
            ServerEvent::Other(text) => self.last_line = Some(text),
        }
    }

    /// A start. Its warnings may be in the lines before.
    fn start(&mut self) {
        self.change(|state| {
            if state.is_start_known {
                *state = ServerState::default();
            }
            state.is_start_known = true;
        });
    }

    fn change(&mut self, change: impl FnOnce(&mut ServerState)) {
        if self.states.len() >= MAX_SERVERS {
            self.states.clear();
        }
        change(Rc::make_mut(self.states.entry(self.current.clone()).or_default()));
    }

    /// The path without its `tftp-root`.
    pub fn below_root(&self, path: String) -> String {
        let below = |root: &String| path.strip_prefix(root.as_str())?.strip_prefix('/');
        let longest = self.roots.iter().filter_map(below).min_by_key(|rest| rest.len());
        longest.map(str::to_owned).unwrap_or(path)
    }
}
