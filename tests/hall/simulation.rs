//! A run in virtual time: the events of the network and the turns of the server, in the order of their times.

use super::case::Case;
use super::network::Network;
use super::report::Report;
use super::server::Host;

/// Runs a case until all machines are up or have failed, or until its limit.
pub fn run(case: &Case) -> Report {
    let mut network = Network::new(case);
    let mut host = Host::new(case);
    while network.open > 0 {
        let (event, turn) = (network.next_event(), host.next_turn());
        let Some(next) = event.into_iter().chain(turn).min().filter(|next| *next < case.limit)
        else {
            break;
        };
        if turn == Some(next) {
            host.turn(next, &mut network);
        } else if let Some((machine, message)) = network.handle_event() {
            host.arrive(next, machine, message);
        }
    }
    Report::new(case, &network, &host)
}
