//! Who serves, and with what is left of root's rights (docs/dnsmasq/daemon.md, section 3).

use crate::config::network::Binding;
use crate::config::{Config, Group, Process};
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::privilege::{Capability, DropError, Identity, Unknown, is_permitted};

/// Who will serve, as far as is known: in debug mode the user stays.
pub fn serving_identity(config: &Config) -> Option<Identity> {
    if config.process.debug { Some(Identity::unchanged()) } else { identity(config).ok() }
}

/// Who is to serve.
pub fn identity(config: &Config) -> Result<Identity, StartupError> {
    let group = match &config.process.group {
        Group::Named(name) => Some(&name[..]),
        Group::Default | Group::Unchanged => None,
    };
    let identity = Identity::find(config.process.user.as_deref(), group).map_err(unknown)?;
    Ok(if config.process.group == Group::Unchanged { identity.keeping_group() } else { identity })
}

/// As whom the script runs, where that is not as root: where there are ranges it may be said.
pub fn script_user(config: &Config) -> Result<Option<Identity>, StartupError> {
    let Process { script: Some(_), script_user: Some(name), debug, .. } = &config.process else {
        return Ok(None);
    };
    if config.dhcp.ranges.is_empty() {
        return Ok(None);
    }
    let user = Identity::with_own_group(name).map_err(unknown)?;
    Ok(Some(user).filter(|_| !debug))
}

fn unknown(Unknown(name): Unknown) -> StartupError {
    StartupError::config(format!("unknown user or group: {name}"))
}

/// The capabilities that this configuration keeps. `bound`: the DHCP sockets hear one interface, and are bound to it
/// again when it comes back; `waits`: there are addresses that cannot be bound yet.
pub fn required_capabilities(
    config: &Config,
    bound: bool,
    waits: bool,
) -> Result<Vec<Capability>, StartupError> {
    let ranges = !config.dhcp.ranges.is_empty();
    let process = &config.process;
    let follows = config.network.binding == Binding::Dynamic && config.tftp.is_some();
    let needs = [
        (ranges && !process.broadcast_to_all, Capability::NetAdmin, "NET_ADMIN"),
        (ranges && !process.no_ping, Capability::NetRaw, "NET_RAW"),
        (follows || waits, Capability::NetBindService, "NET_BIND_SERVICE"),
    ];
    let mut kept = Vec::new();
    for (_, capability, name) in needs.into_iter().filter(|(needed, ..)| *needed) {
        if !is_permitted(capability) {
            let words = format!("process is missing required capability {name}");
            return Err(StartupError::other(words));
        }
        kept.push(capability);
    }
    // dnsmasq does without.
    let for_later = bound && !kept.contains(&Capability::NetRaw);
    kept.extend(Some(Capability::NetRaw).filter(|right| for_later && is_permitted(*right)));
    Ok(kept)
}

/// Becomes who serves.
pub fn drop_privileges(identity: &Identity, kept: &[Capability]) -> Result<(), StartupError> {
    identity.assume(kept).map_err(|failed| {
        let (what, error) = match failed {
            DropError::Group(name, error) => {
                (format!("failed to change group-id to {name}"), error)
            }
            DropError::User(name, error) => (format!("failed to change user-id to {name}"), error),
            DropError::Capabilities(error) => ("setting capabilities failed".to_owned(), error),
        };
        StartupError::other(format!("{what}: {}", strerror(&error)))
    })
}
