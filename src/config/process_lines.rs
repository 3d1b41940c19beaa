//! The lines of settings of the process, for errors of the start.

use super::Origin;
use conf_parser::Directive;

/// The lines of settings of the process; `None`: the default value is used.
#[derive(Clone, Debug, Default)]
pub struct ProcessLines {
    /// `user`
    pub user: Option<Origin>,
    /// `group`
    pub group: Option<Origin>,
    /// `dhcp-scriptuser`
    pub script_user: Option<Origin>,
    /// `pid-file`
    pub pid_file: Option<Origin>,
    /// `log-facility`
    pub log: Option<Origin>,
    /// `dhcp-leasefile`
    pub lease_file: Option<Origin>,
    /// `dhcp-script`
    pub script: Option<Origin>,
}

impl ProcessLines {
    /// Stores the line of a directive. The last line of a keyword counts.
    pub fn record(&mut self, directive: &Directive, origin: &Origin) {
        let line = match directive {
            Directive::User(_) => &mut self.user,
            Directive::Group(_) => &mut self.group,
            Directive::ScriptUser(_) => &mut self.script_user,
            Directive::PidFile(_) => &mut self.pid_file,
            Directive::LogFacility(_) => &mut self.log,
            Directive::LeaseFile(_) => &mut self.lease_file,
            Directive::Script(_) => &mut self.script,
            _ => return,
        };
        *line = Some(origin.clone());
    }
}
