//! The replacements: with another configuration, with another build of the program, and with an error.

use super::files::{ROOT_PATHS, Roots, ServedRoots};
use crate::common::subject;
use crate::scene::{
    Ended, RANGES, Scene, failed, other_build, pid_after, pid_in_file, pid_of_status, runs,
    succeeded,
};
use std::path::PathBuf;

/// What is changed before a replacement. The order of the steps is that of [`CHANGES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Root,
    User,
    Interfaces,
    Ranges,
    Program,
    /// A word that is no option.
    BadWord,
    /// A root that does not exist.
    BadRoot,
}

const CHANGES: [Change; 8] = [
    Change::Root,
    Change::BadWord,
    Change::Interfaces,
    Change::User,
    Change::Program,
    Change::Ranges,
    Change::BadRoot,
    Change::Interfaces,
];
/// Each answers on both links.
const INTERFACES: [&str; 4] = [
    "",
    "interface=eth0\ninterface=eth1\nbind-interfaces\n",
    "except-interface=lo\nbind-dynamic\n",
    "interface=eth0\ninterface=eth1\n",
];
const USERS: [&str; 2] = ["", "user=root\n"];
const MORE_RANGES: [&str; 2] = ["", "dhcp-range=192.168.77.0,proxy\n"];

/// Replaces the server, and checks that it was replaced, or that nothing has changed.
pub struct Operator<'a> {
    scene: &'a Scene,
    roots: &'a ServedRoots,
    programs: [PathBuf; 2],
    /// The index of the current value of each of these.
    root: usize,
    interfaces: usize,
    user: usize,
    ranges: usize,
    program: usize,
    /// The process id of the server.
    pub pid: u32,
    pub errors: Vec<String>,
}

impl<'a> Operator<'a> {
    /// Starts the first server.
    pub fn start(scene: &'a Scene, roots: &'a ServedRoots) -> Self {
        let programs = [subject(), other_build(&scene.lab)];
        let (root, interfaces, user, ranges, program) = (0, 0, 0, 0, 0);
        let errors = Vec::new();
        let mut operator = Self {
            scene,
            roots,
            programs,
            root,
            interfaces,
            user,
            ranges,
            program,
            pid: 0,
            errors,
        };
        scene.configure(&operator.lines());
        operator.pid = scene.start(&[]);
        operator
    }

    /// The step with this number, from 1.
    pub fn step(&mut self, number: usize) {
        let change = CHANGES[(number - 1) % CHANGES.len()];
        let before = self.roots.get();
        let expected = self.apply(change);
        if expected == succeeded() {
            self.roots.set(before | Roots::only(self.root));
        }
        let mut command = Scene::command_of(&self.programs[self.program], &["--replace"]);
        let ended = self.scene.run(&mut command);
        match self.check(&expected, &ended) {
            Ok(()) => self.roots.set(Roots::only(self.root)),
            Err(error) => {
                self.errors.push(format!("replacement {number} ({change:?}): {error}"));
            }
        }
    }

    /// Writes the changed configuration; how the command has to end.
    fn apply(&mut self, change: Change) -> Ended {
        match change {
            Change::Root => self.root = 1 - self.root,
            Change::Interfaces => self.interfaces = (self.interfaces + 1) % INTERFACES.len(),
            Change::User => self.user = 1 - self.user,
            Change::Ranges => self.ranges = 1 - self.ranges,
            Change::Program => self.program = 1 - self.program,
            Change::BadWord => {
                let lines = self.lines() + "no-such-option\n";
                self.scene.configure(&lines);
                let line = crate::scene::BASE.lines().count() + lines.lines().count();
                let path = crate::scene::CONFIG;
                return failed(1, &format!("bad option at line {line} of {path}"));
            }
            Change::BadRoot => {
                self.scene.configure(&(self.lines() + "tftp-root=/srv/none\n"));
                return failed(
                    3,
                    "TFTP directory /srv/none inaccessible: No such file or directory",
                );
            }
        }
        self.scene.configure(&self.lines());
        succeeded()
    }

    fn lines(&self) -> String {
        let root = ROOT_PATHS[self.root];
        let (interfaces, user) = (INTERFACES[self.interfaces], USERS[self.user]);
        format!("tftp-root={root}\n{RANGES}{}{interfaces}{user}", MORE_RANGES[self.ranges])
    }

    fn check(&mut self, expected: &Ended, ended: &Ended) -> Result<(), String> {
        if ended != expected {
            return Err(format!("{ended:?} instead of {expected:?}"));
        }
        let is_replaced = *expected == succeeded();
        let replaced = is_replaced.then(|| pid_after(self.pid)).flatten();
        let (status, file) = (replaced.map_or_else(pid_of_status, Ok)?, pid_in_file());
        let old = std::mem::replace(&mut self.pid, status);
        if (status != old) != is_replaced {
            return Err(format!("the server was process {old}, and is {status}"));
        }
        if file != Some(status) {
            return Err(format!("the pid file has {file:?} instead of {status}"));
        }
        if runs(status) { Ok(()) } else { Err(format!("process {status} does not run")) }
    }
}
