//! A message on the control socket: no panic; a message that is accepted is the same after it is encoded and decoded again; the
//! metrics and the text of any state are made, and the text has no control characters.

#![no_main]

mod cpu_time;

use libfuzzer_sys::fuzz_target;
use pxemasq::control::replacement::{MAX_MESSAGE_LEN, Message};
use pxemasq::control::{MAX_REQUEST_LEN, Request};
use pxemasq::status::Status;
use pxemasq::status_query::{metrics, text};
use pxemasq::terminal::Layout;
use std::time::Duration;

/// A client decodes one document, so its time has no hard limit.
const FIXED_COST: Duration = Duration::from_millis(10);

fuzz_target!(|bytes: &[u8]| {
    cpu_time::check(bytes.len(), FIXED_COST, || {
        if bytes.len() <= MAX_REQUEST_LEN {
            request(bytes);
        }
        if bytes.len() <= MAX_MESSAGE_LEN {
            message(bytes);
        }
        status(bytes);
    });
});

fn request(bytes: &[u8]) {
    match Request::decode(bytes) {
        Ok(request) => assert_eq!(Request::decode(&request.encode()), Ok(request)),
        Err(sentence) => assert!(!sentence.is_empty()),
    }
}

fn message(bytes: &[u8]) {
    if let Some(message) = Message::decode(bytes) {
        assert_eq!(Message::decode(&message.encode()), Some(message));
    }
}

fn status(bytes: &[u8]) {
    let Ok(status) = serde_json::from_slice::<Status>(bytes) else { return };
    let json = serde_json::to_vec(&status).expect("it is JSON");
    assert_eq!(serde_json::from_slice::<Status>(&json).expect("it is read again"), status);
    // An error is possible, for example because of two limits with one name.
    let _ = metrics::exposition(&status);
    let text = text::text(&status, "today", Layout::PLAIN);
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}
