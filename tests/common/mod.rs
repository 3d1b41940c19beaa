//! Helpers that several tests share.

#![allow(dead_code)] // each test binary uses its own part

use std::path::PathBuf;

pub mod boot_files;
pub mod boot_rom;
pub mod download;
pub mod firmware;
pub mod fixture;
pub mod harness;
pub mod lab;
pub mod lockstep;
pub mod measure;
pub mod packet;
pub mod random;
pub mod recorder;
pub mod request;
pub mod server_host;
pub mod slow_disk;
pub mod status_server;
pub mod tftp_text;
pub mod two_hosts;

/// A precondition of a test. `None` means that it is missing: the test has to return, and is reported as ignored with
/// the reason. Where `CI` is set, the test fails instead.
pub fn required<T>(found: Result<T, String>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(reason) if std::env::var_os("CI").is_some() => panic!("{reason}"),
        Err(reason) => {
            harness::skip(reason);
            None
        }
    }
}

/// The program under test: ours, or the installed dnsmasq with `PXEMASQ_SUBJECT=theirs`.
pub fn subject() -> PathBuf {
    if subject_is_theirs() { DNSMASQ.into() } else { env!("CARGO_BIN_EXE_pxemasq").into() }
}

/// The installed dnsmasq.
pub fn installed_dnsmasq() -> Result<PathBuf, String> {
    let path = PathBuf::from(DNSMASQ);
    if path.exists() { Ok(path) } else { Err("no dnsmasq (Debian: dnsmasq-base)".to_owned()) }
}

const DNSMASQ: &str = "/usr/sbin/dnsmasq";

/// Whether the test runs with dnsmasq itself, to check that the expected results are those of dnsmasq.
pub fn subject_is_theirs() -> bool {
    std::env::var_os("PXEMASQ_SUBJECT").is_some_and(|subject| subject == "theirs")
}
