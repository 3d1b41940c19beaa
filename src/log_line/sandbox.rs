//! What the process is confined by, in words.

use std::fmt;

/// Walls that stand, and those that do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SandboxLine {
    /// None: the command line asks for that.
    Inactive,
    /// These.
    Active {
        /// Version of Landlock's interface, or why it is not there.
        landlock: Result<u32, String>,
        /// How many calls seccomp leaves, or why it is not there.
        seccomp: Result<usize, String>,
        /// Whether no program that is run may gain rights.
        no_new_privileges: bool,
        /// Places that may be read.
        reads: Vec<String>,
        /// Places that may be written.
        writes: Vec<String>,
    },
}

/// Places that are told.
const MAX_PATHS: usize = 8;

impl fmt::Display for SandboxLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Active { landlock, seccomp, no_new_privileges, reads, writes } = self else {
            return f.write_str("not confined (--unconfined)");
        };
        match landlock {
            Ok(version) => {
                write!(f, "confined by Landlock {version} (reads {}", PathList(reads))?;
                if !writes.is_empty() {
                    write!(f, "; writes {}", PathList(writes))?;
                }
                f.write_str("), ")?;
            }
            Err(why) => write!(f, "no Landlock ({why}), ")?,
        }
        match seccomp {
            Ok(calls) => write!(f, "seccomp ({calls} calls), ")?,
            Err(why) => write!(f, "no seccomp ({why}), ")?,
        }
        f.write_str(if *no_new_privileges { "no new privileges" } else { "new privileges" })
    }
}

struct PathList<'p>(&'p [String]);

impl fmt::Display for PathList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(places) = self;
        f.write_str(&places[..places.len().min(MAX_PATHS)].join(" "))?;
        match places.len().saturating_sub(MAX_PATHS) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[test]
fn walls_are_told() {
    let told = |landlock, reads: &[&str], writes: &[&str]| {
        let owned = |places: &[&str]| places.iter().map(ToString::to_string).collect();
        let (reads, writes) = (owned(reads), owned(writes));
        let seccomp = Ok(80);
        SandboxLine::Active { landlock, seccomp, no_new_privileges: true, reads, writes }
            .to_string()
    };
    assert_eq!(
        told(Ok(6), &["/srv", "/mnt"], &["/var/log"]),
        "confined by Landlock 6 (reads /srv /mnt; writes /var/log), seccomp (80 calls), no new privileges"
    );
    assert_eq!(
        told(Err("unavailable".to_owned()), &[], &[]),
        "no Landlock (unavailable), seccomp (80 calls), no new privileges"
    );
    let many = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j"];
    assert!(told(Ok(6), &many, &[]).contains("/g /h and 2 more)"));
    assert_eq!(SandboxLine::Inactive.to_string(), "not confined (--unconfined)");
}
