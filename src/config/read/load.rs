//! Files, directories and scripts → settings, each with its origin (docs/dnsmasq/config-language.md, sections 1.1 to 1.4).
//!
//! Files are opened here, in [`reload`](crate::config::reload), and one `resolv.conf` in
//! [`conflicts`](super::conflicts), all by [`file_content`](crate::config::file_content).

use super::build::{BuildResult, Builder};
use super::conflicts::ConflictChecker;
use super::lines::Lines;
use super::system_lookups::SystemLookups;
use crate::byte_text::to_text;
use crate::config::file_content::{ReadError, ReadLimit, open_once};
use crate::config::{Config, Origin, argument_error, line_error};
use crate::error::StartupError;
use crate::finding::{Finding, Level};
use crate::reason::ConfigReason;
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
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

/// Maximum depth of `conf-file` in `conf-file`. dnsmasq has no limit and overflows its stack.
const MAX_NESTING: usize = 250;

/// The file that is read without `conf-file` on the command line.
pub const DEFAULT_CONFIG_FILE: &str = "/etc/dnsmasq.conf";

/// Reads the command line and all files, in dnsmasq's order.
#[derive(Debug, Default)]
pub struct Loader {
    reader: Reader,
    builder: Builder,
    /// Files that were read, in order.
    files: Vec<Arc<str>>,
    /// Device and inode of the files that were read: each is read once, so that a loop ends.
    seen: HashSet<(u64, u64)>,
    stdin_read: bool,
    /// Limits the size of all files together, so that an endless one ends the start.
    limit: ReadLimit,
    /// Current depth of nesting.
    depth: usize,
    /// The first `conf-file` of the command line.
    main_file: Option<Vec<u8>>,
    conflicts: ConflictChecker,
    lookups: SystemLookups,
}

/// A configuration, its warnings and its files.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings about the configuration.
    pub findings: Vec<Finding>,
    /// The files that were read, in order.
    pub files: Vec<Arc<str>>,
}

