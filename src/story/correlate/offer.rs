//! What a reply contains, from the decision line of `log-debug`.

use crate::story::boot::Offer;

const FILE: &str = ", file ";
const FROM: &str = " from ";
const MENU: &str = ", a menu (";

/// `ACK to 10.0.0.8:4011, file a.efi from 10.0.0.1 (pxe-service c:3)`
pub fn of_outcome(outcome: &str) -> Offer {
    let file = outcome.split_once(FILE).and_then(|(_, rest)| rest.split_once(FROM));
    let server = file.and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    Offer {
        file: file.map(|(name, _)| name.to_owned()),
        next_server: server,
        own_address: None,
        has_menu: outcome.contains(MENU),
    }
}
