//! A whole configuration file: its lines, conflicts between them, and warnings. Lines that would open other files or run
//! commands are skipped.
#![no_main]

#[path = "cpu_time.rs"]
mod cpu_time;

use conf_parser::{Directive, Reader};
use libfuzzer_sys::fuzz_target;
use pxemasq::config::Origin;
use pxemasq::config::read::build::Builder;
use pxemasq::config::read::conflicts::ConflictChecker;
use pxemasq::config::read::lines::Lines;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    // Each refused line is compared with all keywords. The program does this once: it stops at the first one.
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    let refused_lines = Duration::from_millis(lines.try_into().unwrap_or(u64::MAX));
    cpu_time::check(bytes.len(), refused_lines, || {
        load(bytes);
    });
});

fn load(bytes: &[u8]) {
    let mut reader = Reader::default();
    let mut conflicts = ConflictChecker::default();
    let mut builder = Builder::new();
    let mut lines = Lines::new(bytes);
    while let Ok(Some(line)) = lines.read() {
        // The program stops at the first wrong line; here the next one is read.
        let Ok(Some(setting)) = reader.line(line.text) else { continue };
        match setting.directive {
            Directive::ConfFile(_) | Directive::ConfDir(_) | Directive::ConfScript(_) => continue,
            _ => {}
        }
        let origin = Origin { file: "fuzz".into(), line: line.number };
        if conflicts.check(&setting.directive, &origin).is_ok() {
            builder.apply(setting, &origin);
        }
    }
    // Each finding has a line number, except three that are about the whole configuration.
    if let Some(alias) = conflicts.cname_loop() {
        assert!(alias.origin.line > 0);
    }
    let general =
        builder.finish().findings.iter().filter(|finding| finding.origin.is_none()).count();
    assert!(general <= 3, "{general} findings without a line number");
}