/// A file or script, as messages name it.
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
    /// A loader that has read nothing.
    pub fn new(lookups: SystemLookups) -> Self {
        Self { builder: Builder::new(), lookups, ..Self::default() }
    }

    /// Checks all lines together and builds the configuration.
    ///
    /// # Errors
    /// Lines contradict each other.
    pub fn finish(self) -> Result<Loaded, StartupError> {
        self.conflicts.finish()?;
        let BuildResult { config, mut findings } = self.builder.finish();
        if self.files.is_empty() {
            let reason = ConfigReason::NoConfigFile { path: DEFAULT_CONFIG_FILE };
            findings.push(Finding::general(Level::Warning, reason));
        }
        Ok(Loaded { config, findings, files: self.files })
    }

    /// Applies an option of the command line. Files, directories and scripts are read at once, except for the first
    /// `conf-file` with a name, which [`main_file`](Self::main_file) reads.
    ///
    /// # Errors
    /// The option is invalid, or a file cannot be read.
    pub fn argument(
        &mut self,
        row: &'static OptionSpec,
        value: Option<&[u8]>,
    ) -> Result<(), StartupError> {
        let to_error = |error| argument_error(error, row, value);
        match self.reader.argument(row, value).map_err(to_error)? {
            Some(Setting { directive: Directive::ConfFile(path), .. })
                if self.main_file.is_none() =>
            {
                self.main_file = path;
                Ok(())
            }
            Some(setting) => {
                self.check_directive(&setting.directive, &Origin::default()).map_err(to_error)?;
                self.apply(setting, &Origin::default())
            }
            None => Ok(()),
        }
    }

    /// Reads the first `conf-file` of the command line, else the default file, which need not exist. It must be called
    /// after all options of the command line.
    ///
    /// # Errors
    /// A file cannot be read, or a line is invalid.
    pub fn main_file(&mut self) -> Result<(), StartupError> {
        if let Some(path) = self.main_file.take() {
            return self.nested(&Origin::default(), |loader| loader.file(&path));
        }
        match open_once(Path::new(DEFAULT_CONFIG_FILE)) {
            Err(ReadError::Os(number)) if is_not_found(number) => Ok(()),
            opened => self.read_open_file(DEFAULT_CONFIG_FILE.as_bytes(), opened),
        }
    }

    /// Reads a file that a line or the command line names, up to the maximum depth.
    fn nested(
        &mut self,
        origin: &Origin,
        read: impl FnOnce(&mut Self) -> Result<(), StartupError>,
    ) -> Result<(), StartupError> {
        if self.depth == MAX_NESTING {
            let message = format!("files are nested more than {MAX_NESTING} deep");
            return Err(StartupError::config(message).with_location(origin));
        }
        self.depth += 1;
        let result = read(self).map_err(|error| error.with_location(origin));
        self.depth -= 1;
        result
    }

    /// Reads a file. `-` is standard input, which is read once.
    ///
    /// # Errors
    /// The file cannot be read, or a line is invalid.
    pub fn file(&mut self, path: &[u8]) -> Result<(), StartupError> {
        if path != b"-" {
            return self.read_open_file(path, open_once(Path::new(OsStr::from_bytes(path))));
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
        opened: Result<File, ReadError>,
    ) -> Result<(), StartupError> {
        let name: Arc<str> = to_text(path).into();
        let file = opened.map_err(|error| unreadable(&name, error))?;
        let metadata = file.metadata().map_err(|error| unreadable(&name, error.into()))?;
        if !self.seen.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        self.files.push(name.clone());
        let source = Source { name, is_script: false };
        // dnsmasq opens a directory like an empty file.
        if metadata.is_dir() { Ok(()) } else { self.lines(BufReader::new(file), &source) }
    }

    fn directory(&mut self, rules: &ConfDir, origin: &Origin) -> Result<(), StartupError> {
        if rules.directory.is_empty() {
            return Ok(());
        }
        let name = to_text(&rules.directory);
        let directory = fs::read_dir(OsStr::from_bytes(&rules.directory));
        let to_error = |error: io::Error| {
            let message = format!("cannot access directory {name}: {}", strerror(&error));
            with_pattern_remedy(StartupError::file(message), &name, origin)
        };
        let mut paths = Vec::new();
        for entry in directory.map_err(to_error)? {
            let entry = entry.map_err(to_error)?.file_name();
            if rules.takes(entry.as_bytes()) {
                paths.push([&rules.directory, &b"/"[..], entry.as_bytes()].concat());
            }
        }
        paths.sort_unstable();
        for path in paths {
            let to_error = |error| {
                let message = format!("cannot access {}: {}", to_text(&path), strerror(&error));
                StartupError::file(message)
            };
            if fs::metadata(OsStr::from_bytes(&path)).map_err(to_error)?.is_file() {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn script(&mut self, command: &[u8]) -> Result<(), StartupError> {
        if command.is_empty() {
            return Ok(());
        }
        // If the command is the path of a file, dnsmasq treats that file as read.
        if let Ok(metadata) = fs::metadata(OsStr::from_bytes(command))
            && !self.seen.insert((metadata.dev(), metadata.ino()))
        {
            return Ok(());
        }
        let name = to_text(command);
        let to_error = |error: io::Error| {
            StartupError::file(format!("cannot execute {name}: {}", strerror(&error)))
        };
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(OsStr::from_bytes(command)).stdout(Stdio::piped());
        let mut child = shell.spawn().map_err(to_error)?;
        let source = Source { name: name.as_str().into(), is_script: true };
        let read = child
            .stdout
            .take()
            .map_or(Ok(()), |stdout| self.lines(BufReader::new(stdout), &source));
        if read.is_err() {
            // The rest of the output is not needed. A child that has already ended is no error.
            let _ = child.kill();
        }
        let status = child.wait().map_err(to_error)?;
        read?;
        match script_code(status) {
            0 => Ok(()),
            code => Err(StartupError::new(code, format!("{name} returns non-zero error code"))),
        }
    }

    /// Reads up to the end or the first invalid line.
    fn lines(&mut self, input: impl BufRead, source: &Source) -> Result<(), StartupError> {
        let mut lines = Lines::new(input);
        let mut origin = Origin { file: source.name.clone(), line: 0 };
        let to_error = |error| unreadable(&source.name, error);
        while let Some(line) = lines.read().map_err(|error| to_error(error.into()))? {
            self.limit.count(line.size).map_err(to_error)?;
            let to_error = |error: ParseError| {
                let failed = line_error(&error, &source.location(line.number), line.text);
                failed.with_origin(&Origin { file: source.name.clone(), line: line.number })
            };
            if let Some(setting) = self.reader.line(line.text).map_err(to_error)? {
                origin.line = line.number;
                self.check_directive(&setting.directive, &origin).map_err(to_error)?;
                self.apply(setting, &origin)?;
            }
        }
        Ok(())
    }

    /// Makes the check that the line requires of the system, and compares the line with those before it.
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
            Directive::ConfDir(rules) => {
                self.nested(origin, |loader| loader.directory(rules, origin))
            }
            Directive::ConfScript(command) => self.nested(origin, |loader| loader.script(command)),
            _ => {
                self.builder.apply(setting, origin);
                Ok(())
            }
        }
    }
}

fn unreadable(name: &str, error: ReadError) -> StartupError {
    StartupError::file(format!("cannot read {name}: {}", error.reason()))
}

/// In `conf-dir` a pattern such as `*.conf` is a field of its own.
fn with_pattern_remedy(error: StartupError, directory: &str, origin: &Origin) -> StartupError {
    match directory.rsplit_once('/') {
        Some((path, pattern)) if pattern.starts_with('*') => {
            error.with_detail(format!("  see {origin}\n  write conf-dir={path},{pattern}"))
        }
        _ => error,
    }
}

fn is_not_found(number: i32) -> bool {
    io::Error::from_raw_os_error(number).kind() == io::ErrorKind::NotFound
}

/// Exit code for a failed script. dnsmasq adds ten to the low byte of the raw wait status: any exit code gives 10,
/// signal 9 gives 19.
fn script_code(status: ExitStatus) -> u8 {
    if status.success() {
        0
    } else {
        10 + status.signal().and_then(|signal| u8::try_from(signal).ok()).unwrap_or(0)
    }
}
