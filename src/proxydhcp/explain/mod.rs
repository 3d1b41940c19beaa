//! Data for `--explain` and `log-debug`: skipped rules, lines that set a tag, the line of a decision.

pub mod decision_line;
pub mod no_boot_file;
pub mod skipped;
pub mod tag_setters;
