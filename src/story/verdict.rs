//! How far a boot got, and what to do if it stopped.

use super::boot::{Boot, SERVER_STOPPED, Step, StepKind};
use super::file_kind::{
    basename, is_device_tree, is_optional, is_setting, is_system, is_system_part,
};
use super::problem::Problem;
use super::text::number_of_times;
use crate::log_line::words::{
    CAUSES, DHCP_SERVER, IPXE_WITHOUT_FILE, NO_DOWNLOAD, NO_PROXY_REQUEST, NO_RANGE, OTHER_PROXY,
    RESTARTED, TFTP_MAX,
};
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
/// The error of UEFI firmware after its question for the size of a file (RFC 2349).
const USER_ABORTED: &str = "8 ";
const WRITE_REQUEST: &str = "unsupported write request";
/// `did not get a file: /srv/x does not exist`
const NO_FILE: &str = "did not get a file: ";
/// What follows the path in such a notice.
const FILE_FAULTS: &[&str] =
    &[" does not exist", " cannot be ", " is a ", " is not a ", " is outside of "];
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
        let reason = self.end();
        let problems = self.problems_that_apply(&reason);
        let mut verdict = Verdict::from(reason);
        if !problems.is_empty() {
            let problems = format!("the server logged: {}", problems.join("; "));
            verdict.advice = Some(match verdict.advice {
                Some(advice) => format!("{problems}. {}", capitalized(&advice)),
                None => problems,
            });
        }
        verdict
    }

    /// The problems of the server that may be the cause: what already worked in this boot excludes some of them.
    fn problems_that_apply(&self, reason: &EndReason) -> Vec<&str> {
        if !reason.may_be_caused_by_server() {
            return Vec::new();
        }
        let has_file = self.files().next().is_some();
        let shows_network = |step: &Step| {
            matches!(step.kind, StepKind::Answered { .. } | StepKind::Chosen(_))
                || step.kind.path().is_some()
        };
        let has_network = self.steps.iter().any(shows_network);
        let applies = |problem: &&str| match Problem::of(problem) {
            Problem::TftpDirectory => !has_file,
            Problem::Network => !has_network,
            Problem::Other => true,
        };
        self.server.problems.iter().map(String::as_str).filter(applies).collect()
    }

    fn end(&self) -> EndReason {
        let after = self.after_last_file();
        let notice = || after.iter().rev().find_map(|step| notice_end(&step.kind));
        self.restarts()
            .or_else(|| self.system_end())
            .or_else(notice)
            .or_else(|| self.boot_loop())
            .or_else(|| stop(after))
            .or_else(|| self.offered(after))
            .unwrap_or_else(|| self.last_known(after))
    }

    fn after_last_file(&self) -> &[Step] {
        let is_file = |step: &Step| matches!(step.kind, StepKind::File { .. });
        let last = self.steps.iter().rposition(is_file);
        &self.steps[last.map_or(0, |index| index + 1)..]
    }

    /// The client got a file of an operating system. Files that the system does not find later are not part of the boot.
    fn system_end(&self) -> Option<EndReason> {
        if !self.is_complete {
            return None;
        }
        let sent =
            |step: &Step| matches!(&step.kind, StepKind::File { path, .. } if is_system(path));
        let index = self.steps.iter().rposition(sent)?;
        let StepKind::File { path, .. } = &self.steps[index].kind else { return None };
        let file = basename(path).to_owned();
        let after = &self.steps[index + 1..];
        if let Some(end) = after.iter().rev().find_map(|step| part_end(&step.kind)) {
            return Some(end);
        }
        let missing = after.iter().rev().find_map(|step| missing_device_tree(&step.kind));
        let is_last = self.files().next_back() == Some(path);
        Some(match missing {
            Some(path) => EndReason::SystemIncomplete { file, path: path.to_owned() },
            None if is_last => EndReason::SystemSent { file },
            None => EndReason::SystemAndFilesSent { file },
        })
    }

    /// A notice about a client that restarts again and again counts even after an operating system.
    fn restarts(&self) -> Option<EndReason> {
        self.after_last_file().iter().rev().find_map(|step| match &step.kind {
            StepKind::Notice(text) if text.contains(RESTARTED) => {
                Some(EndReason::Notice { text: format!("it {text}") })
            }
            _ => None,
        })
    }

    /// The last file was sent several times, each time after another DHCP exchange.
    fn boot_loop(&self) -> Option<EndReason> {
        let last = self.files().next_back().filter(|last| !is_system(last) && !is_setting(last))?;
        let file = basename(last).to_owned();
        let count = self.files().filter(|other| *other == last).count();
        if count < MIN_LOOP_COUNT {
            return None;
        }
        // Several machines with the same address request it one after the other, without an exchange in between.
        let has_exchanges = self.steps.iter().filter(|step| step.kind.is_dhcp()).count() > 1;
        Some(if has_exchanges {
            EndReason::LoadedRepeatedly { file }
        } else {
            EndReason::SentRepeatedly { file, times: number_of_times(count) }
        })
    }

    /// The client was sent the name of a file or a URL and did not request it here.
    fn offered(&self, after: &[Step]) -> Option<EndReason> {
        let chosen = after.iter().rev().find_map(|step| match &step.kind {
            StepKind::Chosen(file) => Some(file.clone()),
            _ => None,
        });
        let is_answer = |step: &Step| matches!(step.kind, StepKind::Answered { .. });
        let is_answered = after.iter().any(is_answer);
        if chosen.is_none() && is_answered && self.offer.has_menu {
            return Some(EndReason::MenuSent);
        }
        let file = chosen.or_else(|| self.offer.file.clone().filter(|_| is_answered))?;
        if file.is_empty() {
            return None;
        }
        if is_url(&file) {
            return Some(EndReason::UrlSent { url: file });
        }
        if let (Some(server), Some(own)) = (self.offer.next_server, self.offer.own_address)
            && server != own
        {
            return Some(EndReason::OtherServerHasFile { file, server });
        }
        Some(match (self.server.has_tftp, self.server.is_start_known) {
            (true, _) => EndReason::OfferNotRequested { file },
            (false, true) => EndReason::NoTftpHere { file },
            (false, false) => EndReason::NoTftpInLog { file },
        })
    }

    fn last_known(&self, after: &[Step]) -> EndReason {
        let Some(last) = self.files().next_back() else {
            if let Some(path) = after.iter().rev().find_map(|step| missing(&step.kind)) {
                return EndReason::OnlyMissing { path: path.to_owned() };
            }
            let is_answer = |step: &Step| matches!(step.kind, StepKind::Answered { .. });
            return match after.iter().any(is_answer) {
                true if self.has_other_clients => EndReason::NothingAttributed,
                true => EndReason::NothingRequested,
                false => EndReason::AddressOnly,
            };
        };
        let name = basename(last);
        let file = name.to_owned();
        if is_ipxe(name.as_bytes()) || name.contains(NETBOOT_XYZ) && !is_setting(last) {
            EndReason::IpxeSent { file }
        } else {
            EndReason::LastFile { file }
        }
    }
}

