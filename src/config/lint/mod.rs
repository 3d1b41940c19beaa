//! Findings about a configuration, for `--test` and the log of the start.

pub mod advice;
mod architectures;
mod boot_lines;
mod boot_rules;
mod client_lines;
mod dns;
pub mod line_findings;
mod quotes;
mod ranges;
pub mod support;
pub mod tag_sources;
pub mod tag_usage;
mod unsent_options;
pub mod unsupported;

use crate::config::Origin;
use crate::finding::{Finding, Level};
use crate::reason::ConfigReason;

/// Maximum number of findings of one kind.
const MAX_FINDINGS: usize = 20;

/// The findings about a line.
type Reasons = Vec<(Level, ConfigReason)>;

fn warning_at(origin: &Origin, reason: ConfigReason) -> Finding {
    Finding::at(Level::Warning, origin, reason)
}
