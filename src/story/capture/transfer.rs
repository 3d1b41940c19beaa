//! One TFTP transfer, from its datagrams.

use crate::story::boot::{DatagramStats, TransferStats};
use crate::wire::option_display::printable;
use crate::wire::tftp::{Inbound, Strings};
use std::net::SocketAddr;
use std::time::Duration;

/// Block length without the option `blksize` (RFC 1350).
const DEFAULT_BLOCK_LEN: usize = 512;
const OPCODE_DATA: [u8; 2] = [0, 3];
const OPCODE_ERROR: [u8; 2] = [0, 5];
const DATA_HEADER_LEN: usize = 4;

/// A transfer that has not ended.
#[derive(Debug)]
pub struct Transfer {
    /// The file name in the request.
    pub path: String,
    /// Where the request was sent to.
    pub server: SocketAddr,
    /// The source of the first reply.
    pub peer: Option<SocketAddr>,
    /// The number of requests.
    pub requests: usize,
    /// The time of the first request.
    pub start: Option<Duration>,
    /// The time of the last datagram.
    pub last: Option<Duration>,
    /// The last datagram is one of the server.
    pub is_client_silent: bool,
    /// Number of the last block that was sent. It counts beyond 65535.
    sent: u64,
    /// Number of the last block that was acknowledged.
    acknowledged: u64,
    /// Number and length of the block that is shorter than the others.
    final_block: Option<(u64, usize)>,
    datagrams: DatagramStats,
}

/// How a transfer ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// All blocks were sent. The last acknowledgement can be missing: some clients do not send it.
    Complete,
    /// The server sent an error.
    Refused {
        /// RFC 1350, appendix.
        code: u16,
        /// The message.
        text: String,
    },
    /// The client sent an error: code and message.
    BrokenOff(String),
    /// The capture has no reply to the request.
    NoReply,
    /// The client sent nothing more.
    ClientSilent,
    /// The server sent nothing more.
    ServerSilent,
    /// The capture ends during the transfer.
    CaptureEnds,
}

impl Transfer {
    /// A transfer whose request was sent.
    pub fn new(path: &[u8], server: SocketAddr, time: Option<Duration>) -> Self {
        Self {
            path: printable(path),
            server,
            peer: None,
            requests: 1,
            start: time,
            last: time,
            is_client_silent: false,
            sent: 0,
            acknowledged: 0,
            final_block: None,
            datagrams: DatagramStats { blksize: DEFAULT_BLOCK_LEN, ..DatagramStats::default() },
        }
    }

    /// The same request again, while the server has sent at most the first block.
    pub fn repeats(&self, path: &[u8]) -> bool {
        self.sent <= 1 && self.acknowledged == 0 && self.path == printable(path)
    }

    /// A datagram of the server with `len` bytes, of which `bytes` were captured.
    pub fn add_reply(&mut self, bytes: &[u8], len: usize) -> Option<End> {
        self.is_client_silent = true;
        if let Some(options) = Strings::of_oack(bytes) {
            self.accept(options);
        } else if bytes.starts_with(&OPCODE_DATA) {
            let block = u16::from_be_bytes(*bytes[2..].first_chunk()?);
            self.block_sent(block, len.saturating_sub(DATA_HEADER_LEN));
        } else if bytes.starts_with(&OPCODE_ERROR)
            && let Some(Inbound::Error { code, text }) = Inbound::parse(bytes)
        {
            return Some(End::Refused { code, text: printable(text) });
        }
        None
    }

    /// A datagram of the client: ACK or ERROR.
    pub fn add_acknowledgement(&mut self, bytes: &[u8]) -> Option<End> {
        self.is_client_silent = false;
        match Inbound::parse(bytes)? {
            Inbound::Ack(block) => {
                self.datagrams.acknowledgements += 1;
                let block = number_near(self.acknowledged.max(self.sent), block);
                self.acknowledged = self.acknowledged.max(block);
                let is_final = self.final_block.is_some_and(|(last, _)| self.acknowledged >= last);
                is_final.then_some(End::Complete)
            }
            Inbound::Error { code, text } => {
                Some(End::BrokenOff(format!("{code} {}", printable(text)).trim_end().to_owned()))
            }
            _ => None,
        }
    }

    /// Bytes of the file that were sent.
    pub fn size(&self) -> u64 {
        let block_len = u64::try_from(self.datagrams.blksize).unwrap_or(u64::MAX);
        match self.final_block {
            Some((number, len)) => {
                (number - 1).saturating_mul(block_len) + u64::try_from(len).unwrap_or(0)
            }
            None => self.sent.saturating_mul(block_len),
        }
    }

    /// All blocks were sent.
    pub fn is_sent(&self) -> bool {
        self.final_block.is_some()
    }

    /// How it ended, if nothing more was sent.
    pub fn end_without_last_datagram(&self) -> End {
        match self.peer {
            _ if self.is_sent() => End::Complete,
            None => End::NoReply,
            Some(_) if self.is_client_silent => End::ClientSilent,
            Some(_) => End::ServerSilent,
        }
    }

    /// Size and duration until now.
    pub fn stats(&self) -> TransferStats {
        let duration = self.last.zip(self.start).map(|(last, start)| last.saturating_sub(start));
        TransferStats {
            size: self.size(),
            duration: duration.unwrap_or_default(),
            datagrams: Some(self.datagrams),
        }
    }

    fn accept(&mut self, options: Strings<'_>) {
        for (name, value) in options.pairs() {
            let number = str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            if name.eq_ignore_ascii_case(b"blksize") {
                self.datagrams.blksize = number.unwrap_or(DEFAULT_BLOCK_LEN);
            } else if name.eq_ignore_ascii_case(b"windowsize") {
                self.datagrams.windowsize = number;
            }
        }
    }

    fn block_sent(&mut self, block: u16, len: usize) {
        let number = number_near(self.sent, block);
        // The OACK is not in the capture.
        if number == 1 {
            self.datagrams.blksize = self.datagrams.blksize.max(len);
        }
        if number > 0 && len < self.datagrams.blksize {
            self.final_block = Some((number, len));
        }
        self.datagrams.blocks += 1;
        self.datagrams.repeated += u64::from(number <= self.sent);
        self.sent = self.sent.max(number);
    }
}

/// The block number with these low 16 bits that is nearest to another one.
fn number_near(other: u64, low: u16) -> u64 {
    let [.., high_byte, low_byte] = other.to_be_bytes();
    let ahead = low.wrapping_sub(u16::from_be_bytes([high_byte, low_byte]));
    let forward = other + u64::from(ahead);
    let back = 0x1_0000 - u64::from(ahead);
    if ahead < 0x8000 { forward } else { other.checked_sub(back).unwrap_or(forward) }
}

#[test]
fn block_number_counts_beyond_65535() {
    assert_eq!(number_near(0, 1), 1);
    assert_eq!(number_near(65535, 0), 65536);
    assert_eq!(number_near(65536, 65535), 65535);
    assert_eq!(number_near(200_000, 3392), 200_000);
    assert_eq!(number_near(5, 3), 3);
    assert_eq!(number_near(0, 65535), 65535, "there is no block before 0");
}
