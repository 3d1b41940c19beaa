//! Origins of the entries of a long list. There may be 200,000 entries, so each takes eight bytes.

use crate::config::Origin;
use std::sync::Arc;

/// Origins of a list that grows and shrinks at its end.
#[derive(Clone, Debug, Default)]
pub struct OriginTable {
    entries: Vec<(u32, u32)>,
    /// The files; a file occurs again when reading returns to it.
    files: Vec<Arc<str>>,
}

impl OriginTable {
    /// Adds the origin of the next entry.
    pub fn push(&mut self, origin: &Origin) {
        if self.files.last() != Some(&origin.file) {
            self.files.push(origin.file.clone());
        }
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.entries.push((number(self.files.len() - 1), number(origin.line)));
    }

    /// Removes all entries after the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.entries.truncate(count);
        self.files.truncate(self.entries.last().map_or(0, |(file, _)| *file as usize + 1));
    }

    /// The origin of an entry; that of a default value if there is no such entry.
    pub fn origin(&self, index: usize) -> Origin {
        let entry = self.entries.get(index);
        let origin = entry.and_then(|(file, line)| {
            let file = self.files.get(*file as usize)?.clone();
            Some(Origin { file, line: *line as usize })
        });
        origin.unwrap_or_else(Origin::default_value)
    }
}

#[test]
fn entries_have_the_origin_they_were_added_with() {
    let mut origins = OriginTable::default();
    for (file, line) in [("a", 1), ("b", 7), ("a", 2)] {
        origins.push(&Origin { file: file.into(), line });
    }
    assert_eq!(origins.origin(1).to_string(), "b:7");
    origins.truncate(1);
    origins.push(&Origin { file: "c".into(), line: 3 });
    assert_eq!([0, 1].map(|index| origins.origin(index).to_string()), ["a:1", "c:3"]);
    assert!(!origins.origin(2).is_explicit());
}
