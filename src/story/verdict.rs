//! How far a boot got, and what to do if it stopped.

use super::boot::{Boot, StepKind, basename};
use crate::wire::pxe::is_ipxe;

/// How a boot ended, as far as the log shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The client got all that this server has to send.
    pub good: bool,
    /// The result.
    pub text: String,
    /// The remedy.
    pub advice: Option<String>,
}

/// The same loader, sent this many times, is a boot loop.
const MIN_LOOP_COUNT: usize = 3;
/// Parts of names of operating system files.
const SYSTEMS: &[&str] = &[
    "vmlinuz",
    "linux",
    "kernel",
    "bzimage",
    "initr",
    "init.xz",
    "core",
    "modloop",
    ".img",
    ".wim",
    ".iso",
    ".squashfs",
    "rootfs",
    "boot.sdi",
];
/// Names of loaders that contain one of [`SYSTEMS`].
const LOADERS: &[&str] = &["linux.0", "linux.e64", "linux.e32", "linux.efi"];
/// Suffixes of files that loaders read.
const SETTINGS: &[&str] = &[".cfg", ".conf", ".ipxe", ".txt", ".c32", "/default", ".lst", ".php"];
/// An iPXE build whose name does not start with `ipxe`.
const NETBOOT_XYZ: &str = "netboot.xyz";

const LOOP_ADVICE: &str = "if the file is iPXE: add dhcp-match=set:ipxe,175, put tag:!ipxe on the line that sends it, and \
                           add a line with tag:ipxe for the next boot file. Otherwise the file is for another firmware, or \
                           Secure Boot rejects it";
const LAST_FILE_ADVICE: &str = "if it does not boot: the next stage may use HTTP, which is not in this log; or the file is \
                                for another firmware, or Secure Boot rejects it";
const UNKNOWN_ADDRESS_ADVICE: &str = "the log does not have the IP address of this client, so its files may be listed under \
                                      the address: use log-debug or log-dhcp";
const NO_FILE_ADVICE: &str = "a firewall drops UDP port 4011 or 69, the client used the offer of another server, or it boots \
                              from another device; --explain shows the reply that it gets";
const NOT_FOUND_ADVICE: &str = "check upper and lower case, the suffix .0 and the directory: tftp-root is put in front of \
                                the name";
const DENIED_ADVICE: &str = "make it readable for all users (chmod a+r) and the directories above it accessible (chmod \
                             a+x); with SELinux: restorecon";
const TIMED_OUT_ADVICE: &str = "the client was switched off or lost the network; if it happens each time, a firewall drops \
                                datagrams from high ports";
const IGNORED_ADVICE: &str = "a dhcp-ignore line applies to it";

