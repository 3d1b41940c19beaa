//! `--explain --json` in the lab.

use super::scene::{self, Scene};
use serde_json::Value;
use std::process::Command;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Boots,
    DoesNotBoot,
    Unknown,
}

/// The verdict for a client and all programs that it loads.
#[derive(Clone, Debug)]
pub struct Explained {
    pub verdict: Verdict,
    pub text: String,
}

/// Runs `--explain` for a client with the arguments of the running program.
pub fn run(scene: &Scene, client: &str) -> Explained {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pxemasq"));
    command.args(["--json", "--explain", client]).args(scene::ARGUMENTS).args(scene.user());
    let output = scene.server().inside(|| command.output()).expect("it runs");
    match serde_json::from_slice::<Value>(&output.stdout) {
        Ok(report) => read(&report),
        Err(error) => {
            panic!("{client}: {error}: {}", String::from_utf8_lossy(&output.stderr))
        }
    }
}

/// The verdicts of all stages: a boot fails with its first stage that fails.
fn read(report: &Value) -> Explained {
    let stages: Vec<Explained> =
        report["clients"].as_array().expect("a list").iter().map(stage).collect();
    let find = |verdict| stages.iter().find(|stage| stage.verdict == verdict).cloned();
    find(Verdict::DoesNotBoot)
        .or_else(|| find(Verdict::Unknown))
        .or_else(|| stages.last().cloned())
        .expect("a client has a verdict")
}

fn stage(client: &Value) -> Explained {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let verdict = &client["verdict"];
    if let Some(works) = client["works"].as_bool() {
        let is_elsewhere = |boot: &Value| {
            text(&boot["server"]).ends_with("another machine")
                || text(&boot["server"]) == "the server of that address"
        };
        let is_elsewhere =
            client["boots"].as_array().is_some_and(|all| all.iter().any(is_elsewhere));
        let verdict_kind = match (works, is_elsewhere) {
            (false, _) => Verdict::DoesNotBoot,
            (true, true) => Verdict::Unknown,
            (true, false) => Verdict::Boots,
        };
        return Explained { verdict: verdict_kind, text: text(verdict) };
    }
    let kind = match verdict["verdict"].as_str() {
        Some("boots") => Verdict::Boots,
        Some("does_not_boot") => Verdict::DoesNotBoot,
        Some("unknown") => Verdict::Unknown,
        other => panic!("verdict {other:?} in {client}"),
    };
    Explained {
        verdict: kind,
        text: format!("{} [{}]", text(&verdict["text"]), text(&verdict["id"])),
    }
}
