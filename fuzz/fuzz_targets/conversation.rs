//! Clients, a server and a network between them, played by a script: see `tests/conversation`, which is what this plays.
#![no_main]

#[path = "../../tests/conversation/client.rs"]
mod client;
#[path = "../../tests/conversation/disk.rs"]
mod disk;
#[path = "../../tests/conversation/network.rs"]
mod network;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| {
    network::play(script);
});
