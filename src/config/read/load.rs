//! Files, directories and scripts → settings, each with its origin (docs/dnsmasq/config-language.md, sections 1.1 to 1.4).
//!
//! This folder opens files here, in [`run_time`](crate::config::run_time) and for it, and one `resolv.conf` in
//! [`together`](crate::config::together).

use super::build::{BuildResult, Builder, Purpose};
use super::conflicts::ConflictChecker;
use super::lines::Lines;
use super::system_lookups::SystemLookups;
use crate::byte_text::to_text;
use crate::config::{Config, ConfigWarning, Origin, argument_error, line_error};
use crate::error::StartupError;
use crate::strerror::strerror;
use conf_parser::ConfDir;
use conf_parser::SharedNetwork;
use conf_parser::Upstream;
use conf_parser::{Directive, OptionSpec, ParseError, Reader, Setting};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

/// Files in files in files: people have three.
const MAX_NESTING: usize = 250;

/// The file that is read when none is named.
pub const DEFAULT_CONFIG_FILE: &str = "/etc/dnsmasq.conf";

/// Reads everything there is, in dnsmasq's order.
#[derive(Debug, Default)]
pub struct Loader {
    reader: Reader,
    builder: Builder,
    /// Which files were read, in order.
    files: Vec<Arc<str>>,
    /// Files are told apart by device and inode, so that loops end by themselves.
    seen: HashSet<(u64, u64)>,
    stdin_read: bool,
    /// How many files are open inside one another.
    depth: usize,
    /// The first file that the command line names.
    main_file: Option<Vec<u8>>,
    conflicts: ConflictChecker,
    lookups: SystemLookups,
}

/// A configuration and where it came from.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What its author should know.
    pub notes: Vec<ConfigWarning>,
    /// The files that were read, in order.
    pub files: Vec<Arc<str>>,
}

/// What lines come from, as messages name it.
struct Source {
    name: Arc<str>,
    is_script: bool,
}

impl Source {
    fn location(&self, line: usize) -> String {
        if self.is_script {
            format!("in output from {}", self.name)
        } else {
            format!("at line {line} of {}", self.name)
        }
    }
}

impl Loader {
    /// Nothing read yet.
    pub fn new(purpose: Purpose, answers: SystemLookups) -> Self {
        Self { builder: Builder::new(purpose), lookups: answers, ..Self::default() }
    }

    /// Everything is read: what it means together.
    pub fn finish(self) -> Result<Loaded, StartupError> {
        self.conflicts.finish()?;
        let BuildResult { config, warnings: mut notes } = self.builder.finish();
        if self.files.is_empty() {
            notes.push(ConfigWarning::general(format!(
                "no configuration file: {DEFAULT_CONFIG_FILE} does not exist"
            )));
        }
        Ok(Loaded { config, notes, files: self.files })
    }

    /// Takes an option of the command line. Files, directories and scripts are read on the spot, but for the first
    /// file that has a name.
    pub fn argument(
        &mut self,
        row: &'static OptionSpec,
        value: Option<&[u8]>,
    ) -> Result<(), StartupError> {
        let complain = |fault| argument_error(fault, row, value);
        match self.reader.argument(row, value).map_err(complain)? {
            Some(Setting { directive: Directive::ConfFile(path), .. })
                if self.main_file.is_none() =>
            {
                self.main_file = path;
                Ok(())
            }
            Some(setting) => {
                self.check_directive(&setting.directive, &Origin::default()).map_err(complain)?;
                self.apply(setting, &Origin::default())
            }
            None => Ok(()),
        }
    }

    /// Reads the file that the command line names first, else the usual one, which may be missing. It comes behind all
    /// of the command line.
    pub fn main_file(&mut self) -> Result<(), StartupError> {
        if let Some(path) = self.main_file.take() {
            return self.nested(&Origin::default(), |loader| loader.file(&path));
        }
        match File::open(DEFAULT_CONFIG_FILE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            opened => self.read_open_file(DEFAULT_CONFIG_FILE.as_bytes(), opened),
        }
    }

    /// Reads a file that another one, or the command line, names. dnsmasq follows them as deep as its stack goes.
    fn nested(
        &mut self,
        origin: &Origin,
        read: impl FnOnce(&mut Self) -> Result<(), StartupError>,
    ) -> Result<(), StartupError> {
        if self.depth == MAX_NESTING {
            let words = format!("files are nested more than {MAX_NESTING} deep");
            return Err(StartupError::config(words).with_location(origin));
        }
        self.depth += 1;
        let done = read(self).map_err(|failure| failure.with_location(origin));
        self.depth -= 1;
        done
    }

    /// Reads a file; `-` is standard input, once.
    pub fn file(&mut self, path: &[u8]) -> Result<(), StartupError> {
        if path != b"-" {
            return self.read_open_file(path, File::open(OsStr::from_bytes(path)));
        }
        if std::mem::replace(&mut self.stdin_read, true) {
            return Ok(());
        }
        let name: Arc<str> = "stdin".into();
        self.files.push(name.clone());
        self.lines(io::stdin().lock(), &Source { name, is_script: false })
    }

