//! How far a boot got, and what to do if it stopped.

use super::boot::{Boot, StepKind, basename};
use super::text::number_of_times;
use crate::reason::{EndReason, Reason};
use crate::wire::pxe::is_ipxe;

/// How a boot ended, as far as the log shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the client has booted.
    pub verdict: crate::reason::Verdict,
    /// Why; its identifier does not change when the wording does.
    pub reason: Option<Reason>,
    /// The sentence of the reason.
    pub text: String,
    /// The remedy.
    pub advice: Option<String>,
}

/// The same loader, sent this many times, is a boot loop.
const MIN_LOOP_COUNT: usize = 3;
/// Parts of names of operating system files.
const SYSTEMS: &[&str] = &[
    "vmlinu",
    "linux",
    "kernel",
    "image",
    "initr",
    "init.xz",
    "core.gz",
    "corepure",
    "modloop",
    ".img",
    ".wim",
    ".iso",
    ".squashfs",
    ".sfs",
    ".cpio",
    "rootfs",
    "boot.sdi",
    "bsd",
    "xen.gz",
    "memtest",
    ".v00",
];
/// Names of loaders that contain one of [`SYSTEMS`].
const LOADERS: &[&str] =
    &["linux.0", "linux.bin", "linux.e64", "linux.e32", "linux.efi", "pxeboot", "memdisk"];
/// Suffixes of files that loaders read.
const SETTINGS: &[&str] =
    &[".cfg", ".conf", ".ipxe", ".txt", ".c32", "/default", ".lst", ".php", ".mod", ".pf2", ".bcd"];
/// An iPXE build whose name does not start with `ipxe`.
const NETBOOT_XYZ: &str = "netboot.xyz";

impl From<EndReason> for Verdict {
    fn from(reason: EndReason) -> Self {
        Self {
            verdict: reason.verdict(),
            text: reason.to_string(),
            advice: reason.advice().map(str::to_owned),
            reason: Some(reason.into()),
        }
    }
}

impl Boot {
    /// How the boot ended.
    pub fn verdict(&self) -> Verdict {
        self.end().into()
    }

    fn end(&self) -> EndReason {
        let is_file = |kind: &StepKind| matches!(kind, StepKind::File { .. });
        let last_file = self.steps.iter().rposition(|step| is_file(&step.kind));
        let after = &self.steps[last_file.map_or(0, |index| index + 1)..];
        let notice = after.iter().rev().find_map(|step| match &step.kind {
            StepKind::Notice(text) => Some(EndReason::Notice { text: text.clone() }),
            _ => None,
        });
        // Files that a running operating system does not find are not part of the boot.
        let stop = || {
            let steps = if self.is_complete() { &[] } else { after };
            steps.iter().rev().find_map(|step| stopped_at(&step.kind))
        };
        let problem = notice.or_else(|| self.boot_loop()).or_else(stop);
        problem.unwrap_or_else(|| self.last_known())
    }

    /// The client got a file of an operating system. The next reply starts another boot.
    pub fn is_complete(&self) -> bool {
        self.files().last().is_some_and(is_system)
    }

    fn boot_loop(&self) -> Option<EndReason> {
        let last = self.files().last().filter(|last| !is_system(last) && !is_setting(last))?;
        let count = self.files().filter(|other| *other == last).count();
        let file = basename(last).to_owned();
        (count >= MIN_LOOP_COUNT).then_some(EndReason::LoadedRepeatedly { file })
    }

    fn last_known(&self) -> EndReason {
        let Some(last) = self.files().last() else {
            return if self.has_other_clients {
                EndReason::NothingAttributed
            } else {
                EndReason::NothingRequested
            };
        };
        let name = basename(last);
        let file = name.to_owned();
        if is_system(last) {
            EndReason::SystemSent { file }
        } else if is_ipxe(last.as_bytes()) || name.contains(NETBOOT_XYZ) && !is_setting(last) {
            EndReason::IpxeSent { file }
        } else {
            EndReason::LastFile { file }
        }
    }
}

fn is_system(path: &str) -> bool {
    let name = basename(path).to_ascii_lowercase();
    let has_any = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    !is_setting(path) && has_any(SYSTEMS) && !has_any(LOADERS) && !is_ipxe(name.as_bytes())
}