/// The end of a boot at a part of an operating system that was not sent after another part of it.
fn part_end(kind: &StepKind) -> Option<EndReason> {
    let path = kind.path()?;
    if is_system_part(path) { stopped_at(kind) } else { None }
}

fn missing(kind: &StepKind) -> Option<&str> {
    match kind {
        StepKind::NotFound { path, .. } => Some(path),
        _ => None,
    }
}

fn missing_device_tree(kind: &StepKind) -> Option<&str> {
    missing(kind).filter(|path| is_device_tree(path))
}

/// The end of the boot after its last file, if one of these steps stops it.
fn stop(after: &[Step]) -> Option<EndReason> {
    let mut is_answered = false;
    after.iter().rev().find_map(|step| {
        is_answered |=
            matches!(step.kind, StepKind::Answered { .. } | StepKind::AddressAssigned(_));
        // A request that is dropped and then answered does not stop the boot.
        if is_answered && step.kind.is_dhcp() { None } else { stopped_at(&step.kind) }
    })
}

/// The end of a boot with a notice; `None` if the step is none, or does not stop the boot.
fn notice_end(kind: &StepKind) -> Option<EndReason> {
    let StepKind::Notice(text) = kind else { return None };
    if refused_file(text).is_some_and(is_optional) {
        return None;
    }
    // The causes that the notice supposes are in the advice.
    let fact =
        CAUSES.iter().find_map(|words| text.split_once(words)).map_or(&**text, |(fact, _)| fact);
    let says = |words: [&str; 2]| words.iter().any(|words| fact.contains(words));
    let text = text.clone();
    Some(if text == SERVER_STOPPED {
        EndReason::ServerStopped
    } else if text.starts_with(DHCP_SERVER) || text.starts_with(OTHER_PROXY) {
        EndReason::OtherServerAnswered { text }
    } else if says(NO_PROXY_REQUEST) {
        EndReason::NoProxyRequest { text: fact.to_owned() }
    } else if says(NO_DOWNLOAD) {
        match fact.split(' ').find(|word| is_url(word)) {
            Some(url) => EndReason::UrlSent { url: url.to_owned() },
            None => EndReason::NoDownload { text: fact.to_owned() },
        }
    } else if text.starts_with(IPXE_WITHOUT_FILE) {
        EndReason::IpxeWithoutFile { text }
    } else if text.starts_with(TFTP_MAX) {
        EndReason::Notice { text }
    } else {
        EndReason::Notice { text: format!("it {text}") }
    })
}

