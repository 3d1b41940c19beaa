//! The restrictions of each process as text, for the line of the compile-time options.

use std::fmt;

/// The restrictions of all processes of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxLine {
    /// Of the packet process.
    pub packets: String,
    /// Of the file process.
    pub files: String,
    /// Of the host process, if there is one.
    pub host: Option<String>,
}

/// The restrictions of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restrictions {
    /// Landlock and seccomp; `None`: disabled by `--unconfined`.
    pub sandbox: Option<Sandbox>,
    /// The names of its capabilities.
    pub capabilities: Vec<&'static str>,
}

/// What the kernel restricts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    /// Version of the Landlock ABI, or why Landlock is unavailable.
    pub landlock: Result<u32, String>,
    /// Number of system calls that seccomp allows, or why seccomp is unavailable.
    pub seccomp: Result<usize, String>,
    /// Whether `no_new_privs` is set (prctl(2)).
    pub no_new_privileges: bool,
}

impl fmt::Display for SandboxLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packets, files, host } = self;
        write!(f, "packet process: {packets}; file process: {files}")?;
        host.as_ref().map_or(Ok(()), |host| write!(f, "; host process: {host}"))
    }
}

impl fmt::Display for Restrictions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sandbox {
            Some(sandbox) => sandbox.fmt(f)?,
            None => f.write_str("not confined (--unconfined)")?,
        }
        match &self.capabilities[..] {
            [] => f.write_str(", no capabilities"),
            names => write!(f, ", {}", names.join(", ")),
        }
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.landlock {
            Ok(version) => write!(f, "Landlock {version}, ")?,
            Err(reason) => write!(f, "Landlock unavailable ({reason}), ")?,
        }
        match &self.seccomp {
            Ok(calls) => write!(f, "seccomp ({calls} calls)")?,
            Err(reason) => write!(f, "seccomp unavailable ({reason})")?,
        }
        f.write_str(if self.no_new_privileges { "" } else { ", new privileges allowed" })
    }
}

#[test]
fn restrictions_of_each_process_are_listed() {
    let sandbox = |landlock| Sandbox { landlock, seccomp: Ok(80), no_new_privileges: true };
    let restrictions = |sandbox, capabilities: &[&'static str]| {
        Restrictions { sandbox, capabilities: capabilities.to_vec() }.to_string()
    };
    let line = SandboxLine {
        packets: restrictions(Some(sandbox(Ok(6))), &[]),
        files: restrictions(Some(sandbox(Err("not supported by the kernel".to_owned()))), &[]),
        host: Some(restrictions(Some(sandbox(Ok(6))), &["NET_ADMIN", "NET_RAW"])),
    };
    assert_eq!(
        line.to_string(),
        "packet process: Landlock 6, seccomp (80 calls), no capabilities; \
         file process: Landlock unavailable (not supported by the kernel), seccomp (80 calls), no capabilities; \
         host process: Landlock 6, seccomp (80 calls), NET_ADMIN, NET_RAW"
    );
    assert_eq!(restrictions(None, &[]), "not confined (--unconfined), no capabilities");
}