fn is_setting(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    SETTINGS.iter().any(|suffix| path.ends_with(suffix))
}

/// The end of the boot if this step is the last one; `None` if the step does not stop a boot.
fn stopped_at(kind: &StepKind) -> Option<EndReason> {
    Some(match kind {
        StepKind::NotFound { path, .. } => EndReason::StoppedAtMissing { path: path.clone() },
        StepKind::Denied(path) => EndReason::StoppedAtDenied { path: path.clone() },
        StepKind::Unreadable { path, error } => {
            EndReason::StoppedAtUnreadable { path: path.clone(), error: error.clone() }
        }
        StepKind::TimedOut(path) => EndReason::NotAcknowledged { path: path.clone() },
        StepKind::ClientError { path, error, count } => {
            let (times, error) = (number_of_times(*count), error.clone());
            match path {
                Some(path) => EndReason::BrokeOff { path: path.clone(), times, error },
                None => EndReason::SentError { times, error },
            }
        }
        StepKind::Ignored => EndReason::IgnoredClient,
        StepKind::Dropped { reason, .. } => EndReason::Dropped { text: reason.clone() },
        StepKind::Requested { message, .. } => EndReason::NotAnswered { message: message.clone() },
        StepKind::NoReply(request) => EndReason::NoReplyCaptured { request: request.clone() },
        StepKind::Loading { path, size } => EndReason::TransferUnfinished {
            file: basename(path).to_owned(),
            size: format!(" ({size} bytes)"),
        },
        StepKind::AddressAssigned(_)
        | StepKind::Answered { .. }
        | StepKind::Chosen(_)
        | StepKind::File { .. }
        | StepKind::Notice(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Verdict::{Boots, DoesNotBoot, Unknown};

    const ANSWERED: StepKind = StepKind::Answered { port: None, outcome: None, count: 1 };

    fn file(path: &str) -> StepKind {
        StepKind::File { path: path.to_owned(), stats: None }
    }

    fn missing(path: &str) -> StepKind {
        StepKind::NotFound { path: path.to_owned(), count: 1 }
    }

    fn assert_verdict(steps: &[StepKind], expected: crate::reason::Verdict, text: &str) {
        let mut boot = Boot::default();
        for step in steps {
            boot.add(None, step.clone());
        }
        let verdict = boot.verdict();
        assert_eq!((verdict.verdict, &verdict.text[..]), (expected, text));
    }

    #[test]
    fn boot_with_an_operating_system_file_is_complete() {
        let steps = [
            ANSWERED,
            file("/t/pxelinux.0"),
            missing("/t/a"),
            missing("/t/b"),
            file("/t/default"),
            file("/t/vmlinuz"),
        ];
        assert_verdict(&steps, Boots, "it has its operating system: vmlinuz was the last file");
    }

    #[test]
    fn boot_with_ipxe_as_last_file_is_unknown_unless_it_loops() {
        let steps = [file("/t/undionly.kpxe")];
        let text = "it runs undionly.kpxe; what follows is mostly HTTP, which is not in this log";
        assert_verdict(&steps, Unknown, text);
        let ipxe = || file("/t/ipxe.efi");
        let steps = [ipxe(), ANSWERED, ipxe(), ANSWERED, ipxe()];
        assert_verdict(&steps, DoesNotBoot, "it loads ipxe.efi again and again");
    }

    #[test]
    fn boot_without_an_operating_system_stopped_at_its_last_step() {
        let steps = [file("/t/pxelinux.0"), missing("/t/ldlinux.c32")];
        assert_verdict(&steps, DoesNotBoot, "it stopped at /t/ldlinux.c32, which does not exist");
        let steps = [StepKind::Denied("/t/x".into())];
        assert_verdict(&steps, DoesNotBoot, "it stopped at /t/x: permission denied");
        assert_verdict(&[ANSWERED, StepKind::Ignored], DoesNotBoot, "it is ignored");
        assert_verdict(&[ANSWERED], Unknown, "it got a reply; nothing more was requested");
        let text = "pxelinux.0 was the last file that it requested, and the log shows no error";
        assert_verdict(&[file("/t/pxelinux.0")], Unknown, text);
    }
}
