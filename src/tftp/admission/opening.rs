//! Requests whose socket is being opened by the loop.

use super::stored_request::StoredRequest;
use crate::effect::{Effect, SocketToken};

/// A request without a socket yet.
#[derive(Debug)]
pub struct OpeningRequest {
    token: SocketToken,
    /// The request.
    pub request: StoredRequest,
    /// Whether a transfer was evicted for it already, because ports or descriptors were exhausted.
    pub has_evicted: bool,
}

/// All of them. There is at most one as long as the loop opens each socket at once.
#[derive(Debug, Default)]
pub struct OpeningRequests {
    requests: Vec<OpeningRequest>,
    next_token: u64,
}

impl OpeningRequests {
    /// The number of requests without a socket yet.
    pub fn count(&self) -> usize {
        self.requests.len()
    }

    /// Stores a request. Returns the effect that opens its socket.
    pub fn add(&mut self, request: StoredRequest) -> Effect {
        let token = SocketToken(self.next_token);
        self.next_token += 1;
        self.put_back(OpeningRequest { token, request, has_evicted: false })
    }

    /// Stores a request for one more attempt. Returns the effect that opens its socket.
    pub fn put_back(&mut self, opening: OpeningRequest) -> Effect {
        let StoredRequest { local, interface, .. } = opening.request;
        let effect = Effect::OpenSocket { token: opening.token, local, interface };
        self.requests.push(opening);
        effect
    }

    /// Removes the request of a token. `None`: there is none.
    pub fn take(&mut self, token: SocketToken) -> Option<OpeningRequest> {
        let index = self.requests.iter().position(|opening| opening.token == token)?;
        Some(self.requests.swap_remove(index))
    }
}
