//! A whole configuration file: lines, what they mean together, and what there is to say about them. Lines that would
//! open other files or run commands are passed over.
#![no_main]

#[path = "pace.rs"]
mod pace;

use conf_parser::{Directive, Reader};
use libfuzzer_sys::fuzz_target;
use pxemasq::config::Origin;
use pxemasq::config::build::{Builder, Purpose};
use pxemasq::config::lines::Lines;
use pxemasq::config::together::Together;

fuzz_target!(|bytes: &[u8]| {
    pace::keep(bytes.len(), || {
        for purpose in [Purpose::Check, Purpose::Serve] {
            load(bytes, purpose);
        }
    });
});

fn load(bytes: &[u8], purpose: Purpose) {
    let mut reader = Reader::default();
    let mut together = Together::default();
    let mut builder = Builder::new(purpose);
    let mut lines = Lines::new(bytes);
    while let Ok(Some((line, text))) = lines.read() {
        // A file would end at its first fault.
        let Ok(Some(setting)) = reader.line(text) else { continue };
        match setting.directive {
            Directive::ConfFile(_) | Directive::ConfDir(_) | Directive::ConfScript(_) => continue,
            _ => {}
        }
        if together.take(&setting.directive).is_ok() {
            builder.take(setting, &Origin { file: "fuzz".into(), line });
        }
    }
    let loops = together.alias_in_a_loop().is_some();
    let notes = builder.finish().notes;
    assert!(loops || notes.iter().all(|note| !note.to_string().is_empty()));
}
