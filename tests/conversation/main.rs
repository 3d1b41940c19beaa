//! Conversations of the TFTP core with clients that know what they have to get, in a network that loses, repeats, reorders
//! and invents. The fuzz target `conversation` plays the same with scripts that it looks for.

mod client;
mod disk;
mod network;

#[path = "../common/random.rs"]
#[expect(dead_code, reason = "others choose more")]
mod random;

use random::Random;

#[test]
fn files_arrive_complete_on_an_unreliable_network() {
    let mut delivered = 0;
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let size = 1 + random.below(400);
        let script: Vec<u8> = (0..size).map(|_| random.byte()).collect();
        let played = std::panic::catch_unwind(|| network::play(&script));
        delivered += played.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(delivered > 3000, "{delivered} files arrived: the scripts ask for nothing");
}
