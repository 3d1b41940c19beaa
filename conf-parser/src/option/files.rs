//! Other files (docs/dnsmasq/config-language.md, sections 1.2 to 1.5)
//!
//! ```text
//! conf-file[=<path>|-]      conf-dir=<directory>[,<suffix>|*<suffix>…]      conf-script=<command>
//! dhcp-hostsfile, dhcp-hostsdir, dhcp-optsfile, dhcp-optsdir, addn-hosts, hostsdir=<path>
//! ```

use crate::error::ParseError;
use crate::input::Input;

/// A `conf-dir` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfDir {
    /// The directory; empty does nothing.
    pub directory: Vec<u8>,
    /// Only files with one of these suffixes are read, if there are any.
    pub accept: Vec<Vec<u8>>,
    /// Files with one of these suffixes are not read.
    pub reject: Vec<Vec<u8>>,
}

impl ConfDir {
    /// Whether a file of that name is read.
    pub fn takes(&self, name: &[u8]) -> bool {
        let longer = |suffix: &Vec<u8>| name.len() > suffix.len() && name.ends_with(suffix);
        !is_left_over(name)
            && (self.accept.is_empty() || self.accept.iter().any(longer))
            && !self.reject.iter().any(longer)
    }
}

/// Whether a name is that of an editor's backup, or hidden: such files are never read.
pub fn is_left_over(name: &[u8]) -> bool {
    name.ends_with(b"~")
        || name.starts_with(b".")
        || (name.starts_with(b"#") && name.ends_with(b"#"))
}

/// A file that is read when the daemon runs.
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

/// Reads the value of a `conf-file`.
pub(crate) fn conf_file(arg: Option<Input<'_>>) -> Result<Option<Vec<u8>>, ParseError> {
    Ok(arg.map(Input::bytes).filter(|path| !path.is_empty()))
}

/// Reads the value of a `conf-dir`. `*` alone is no rule.
pub(crate) fn conf_dir(arg: Input<'_>) -> Result<ConfDir, ParseError> {
    let mut fields = arg.fields().map(Input::bytes);
    let mut conf_dir = ConfDir {
        directory: fields.next().unwrap_or_default(),
        accept: Vec::new(),
        reject: Vec::new(),
    };
    for rule in fields.filter(|rule| !rule.is_empty() && rule != b"*") {
        match rule.strip_prefix(b"*") {
            Some(suffix) => conf_dir.accept.push(suffix.to_vec()),
            None => conf_dir.reject.push(rule),
        }
    }
    Ok(conf_dir)
}

/// Reads the value of a `conf-script`.
pub(crate) fn conf_script(arg: Input<'_>) -> Result<Vec<u8>, ParseError> {
    Ok(arg.bytes())
}

#[cfg(test)]
mod tests {
    use crate::Directive;
    use crate::tests::value;

    #[test]
    fn the_rules_of_a_directory_accept_then_reject() {
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
