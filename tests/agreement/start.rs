//! `--test` and `--test=start` agree with the start: no error for a configuration that starts, and an error with file and
//! line for one that is refused.

use super::scene::{self, ARGUMENTS, CONFIG, Config, Files, Scene};
use crate::common::lab::Lab;
use crate::common::{required, subject, subject_is_theirs};
use std::process::{Command, Output};

crate::tests![test_start_and_the_start_have_the_same_result];

const SYNTAX_OK: &str = "dnsmasq: syntax check OK.";

/// What a run of `--test` has printed.
struct Printed {
    argument: &'static str,
    code: Option<i32>,
    text: String,
}

fn test_start_and_the_start_have_the_same_result() {
    if subject_is_theirs() {
        return;
    }
    let Some(lab) = required(Lab::new(["server", "client"])) else { return };
    let mut scene = Scene::new(&lab);
    let mut configs = scene::configs();
    if configs.iter().any(|config| config.is_own) {
        configs.extend(scene::own_configs("refused"));
    }
    let (mut faults, mut started) = (Vec::new(), 0);
    for config in &configs {
        scene.lay_out(config, Files::AsNamed);
        let printed = ["--test", "--test=start"].map(|argument| run(&scene, argument));
        // The check of the start has to end before the program has the ports.
        let starts = scene.start().is_some();
        started += usize::from(starts);
        if !starts {
            println!("{} is refused", name(config));
        }
        let found = printed.iter().filter_map(|printed| printed.fault(starts));
        faults.extend(found.map(|fault| format!("{}: {fault}", name(config))));
    }
    println!("{} configurations, {started} start", configs.len());
    let is_own = configs.iter().any(|config| config.is_own);
    let has_both = started > 0 && started < configs.len();
    assert!(has_both || !is_own, "some start, and some are refused");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

fn name(config: &Config) -> &str {
    &config.name
}

fn run(scene: &Scene, argument: &'static str) -> Printed {
    let mut command = Command::new(subject());
    command.arg(argument).args(ARGUMENTS).args(scene.user());
    let output = scene.server().inside(|| command.output()).expect("it runs");
    let Output { status, stdout, stderr } = output;
    let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    Printed { argument, code: status.code(), text }
}

impl Printed {
    /// What is wrong with the output, if the start succeeds or not.
    fn fault(&self, starts: bool) -> Option<String> {
        let wanted = i32::from(!starts && self.checks_the_start());
        let is_syntax_ok = self.text.lines().any(|line| line == SYNTAX_OK);
        let fault = match starts {
            true if self.has_error() => "an error, and it starts",
            true if !is_syntax_ok => "no syntax check OK, and it starts",
            false if (is_syntax_ok || self.checks_the_start()) && !self.names_a_line() => {
                "no error with file and line, and it is refused"
            }
            _ if is_syntax_ok && self.code != Some(wanted) => "the exit code is wrong",
            // The codes of a line that cannot be read are those of dnsmasq.
            false if self.code == Some(0) && !is_syntax_ok => "exit code 0 for a syntax error",
            _ => return None,
        };
        Some(format!("{}: {fault}; exit code {:?}\n{}", self.argument, self.code, self.text))
    }

    fn checks_the_start(&self) -> bool {
        self.argument == "--test=start"
    }

    fn has_error(&self) -> bool {
        self.text.lines().any(|line| line.starts_with("error: "))
    }

    /// `error: FILE:LINE: ...`, or dnsmasq's `... at line 3 of FILE` or a line `  see FILE:3` for a line that cannot be read.
    /// That nothing is configured has no line.
    fn names_a_line(&self) -> bool {
        let of_file = format!("error: {CONFIG}:");
        self.text.lines().any(|line| {
            let rest = line.strip_prefix(&of_file);
            rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                || line.contains(" at line ") && line.ends_with(CONFIG)
                || line.starts_with(&format!("  see {CONFIG}:"))
                || line.starts_with("error: nothing to serve")
        })
    }
}
