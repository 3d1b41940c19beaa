//! TFTP datagrams as text, as in the fixtures: `RRQ boot octet blksize 1408`, `DATA 1 [512] 3f2a…`.

/// A step of a fixture: a datagram of a client socket, or a wait in seconds.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Wait(u64),
    Send { by: String, bytes: Vec<u8> },
}

/// Parses a step. `b: ACK 1` is sent by the socket `b`; without a name by the socket `a`.
pub fn step(text: &str) -> Step {
    if let Some(seconds) = text.strip_prefix("wait ") {
        return Step::Wait(seconds.parse().expect("seconds"));
    }
    let (by, words) =
        text.split_once(": ").map_or((None, text), |(by, words)| (Some(by.to_owned()), words));
    let words: Vec<&str> = words.split(' ').collect();
    Step::Send { by: by.unwrap_or_else(|| "a".to_owned()), bytes: tftp(&words) }
}

/// The receiver: in `b to a` the socket `b` sends to the port that answered socket `a`.
pub fn receiver(by: &str) -> &str {
    by.rsplit(' ').next().unwrap_or(by)
}

/// The socket that sends.
pub fn sender(by: &str) -> &str {
    by.split(' ').next().unwrap_or(by)
}

fn tftp(words: &[&str]) -> Vec<u8> {
    let number = |word: &str| word.parse::<u16>().expect("a number").to_be_bytes();
    let strings = |words: &[&str]| {
        words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect::<Vec<u8>>()
    };
    match words {
        ["RRQ", rest @ ..] => [b"\0\x01".to_vec(), strings(rest)].concat(),
        ["WRQ", rest @ ..] => [b"\0\x02".to_vec(), strings(rest)].concat(),
        ["ACK", block] => [&[0, 4][..], &number(block)].concat(),
        ["ERROR", code, text @ ..] => {
            [&[0, 5][..], &number(code), text.join(" ").as_bytes(), b"\0"].concat()
        }
        ["RAW", hex] => unhex(hex),
        other => panic!("no such step: {other:?}"),
    }
}

/// A datagram of the server, with all that can differ; a long block as its FNV-1a hash.
pub fn display(bytes: &[u8]) -> String {
    match bytes {
        [0, 3, high, low, data @ ..] => {
            let block = u16::from_be_bytes([*high, *low]);
            if data.len() <= 32 {
                format!("DATA {block} {data:?}", data = text(data))
            } else {
                format!("DATA {block} [{}] {:016x}", data.len(), fnv(data))
            }
        }
        [0, 6, options @ ..] => format!("OACK {}", text(options)),
        [0, 5, high, low, words @ ..] => {
            format!("ERROR {} {}", u16::from_be_bytes([*high, *low]), text(words))
        }
        _ => {
            hex(bytes.trim_ascii_end()).trim_end_matches("00").to_owned()
                + &format!(" [{}]", bytes.len())
        }
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string().replace("\\x00", "|")
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex"))
        .collect()
}

/// FNV-1a, 64 bits.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
