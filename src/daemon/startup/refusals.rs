//! Errors of the start: the start ends at the first one, and `--test=start` collects all of them by the same code.

use crate::error::StartupError;
use crate::finding::{Finding, Level};
use crate::reason::StartReason;

/// What happens after an error of the start.
pub enum Refusals {
    /// The start ends.
    EndStart,
    /// `--test=start`: it becomes a finding, and the checks go on.
    Collect(Vec<Finding>),
}

/// The reason that has this message.
pub type ToReason = fn(String) -> StartReason;

impl Refusals {
    /// The value of a result; `None`: it was an error, which is collected.
    ///
    /// # Errors
    /// The start ends.
    pub fn check<T>(
        &mut self,
        reason: ToReason,
        result: Result<T, StartupError>,
    ) -> Result<Option<T>, StartupError> {
        match (result, self) {
            (Ok(value), _) => Ok(Some(value)),
            (Err(error), Self::EndStart) => Err(error),
            (Err(error), Self::Collect(findings)) => {
                findings.push(finding(reason, &error));
                Ok(None)
            }
        }
    }
}

/// The error as a finding. The first line of its detail, such as the process that uses a port, belongs to it.
pub fn finding(reason: ToReason, error: &StartupError) -> Finding {
    let detail = error.detail().and_then(|detail| detail.lines().next()).map(str::trim);
    let message = match detail {
        Some(detail) => format!("{error}: {detail}"),
        None => error.to_string(),
    };
    Finding { level: Level::Error, origin: error.origin().cloned(), reason: reason(message).into() }
}

#[test]
fn error_ends_the_start_or_is_collected() {
    let to_reason: ToReason = |message| StartReason::System { message };
    let error = StartupError::other("x").with_detail("  because\n  more".to_owned());
    let mut start = Refusals::EndStart;
    assert_eq!(start.check::<()>(to_reason, Err(error.clone())), Err(error.clone()));
    assert_eq!(start.check(to_reason, Ok(1)), Ok(Some(1)));
    let mut test = Refusals::Collect(Vec::new());
    assert_eq!(test.check::<()>(to_reason, Err(error)), Ok(None));
    let Refusals::Collect(findings) = test else { unreachable!("it collects") };
    assert_eq!(findings.iter().map(ToString::to_string).collect::<Vec<_>>(), ["x: because"]);
}
