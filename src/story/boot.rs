//! One boot of one client, step by step, and how it ends.

use crate::wire::client_arch::Architecture;
use std::net::IpAddr;

/// A boot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Boot {
    /// The client's hardware address, if the log tells.
    pub mac: Option<String>,
    /// Its address.
    pub ip: Option<IpAddr>,
    /// What it runs on.
    pub architecture: Option<Architecture>,
    /// When it began, as the log has it.
    pub raw_time: String,
    /// The same in seconds; `None`: the log tells no time.
    pub started_at: Option<f64>,
    /// What happened.
    pub steps: Vec<Step>,
    /// Seconds from the beginning to the last thing.
    pub length: f64,
    /// Whether the log has clients whose hardware address it does not tell: their files may be this one's.
    pub has_other_clients: bool,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Seconds since the boot began.
    pub at: Option<f64>,
    /// What.
    pub what: StepKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum StepKind {
    /// It was answered, so often one after the other.
    Answered {
        /// On that port, where the log tells.
        port: Option<u16>,
        /// What it was told, where the log tells.
        outcome: Option<String>,
        /// How often.
        count: usize,
    },
    /// It is to be ignored.
    Ignored,
    /// Requests were dropped, so many for one reason.
    Dropped {
        /// Why.
        reason: String,
        /// How often.
        count: usize,
    },
    /// It was sent to a file by its choice.
    Chosen(String),
    /// It got a file.
    File {
        /// Its path.
        path: String,
        /// Its size, where the log tells.
        size: Option<u64>,
        /// Seconds it took, where the log tells.
        seconds: Option<f64>,
    },
    /// Files were not there, so many one after the other.
    NotFound {
        /// The last.
        path: String,
        /// How many.
        count: usize,
    },
    /// A file may not be read.
    Denied(String),
    /// It broke off, in its words.
    ClientError(String),
    /// It has not acknowledged a file for long.
    TimedOut(String),
    /// The server remarked on it.
    Notice(String),
}

/// How a boot ends, as far as the log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it has got as far as this server takes it.
    pub good: bool,
    /// What has come of it.
    pub verdict: String,
    /// What helps.
    pub advice: Option<String>,
}

/// The same file so often is no progress.
const MIN_LOOP_COUNT: usize = 3;
/// Names that operating systems come under.
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
/// Names of loaders, some of which are in the names above.
const LOADERS: &[&str] = &["linux.0", "linux.e64", "linux.e32", "linux.efi"];
/// Endings of what loaders read.
const SETTINGS: &[&str] = &[".cfg", ".conf", ".ipxe", ".txt", ".c32", "/default", ".lst", ".php"];
const IPXE: &[&str] = &["ipxe", "undionly", "snponly", "netboot.xyz"];

impl Boot {
    /// Adds a step; the same thing again is counted.
    pub fn add(&mut self, at: Option<f64>, what: StepKind) {
        let same = match (self.steps.last_mut().map(|step| &mut step.what), &what) {
            (
                Some(StepKind::Answered { port, outcome, count: times }),
                StepKind::Answered { port: new_port, outcome: new, .. },
            ) if port == new_port && outcome == new => {
                *times += 1;
                true
            }
            (
                Some(StepKind::NotFound { path, count: times }),
                StepKind::NotFound { path: new, .. },
            ) => {
                new.clone_into(path);
                *times += 1;
                true
            }
            (
                Some(StepKind::Dropped { reason: why, count: times }),
                StepKind::Dropped { reason: new, .. },
            ) if why == new => {
                *times += 1;
                true
            }
            _ => false,
        };
        if !same {
            self.steps.push(Step { at, what });
        }
        self.length = self.length.max(at.unwrap_or(0.0));
    }

    /// When something last happened.
    pub fn last(&self) -> Option<f64> {
        Some(self.started_at? + self.length)
    }

    /// Who it is.
    pub fn client(&self) -> String {
        let ip = self.ip.map(|ip| ip.to_string());
        match (&self.mac, ip) {
            (Some(mac), Some(ip)) => format!("{mac} ({ip})"),
            (Some(mac), None) => mac.clone(),
            (None, ip) => ip.unwrap_or_else(|| "somebody".to_owned()),
        }
    }

    /// The files it got, in order.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match &step.what {
            StepKind::File { path, .. } => Some(&**path),
            _ => None,
        })
    }

    /// How it ends.
    pub fn ending(&self) -> Verdict {
        let last_file =
            self.steps.iter().rposition(|step| matches!(step.what, StepKind::File { .. }));
        let behind = &self.steps[last_file.map_or(0, |at| at + 1)..];
        let remark = behind.iter().rev().find_map(|step| match &step.what {
            StepKind::Notice(text) => Some(stuck(text.clone(), None)),
            _ => None,
        });
        let end = remark.or_else(|| self.boot_loop());
        // What an operating system misses is no matter of its boot.
        let has_system = self.files().last().is_some_and(is_system);
        let stops = || behind.iter().rev().find_map(|step| end_at(&step.what));
        let end = end.or_else(|| if has_system { None } else { stops() });
        end.unwrap_or_else(|| self.last_known())
    }

    /// Whether it loads one loader again and again.
    fn boot_loop(&self) -> Option<Verdict> {
        let last = self.files().last().filter(|last| !is_system(last) && !is_setting(last))?;
        let times = self.files().filter(|other| *other == last).count();
        if times < MIN_LOOP_COUNT {
            return None;
        }
        let advice = "where that is iPXE, tell it apart: dhcp-match=set:ipxe,175, tag:!ipxe on the line that sends it, and \
                      its own boot file with tag:ipxe. Otherwise the file is for another firmware, or Secure Boot refuses \
                      it";
        Some(stuck(format!("it loads {} again and again", name(last)), Some(advice)))
    }

    /// Whether it has got as far as this server takes it: what is answered then is another boot.
    pub fn is_over(&self) -> bool {
        self.files().last().is_some_and(is_system)
    }

    fn last_known(&self) -> Verdict {
        let Some(last) = self.files().last() else {
            let advice = if self.has_other_clients { UNKNOWN } else { NO_FILE };
            return stuck("it was answered, and has asked for no file".to_owned(), Some(advice));
        };
        let good = |verdict| Verdict { good: true, verdict, advice: None };
        if is_system(last) {
            good(format!("it has its operating system: {} was the last file", name(last)))
        } else if IPXE.iter().any(|known| name(last).contains(known)) && !is_setting(last) {
            good(format!("it runs {}, which goes on by itself, mostly over HTTP", name(last)))
        } else {
            let advice = "if it does not boot: the next stage may come over HTTP, which is not in this log; or the file is \
                          for another firmware, or Secure Boot refuses it";
            let verdict = format!("{} was the last file it asked for", name(last));
            Verdict { good: false, verdict, advice: Some(advice.to_owned()) }
        }
    }
}

