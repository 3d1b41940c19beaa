//! The restrictions of each process.

use super::privileges::confine_privileges;
use crate::error::StartupError;
use crate::log_line::{Restrictions, Sandbox};
use crate::sys::clock;
use crate::sys::privilege::{Capability, Identity};
use crate::sys::profile::Profile;
use crate::sys::sandbox::confine;

/// What a process may keep.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The user; `None`: it is not changed.
    pub identity: Option<Identity>,
    /// The capabilities.
    pub capabilities: Vec<Capability>,
    /// `--unconfined`: no Landlock and no seccomp.
    pub unconfined: bool,
}

impl Limits {
    /// Changes the user of this process, and gives up all other capabilities.
    pub fn drop_privileges(&self) -> Result<(), StartupError> {
        confine_privileges(self.identity.as_ref(), &self.capabilities)
    }

    /// Restricts this process by Landlock and seccomp. The text for the log. It must be called while there is only one thread.
    pub fn confine(&self, profile: &Profile) -> String {
        // The C library reads the time zone at the first call, and cannot read it later.
        clock::local_time();
        let sandbox = (!self.unconfined).then(|| {
            let status = confine(profile);
            Sandbox {
                landlock: status.landlock.map_err(|error| error.to_string()),
                seccomp: status.seccomp.map_err(|error| error.to_string()),
                no_new_privileges: status.no_new_privileges,
            }
        });
        let capabilities = self.capabilities.iter().map(|capability| capability.name()).collect();
        Restrictions { sandbox, capabilities }.to_string()
    }
}
