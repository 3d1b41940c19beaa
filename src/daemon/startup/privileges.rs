//! The users and capabilities of the processes (docs/dnsmasq/daemon.md, section 3).

use crate::config::network::Binding;
use crate::config::{Config, Group, Origin, Process};
use crate::error::StartupError;
use crate::finding::{Finding, Level};
use crate::reason::ConfigReason;
use crate::strerror::strerror;
use crate::sys::privilege::{
    Capability, DropError, Identity, Unknown, is_permitted, is_root, limit_bounding_set,
    limit_capabilities,
};

/// The user that will serve, if it is known. In debug mode it is the user that started the program.
pub fn serving_identity(config: &Config) -> Option<Identity> {
    if config.process.debug { Some(Identity::unchanged()) } else { identity(config).ok() }
}

/// The user and group of the configuration.
pub fn identity(config: &Config) -> Result<Identity, StartupError> {
    let group = match &config.process.group {
        Group::Named(name) => Some(&name[..]),
        Group::Default | Group::Unchanged => None,
    };
    let user = config.process.user.as_deref();
    let lines = &config.process.lines;
    let identity = Identity::find(user, group).map_err(|Unknown(name)| {
        let line = if Some(&name[..]) == user { &lines.user } else { &lines.group };
        unknown(&name, line.as_ref())
    })?;
    Ok(if config.process.group == Group::Unchanged { identity.keeping_group() } else { identity })
}

/// The user of `dhcp-scriptuser`, for a script that does not run as root. dnsmasq looks it up only if there is a
/// `dhcp-range`.
pub fn script_user(config: &Config) -> Result<Option<Identity>, StartupError> {
    let Process { script: Some(_), script_user: Some(name), debug, .. } = &config.process else {
        return Ok(None);
    };
    if config.dhcp.ranges.is_empty() {
        return Ok(None);
    }
    let line = config.process.lines.script_user.as_ref();
    let user = Identity::with_own_group(name).map_err(|Unknown(name)| unknown(&name, line))?;
    Ok(if *debug { None } else { Some(user) })
}

/// Errors for the user and the group that do not exist. The start ends with the first.
pub fn unknown_identities(config: &Config) -> Vec<StartupError> {
    let without_user = Process { user: None, ..config.process.clone() };
    let without_user = Config { process: without_user, ..config.clone() };
    let mut errors = Vec::from_iter(identity(config).err());
    if let Some(error) = identity(&without_user).err()
        && errors.iter().all(|known| known.to_string() != error.to_string())
    {
        errors.push(error);
    }
    errors
}

fn unknown(name: &str, line: Option<&Origin>) -> StartupError {
    StartupError::config(format!("unknown user or group: {name}")).with_line(line)
}

/// Sockets that are bound after the privileges are given up.
#[derive(Clone, Copy, Debug)]
pub struct PendingBinds {
    /// The DHCP sockets are bound to one interface, and are bound again when it returns after it was removed.
    pub device: bool,
    /// There are addresses that cannot be bound yet.
    pub addresses: bool,
}

/// `ip_unprivileged_port_start` (ip(7))
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// The capabilities that the processes keep.
#[derive(Clone, Debug)]
pub struct Capabilities {
    /// Of the packet process.
    pub packet: Vec<Capability>,
    /// Of the file process: root may read files of other users.
    pub files: Vec<Capability>,
    /// Of the host process.
    pub host: Vec<Capability>,
    /// Whether replies that need a neighbour entry are broadcast instead: entries cannot be added (D-039).
    pub broadcast_instead: bool,
}

/// The capabilities that the processes keep if they serve as this user.
pub fn capabilities_of(
    config: &Config,
    pending: PendingBinds,
    identity: &Identity,
) -> Result<Capabilities, StartupError> {
    let stays_root = is_root() && (config.process.debug || identity.is_root());
    required_capabilities(config, pending, stays_root)
}

/// The capabilities that the processes keep. dnsmasq's error, if one is missing. `stays_root`: the user does not change from
/// root; then dnsmasq keeps all.
pub fn required_capabilities(
    config: &Config,
    pending: PendingBinds,
    stays_root: bool,
) -> Result<Capabilities, StartupError> {
    let process = &config.process;
    let ranges = !config.dhcp.ranges.is_empty();
    let adds_entries = ranges && !process.broadcast_to_all;
    let follows = config.network.binding == Binding::Dynamic && config.tftp.is_some();
    let late_ports = follows || pending.addresses;
    require(ranges && !process.no_ping, Capability::NetRaw, "NET_RAW")?;
    require(late_ports, Capability::NetBindService, "NET_BIND_SERVICE")?;
    let ports = config.tftp.as_ref().and_then(|tftp| tftp.ports);
    let low_ports = stays_root && ports.is_some_and(|(first, _)| first < FIRST_UNPRIVILEGED_PORT);
    let kept = |needs: &[(bool, Capability)]| {
        let kept = needs.iter().filter(|(needed, capability)| *needed && is_permitted(*capability));
        kept.map(|(_, capability)| *capability).collect()
    };
    Ok(Capabilities {
        packet: kept(&[(late_ports || low_ports, Capability::NetBindService)]),
        files: kept(&[
            (stays_root, Capability::DacOverride),
            (stays_root, Capability::DacReadSearch),
            (stays_root, Capability::Fowner),
        ]),
        host: kept(&[
            (adds_entries || ranges && stays_root, Capability::NetAdmin),
            // dnsmasq does not keep it with `no-ping`. Without it, the sockets are not bound again.
            (pending.device, Capability::NetRaw),
        ]),
        broadcast_instead: adds_entries && !is_permitted(Capability::NetAdmin),
    })
}

fn require(needed: bool, capability: Capability, name: &str) -> Result<(), StartupError> {
    if needed && !is_permitted(capability) {
        let message = format!("process is missing required capability {name}");
        return Err(StartupError::other(message));
    }
    Ok(())
}

impl Capabilities {
    /// The warning about a missing capability.
    pub fn finding(&self) -> Option<Finding> {
        let finding = || Finding::general(Level::Warning, ConfigReason::NetAdminMissing);
        self.broadcast_instead.then(finding)
    }
}

/// Changes to this user and group, unless it is `None`, and gives up all capabilities that are not in `kept`, also if the
/// user is root.
pub fn confine_privileges(
    identity: Option<&Identity>,
    kept: &[Capability],
) -> Result<(), StartupError> {
    limit_bounding_set(kept);
    identity.map_or(Ok(()), |identity| drop_privileges(identity, kept))?;
    limit_capabilities(kept).map_err(|error| {
        StartupError::other(format!("setting capabilities failed: {}", strerror(&error)))
    })
}

/// Changes to this user and group, with these capabilities only.
pub fn drop_privileges(identity: &Identity, kept: &[Capability]) -> Result<(), StartupError> {
    identity.assume(kept).map_err(|failed| {
        let (action, error) = match failed {
            DropError::Group(name, error) => {
                (format!("failed to change group-id to {name}"), error)
            }
            DropError::User(name, error) => (format!("failed to change user-id to {name}"), error),
            DropError::Capabilities(error) => ("setting capabilities failed".to_owned(), error),
        };
        StartupError::other(format!("{action}: {}", strerror(&error)))
    })
}
