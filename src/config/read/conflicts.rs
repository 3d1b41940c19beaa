//! Lines that are valid alone and contradict each other (docs/dnsmasq/config-language.md, section 6.1).

use crate::byte_text::to_text;
use crate::config::file_content::ReadLimit;
use crate::config::{Located, Origin};
use crate::error::StartupError;
use conf_parser::Cname;
use conf_parser::DhcpHost;
use conf_parser::Domain;
use conf_parser::{Directive, ParseError, Switch};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const DEFAULT_RESOLV_FILE: &[u8] = b"/etc/resolv.conf";

/// Collects what the contradictions depend on, line by line.
#[derive(Debug, Default)]
pub struct ConflictChecker {
    /// Addresses of `dhcp-host` lines: no two may have the same.
    single_use: HashSet<Ipv4Addr>,
    /// Target of each alias, and the aliases in file order.
    targets: HashMap<Vec<u8>, Vec<u8>>,
    aliases: Vec<Located<Vec<u8>>>,
    /// `None`: there is no `resolv-file` line, and the default file is used.
    resolv_files: Option<Vec<Vec<u8>>>,
    no_resolv: bool,
    no_poll: Option<Origin>,
    fqdn: Option<Origin>,
    has_domain: bool,
    domain_from_file: Option<Origin>,
}

impl ConflictChecker {
    /// Adds the next line.
    ///
    /// # Errors
    /// The line contradicts an earlier one.
    pub fn check(&mut self, directive: &Directive, origin: &Origin) -> Result<(), ParseError> {
        let here = || Some(origin.clone());
        match directive {
            Directive::DhcpHost(DhcpHost { address: Some(address), .. })
                if !self.single_use.insert(*address) =>
            {
                return Err(repeated(crate::config::duplicate(*address), "each address once"));
            }
            Directive::Cname(cname) => return self.cname(cname, origin),
            Directive::ResolvFile(path) => {
                self.resolv_files.get_or_insert_default().extend(path.clone());
            }
            Directive::Domain(Domain::General(_)) => self.has_domain = true,
            Directive::Domain(Domain::FromResolvConf) => self.domain_from_file = here(),
            Directive::Switch(Switch::NoResolv) => self.no_resolv = true,
            Directive::Switch(Switch::NoPoll) => self.no_poll = here(),
            Directive::Switch(Switch::DhcpFqdn) => self.fqdn = here(),
            _ => {}
        }
        Ok(())
    }

    fn cname(&mut self, cname: &Cname, origin: &Origin) -> Result<(), ParseError> {
        for alias in &cname.aliases {
            if self.targets.insert(alias.clone(), cname.target.clone()).is_some() {
                return Err(repeated("duplicate CNAME".to_owned(), "each alias once"));
            }
            self.aliases.push(Located { origin: origin.clone(), value: alias.clone() });
        }
        cname.error.clone().map_or(Ok(()), Err)
    }

    /// Checks all lines together, in dnsmasq's order.
    ///
    /// # Errors
    /// A CNAME loop, or settings of `resolv.conf` and domains that exclude each other.
    pub fn finish(&self) -> Result<(), StartupError> {
        if let Some(alias) = self.cname_loop() {
            let name = to_text(&alias.value);
            let message = format!("CNAME loop involving {name}");
            return Err(StartupError::config(message).with_location(&alias.origin));
        }
        let default = [DEFAULT_RESOLV_FILE.to_vec()];
        let files = self.resolv_files.as_deref().unwrap_or(&default);
        if let Some(origin) = self.no_poll.as_ref().filter(|_| !self.no_resolv && files.len() > 1) {
            let message = "only one resolv.conf file allowed in no-poll mode.";
            return Err(StartupError::config(message).with_location(origin));
        }
        let found = match &self.domain_from_file {
            Some(origin) => {
                self.search_domain(files).map_err(|failure| failure.with_location(origin))?
            }
            None => false,
        };
        if let Some(origin) = self.fqdn.as_ref().filter(|_| !self.has_domain && !found) {
            let message = "there must be a default domain when --dhcp-fqdn is set";
            return Err(StartupError::config(message).with_location(origin));
        }
        Ok(())
    }

