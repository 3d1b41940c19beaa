//! A log: no panic; the output is one HTML page without scripts.

#![no_main]

mod cpu_time;

use libfuzzer_sys::fuzz_target;
use pxemasq::story::{BootCorrelator, Source, page};
use std::time::Duration;

fuzz_target!(|log: &[u8]| {
    let log = String::from_utf8_lossy(log);
    cpu_time::check(log.len(), Duration::ZERO, || {
        let mut correlator = BootCorrelator::default();
        for line in log.lines() {
            let _ = correlator.add(line, None);
        }
        let boots = correlator.into_boots();
        for boot in &boots {
            let _ = boot.to_string();
        }
        let page = page(&boots, &[], &[], Source::Log);
        assert_eq!(page.matches("</html>").count(), 1);
        assert!(!page.contains("<script"), "{log}");
    });
});
