//! The requests on the control socket, which `--status` and `--replace` send to the running server.
//!
//! The socket is a `SOCK_SEQPACKET` unix socket beside the pid file ([`socket_path`]). Its messages:
//!
//! ```text
//! request   JSON of [`Request`]
//! answer    MORE and a part of the document · LAST and its last part · ERROR and a sentence
//! ```
//!
//! A request to replace the server has no such answer: the connection goes on as [`replacement`].

pub mod replacement;

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The version of the protocol. It is increased when an older program would misunderstand a message.
pub const PROTOCOL: u32 = 1;
/// The length of a request in bytes, at most.
pub const MAX_REQUEST_LEN: usize = 4096;
/// The length of a part of an answer in bytes, at most, without its first byte.
pub const MAX_PART_LEN: usize = 32 * 1024;

/// The first byte of a part of an answer: more follow.
pub const MORE: u8 = b'+';
/// The first byte of the last part of an answer.
pub const LAST: u8 = b'.';
/// The first byte of an error.
pub const ERROR: u8 = b'!';

/// A request, with the version of the protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`PROTOCOL`] of the client.
    pub protocol: u32,
    /// What is requested.
    #[serde(flatten)]
    pub command: Command,
}

/// What is requested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Command {
    /// The state of the server, as JSON ([`crate::status::Status`]).
    Status {
        /// 0: of the server. n: of the nth process that it has replaced (`earlier` of its state).
        #[serde(default)]
        earlier: u16,
    },
    /// Replace the server.
    Replace(Replace),
}

/// The process that replaces the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Replace {
    /// Its version, for the log.
    pub version: String,
    /// Its control group: the contents of `/proc/self/cgroup`.
    pub cgroup: String,
}

impl Request {
    /// A request of this version.
    pub fn new(command: Command) -> Self {
        Self { protocol: PROTOCOL, command }
    }

    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        // No field has a type that JSON cannot represent.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The request of a message. The error is a sentence for the client.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            protocol: u32,
        }
        let Version { protocol } = serde_json::from_slice(bytes)
            .map_err(|error| format!("this is no request of pxemasq: {error}"))?;
        if protocol != PROTOCOL {
            return Err(format!(
                "the running server has version {PROTOCOL} of the control protocol, and this program version {protocol}: restart the server instead"
            ));
        }
        serde_json::from_slice(bytes).map_err(|error| format!("unknown request: {error}"))
    }
}

/// The path of the control socket of a server with this pid file.
pub fn socket_path(pid_file: &Path) -> PathBuf {
    let mut path = OsString::from(pid_file);
    path.push(".control");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_is_decoded_as_it_was_encoded() {
        let replace = Replace { version: "0.1.0".to_owned(), cgroup: "0::/a\n".to_owned() };
        for command in [Command::Status { earlier: 2 }, Command::Replace(replace)] {
            let request = Request::new(command);
            assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
        assert_eq!(
            Request::decode(br#"{"protocol":1,"request":"status","new":1}"#),
            Ok(Request::new(Command::Status { earlier: 0 }))
        );
    }

    #[test]
    fn other_version_and_malformed_request_have_an_error() {
        for (bytes, error) in [
            (&b""[..], "this is no request of pxemasq"),
            (b"{}", "this is no request of pxemasq"),
            (br#"{"protocol":2,"request":"status"}"#, "the running server has version 1"),
            (br#"{"protocol":1,"request":"stop"}"#, "unknown request"),
        ] {
            let found = Request::decode(bytes).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
    }

    #[test]
    fn socket_is_beside_the_pid_file() {
        let path = socket_path(Path::new("/run/dnsmasq.eth0.pid"));
        assert_eq!(path, Path::new("/run/dnsmasq.eth0.pid.control"));
    }
}
