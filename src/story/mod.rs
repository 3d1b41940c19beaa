//! `--story`: a log of pxemasq, or of dnsmasq, told boot by boot.
//!
//! ```text
//! line ─ entry ─► time, part, text ─ event ─► Event ─ Narrator ─► Boot { steps, ending } ─► text, html
//! ```

mod boot;
mod entry;
mod event;
mod html;
mod narrator;
mod telling;
#[cfg(test)]
mod tests;
mod text;

pub use boot::Boot;
pub use html::page;
pub use narrator::BootCorrelator;
pub use telling::{OutputFormat, boots_of, run};
