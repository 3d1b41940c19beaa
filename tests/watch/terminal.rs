//! A terminal of tmux, in which a script runs.

use crate::common::lab::eventually;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// What does not happen in this time does not happen.
const TIMEOUT: Duration = Duration::from_secs(20);

pub struct Terminal {
    pub folder: TempDir,
}

/// Runs a command in a terminal, and leaves in the folder: its process id (`pid`), its exit code (`code`), and the settings of
/// the terminal before it (`before`) and after it (`after`).
/// A command that is stopped goes on after an empty line; the settings are in `stopped`.
const SCRIPT: &str = r#"set -m
stty -g > before
echo the line above
sh -c 'echo $$ > pid; exec "$@"' sh "$@"
code=$?
if [ $code = 148 ]; then
    stty -g > stopped
    read line
    fg
    code=$?
fi
echo $code > code
echo the line below
stty -g > after.new
mv after.new after
exec cat
"#;

impl Terminal {
    /// A terminal without a program. The error is that tmux is not installed.
    pub fn new() -> Result<Self, String> {
        Command::new("tmux").arg("-V").output().map_err(|_| "no tmux (Debian: tmux)")?;
        let folder = TempDir::new().expect("a folder");
        let config = "set -g status off\nset -g default-terminal screen-256color\n";
        fs::write(folder.path().join("tmux.conf"), config).expect("a file");
        fs::write(folder.path().join("script"), SCRIPT).expect("a file");
        Ok(Self { folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a command in a terminal of this size, by the script. `environment`: `NAME=value`.
    pub fn start<S: AsRef<OsStr>>(&self, size: (u16, u16), environment: &[&str], command: &[S]) {
        let (width, height) = (size.0.to_string(), size.1.to_string());
        let new = ["new-session", "-d", "-x", &width, "-y", &height, "-c"];
        let new = new.map(OsStr::new).to_vec();
        let env = ["env", "-u", "NO_COLOR", "-u", "COLUMNS"].map(OsStr::new);
        let environment: Vec<&OsStr> = environment.iter().map(OsStr::new).collect();
        let script = self.path("script");
        let shell = [OsStr::new("sh"), script.as_os_str()];
        let command: Vec<&OsStr> = command.iter().map(AsRef::as_ref).collect();
        let folder = [self.folder.path().as_os_str()];
        self.tmux(&[&new[..], &folder, &env, &environment, &shell, &command].concat());
    }

    /// The standard output of a tmux command.
    pub fn tmux<S: AsRef<OsStr>>(&self, arguments: &[S]) -> String {
        let mut tmux = Command::new("tmux");
        tmux.arg("-u").arg("-S").arg(self.path("tmux")).arg("-f").arg(self.path("tmux.conf"));
        let output = tmux.args(arguments).env_remove("TMUX").output().expect("tmux runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{error}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// The lines of the screen.
    pub fn screen(&self) -> Vec<String> {
        self.tmux(&["capture-pane", "-p"]).lines().map(str::to_owned).collect()
    }

    /// The screen as soon as a line of it has this text.
    pub fn wait_for(&self, text: &str) -> Vec<String> {
        self.wait_until(text, |lines| lines.iter().any(|line| line.contains(text)))
    }

    /// The screen as soon as it is so.
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&[String]) -> bool) -> Vec<String> {
        let found = eventually(TIMEOUT, || Some(self.screen()).filter(|lines| is_so(lines)));
        found.unwrap_or_else(|| panic!("not on the screen: {what}\n{}", self.screen().join("\n")))
    }

    pub fn keys(&self, keys: &str) {
        self.tmux(&["send-keys", keys]);
    }

    /// The contents of a file of the folder as soon as it is there.
    pub fn wait_for_file(&self, name: &str) -> String {
        let read = || fs::read_to_string(self.path(name)).ok().filter(|text| text.ends_with('\n'));
        let found = eventually(TIMEOUT, read);
        let text = found.unwrap_or_else(|| panic!("no {name}\n{}", self.screen().join("\n")));
        text.trim_end().to_owned()
    }

    /// Checks that the terminal is as it was before. `settings`: those of stty now.
    pub fn assert_reset(&self, settings: &str) {
        assert_eq!(settings, self.wait_for_file("before"), "stty -g");
        let flags = "#{alternate_on} #{cursor_flag} #{wrap_flag}";
        assert_eq!(self.tmux(&["display-message", "-p", flags]), "0 1 1\n", "{flags}");
    }

    /// Waits for the end of the command, and checks that the terminal is as it was before. Returns the exit code and the screen.
    pub fn end(&self) -> (String, Vec<String>) {
        let after = self.wait_for_file("after");
        self.assert_reset(&after);
        let screen = self.wait_for("the line below");
        assert_eq!(screen[0], "the line above");
        (self.wait_for_file("code"), screen)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if Path::exists(&self.path("tmux")) {
            // It fails if the session has ended.
            let _ =
                Command::new("tmux").arg("-S").arg(self.path("tmux")).arg("kill-server").output();
        }
    }
}
