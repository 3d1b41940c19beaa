//! A log: no panic, and whatever it holds, a page of it is one page.

#![no_main]

mod pace;

use libfuzzer_sys::fuzz_target;
use pxemasq::story::{BootCorrelator, page};
use std::time::Duration;

fuzz_target!(|log: &[u8]| {
    let log = String::from_utf8_lossy(log);
    pace::keep(log.len(), Duration::ZERO, || {
        let mut correlator = BootCorrelator::default();
        log.lines().for_each(|line| _ = correlator.add(line, None));
        let boots = correlator.into_boots();
        boots.iter().for_each(|boot| drop(boot.to_string()));
        let page = page(&boots);
        assert_eq!(page.matches("</html>").count(), 1);
        assert!(!page.contains("<script"), "{log}");
    });
});
