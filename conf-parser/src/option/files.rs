//! Files that a configuration names (docs/dnsmasq/config-language.md, sections 1.2 to 1.5)
//!
//! ```text
//! conf-file[=<path>|-]      conf-dir=<directory>[,<suffix>|*<suffix>…]      conf-script=<command>
//! dhcp-hostsfile, dhcp-hostsdir, dhcp-optsfile, dhcp-optsdir, addn-hosts, hostsdir=<path>
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{comma, field, in_field, parse_all};
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{map, rest};
use nom::multi::many0;
use nom::sequence::preceded;

/// A `conf-dir` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfDir {
    /// The path of the directory; an empty one has no effect.
    pub directory: Vec<u8>,
    /// If not empty, only files with one of these suffixes are read.
    pub accept: Vec<Vec<u8>>,
    /// Files with one of these suffixes are not read.
    pub reject: Vec<Vec<u8>>,
}

impl ConfDir {
    /// Whether the file of this name is read.
    pub fn takes(&self, name: &[u8]) -> bool {
        let longer = |suffix: &Vec<u8>| name.len() > suffix.len() && name.ends_with(suffix);
        !is_left_over(name)
            && (self.accept.is_empty() || self.accept.iter().any(longer))
            && !self.reject.iter().any(longer)
    }
}

/// Whether a file name is that of a backup file of an editor, or hidden. Such files are never read.
pub fn is_left_over(name: &[u8]) -> bool {
    name.ends_with(b"~")
        || name.starts_with(b".")
        || (name.starts_with(b"#") && name.ends_with(b"#"))
}

/// The keyword of a file or directory that dnsmasq reads after start, and again on SIGHUP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunTimeFile {
    /// `dhcp-hostsfile`
    DhcpHosts,
    /// `dhcp-hostsdir`
    DhcpHostsDir,
    /// `dhcp-optsfile`
    DhcpOptions,
    /// `dhcp-optsdir`
    DhcpOptionsDir,
    /// `addn-hosts`
    Hosts,
    /// `hostsdir`
    HostsDir,
}

/// Reads the value of a `conf-dir`.
pub(crate) fn conf_dir(arg: Input<'_>) -> Result<ConfDir, ParseError> {
    let accept = map(preceded(tag("*"), rest), |suffix: Input<'_>| (true, suffix.bytes()));
    let reject = map(rest, |suffix: Input<'_>| (false, suffix.bytes()));
    let suffixes = many0(preceded(comma, in_field(alt((accept, reject)))));
    let (directory, suffixes) = parse_all((field, suffixes), arg)?;
    let mut conf_dir =
        ConfDir { directory: directory.bytes(), accept: Vec::new(), reject: Vec::new() };
    // An empty suffix and `*` alone have no effect.
    for (accepted, suffix) in suffixes.into_iter().filter(|(_, suffix)| !suffix.is_empty()) {
        if accepted { &mut conf_dir.accept } else { &mut conf_dir.reject }.push(suffix);
    }
    Ok(conf_dir)
}

#[cfg(test)]
mod tests {
    use crate::Directive;
    use crate::tests::value;

    #[test]
    fn conf_dir_accepts_suffixes_then_rejects() {
        let Directive::ConfDir(rules) = value("conf-dir=/d, *.conf , .old.conf,*,") else {
            panic!()
        };
        assert_eq!((rules.accept.len(), rules.reject.len()), (1, 1));
        for (name, read) in [
            ("a.conf", true),
            (".conf", false),
            ("a.old.conf", false),
            ("a.CONF", false),
            ("#a.conf", true),
            ("a.conf~", false),
        ] {
            assert_eq!(rules.takes(name.as_bytes()), read, "{name}");
        }
    }
}
