//! Where the entries of a long list were written. There may be 200,000 of them, so each takes eight bytes.

use crate::config::Origin;
use std::sync::Arc;

/// Of a list that grows and shrinks at its end.
#[derive(Clone, Debug, Default)]
pub struct OriginTable {
    entries: Vec<(u32, u32)>,
    /// The files, each as often as reading came back to it.
    files: Vec<Arc<str>>,
}

impl OriginTable {
    /// The next entry was written there.
    pub fn push(&mut self, origin: &Origin) {
        if self.files.last() != Some(&origin.file) {
            self.files.push(origin.file.clone());
        }
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        self.entries.push((number(self.files.len() - 1), number(origin.line)));
    }

    /// Forgets all entries behind the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.entries.truncate(count);
        self.files.truncate(self.entries.last().map_or(0, |(file, _)| *file as usize + 1));
    }

    /// Where an entry was written.
    pub fn origin(&self, place: usize) -> Origin {
        let spot = self.entries.get(place);
        let origin = spot.and_then(|(file, line)| {
            let file = self.files.get(*file as usize)?.clone();
            Some(Origin { file, line: *line as usize })
        });
        origin.unwrap_or_else(Origin::default_value)
    }
}

#[test]
fn entries_know_their_files() {
    let mut spots = OriginTable::default();
    for (file, line) in [("a", 1), ("b", 7), ("a", 2)] {
        spots.push(&Origin { file: file.into(), line });
    }
    assert_eq!(spots.origin(1).to_string(), "b:7");
    spots.truncate(1);
    spots.push(&Origin { file: "c".into(), line: 3 });
    assert_eq!([0, 1].map(|place| spots.origin(place).to_string()), ["a:1", "c:3"]);
    assert!(!spots.origin(2).is_explicit());
}
