//! A whole configuration file: lines, what they mean conflicts, and what there is to say about them. Lines that would
//! open other files or run commands are passed over.
#![no_main]

#[path = "pace.rs"]
mod pace;

use conf_parser::{Directive, Reader};
use libfuzzer_sys::fuzz_target;
use pxemasq::config::Origin;
use pxemasq::config::read::build::Builder;
use pxemasq::config::read::build::Purpose;
use pxemasq::config::read::lines::Lines;
use pxemasq::config::read::conflicts::ConflictChecker;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    pace::keep(bytes.len(), Duration::ZERO, || {
        for purpose in [Purpose::Check, Purpose::Serve] {
            load(bytes, purpose);
        }
    });
});

fn load(bytes: &[u8], purpose: Purpose) {
    let mut reader = Reader::default();
    let mut conflicts = ConflictChecker::default();
    let mut builder = Builder::new(purpose);
    let mut lines = Lines::new(bytes);
    while let Ok(Some((line, text))) = lines.read() {
        // A file would end at its first fault.
        let Ok(Some(setting)) = reader.line(text) else { continue };
        match setting.directive {
            Directive::ConfFile(_) | Directive::ConfDir(_) | Directive::ConfScript(_) => continue,
            _ => {}
        }
        let origin = Origin { file: "fuzz".into(), line };
        if conflicts.check(&setting.directive, &origin).is_ok() {
            builder.apply(setting, &origin);
        }
    }
    // What is in a loop has a line, and so has whatever else can be remarked but for three general things.
    if let Some(alias) = conflicts.cname_loop() {
        assert!(alias.origin.line > 0);
    }
    let general = builder.finish().warnings.iter().filter(|warning| warning.origin.is_none()).count();
    assert!(general <= 3, "{general} remarks without a line");
}
