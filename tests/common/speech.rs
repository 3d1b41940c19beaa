//! Steps and datagrams as words: `RRQ boot octet blksize 1408`, `DISCOVER arch=7`, `DATA 1 [512] 3f2a…`.

/// A step: who speaks, to which port of the server, and what; or a wait in seconds.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Wait(u64),
    Say { by: String, to: u16, bytes: Vec<u8> },
}

/// Reads a step. `b: ACK 1` is said by the socket `b`; without a name it is `a` for TFTP, the port for DHCP.
pub fn step(text: &str) -> Step {
    if let Some(seconds) = text.strip_prefix("wait ") {
        return Step::Wait(seconds.parse().expect("seconds"));
    }
    let (by, words) =
        text.split_once(": ").map_or((None, text), |(by, words)| (Some(by.to_owned()), words));
    let words: Vec<&str> = words.split(' ').collect();
    match words[0] {
        "DISCOVER" | "REQUEST" | "INFORM" => dhcp(by, &words),
        _ => Step::Say { by: by.unwrap_or_else(|| "a".to_owned()), to: 69, bytes: tftp(&words) },
    }
}

/// In `b to a` the socket `b` speaks to the one that answered `a`.
pub fn addressee(by: &str) -> &str {
    by.rsplit(' ').next().unwrap_or(by)
}

/// The socket that speaks.
pub fn speaker(by: &str) -> &str {
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

/// `arch=7 ciaddr=192.168.77.50 flags=8000 class=PXEClient 77=0469505845`; `port=4011` is who is asked.
fn dhcp(by: Option<String>, words: &[&str]) -> Step {
    let mut bytes = vec![0; 240];
    bytes[..4].copy_from_slice(&[1, 1, 6, 0]);
    bytes[4..8].copy_from_slice(&[0x2a, 0x3b, 0x4c, 0x5d]);
    bytes[28..34].copy_from_slice(&[0x52, 0x54, 0, 0xaa, 0xbb, 1]);
    bytes[236..].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
    let message = match words[0] {
        "DISCOVER" => 1,
        "REQUEST" => 3,
        _ => 8,
    };
    let mut options: Vec<(u8, Vec<u8>)> = vec![(53, vec![message]), (57, vec![5, 0xc0])];
    let (mut to, mut class, mut arch) = (67, "PXEClient".to_owned(), Some(0_u16));
    for word in &words[1..] {
        let (name, value) = word.split_once('=').expect("name=value");
        match name {
            "port" => to = value.parse().expect("a port"),
            "arch" => arch = value.parse().ok(),
            "class" => value.clone_into(&mut class),
            "flags" => bytes[10..12].copy_from_slice(&unhex(value)),
            "ciaddr" => bytes[12..16].copy_from_slice(
                &value.parse::<std::net::Ipv4Addr>().expect("an address").octets(),
            ),
            code => options.push((code.parse().expect("an option"), unhex(value))),
        }
    }
    let uuid: Vec<u8> = std::iter::once(0).chain(16..32).collect();
    options.push((97, uuid));
    options.extend(arch.map(|arch| (93, arch.to_be_bytes().to_vec())));
    options.extend((class != "none").then(|| (60, class.into_bytes())));
    for (code, value) in options {
        bytes.extend([code, u8::try_from(value.len()).expect("a short option")]);
        bytes.extend(value);
    }
    bytes.push(255);
    Step::Say {
        by: by.unwrap_or_else(|| if to == 4011 { "4011" } else { "68" }.to_owned()),
        to,
        bytes,
    }
}

/// A datagram of the server, nothing left out that could differ.
pub fn shown(bytes: &[u8]) -> String {
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

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex"))
        .collect()
}

/// FNV-1a, 64 bits: enough to tell blocks apart.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
