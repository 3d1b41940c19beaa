//! The boot of a client, and of the iPXE that it loads.

use super::client_spec::ClientSpec;
use super::environment::Environment;
use super::kinds::{EBC_UEFI, Kind, X64_UEFI};
use super::outcome::Outcome;
use super::report::{BootFile, Conversation, LoadedIpxe};
use super::simulate::simulate;
use crate::reason::{ReplyReason, Verdict};

/// The boot of a client; if its boot file is iPXE, also the boot of iPXE.
pub fn boots(environment: &mut Environment, kind: &Kind) -> Vec<Conversation> {
    let mut all = vec![one(environment, kind)];
    all.extend(loaded_ipxe(environment, kind, &all[0]));
    all
}

/// The boot of a client, without that of the iPXE that it loads.
pub fn one(environment: &mut Environment, kind: &Kind) -> Conversation {
    let boot = simulate(environment, kind);
    if kind.client.is_ipxe() { without_loading(boot) } else { boot }
}

/// The boot of an iPXE that this server has not loaded.
pub fn without_loading(boot: Conversation) -> Conversation {
    with_loop(boot)
}

/// The boot of the iPXE that a client has loaded; `None` if it has not loaded iPXE.
pub fn loaded_ipxe(
    environment: &mut Environment,
    kind: &Kind,
    first: &Conversation,
) -> Option<Conversation> {
    if kind.client.is_ipxe() || first.verdict.verdict == Verdict::DoesNotBoot {
        return None;
    }
    // The first entry of a menu is loaded, if the user chooses none.
    let loaded = first.boots.first()?.ipxe?;
    let name = format!("iPXE of {}", kind.name);
    // iPXE sends the number of its own build. Its x64 build sends 7, whatever the firmware sends.
    let build = kind.architecture;
    let architecture = if build == EBC_UEFI { X64_UEFI } else { build };
    let client = ClientSpec { architecture: Some(architecture), ..kind.client.as_ipxe() };
    let ipxe = Kind { name, client, architecture };
    let boot = with_loop(simulate(environment, &ipxe));
    // An iPXE of another machine may have an embedded script.
    let is_known = first.verdict.verdict == Verdict::Boots;
    let fails = boot.verdict.verdict == Verdict::DoesNotBoot;
    (is_known || !fails).then(|| with_script(boot, first.boots.first(), loaded))
}

/// An iPXE that loads iPXE again: without an embedded script, that one does so without end.
fn with_loop(mut boot: Conversation) -> Conversation {
    let file = boot.boots.first().filter(|_| boot.verdict.verdict != Verdict::DoesNotBoot);
    let Some((file, loaded)) = file.and_then(|file| Some((file, file.ipxe?))) else { return boot };
    let name = file.name.clone();
    let outcome = match loaded {
        LoadedIpxe::Plain => Outcome::fails(ReplyReason::IpxeLoop { name }),
        LoadedIpxe::Unknown => Outcome::unknown(ReplyReason::IpxeLoopWithoutScript { name }),
        LoadedIpxe::Scripted => Outcome::unknown(ReplyReason::ScriptDecides { name }),
    };
    boot.verdict = outcome.at(file.verdict.line.as_ref());
    boot
}

/// The result for an iPXE with an embedded script: it may not use the reply.
fn with_script(
    mut boot: Conversation,
    file: Option<&BootFile>,
    loaded: LoadedIpxe,
) -> Conversation {
    if let Some(file) = file.filter(|_| loaded == LoadedIpxe::Scripted) {
        let outcome = Outcome::unknown(ReplyReason::ScriptDecides { name: file.name.clone() });
        boot.verdict = outcome.at(file.verdict.line.as_ref());
    }
    boot
}