impl Boot {
    /// How the boot ended.
    pub fn verdict(&self) -> Verdict {
        let is_file = |kind: &StepKind| matches!(kind, StepKind::File { .. });
        let last_file = self.steps.iter().rposition(|step| is_file(&step.kind));
        let after = &self.steps[last_file.map_or(0, |index| index + 1)..];
        let notice = after.iter().rev().find_map(|step| match &step.kind {
            StepKind::Notice(text) => Some(stopped(text.clone(), None)),
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

    fn boot_loop(&self) -> Option<Verdict> {
        let last = self.files().last().filter(|last| !is_system(last) && !is_setting(last))?;
        let count = self.files().filter(|other| *other == last).count();
        let text = format!("it loads {} again and again", basename(last));
        (count >= MIN_LOOP_COUNT).then(|| stopped(text, Some(LOOP_ADVICE)))
    }

    fn last_known(&self) -> Verdict {
        let Some(last) = self.files().last() else {
            let advice =
                if self.has_other_clients { UNKNOWN_ADDRESS_ADVICE } else { NO_FILE_ADVICE };
            return stopped("it got a reply, but requested no file".to_owned(), Some(advice));
        };
        let name = basename(last);
        if is_system(last) {
            complete(format!("it has its operating system: {name} was the last file"))
        } else if is_ipxe(last.as_bytes()) || name.contains(NETBOOT_XYZ) && !is_setting(last) {
            complete(format!("it runs {name}, which loads the next files itself, mostly over HTTP"))
        } else {
            stopped(format!("{name} was the last file that it requested"), Some(LAST_FILE_ADVICE))
        }
    }
}

fn is_system(path: &str) -> bool {
    let name = basename(path).to_ascii_lowercase();
    let has_any = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    !is_setting(path) && has_any(SYSTEMS) && !has_any(LOADERS)
}

fn is_setting(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    SETTINGS.iter().any(|suffix| path.ends_with(suffix))
}

fn complete(text: String) -> Verdict {
    Verdict { good: true, text, advice: None }
}

fn stopped(text: String, advice: Option<&str>) -> Verdict {
    Verdict { good: false, text, advice: advice.map(str::to_owned) }
}

/// The verdict if this step is the last one; `None` if the step does not stop a boot.
fn stopped_at(kind: &StepKind) -> Option<Verdict> {
    let (text, advice) = match kind {
        StepKind::NotFound { path, .. } => {
            (format!("it stopped at {path}, which does not exist"), Some(NOT_FOUND_ADVICE))
        }
        StepKind::Denied(path) => {
            (format!("it stopped at {path}: permission denied"), Some(DENIED_ADVICE))
        }
        StepKind::TimedOut(path) => {
            (format!("it stopped acknowledging {path}"), Some(TIMED_OUT_ADVICE))
        }
        StepKind::Ignored => ("it is ignored".to_owned(), Some(IGNORED_ADVICE)),
        StepKind::Dropped { reason, .. } => (format!("it got no reply: {reason}"), None),
        StepKind::Answered { .. }
        | StepKind::Chosen(_)
        | StepKind::ClientError(_)
        | StepKind::File { .. }
        | StepKind::Notice(_) => return None,
    };
    Some(stopped(text, advice))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERED: StepKind = StepKind::Answered { port: None, outcome: None, count: 1 };

    fn file(path: &str) -> StepKind {
        StepKind::File { path: path.to_owned(), stats: None }
    }

    fn missing(path: &str) -> StepKind {
        StepKind::NotFound { path: path.to_owned(), count: 1 }
    }

    fn assert_verdict(steps: &[StepKind], good: bool, text: &str) {
        let mut boot = Boot::default();
        for step in steps {
            boot.add(None, step.clone());
        }
        let verdict = boot.verdict();
        assert_eq!((verdict.good, &verdict.text[..]), (good, text));
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
        assert_verdict(&steps, true, "it has its operating system: vmlinuz was the last file");
    }

    #[test]
    fn boot_with_ipxe_as_last_file_is_complete_unless_it_loops() {
        let steps = [file("/t/undionly.kpxe")];
        let text = "it runs undionly.kpxe, which loads the next files itself, mostly over HTTP";
        assert_verdict(&steps, true, text);
        let ipxe = || file("/t/ipxe.efi");
        let steps = [ipxe(), ANSWERED, ipxe(), ANSWERED, ipxe()];
        assert_verdict(&steps, false, "it loads ipxe.efi again and again");
    }

    #[test]
    fn boot_without_an_operating_system_stopped_at_its_last_step() {
        let steps = [file("/t/pxelinux.0"), missing("/t/ldlinux.c32")];
        assert_verdict(&steps, false, "it stopped at /t/ldlinux.c32, which does not exist");
        let steps = [StepKind::Denied("/t/x".into())];
        assert_verdict(&steps, false, "it stopped at /t/x: permission denied");
        assert_verdict(&[ANSWERED, StepKind::Ignored], false, "it is ignored");
        assert_verdict(&[ANSWERED], false, "it got a reply, but requested no file");
        let text = "pxelinux.0 was the last file that it requested";
        assert_verdict(&[file("/t/pxelinux.0")], false, text);
    }
}
