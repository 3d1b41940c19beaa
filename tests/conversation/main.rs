//! The TFTP core with simulated clients that compare each block with the expected file, on a simulated network that loses,
//! duplicates and reorders datagrams and inserts random ones. The fuzz target `tftp_transfers` runs the same simulation.

mod client;
mod disk;
mod network;

#[path = "../common/random.rs"]
#[expect(dead_code, reason = "this test uses only a part of it")]
mod random;

use random::Random;

#[test]
fn files_arrive_complete_on_an_unreliable_network() {
    let mut delivered = 0;
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let size = 1 + random.below(400);
        let script: Vec<u8> = (0..size).map(|_| random.byte()).collect();
        let result = std::panic::catch_unwind(|| network::play(&script));
        delivered += result.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(delivered > 3000, "only {delivered} files arrived: the scripts send too few requests");
}
