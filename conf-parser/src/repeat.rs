//! How often a keyword may be used (docs/dnsmasq/config-language.md, section 1.10).

use crate::error::{Message, ParseError, Remedy};
use crate::table::{OptionSpec, Repeat};
use std::collections::HashSet;

/// The keywords that may be used once and were used.
///
/// One use on the command line and one in all files together are accepted; the files are read later and override it.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    on_command_line: HashSet<&'static str>,
    in_files: HashSet<&'static str>,
}

impl Repeats {
    /// Records a use in a file.
    pub(crate) fn in_file(&mut self, row: &'static OptionSpec) -> Result<(), ParseError> {
        if row.repeat == Repeat::Once && !self.in_files.insert(row.canonical_name()) {
            Err(repeated(row))
        } else {
            Ok(())
        }
    }

    /// Records a use on the command line. `Ok(false)` if a file that was read before has used the keyword: dnsmasq
    /// ignores this use and does not check its value.
    pub(crate) fn on_command_line(&mut self, row: &'static OptionSpec) -> Result<bool, ParseError> {
        if row.repeat != Repeat::Once {
            return Ok(true);
        }
        if self.in_files.contains(row.canonical_name()) {
            return Ok(false);
        }
        if self.on_command_line.insert(row.canonical_name()) {
            Ok(true)
        } else {
            Err(repeated(row))
        }
    }
}

fn repeated(row: &OptionSpec) -> ParseError {
    let text =
        format!("{} may be used once, and it was used before: remove one of them", row.keyword);
    ParseError { message: Message::Repeated, ..ParseError::custom("", "each of these once") }
        .with_remedy(Remedy { column: 0, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::find_name;

    #[test]
    fn one_use_on_command_line_and_one_in_files_is_accepted() {
        let (mut repeats, port) = (Repeats::default(), find_name("port").unwrap());
        assert_eq!(repeats.on_command_line(port), Ok(true));
        assert_eq!(repeats.in_file(port), Ok(()));
        assert!(repeats.in_file(port).is_err());
    }

    #[test]
    fn use_on_command_line_after_a_file_is_ignored() {
        let (mut repeats, port) = (Repeats::default(), find_name("port").unwrap());
        repeats.in_file(port).unwrap();
        assert_eq!(repeats.on_command_line(port), Ok(false));
    }

    #[test]
    fn alias_counts_as_the_same_keyword() {
        let mut repeats = Repeats::default();
        repeats.in_file(find_name("dhcp-lease").unwrap()).unwrap();
        assert!(repeats.in_file(find_name("dhcp-leasefile").unwrap()).is_err());
    }
}
