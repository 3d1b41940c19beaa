//! Cost of the sandbox (Landlock, seccomp): one run compares the speed with and without it.
//!
//! ```text
//! cargo bench --bench sandbox [-- ROUNDS]
//! ```

#[path = "../common/mod.rs"]
mod common;
mod cost;
mod dhcp_load;
mod tftp_load;

use cost::{Way, compare};

fn main() {
    let unconfined = Way { name: "unconfined", lines: "", words: &["--unconfined"] };
    compare([unconfined, Way { name: "confined", words: &[], ..unconfined }]);
}
