//! `--story`: a log of pxemasq, or of dnsmasq, told boot by boot.
//!
//! ```text
//! line ─ entry ─► time, part, text ─ event ─► Event ─ Narrator ─► Boot { steps, ending } ─► text, html
//! ```

mod boot;
mod correlate;
mod event;
mod html;
mod log_record;
mod run;
#[cfg(test)]
mod tests;
mod text;

pub use boot::Boot;
pub use correlate::BootCorrelator;
pub use html::page;
pub use run::{OutputFormat, boots_of, run};
