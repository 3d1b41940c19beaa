//! `--story`: reads a log of pxemasq or dnsmasq and shows each boot with its steps.
//!
//! ```text
//! line ─ log_record ─► LogRecord { time, component, text } ─ event ─► Event
//!      ─ BootCorrelator ─► Boot { steps, verdict } ─► text, html, json
//! ```

mod boot;
mod capture;
mod correlate;
mod event;
mod file_kind;
mod html;
mod json;
mod line_reader;
mod live;
mod log_record;
mod output;
mod problem;
mod request;
mod run;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

pub use boot::Boot;
pub use correlate::BootCorrelator;
pub use html::page;
pub use request::{OutputFormat, StoryRequest};
pub use run::{boots_of, run};
pub use source::Source;
