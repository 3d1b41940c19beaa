//! The TFTP core with simulated clients and a simulated network. The input is the script of `tests/conversation`.
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
