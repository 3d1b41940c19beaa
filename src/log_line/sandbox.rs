//! The sandbox of the process as text, for the line of the compile-time options.

use std::fmt;

/// State of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SandboxLine {
    /// Disabled by `--unconfined`.
    Inactive,
    /// Enabled, as far as the kernel supports it.
    Active {
        /// Version of the Landlock ABI, or why Landlock is unavailable.
        landlock: Result<u32, String>,
        /// Number of system calls that seccomp allows, or why seccomp is unavailable.
        seccomp: Result<usize, String>,
        /// Whether `no_new_privs` is set (prctl(2)).
        no_new_privileges: bool,
        /// Paths that may be read.
        reads: Vec<String>,
        /// Paths that may be written.
        writes: Vec<String>,
    },
}

/// Number of paths that are listed.
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
            Err(reason) => write!(f, "Landlock unavailable ({reason}), ")?,
        }
        match seccomp {
            Ok(calls) => write!(f, "seccomp ({calls} calls), ")?,
            Err(reason) => write!(f, "seccomp unavailable ({reason}), ")?,
        }
        f.write_str(if *no_new_privileges { "no new privileges" } else { "new privileges allowed" })
    }
}

struct PathList<'p>(&'p [String]);

impl fmt::Display for PathList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(paths) = self;
        f.write_str(&paths[..paths.len().min(MAX_PATHS)].join(" "))?;
        match paths.len().saturating_sub(MAX_PATHS) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[test]
fn sandbox_lists_up_to_eight_paths() {
    let line = |landlock, reads: &[&str], writes: &[&str]| {
        let owned = |paths: &[&str]| paths.iter().map(ToString::to_string).collect();
        let (reads, writes) = (owned(reads), owned(writes));
        let seccomp = Ok(80);
        SandboxLine::Active { landlock, seccomp, no_new_privileges: true, reads, writes }
            .to_string()
    };
    assert_eq!(
        line(Ok(6), &["/srv", "/mnt"], &["/var/log"]),
        "confined by Landlock 6 (reads /srv /mnt; writes /var/log), seccomp (80 calls), no new privileges"
    );
    assert_eq!(
        line(Err("not supported by the kernel".to_owned()), &[], &[]),
        "Landlock unavailable (not supported by the kernel), seccomp (80 calls), no new privileges"
    );
    let many = ["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j"];
    assert!(line(Ok(6), &many, &[]).contains("/g /h and 2 more)"));
    assert_eq!(SandboxLine::Inactive.to_string(), "not confined (--unconfined)");
}
