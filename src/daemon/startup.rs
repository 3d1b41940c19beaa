//! From the command line to the loop, in stages that are types: what needs root happens before [`Confined`], what
//! serves happens behind it (spec: daemon, section 1).

use super::files::DiskFiles;
use super::notes::{missing, start_lines};
use super::readers::Readers;
use super::script::Script;
use super::sockets::{BoundTo, Sockets};
use super::{Clock, Daemon, End, surroundings};
use crate::command_line::{self, CommandLine};
use crate::config::answers::Answers;
use crate::config::build::Purpose;
use crate::config::load::{Loaded, Loader};
use crate::config::network::Binding;
use crate::config::run_time::RunTimeFiles;
use crate::config::{Config, Group, Note, Tftp};
use crate::failure::{Failure, reason};
use crate::journal::Journal;
use crate::log_line::{Line, TftpLine};
use crate::net::Interfaces;
use crate::sys::interfaces::{Watch, has_interface, snapshot};
use crate::sys::limits;
use crate::sys::privilege::{Capability, Identity};
use crate::sys::signals::Signals;
use conf_parser::Switch;
use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

/// What the command line asks for.
pub enum Asked {
    /// Print this and leave.
    Print(String),
    /// Say whether it is good.
    Test {
        /// What was read.
        parsed: Parsed,
        /// Whether remarks of ours make it bad.
        strict: bool,
    },
    /// Serve.
    Serve(Parsed),
}

/// A configuration that was read.
pub struct Parsed {
    loaded: Loaded,
}

/// All that needs root is open: the ports, the log, the pid file.
pub struct Bound {
    config: Config,
    notes: Vec<Note>,
    interfaces: Interfaces,
    sockets: Sockets,
    signals: Signals,
    watch: Watch,
    journal: Journal,
    identity: Identity,
    script: Option<Script>,
    bound_to: Option<String>,
}

/// Running as nobody in particular, for good. Only this stage can serve.
pub struct Confined {
    bound: Bound,
}

/// Reads the command line and the files it leads to.
pub fn parse(words: &[String], posixly_correct: bool) -> Result<Asked, Failure> {
    let line = CommandLine::parse(words, posixly_correct);
    let test = line.options.iter().any(|given| given.row.switch() == Some(Switch::Test));
    let purpose = if test { Purpose::Check } else { Purpose::Serve };
    let mut loader = Loader::new(purpose, Answers { has_interface });
    for given in &line.options {
        match given.row.switch() {
            Some(Switch::Version) => return Ok(Asked::Print(command_line::version())),
            Some(Switch::Help) => return Ok(Asked::Print(command_line::help(line.page))),
            _ => loader.argument(given.row, given.value.as_deref())?,
        }
    }
    let words = match line.end {
        command_line::End::Broken => Some("bad command line options: try --help"),
        command_line::End::Junk => Some("junk found in command line"),
        command_line::End::Clean => None,
    };
    if let Some(words) = words {
        return Err(Failure::config(words).showing(line.culprit.unwrap_or_default()));
    }
    loader.main_file()?;
    let parsed = Parsed { loaded: loader.finish()? };
    let strict = line.strict;
    Ok(if test { Asked::Test { parsed, strict } } else { Asked::Serve(parsed) })
}

impl Parsed {
    /// What there is to say behind dnsmasq's verdict.
    pub fn remarks(&self) -> Vec<String> {
        let Loaded { config, notes, .. } = &self.loaded;
        // Looking costs more than reading a short file: only where there is something to look for.
        let serves_files = config.tftp.is_some();
        let looks = serves_files || !config.dhcp.ranges.is_empty();
        let interfaces = if looks { snapshot().ok() } else { None };
        let identity = if serves_files { server(config) } else { None };
        let more = surroundings::remarks(config, interfaces.as_ref(), identity.as_ref());
        let roots = config.tftp.iter().flat_map(|tftp| surroundings::missing_roots(tftp));
        let absent = interfaces.iter().flat_map(|here| missing(config, here));
        let absent =
            absent.map(|name| Note::general(format!("interface {name} does not currently exist")));
        let all = notes.iter().cloned().chain(more).chain(absent).chain(roots);
        all.map(|note| format!("warning: {note}")).collect()
    }

    /// The files that were read, in order.
    pub fn files(&self) -> &[Arc<str>] {
        &self.loaded.files
    }

