//! How often a keyword may be used (spec: config language, section 1.10).

use crate::fault::{Complaint, Fault};
use crate::table::{Repeat, Row};
use std::collections::HashSet;

/// Which once-only keywords were used, where.
///
/// One use on the command line and one in all files together is fine; the file is read later and wins.
#[derive(Debug, Default)]
pub struct Repeats {
    on_command_line: HashSet<&'static str>,
    in_files: HashSet<&'static str>,
}

impl Repeats {
    /// Notes a use in a file.
    pub fn in_file(&mut self, row: &'static Row) -> Result<(), Fault> {
        if row.repeat == Repeat::Once && !self.in_files.insert(row.shared_name()) {
            Err(repeated())
        } else {
            Ok(())
        }
    }

    /// Notes a use on the command line. `Ok(false)`: a file that was read early has used it, and this use is
    /// ignored, its value not even looked at.
    pub fn on_command_line(&mut self, row: &'static Row) -> Result<bool, Fault> {
        if row.repeat != Repeat::Once {
            return Ok(true);
        }
        if self.in_files.contains(row.shared_name()) {
            return Ok(false);
        }
        if self.on_command_line.insert(row.shared_name()) { Ok(true) } else { Err(repeated()) }
    }
}

fn repeated() -> Fault {
    Fault { column: 0, expected: "each of these once", complaint: Complaint::Repeated }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::named;

    #[test]
    fn once_in_each_place_is_fine() {
        let (mut repeats, port) = (Repeats::default(), named("port").unwrap());
        assert_eq!(repeats.on_command_line(port), Ok(true));
        assert_eq!(repeats.in_file(port), Ok(()));
        assert!(repeats.in_file(port).is_err());
    }

    #[test]
    fn a_use_after_an_early_file_is_ignored() {
        let (mut repeats, port) = (Repeats::default(), named("port").unwrap());
        repeats.in_file(port).unwrap();
        assert_eq!(repeats.on_command_line(port), Ok(false));
    }

    #[test]
    fn an_alias_counts_as_the_same_keyword() {
        let mut repeats = Repeats::default();
        repeats.in_file(named("dhcp-lease").unwrap()).unwrap();
        assert!(repeats.in_file(named("dhcp-leasefile").unwrap()).is_err());
    }
}
