//! Cost of a log line for each decision (`log-debug`): one run compares the speed with and without it.
//!
//! ```text
//! cargo bench --bench log_debug [-- ROUNDS]
//! ```
//!
//! Lines are written to a file. Many clients send requests in turn, because the number of lines is limited for each
//! client.

#[path = "../common/mod.rs"]
mod common;
mod cost;
mod dhcp_load;
mod tftp_load;

use cost::{Way, compare};

fn main() {
    let without = Way { name: "without", lines: "", words: &[] };
    compare([without, Way { name: "with log-debug", lines: "log-debug\n", ..without }]);
}
