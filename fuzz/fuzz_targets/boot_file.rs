//! A boot file, compared with clients of all kinds.
#![no_main]

#[path = "cpu_time.rs"]
mod cpu_time;

use libfuzzer_sys::fuzz_target;
use pxemasq::diagnose::boot_program::{BootProgram, Client, Fit, compare, explain_repeated_load};
use pxemasq::wire::client_arch::Architecture;
use std::path::Path;
use std::time::Duration;

const PATH: &str = "/srv/tftp/file";

fuzz_target!(|bytes: &[u8]| {
    cpu_time::check(bytes.len(), Duration::from_millis(10), || {
        let len = u64::try_from(bytes.len()).expect("64 bits");
        let program = BootProgram::read(bytes, len).expect("memory is readable");
        for architecture in Architecture::all() {
            for is_ipxe in [false, true] {
                check(&program, Client { architecture, is_ipxe });
            }
        }
    });
});

fn check(program: &BootProgram, client: Client) {
    let compared = compare(program, Path::new(PATH), client);
    let reason = match compared.fit {
        Fit::Fits | Fit::Unknown(None) => None,
        Fit::DoesNotFit(reason) | Fit::Unknown(Some(reason)) => Some(reason),
    };
    let repeated = explain_repeated_load(program, Path::new(PATH), client);
    for text in reason.into_iter().chain(repeated).chain(compared.hint).map(|one| one.to_string()) {
        assert!(text.contains(PATH) && !text.contains(char::is_control), "{text}");
    }
}
