//! Time as everything here counts it.

/// Milliseconds since some start, whose whole seconds are those of the clock on the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The whole second this is in: towards a silent client dnsmasq counts those, and its schedule is kept.
    #[must_use]
    pub fn truncate_to_second(self) -> Self {
        Self(self.0 / 1000 * 1000)
    }

    /// So many seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0 + seconds * 1000)
    }

    /// So many milliseconds later.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0 + millis)
    }
}
