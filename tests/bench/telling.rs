//! What it costs to tell of each decision (`log-debug`), in one run with and without it.
//!
//! ```text
//! cargo bench --bench telling [-- ROUNDS]
//! ```
//!
//! Lines go to a file. So many machines ask in turn: the more there are, the more is told, for it is limited for each.

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