    fn read_open_file(
        &mut self,
        path: &[u8],
        opened: io::Result<File>,
    ) -> Result<(), StartupError> {
        let name: Arc<str> = to_text(path).into();
        let complain = |error: io::Error| unreadable(&name, &error);
        let file = opened.map_err(complain)?;
        let metadata = file.metadata().map_err(complain)?;
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        self.files.push(name.clone());
        let source = Source { name, is_script: false };
        // A directory opens like a file, and reads as empty.
        if metadata.is_dir() { Ok(()) } else { self.lines(BufReader::new(file), &source) }
    }

    fn directory(&mut self, rules: &ConfDir) -> Result<(), StartupError> {
        if rules.directory.is_empty() {
            return Ok(());
        }
        let shown = to_text(&rules.directory);
        let directory = fs::read_dir(OsStr::from_bytes(&rules.directory));
        let complain = |error: io::Error| {
            StartupError::file(format!("cannot access directory {shown}: {}", strerror(&error)))
        };
        let mut paths = Vec::new();
        for entry in directory.map_err(complain)? {
            let name = entry.map_err(complain)?.file_name();
            if rules.takes(name.as_bytes()) {
                paths.push([&rules.directory, &b"/"[..], name.as_bytes()].concat());
            }
        }
        paths.sort_unstable();
        for path in paths {
            let complain = |error| {
                StartupError::file(format!(
                    "cannot access {}: {}",
                    to_text(&path),
                    strerror(&error)
                ))
            };
            if fs::metadata(OsStr::from_bytes(&path)).map_err(complain)?.is_file() {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn script(&mut self, command: &[u8]) -> Result<(), StartupError> {
        if command.is_empty() {
            return Ok(());
        }
        // A command that is the path of a file counts as that file having been read.
        if let Ok(metadata) = fs::metadata(OsStr::from_bytes(command))
            && !self.seen.insert((metadata.dev(), metadata.ino()))
        {
            return Ok(());
        }
        let name = to_text(command);
        let complain = |error: io::Error| {
            StartupError::file(format!("cannot execute {name}: {}", strerror(&error)))
        };
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(OsStr::from_bytes(command)).stdout(Stdio::piped());
        let mut child = shell.spawn().map_err(complain)?;
        let source = Source { name: name.as_str().into(), is_script: true };
        let read = child
            .stdout
            .take()
            .map_or(Ok(()), |stdout| self.lines(BufReader::new(stdout), &source));
        if read.is_err() {
            // What it goes on to print is of no interest.
            drop(child.kill());
        }
        let status = child.wait().map_err(complain)?;
        read?;
        match script_code(status) {
            0 => Ok(()),
            code => Err(StartupError::new(code, format!("{name} returns non-zero error code"))),
        }
    }

    /// Reads piece by piece: a fault ends it, however much would follow.
    fn lines(&mut self, input: impl BufRead, source: &Source) -> Result<(), StartupError> {
        let mut lines = Lines::new(input);
        let mut origin = Origin { file: source.name.clone(), line: 0 };
        let complain = |error: io::Error| unreadable(&source.name, &error);
        while let Some((line, text)) = lines.read().map_err(complain)? {
            let complain = |fault: ParseError| line_error(&fault, &source.location(line), text);
            if let Some(setting) = self.reader.line(text).map_err(complain)? {
                origin.line = line;
                self.check_directive(&setting.directive, &origin).map_err(complain)?;
                self.apply(setting, &origin)?;
            }
        }
        Ok(())
    }

    /// Asks what only the machine knows, and whether the line fits to those before it.
    fn check_directive(
        &mut self,
        directive: &Directive,
        origin: &Origin,
    ) -> Result<(), ParseError> {
        if let Directive::Upstream(Upstream { check, .. })
        | Directive::SharedNetwork(SharedNetwork { check, .. }) = directive
        {
            let refused = check.condition.as_ref().and_then(|asked| self.lookups.check(asked));
            refused.or_else(|| check.error.clone()).map_or(Ok(()), Err)?;
        }
        self.conflicts.check(directive, origin)
    }

    fn apply(&mut self, setting: Setting, origin: &Origin) -> Result<(), StartupError> {
        match &setting.directive {
            Directive::ConfFile(Some(path)) => self.nested(origin, |loader| loader.file(path)),
            Directive::ConfFile(None) => Ok(()),
            Directive::ConfDir(rules) => self.nested(origin, |loader| loader.directory(rules)),
            Directive::ConfScript(command) => self.nested(origin, |loader| loader.script(command)),
            _ => {
                self.builder.apply(setting, origin);
                Ok(())
            }
        }
    }
}

fn unreadable(name: &str, error: &io::Error) -> StartupError {
    StartupError::file(format!("cannot read {name}: {}", strerror(error)))
}

/// dnsmasq adds ten to the low byte of the raw status: any exit code gives 10, signal 9 gives 19.
fn script_code(status: ExitStatus) -> u8 {
    if status.success() {
        0
    } else {
        10 + status.signal().and_then(|signal| u8::try_from(signal).ok()).unwrap_or(0)
    }
}
