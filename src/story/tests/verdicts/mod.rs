//! Logs of each kind, and the verdict of each of their boots.

mod complete;
mod formats;
mod not_answered;
mod offered;
mod several;
mod stopped;
mod system;

use super::correlated;

/// The name of a log, its lines, and the verdict of each boot: `does_not_boot client-ignored`.
type Case = (&'static str, &'static str, &'static [&'static str]);

fn assert_verdicts(cases: &[Case]) {
    for (name, log, expected) in cases {
        let boots = correlated(log).into_boots();
        let verdicts: Vec<String> = boots
            .iter()
            .map(|boot| {
                let verdict = boot.verdict();
                let id = verdict.reason.map_or("", |reason| reason.id());
                format!("{} {id}", verdict.verdict.id())
            })
            .collect();
        let texts: String = boots.iter().map(ToString::to_string).collect();
        assert_eq!(verdicts, *expected, "{name}:\n{texts}");
    }
}

/// The texts of all boots of a log.
fn texts(log: &str) -> String {
    correlated(log).into_boots().iter().map(ToString::to_string).collect()
}