    /// Opens everything that needs root.
    pub fn bind(self, journal: &Journal) -> Result<Bound, Failure> {
        let Loaded { config, mut notes, .. } = self.loaded;
        let network_failure = |error: io::Error| {
            Failure::other(format!("cannot create netlink socket: {}", reason(&error)))
        };
        let watch = Watch::new().map_err(network_failure)?;
        let interfaces = snapshot().map_err(|error| {
            Failure::other(format!("failed to find list of interfaces: {}", reason(&error)))
        })?;
        notes.extend(surroundings::remarks(&config, Some(&interfaces), server(&config).as_ref()));
        if let Some(refusal) = notes.iter().find(|note| note.refuses) {
            return Err(Failure::config(refusal.to_string()));
        }
        let signals = Signals::take()
            .map_err(|error| Failure::other(format!("cannot take signals: {}", reason(&error))))?;
        let sockets = Sockets::open(&config, &interfaces)?;
        sockets.hear(&signals, &watch)?;
        if config.network.binding == Binding::Interfaces
            && let Some(name) = missing(&config, &interfaces).first()
        {
            return Err(Failure::network(format!("unknown interface {name}")));
        }
        let bound_to = only_interface(&config, &interfaces);
        bound_to.iter().try_for_each(|name| bind_dhcp_to(name, &sockets))?;
        let identity = identity(&config)?;
        let script_user = Script::user(&config)?;
        if !config.process.debug {
            std::env::set_current_dir("/").map_err(|error| {
                Failure::other(format!("cannot chdir to filesystem root: {}", reason(&error)))
            })?;
            if !config.process.foreground {
                return Err(Failure::other(
                    "cannot fork into background: not there yet, use --keep-in-foreground or --no-daemon",
                ));
            }
            config.process.pid_file.iter().try_for_each(|path| write_pid_file(path, &identity))?;
        }
        journal.configure(&config.process)?;
        let script = Script::of(&config, script_user)?;
        script.iter().try_for_each(|script| sockets.hear_script(script))?;
        Ok(Bound {
            config,
            notes,
            interfaces,
            sockets,
            signals,
            watch,
            journal: journal.clone(),
            identity,
            script,
            bound_to,
        })
    }
}

impl Bound {
    /// Gives up what is not needed any more. In debug mode the user stays.
    pub fn confine(self) -> Result<Confined, Failure> {
        if !self.config.process.debug {
            let kept = needed(&self.config, self.bound_to.is_some());
            let failed = |error: io::Error| {
                Failure::other(format!("failed to change user-id: {}", reason(&error)))
            };
            self.identity.assume(&kept).map_err(failed)?;
        }
        Ok(Confined { bound: self })
    }
}

impl Confined {
    /// Serves until told to end.
    pub fn serve(self) -> Result<End, Failure> {
        let Bound {
            mut config,
            notes,
            interfaces,
            sockets,
            signals,
            watch,
            journal,
            script,
            bound_to,
            ..
        } = self.bound;
        let mut roots = Vec::new();
        let mut files = DiskFiles::default();
        if let Some(tftp) = config.tftp.as_mut().map(Arc::make_mut) {
            files = DiskFiles::new(tftp.secure, Readers::new(sockets.waker()?));
            roots = check_roots(tftp)?;
            roots.extend(restrict(tftp));
        }
        let mut lines = start_lines(&config, &interfaces, &notes, bound_to.as_deref());
        let behind = lines
            .iter()
            .position(|line| matches!(line, Line::Tftp(_)))
            .map_or(lines.len(), |at| at + 1);
        lines.splice(behind..behind, roots.into_iter().map(Line::Tftp));
        let mut run_time_files = RunTimeFiles::of(&config);
        let (names, happened) = run_time_files.read(&mut config);
        lines.extend(happened.into_iter().map(Line::File));
        lines.iter().for_each(|line| journal.write(line));
        let pid_file = config.process.pid_file.clone().filter(|_| !config.process.debug);
        let bound_to = bound_to.map(|name| BoundTo::new(name, &interfaces));
        let daemon = Daemon {
            config,
            bound_to,
            interfaces,
            names,
            run_time_files,
            sockets,
            signals,
            watch,
            tftp: crate::tftp::Server::default(),
            files,
            script,
            journal,
            delayed: super::outgoing::Delayed::default(),
            clock: Clock::start(),
            effects: Vec::new(),
            linger: super::linger::Linger::new(limits::processors()),
            backlog: Vec::new(),
            pid_file,
        };
        daemon.serve()
    }
}

/// Lack of privilege is no error: the filters do the same, more slowly.
fn bind_dhcp_to(interface: &str, sockets: &Sockets) -> Result<(), Failure> {
    match sockets.bind_dhcp_to(interface) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(Failure::network(
            format!("failed to set SO_BINDTODEVICE on DHCP socket: {}", reason(&error)),
        )),
        _ => Ok(()),
    }
}

/// What serving still needs of root's rights.
fn needed(config: &Config, bound: bool) -> Vec<Capability> {
    let follows = config.network.binding == Binding::Dynamic && config.tftp.is_some();
    let needs = [
        (!config.dhcp.ranges.is_empty(), Capability::NetAdmin),
        (follows, Capability::NetBindService),
        (bound, Capability::NetRaw),
    ];
    needs.into_iter().filter_map(|(needed, right)| needed.then_some(right)).collect()
}

