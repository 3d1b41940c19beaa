//! What lines ask of the machine while they are read: `server=<name>` must resolve, `shared-network=<interface>` exist.

use crate::byte_text::to_text;
use conf_parser::{CheckSubject, ParseError, SystemCheck};
use std::net::ToSocketAddrs;

const DNS_PORT: u16 = 53;

/// Who answers.
#[derive(Clone, Copy, Debug)]
pub struct SystemLookups {
    /// Whether there is an interface of that name.
    pub has_interface: fn(&str) -> bool,
}

impl Default for SystemLookups {
    /// Every interface is there.
    fn default() -> Self {
        Self { has_interface: |_| true }
    }
}

impl SystemLookups {
    /// What is wrong if the answer is no.
    pub fn check(self, question: &SystemCheck) -> Option<ParseError> {
        match &question.subject {
            CheckSubject::Interface(name) => {
                let known = (self.has_interface)(&to_text(name));
                (!known).then(|| question.error.clone())
            }
            CheckSubject::HostName(name) => {
                let words = unresolved(&to_text(name))?;
                Some(question.error.clone().with_message(words))
            }
        }
    }
}

/// The resolver's words for a name that it does not know.
fn unresolved(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("Name or service not known".to_owned());
    }
    let error = (name, DNS_PORT).to_socket_addrs().err()?.to_string();
    Some(error.rsplit(": ").next().unwrap_or(&error).to_owned())
}
