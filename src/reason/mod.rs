//! Why a boot does not go on, or a line does not have the intended effect: all sentences about causes, each once.
//!
//! `--test`, `--explain`, `--story` and the notices in the log use the same reasons, so that two of them cannot disagree. A
//! reason is a whole sentence without its location: the user of the reason puts `FILE:LINE: ` in front. Each has an
//! identifier, which JSON output contains and which does not change when the wording does.

#[macro_use]
mod table;

pub mod boot;
pub mod config;
pub mod end;
pub mod file;
pub mod program;
pub mod reply;
pub mod start;
mod verdict;

pub use boot::BootReason;
pub use config::ConfigReason;
pub use end::EndReason;
pub use file::{ConfiguredFile, FileReason};
pub use program::ProgramReason;
pub use reply::ReplyReason;
pub use start::StartReason;
use std::fmt;
pub use verdict::Verdict;

families! {
    /// A reason of any family.
    pub enum Reason {
        /// A line does not have the intended effect.
        Config(ConfigReason),
        /// The daemon refuses to start.
        Start(StartReason),
        /// A file cannot be sent.
        File(FileReason),
        /// A file that a line names cannot be sent.
        ConfiguredFile(ConfiguredFile),
        /// A boot file does not fit the firmware of the client.
        Program(ProgramReason),
        /// A reply is not sufficient for the client, or there is none.
        Reply(ReplyReason),
        /// What the client did, or did not do.
        Boot(BootReason),
        /// How the boot of a client ended, as a log shows it.
        End(EndReason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn identifiers_are_unique_and_in_kebab_case() {
        let mut known = BTreeSet::new();
        for id in Reason::ids() {
            assert!(
                id.bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte.is_ascii_digit()),
                "{id}"
            );
            assert!(known.insert(id), "{id} is used twice");
        }
    }
}