/// The one interface the DHCP sockets need to hear, if it is just one (spec: proxyDHCP, section 1.2).
fn only_interface(config: &Config, interfaces: &Interfaces) -> Option<String> {
    let network = &config.network;
    let by_name = !network.interfaces.is_empty()
        && network.interfaces.iter().all(|name| !name.contains(&b'*'))
        && missing(config, interfaces).is_empty();
    if network.binding == Binding::Wildcard || !by_name {
        return None;
    }
    let mut served = interfaces.addresses.iter().filter_map(|address| {
        let link = interfaces.by_index(address.interface)?;
        let name = interfaces.name_of(address)?;
        let accepted = network.accepts(name, link.loopback, Some(address.ip));
        (accepted && !link.loopback && !network.refuses_tftp(&link.name)).then_some(&link.name)
    });
    let first = served.next()?;
    served.all(|name| name == first).then(|| first.clone())
}

/// Who will serve, as far as is known: in debug mode the user stays.
fn server(config: &Config) -> Option<Identity> {
    if config.process.debug { Some(Identity::own()) } else { identity(config).ok() }
}

fn identity(config: &Config) -> Result<Identity, Failure> {
    let group = match &config.process.group {
        Group::Named(name) => Some(&name[..]),
        Group::Usual | Group::Kept => None,
    };
    let unknown = |name: String| Failure::config(format!("unknown user or group: {name}"));
    let identity =
        Identity::find(config.process.user.as_deref(), group).map_err(|error| unknown(error.0))?;
    Ok(if config.process.group == Group::Kept { identity.keeping_group() } else { identity })
}

/// A new file, never one that somebody has put there.
fn write_pid_file(path: &Path, identity: &Identity) -> Result<(), Failure> {
    drop(fs::remove_file(path));
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path);
    let written = opened.and_then(|mut file| writeln!(file, "{}", std::process::id()));
    match written {
        Err(error) if crate::sys::privilege::is_root() => Err(Failure::file(format!(
            "failed to open pidfile {}: {}",
            path.display(),
            reason(&error)
        ))),
        Err(_) => Ok(()),
        Ok(()) => {
            if let Some((user, group)) = identity.owner() {
                drop(std::os::unix::fs::chown(path, Some(user), Some(group)));
            }
            Ok(())
        }
    }
}

/// Looks into every root, as the user we now are. A missing one ends the start, unless `tftp-no-fail`.
fn check_roots(tftp: &Tftp) -> Result<Vec<TftpLine>, Failure> {
    let shown = |root: &[u8]| String::from_utf8_lossy(root).into_owned();
    let general =
        tftp.root.iter().map(|root| (&root.value, TftpLine::RootMissing(shown(&root.value))));
    let single = tftp
        .interface_roots
        .iter()
        .rev()
        .map(|root| (&root.value.1, TftpLine::InterfaceRootMissing(shown(&root.value.1))));
    let mut warnings = Vec::new();
    for (root, warning) in general.chain(single).filter(|(root, _)| !root.is_empty()) {
        match fs::read_dir(OsStr::from_bytes(root)) {
            Ok(_) => {}
            Err(_) if tftp.no_fail => warnings.push(warning),
            Err(error) => {
                return Err(Failure::file(format!(
                    "TFTP directory {} inaccessible: {}",
                    shown(root),
                    reason(&error)
                )));
            }
        }
    }
    Ok(warnings)
}

/// Descriptors that are not for transfers, as dnsmasq counts them.
const OTHER_FILES: u64 = 30;

/// There can be no more transfers than descriptors and ports (spec: TFTP, section 10).
fn restrict(tftp: &mut Tftp) -> Option<TftpLine> {
    let open_files = limits::open_files();
    let room = match open_files.checked_sub(OTHER_FILES) {
        None => 5,
        Some(left) if left < 100 && !tftp.single_port => left / 2,
        Some(left) => left.saturating_sub(20),
    };
    let ports = tftp.ports.map_or(u64::MAX, |(first, last)| u64::from(last - first) + 1);
    let most = usize::try_from(room.min(ports)).unwrap_or(usize::MAX);
    (tftp.most > most).then(|| {
        tftp.most = most;
        TftpLine::Restricted(most)
    })
}

#[test]
fn the_only_interface_may_be_named_by_a_label() {
    use crate::net::{Address, Link};
    let link = Link { index: 2, name: "eth0".into(), ..Link::default() };
    let address = |last, label: Option<&str>| Address {
        interface: 2,
        ip: [10, 0, 0, last].into(),
        prefix: 24,
        label: label.map(str::to_owned),
    };
    let addresses = vec![address(1, None), address(2, Some("eth0:1"))];
    let interfaces = Interfaces { links: vec![link], addresses };
    let mut config = Config::default();
    config.network.binding = Binding::Dynamic;
    for (name, only) in [("eth0:1", Some("eth0")), ("eth0", Some("eth0")), ("eth0:2", None)] {
        config.network.interfaces = vec![name.as_bytes().to_vec()];
        assert_eq!(only_interface(&config, &interfaces).as_deref(), only, "{name}");
    }
}
