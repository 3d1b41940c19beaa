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
pub use narrator::Narrator;
pub use telling::{Form, boots_of, tell};
