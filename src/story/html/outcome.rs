//! The outcome of boots, as the page shows it.

use crate::reason::Verdict;
use crate::story::boot::Boot;

/// How a boot ended.
pub struct Outcome {
    /// Whether it boots.
    pub verdict: Verdict,
    /// The reason.
    pub text: String,
    /// The remedy.
    pub advice: Option<String>,
}

/// The verdicts, in the order of their counts.
const VERDICTS: [Verdict; 3] = [Verdict::Boots, Verdict::DoesNotBoot, Verdict::Unknown];

/// How this boot ended.
pub fn outcome(boot: &Boot) -> Outcome {
    let crate::story::verdict::Verdict { verdict, text, advice, .. } = boot.verdict();
    Outcome { verdict, text, advice }
}

/// `3 network boots`
pub fn number_of_boots(count: usize) -> String {
    match count {
        0 => "No network boot".to_owned(),
        1 => "1 network boot".to_owned(),
        count => format!("{count} network boots"),
    }
}

/// The number of boots of each verdict that occurs, as text: `2 do not boot`.
pub fn counts(outcomes: &[Outcome]) -> Vec<(Verdict, String)> {
    let count_of = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    let counted = VERDICTS.map(|verdict| (verdict, count_of(verdict)));
    let found = counted.into_iter().filter(|(_, count)| *count > 0);
    found.map(|(verdict, count)| (verdict, format!("{count} {}", words(verdict, count)))).collect()
}

fn words(verdict: Verdict, count: usize) -> &'static str {
    match verdict {
        Verdict::Boots if count > 1 => "boot",
        Verdict::DoesNotBoot if count > 1 => "do not boot",
        _ => word(verdict),
    }
}

/// The verdict as text.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Boots => "boots",
        Verdict::DoesNotBoot => "does not boot",
        Verdict::Unknown => "unknown",
    }
}

/// The CSS class of a verdict.
pub fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Boots => "boots",
        Verdict::DoesNotBoot => "fails",
        Verdict::Unknown => "unknown",
    }
}

#[test]
fn boots_are_counted_by_verdict() {
    let outcomes = |all: &[Verdict]| -> Vec<Outcome> {
        let new =
            |verdict: &Verdict| Outcome { verdict: *verdict, text: String::new(), advice: None };
        all.iter().map(new).collect()
    };
    let texts = |all: &[Verdict]| -> Vec<String> {
        counts(&outcomes(all)).into_iter().map(|(_, text)| text).collect()
    };
    let [boots, fails, unknown] = VERDICTS;
    assert_eq!(texts(&[unknown, fails, boots]), ["1 boots", "1 does not boot", "1 unknown"]);
    assert_eq!(texts(&[unknown, unknown, fails, fails]), ["2 do not boot", "2 unknown"]);
}
