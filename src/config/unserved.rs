//! Options that are read and not served: each is named once, at its first line.

use super::{Note, Origin};
use conf_parser::{Class, Row};

/// Those that were met, in the order they were.
#[derive(Debug, Default)]
pub struct Unserved {
    seen: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    row: &'static Row,
    first: Origin,
    lines: usize,
}

impl Unserved {
    /// Notes a use.
    pub fn note(&mut self, row: &'static Row, origin: &Origin) {
        if matches!(row.class, Class::Served | Class::Inert) {
            return;
        }
        match self.seen.iter_mut().find(|seen| seen.row.keyword == row.keyword) {
            Some(seen) => seen.lines += 1,
            None => self.seen.push(Seen { row, first: origin.clone(), lines: 1 }),
        }
    }

    /// What there is to say. Without DNS (`port=0`) the options of DNS promise nothing.
    pub fn notes(self, dns: bool) -> impl Iterator<Item = Note> {
        self.seen.into_iter().filter_map(move |Seen { row, first, lines }| {
            let keyword = row.keyword;
            let (text, refuses) = match row.class {
                Class::Refused(why) => (format!("{keyword} is not served: {why}"), true),
                Class::Ignored(why) => (format!("{keyword} is ignored: {why}"), false),
                Class::DnsContent if dns => {
                    let why = "there is no DNS here (port=0 says so)";
                    (format!("{keyword} is not served: {why}"), true)
                }
                Class::DnsContent | Class::Served | Class::Inert => return None,
            };
            let more = if lines > 1 { format!(" ({lines} lines)") } else { String::new() };
            Some(Note { origin: Some(first), text: text + &more, refuses })
        })
    }
}
