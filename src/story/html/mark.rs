//! The colours of steps, and their meaning.

use crate::story::boot::{Step, StepKind};

/// The colour of a step. The order is that of the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// Grey: the client and the server exchange DHCP messages.
    Dhcp,
    /// Blue: a file; its start is known.
    File,
    /// Blue with stripes: a file; only its end is known.
    SincePrevious,
    /// Orange: may be harmless.
    Missing,
    /// Red: may be the end of the boot.
    Failed,
}

impl Mark {
    /// The CSS class.
    pub fn class(self) -> &'static str {
        match self {
            Self::Dhcp => "dhcp",
            Self::File => "file",
            Self::SincePrevious => "since",
            Self::Missing => "missing",
            Self::Failed => "failed",
        }
    }
}

/// The colour of a step, and its meaning in the legend.
pub fn mark(step: &Step) -> (Mark, &'static str) {
    match &step.kind {
        StepKind::Requested { .. } => (Mark::Dhcp, "DHCP request"),
        StepKind::AddressAssigned(_) => (Mark::Dhcp, "message of a DHCP server"),
        StepKind::Answered { .. } => (Mark::Dhcp, "DHCP reply"),
        StepKind::Chosen(_) => (Mark::Dhcp, "menu selection"),
        StepKind::File { .. } if step.offset.is_none() => (Mark::File, "file"),
        StepKind::File { stats: Some(_), .. } => {
            (Mark::File, "file, from request to last acknowledgement")
        }
        StepKind::File { stats: None, .. } => (
            Mark::SincePrevious,
            "file; only its end is in the log, so the bar begins at the step before",
        ),
        StepKind::NoReply(_) => (Mark::Missing, "request without a reply in the capture"),
        StepKind::Loading { .. } => (Mark::File, "file that is being sent"),
        StepKind::NotFound { .. } => (Mark::Missing, "file that does not exist"),
        StepKind::ClientError { .. } => (Mark::Missing, "error of the client"),
        StepKind::Denied(_) => (Mark::Failed, "permission denied"),
        StepKind::Unreadable { .. } => (Mark::Failed, "file that cannot be read"),
        StepKind::TimedOut(_) => (Mark::Failed, "no acknowledgement"),
        StepKind::Ignored | StepKind::Dropped { .. } => (Mark::Failed, "no reply"),
        StepKind::Notice(_) => (Mark::Failed, "notice"),
    }
}

/// The colours of these steps with all their meanings, each once.
pub fn legend(steps: &[Step]) -> Vec<(Mark, String)> {
    let mut meanings: Vec<(Mark, &str)> = Vec::new();
    for meaning in steps.iter().map(mark) {
        if !meanings.contains(&meaning) {
            meanings.push(meaning);
        }
    }
    // The sort keeps the order of the steps for each colour.
    meanings.sort_by_key(|(mark, _)| *mark);
    let groups = meanings.chunk_by(|(one, _), (other, _)| one == other);
    let texts =
        |group: &[(Mark, &str)]| group.iter().map(|(_, text)| *text).collect::<Vec<_>>().join(", ");
    groups.map(|group| (group[0].0, texts(group))).collect()
}

#[test]
fn legend_has_only_the_colours_that_occur() {
    let step = |kind| Step { offset: None, kind };
    let missing = || StepKind::NotFound { path: "a".into(), count: 1 };
    let error = StepKind::ClientError { path: None, error: "x".into(), count: 1 };
    let steps = [step(missing()), step(error), step(missing())];
    let expected = (Mark::Missing, "file that does not exist, error of the client".to_owned());
    assert_eq!(legend(&steps), [expected]);
    assert_eq!(legend(&[]), []);
}