    /// The last alias that resolves to itself, or to an alias in a loop.
    pub fn cname_loop(&self) -> Option<&Located<Vec<u8>>> {
        // Aliases without a loop: each is followed once.
        let mut resolved: HashSet<&[u8]> = HashSet::new();
        for alias in self.aliases.iter().rev() {
            let mut path: HashSet<&[u8]> = HashSet::new();
            let mut name = &alias.value;
            while let Some(target) =
                self.targets.get(name).filter(|_| !resolved.contains(&name[..]))
            {
                if !path.insert(name) {
                    return Some(alias);
                }
                name = target;
            }
            resolved.extend(path);
        }
        None
    }

    /// Whether `resolv.conf` has a `search` domain. It must have one unless a line gives the domain.
    fn search_domain(&self, files: &[Vec<u8>]) -> Result<bool, StartupError> {
        let [file] = files else { return Err(not_exactly_one_file()) };
        if self.no_resolv {
            return Err(not_exactly_one_file());
        }
        let path = Path::new(OsStr::from_bytes(file));
        let name = to_text(file);
        let text = ReadLimit::default().read(path).complete().map_err(|error| {
            StartupError::file(format!("failed to read {name}: {}", error.reason()))
        })?;
        let text = to_text(&text);
        let has_domain = text.lines().any(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next() == Some("search") && words.next().is_some()
        });
        if has_domain || self.has_domain {
            Ok(has_domain)
        } else {
            Err(StartupError::other(format!("no search directive found in {name}")))
        }
    }
}

fn not_exactly_one_file() -> StartupError {
    StartupError::config("must have exactly one resolv.conf to read domain from.")
}

fn repeated(message: String, expected: &'static str) -> ParseError {
    ParseError::custom(message, expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conf_parser::Reader;

    /// The error of these lines; empty: none.
    fn error(text: &str) -> String {
        let mut checker = ConflictChecker::default();
        let mut reader = Reader::default();
        for line in text.lines() {
            let setting = reader.line(line.as_bytes()).unwrap().unwrap();
            if let Err(fault) = checker.check(&setting.directive, &Origin::default()) {
                return fault.message.in_file().to_owned();
            }
        }
        checker.finish().map_or_else(|failure| failure.to_string(), |()| String::new())
    }

    #[test]
    fn contradiction_is_refused_with_the_message_of_dnsmasq() {
        for (lines, message) in [
            (
                "dhcp-host=a,10.0.0.1\ndhcp-host=b,10.0.0.1",
                "duplicate dhcp-host IP address 10.0.0.1",
            ),
            ("cname=a,b\ncname=A,c", "duplicate CNAME"),
            ("cname=a,b\ncname=b,a", "CNAME loop involving b"),
            ("cname=c,a\ncname=a,b\ncname=b,a\ncname=d,c", "CNAME loop involving d"),
            (
                "no-poll\nresolv-file=a\nresolv-file=a",
                "only one resolv.conf file allowed in no-poll mode.",
            ),
            (
                "domain=#\nno-resolv\ndomain=x",
                "must have exactly one resolv.conf to read domain from.",
            ),
            ("dhcp-fqdn\ndomain=a,eth0", "there must be a default domain when --dhcp-fqdn is set"),
            (
                "domain=#\nresolv-file=/nosuch/x",
                "failed to read /nosuch/x: No such file or directory",
            ),
            ("domain=#\nresolv-file=/dev/null", "no search directive found in /dev/null"),
            ("no-poll\nno-resolv\nresolv-file=a\nresolv-file=b\ndhcp-fqdn\ndomain=", ""),
            ("cname=a,b\ncname=b,c\ncname=*.c,c", ""),
        ] {
            assert_eq!(error(lines), message, "{lines}");
        }
    }
}
