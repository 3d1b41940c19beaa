//! The users and capabilities of the processes (docs/dnsmasq/daemon.md, section 3).

use crate::config::network::Binding;
use crate::config::{Config, Group, Process};
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::privilege::{Capability, DropError, Identity, Unknown, is_permitted};

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
    let identity = Identity::find(config.process.user.as_deref(), group).map_err(unknown)?;
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
    let user = Identity::with_own_group(name).map_err(unknown)?;
    Ok(if *debug { None } else { Some(user) })
}

fn unknown(Unknown(name): Unknown) -> StartupError {
    StartupError::config(format!("unknown user or group: {name}"))
}

/// Sockets that are bound after the privileges are given up.
#[derive(Clone, Copy, Debug)]
pub struct PendingBinds {
    /// The DHCP sockets are bound to one interface, and are bound again when it returns after it was removed.
    pub device: bool,
    /// There are addresses that cannot be bound yet.
    pub addresses: bool,
}

/// The capabilities that the daemon keeps. dnsmasq's error, if one is missing.
pub fn required_capabilities(
    config: &Config,
    pending: PendingBinds,
) -> Result<Vec<Capability>, StartupError> {
    let ranges = !config.dhcp.ranges.is_empty();
    let process = &config.process;
    let follows = config.network.binding == Binding::Dynamic && config.tftp.is_some();
    let needs = [
        (ranges && !process.broadcast_to_all, Capability::NetAdmin, "NET_ADMIN"),
        (ranges && !process.no_ping, Capability::NetRaw, "NET_RAW"),
        (follows || pending.addresses, Capability::NetBindService, "NET_BIND_SERVICE"),
    ];
    let mut kept = Vec::new();
    for (_, capability, name) in needs.into_iter().filter(|(needed, ..)| *needed) {
        if !is_permitted(capability) {
            let message = format!("process is missing required capability {name}");
            return Err(StartupError::other(message));
        }
        kept.push(capability);
    }
    // dnsmasq does not keep it. Without it, the sockets are not bound again.
    let rebinds = pending.device && !kept.contains(&Capability::NetRaw);
    if rebinds && is_permitted(Capability::NetRaw) {
        kept.push(Capability::NetRaw);
    }
    Ok(kept)
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
