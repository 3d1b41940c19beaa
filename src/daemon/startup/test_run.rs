//! `--test`: what it prints, and its exit code.

use super::parsed::Parsed;
use super::refusals::finding;
use crate::byte_text::to_utf8;
use crate::command_line::TestMode;
use crate::error::StartupError;
use crate::explain::ReportedFinding;
use crate::finding::{Finding, Level, arranged};
use crate::reason::StartReason;
use serde::Serialize;

/// A `--test` that has read the configuration, or could not.
pub struct TestRun {
    /// The values of `--test`.
    pub mode: TestMode,
    /// The configuration. An error is here only if the mode is not plain: else it ends the program as in dnsmasq.
    pub read: Result<Parsed, StartupError>,
}

/// The result of a `--test`.
pub struct TestReport {
    mode: TestMode,
    /// The configuration could not be read.
    error: Option<StartupError>,
    files: Vec<String>,
    findings: Vec<Finding>,
}

impl TestRun {
    /// Checks the configuration.
    pub fn report(self) -> TestReport {
        let Self { mode, read } = self;
        match read {
            Ok(parsed) => {
                let mut findings = parsed.findings();
                findings.extend(parsed.client_findings(&findings));
                if mode.start {
                    findings.extend(parsed.dry_run());
                }
                let files = parsed.files().iter().map(ToString::to_string).collect();
                TestReport { mode, error: None, files, findings: arranged(findings) }
            }
            Err(error) => {
                let finding = unreadable(&error);
                TestReport { mode, error: Some(error), files: Vec::new(), findings: vec![finding] }
            }
        }
    }
}

/// The finding of a configuration that cannot be read, without the caret.
fn unreadable(error: &StartupError) -> Finding {
    let message = error.to_string();
    let reason = match error {
        StartupError::Config(_) => StartReason::Syntax { message },
        _ => StartReason::ConfigUnreadable { message },
    };
    Finding { reason: reason.into(), ..finding(|message| StartReason::Syntax { message }, error) }
}

impl TestReport {
    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        if let Some(error) = &self.error {
            return error.exit_code();
        }
        let has = |level| self.findings.iter().any(|finding| finding.level <= level);
        let fails =
            (self.mode.strict && has(Level::Warning)) || (self.mode.start && has(Level::Error));
        u8::from(fails)
    }

    /// The lines for standard error. `interactive`: a person reads them, so the files are always listed.
    pub fn lines(&self, interactive: bool) -> Vec<String> {
        if self.mode.json {
            return Vec::new();
        }
        let mut lines = self.error.as_ref().map_or_else(
            || vec!["dnsmasq: syntax check OK.".to_owned()],
            |error| vec![format!("\ndnsmasq: {error}")],
        );
        lines.extend(self.error.iter().filter_map(|error| Some(error.detail()?.to_owned())));
        let named = !self.mode.is_plain() || !self.findings.is_empty() || interactive;
        if named && !self.files.is_empty() {
            lines.push(format!("files read: {}", self.files.join(", ")));
        }
        // An error without a line was printed already.
        let findings = self.findings.iter();
        let findings = findings.filter(|found| self.error.is_none() || found.origin.is_some());
        lines.extend(findings.map(|found| format!("{}: {found}", found.level)));
        let errors = self.findings.iter().filter(|finding| finding.level == Level::Error).count();
        let plural = if errors == 1 { "" } else { "s" };
        if errors > 0 {
            lines.push(format!("error: the start would be refused ({errors} error{plural})"));
        }
        lines
    }

    /// The text for standard output; `None`: the mode is not `json`.
    pub fn json(&self) -> Option<String> {
        if !self.mode.json {
            return None;
        }
        let has = |level| self.findings.iter().any(|finding| finding.level <= level);
        let detail = self.error.as_ref().and_then(StartupError::detail);
        let findings = self.findings.iter().cloned();
        let findings =
            findings.map(|finding| JsonFinding { finding: ReportedFinding(finding), detail });
        let report = JsonReport {
            schema: 1,
            program: "pxemasq",
            files: &self.files,
            result: match (has(Level::Error), has(Level::Warning)) {
                (true, _) => "refused",
                (_, true) => "warnings",
                _ => "ok",
            },
            findings: findings.collect(),
        };
        // There is no map with keys that are not text, so it cannot fail.
        let json = serde_json::to_string_pretty(&report).ok()?;
        Some(to_utf8(&json).into_owned() + "\n")
    }
}

#[derive(Serialize)]
struct JsonReport<'r> {
    schema: u8,
    program: &'static str,
    files: &'r [String],
    result: &'static str,
    findings: Vec<JsonFinding<'r>>,
}

#[derive(Serialize)]
struct JsonFinding<'r> {
    #[serde(flatten)]
    finding: ReportedFinding,
    /// The invalid line with a caret below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'r str>,
}