/// The file of a notice about a file that was not sent.
fn refused_file(text: &str) -> Option<&str> {
    let path = text.strip_prefix(NO_FILE)?;
    FILE_FAULTS.iter().find_map(|words| path.split_once(words)).map(|(path, _)| path)
}

/// The text as the beginning of a sentence.
fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn is_url(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["http://", "https://", "ftp://", "nfs://", "iscsi:"]
        .iter()
        .any(|scheme| name.starts_with(scheme))
}

/// The end of the boot if this step is the last one; `None` if the step does not stop a boot.
fn stopped_at(kind: &StepKind) -> Option<EndReason> {
    Some(match kind {
        StepKind::NotFound { path, .. }
        | StepKind::Denied(path)
        | StepKind::Unreadable { path, .. }
        | StepKind::ClientError { path: Some(path), .. }
            if is_optional(path) =>
        {
            return None;
        }
        StepKind::NotFound { path, .. } => EndReason::StoppedAtMissing { path: path.clone() },
        StepKind::Denied(path) => EndReason::StoppedAtDenied { path: path.clone() },
        StepKind::Unreadable { path, error } => {
            EndReason::StoppedAtUnreadable { path: path.clone(), error: error.clone() }
        }
        StepKind::TimedOut(path) => EndReason::NotAcknowledged { path: path.clone() },
        StepKind::ClientError { path, error, count } => {
            let (times, error) = (number_of_times(*count), error.clone());
            match path {
                Some(path) if *count == 1 && error.starts_with(USER_ABORTED) => {
                    EndReason::SizeRequested { path: path.clone() }
                }
                Some(path) => EndReason::BrokeOff { path: path.clone(), times, error },
                None => EndReason::SentError { times, error },
            }
        }
        StepKind::Ignored => EndReason::IgnoredClient,
        StepKind::Dropped { reason, .. } if reason.starts_with(NO_RANGE) => {
            EndReason::NoRange { text: reason.clone() }
        }
        StepKind::Dropped { reason, .. } if reason.starts_with(WRITE_REQUEST) => {
            EndReason::WriteRequest
        }
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
        let text = "undionly.kpxe was the last file that it requested; iPXE mostly uses HTTP then, which is not shown here";
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
        let text = "pxelinux.0 was the last file that it requested, and there is no error";
        assert_verdict(&[file("/t/pxelinux.0")], Unknown, text);
    }
}
