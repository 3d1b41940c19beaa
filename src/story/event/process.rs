//! Lines of the process: its start, and warnings that may explain why clients are not served.

use super::{Event, ServerEvent, problem};
use crate::log_line::words::{FAILED_TO_START, STARTED, STATUS, TERMINATED, WARNING};

/// Beginnings of lines about the start that explain nothing.
const INFORMATION: &[&str] = &[
    "compile time options:",
    STATUS,
    "asynchronous logging enabled",
    "read /",
    "reading /",
    "using nameserver",
    "using only locally-known",
    "using local addresses",
    "warning: no upstream servers",
    "warning: failed to change owner",
    "LOUD WARNING",
    "chown of PID file",
    "cleared cache",
    "inotify:",
    "query[",
    "forwarded ",
    "reply ",
    "cached ",
    "config ",
];
/// Beginnings of errors, without the warning in front.
const ERRORS: &[&str] =
    &["failed to ", "cannot ", "unknown interface", "TFTP directory ", "directory "];
/// The line of a process of pxemasq that ends because another one has ended.
const HELPER_ENDED: &str = "has ended unexpectedly";
const LOST: &str = "log entries lost";

pub fn event(text: &str) -> Option<Event> {
    if text.starts_with(STARTED) {
        return Some(Event::Server(ServerEvent::Started));
    }
    if text.starts_with(FAILED_TO_START) {
        return Some(Event::Server(ServerEvent::StartFailed));
    }
    if text.starts_with(TERMINATED) {
        return Some(Event::Server(ServerEvent::Stopped));
    }
    if INFORMATION.iter().any(|start| text.starts_with(start)) {
        return None;
    }
    if let Some(warning) = text.strip_prefix(WARNING) {
        return Some(problem(warning));
    }
    let is_error = ERRORS.iter().any(|start| text.starts_with(start))
        || text.contains(HELPER_ENDED)
        || text.ends_with(LOST);
    if is_error {
        return Some(problem(text));
    }
    Some(Event::Server(ServerEvent::Other(text.to_owned())))
}
