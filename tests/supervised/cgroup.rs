//! A control group for the processes of a service (cgroups(7)).

use crate::common::lab::{eventually, with_context};
use crate::setup::{TIMEOUT, runs};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, id};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of the hierarchy of version 2. Dropping it kills its processes.
pub struct Cgroup(PathBuf);

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Cgroup {
    /// A new one below that of the test. The error is one line: why that is not possible on this machine.
    pub fn new() -> Result<Self, String> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = own_directory()?.join(format!("pxemasq-test-{}-{number}", id()));
        fs::create_dir(&path).map_err(with_context("no control group can be created"))?;
        Ok(Self(path))
    }

    /// The program, which moves itself into this control group first.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("sh");
        let line = r#"echo $$ > "$0" && exec "$@""#;
        command.args(["-c", line]).arg(self.0.join("cgroup.procs")).arg(program);
        command
    }

    /// The processes that run, without zombies.
    pub fn processes(&self) -> Vec<u32> {
        let text = fs::read_to_string(self.0.join("cgroup.procs")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).filter(|&id| runs(id)).collect()
    }

    /// Sends a signal to each process.
    pub fn signal(&self, signal: Signal) {
        for id in self.processes() {
            // It may have ended.
            let _ = kill(Pid::from_raw(id.cast_signed()), signal);
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        eventually(TIMEOUT, || fs::remove_dir(&self.0).ok());
    }
}

/// The directory of the control group of this process.
fn own_directory() -> Result<PathBuf, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(with_context(path));
    let mounts = read("/proc/self/mountinfo")?;
    let groups = read("/proc/self/cgroup")?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let own = Path::new(own.ok_or("no control groups of version 2")?);
    let directory = mounts.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        let below = own.strip_prefix(root).ok().filter(|_| kind.starts_with("cgroup2 "))?;
        Some(Path::new(place).join(below))
    });
    directory.ok_or_else(|| "the control groups of version 2 are not mounted".to_owned())
}
