//! `--story`: reads a log of pxemasq or dnsmasq and shows each boot with its steps.
//!
//! ```text
//! line ─ log_record ─► LogRecord { time, component, text } ─ event ─► Event
//!      ─ BootCorrelator ─► Boot { steps, verdict } ─► text, html
//! ```

mod boot;
mod capture;
mod correlate;
mod event;
mod html;
mod log_record;
mod run;
#[cfg(test)]
mod tests;
mod text;
mod verdict;

pub use boot::Boot;
pub use correlate::BootCorrelator;
pub use html::{Source, page};
pub use run::{OutputFormat, boots_of, run};
