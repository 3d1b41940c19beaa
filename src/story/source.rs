//! Where boots come from.

/// The kind of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// A log of pxemasq or dnsmasq.
    #[default]
    Log,
    /// A packet capture.
    Capture,
}

impl Source {
    /// What to say if there is no boot.
    pub fn nothing_found(self) -> &'static str {
        match self {
            Self::Log => {
                "no boots found in this log: it has no line of dnsmasq about a network boot, or mac= and ip= exclude all"
            }
            Self::Capture => {
                "no boots found in this capture: it has no request of a network boot client, or mac= and ip= exclude all"
            }
        }
    }

    /// What to say if the steps have no times.
    pub fn no_times(self) -> &'static str {
        match self {
            Self::Log => "this log has no times: the steps are in the order of the log",
            Self::Capture => "this capture has no times: the steps are in the order of the capture",
        }
    }
}
