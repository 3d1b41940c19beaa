//! Checks that depend on the system: the name in `server=<name>` must resolve, the interface in
//! `shared-network=<interface>` must exist.

use crate::byte_text::to_text;
use conf_parser::{CheckSubject, ParseError, SystemCheck};
use std::net::ToSocketAddrs;

const DNS_PORT: u16 = 53;

/// The system look-ups that lines need.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookups {
    /// Whether there is an interface of that name.
    pub has_interface: fn(&str) -> bool,
}

impl Default for SystemLookups {
    /// Every interface exists.
    fn default() -> Self {
        Self { has_interface: |_| true }
    }
}

impl SystemLookups {
    /// The error of a check that fails; `None` if it succeeds.
    pub fn check(self, check: &SystemCheck) -> Option<ParseError> {
        match &check.subject {
            CheckSubject::Interface(name) => {
                let known = (self.has_interface)(&to_text(name));
                (!known).then(|| check.error.clone())
            }
            CheckSubject::HostName(name) => {
                let message = resolver_error(&to_text(name))?;
                Some(check.error.clone().with_message(message))
            }
        }
    }
}

/// The message of the resolver for a name that does not resolve; `None` if it resolves.
fn resolver_error(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("Name or service not known".to_owned());
    }
    let error = (name, DNS_PORT).to_socket_addrs().err()?.to_string();
    Some(error.rsplit(": ").next().unwrap_or(&error).to_owned())
}
