//! Whether a client boots.

/// Whether a client boots, as far as it can be known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It boots, or it has booted.
    Boots,
    /// It cannot be known: it depends on another machine, or the log does not show it.
    #[default]
    Unknown,
    /// It does not boot, or it has stopped.
    DoesNotBoot,
}

impl Verdict {
    /// The value in JSON.
    pub fn id(self) -> &'static str {
        match self {
            Self::Boots => "boots",
            Self::Unknown => "unknown",
            Self::DoesNotBoot => "does_not_boot",
        }
    }
}