/// Whether a file is part of an operating system, by its name.
fn is_system(path: &str) -> bool {
    let file = name(path).to_ascii_lowercase();
    let is_one_of = |names: &[&str]| names.iter().any(|known| file.contains(known));
    !is_setting(path) && is_one_of(SYSTEMS) && !is_one_of(LOADERS)
}

/// Whether it is what a loader reads.
fn is_setting(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    SETTINGS.iter().any(|ending| path.ends_with(ending))
}

const UNKNOWN: &str = "the log does not tell its address, so files that it did ask for may stand under that: log-debug, or \
                       log-dhcp, tells";
const NO_FILE: &str = "a firewall that drops UDP ports 4011 or 69, another server whose offer won, or a client that boots \
                       from elsewhere; --explain says what it is told";

fn stuck(verdict: String, advice: Option<&str>) -> Verdict {
    Verdict { good: false, verdict, advice: advice.map(str::to_owned) }
}

/// What it means that a boot ends with this.
fn end_at(what: &StepKind) -> Option<Verdict> {
    Some(match what {
        StepKind::NotFound { path, .. } => stuck(
            format!("it stopped at {path}, which does not exist"),
            Some(
                "look for the name in other letters, without .0, or a directory away: tftp-root is in front of it",
            ),
        ),
        StepKind::Denied(path) => stuck(
            format!("it stopped at {path}, which may not be read"),
            Some(
                "let everybody read it (chmod a+r) and enter each directory above it (chmod a+x); with SELinux: restorecon",
            ),
        ),
        StepKind::TimedOut(path) => stuck(
            format!("it stopped acknowledging {path}"),
            Some(
                "it was switched off, or lost the network; if it happens always, a firewall drops answers from high ports",
            ),
        ),
        StepKind::Ignored => {
            stuck("it is to be ignored".to_owned(), Some("a dhcp-ignore line says so"))
        }
        StepKind::Dropped { reason: why, .. } => stuck(format!("it was not answered: {why}"), None),
        StepKind::Answered { .. }
        | StepKind::Chosen(_)
        | StepKind::ClientError(_)
        | StepKind::File { .. }
        | StepKind::Notice(_) => return None,
    })
}

/// The last part of a path.
pub fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> StepKind {
        StepKind::File { path: path.to_owned(), size: None, seconds: None }
    }

    fn missed(path: &str) -> StepKind {
        StepKind::NotFound { path: path.to_owned(), count: 1 }
    }

    fn ending(steps: &[StepKind]) -> Verdict {
        let mut boot = Boot::default();
        steps.iter().for_each(|step| boot.add(None, step.clone()));
        boot.ending()
    }

    #[test]
    fn a_boot_ends_where_it_ends() {
        let answered = StepKind::Answered { port: None, outcome: None, count: 1 };
        for (steps, good, verdict) in [
            (&[answered.clone()][..], false, "it was answered, and has asked for no file"),
            (
                &[
                    answered.clone(),
                    file("/t/pxelinux.0"),
                    missed("/t/a"),
                    missed("/t/b"),
                    file("/t/default"),
                    file("/t/vmlinuz"),
                ],
                true,
                "it has its operating system: vmlinuz was the last file",
            ),
            (
                &[file("/t/pxelinux.0"), missed("/t/ldlinux.c32")],
                false,
                "it stopped at /t/ldlinux.c32, which does not exist",
            ),
            (
                &[file("/t/undionly.kpxe")],
                true,
                "it runs undionly.kpxe, which goes on by itself, mostly over HTTP",
            ),
            (
                &[
                    file("/t/ipxe.efi"),
                    answered.clone(),
                    file("/t/ipxe.efi"),
                    answered.clone(),
                    file("/t/ipxe.efi"),
                ],
                false,
                "it loads ipxe.efi again and again",
            ),
            (&[file("/t/pxelinux.0")], false, "pxelinux.0 was the last file it asked for"),
            (
                &[StepKind::Denied("/t/x".into())],
                false,
                "it stopped at /t/x, which may not be read",
            ),
            (&[answered, StepKind::Ignored], false, "it is to be ignored"),
        ] {
            let ending = ending(steps);
            assert_eq!((ending.good, &ending.verdict[..]), (good, verdict));
        }
    }
}
