//! The value of a DHCP option: from its shape to bytes (docs/dnsmasq/config-language.md, section 3.3, "Type of the value")

use crate::error::ParseError;
use crate::input::Input;
use crate::option::dhcp_option::{Encapsulation, Keyword};
use crate::option::domain_list::{compressed, domains};
use crate::option::option_value6::value6;
use crate::option_names::Kind;
use crate::primitives::{address4, duration};

/// A value as it travels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Value {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What it was written as; this decides how it is matched, and whether 0.0.0.0 means the server.
    pub value_type: ValueType,
}

/// What a value was written as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueType {
    /// There is none.
    #[default]
    Absent,
    /// Colon-separated hex; the places are those of `*`, any byte.
    Hex(Vec<usize>),
    /// A number.
    Number,
    /// Addresses. In a plain option 0.0.0.0 stands for the server's own, unless one was written with `/`.
    Addresses {
        /// Whether 0.0.0.0 is replaced.
        relative: bool,
    },
    /// Text, a domain list, anything else.
    Text,
}

/// What an option asks of its value.
#[derive(Clone, Copy)]
pub(crate) struct ExpectedValue {
    /// Its number.
    pub code: u32,
    /// The kind it was declared with.
    pub kind: Option<Kind>,
    /// Whether the server sets it itself; then a plain number has no size.
    pub internal: bool,
    /// Whether it is for `DHCPv6`.
    pub version6: bool,
}

/// Reads what stands behind the comma; `None`: no comma.
pub(crate) fn value(
    text: Option<Input<'_>>,
    wanted: ExpectedValue,
    lead: &Encapsulation,
    keyword: Keyword,
) -> Result<Value, ParseError> {
    let Some(text) = text else { return Ok(Value::default()) };
    let value = if wanted.version6 {
        value6(text, wanted, &Shape::of(text, keyword))?
    } else {
        value4(text, wanted, lead, keyword)?
    };
    let longest = match lead {
        _ if wanted.version6 => usize::from(u16::MAX),
        Encapsulation::Plain => 255,
        Encapsulation::Vendor(_) | Encapsulation::Encap(_) => 253,
        Encapsulation::Enterprise(_) => 250,
    };
    if value.bytes.len() > longest { Err(too_long(text)) } else { Ok(value) }
}

/// RFC 3361: names or addresses, told by the first byte.
const SIP_SERVER: u32 = 120;

fn too_long(text: Input<'_>) -> ParseError {
    ParseError::own("dhcp-option too long", text, "a shorter value")
}

fn value4(
    text: Input<'_>,
    wanted: ExpectedValue,
    lead: &Encapsulation,
    keyword: Keyword,
) -> Result<Value, ParseError> {
    let shape = Shape::of(text, keyword);
    // The size suffix is gone even where the value turns out to be text: `67,12s` sends `12`.
    let text = if shape.suffix.is_some() { text_without_last(text) } else { text };
    let plain = matches!(lead, Encapsulation::Plain);
    match wanted.kind {
        Some(Kind::Addresses) if !(shape.address && shape.dot && shape.digit) => {
            Err(ParseError::own("bad IP address", text, "IPv4 addresses"))
        }
        Some(Kind::Name) => Ok(plain_text(text)),
        Some(Kind::Domains) if plain => domain_search(text),
        Some(Kind::Domains) => domains(text).map(|_| plain_text(text)),
        Some(Kind::Time) if !shape.digit => Ok(plain_text(text)),
        Some(Kind::Time) => Ok(time(text)),
        _ if shape.hex && shape.colon => Ok(hex(text)),
        _ if shape.decimal && shape.digit => decimal(text, &shape, wanted),
        _ if shape.address && shape.digit => addresses(text, wanted, plain),
        _ if wanted.code == SIP_SERVER && plain => sip_server(text),
        _ => Ok(plain_text(text)),
    }
}

/// What a value could be, by its unprotected characters.
#[derive(Default)]
pub(super) struct Shape {
    decimal: bool,
    address: bool,
    pub(super) hex: bool,
    digit: bool,
    dot: bool,
    pub(super) colon: bool,
    suffix: Option<u8>,
}

impl Shape {
    fn of(text: Input<'_>, keyword: Keyword) -> Self {
        let mut shape = Self { decimal: true, address: true, hex: true, ..Self::default() };
        for (at, byte) in text.structural_bytes().enumerate() {
            let last = at + 1 == text.cells().len();
            match byte {
                b'0'..=b'9' => shape.digit = true,
                b'-' => (shape.address, shape.hex) = (false, false),
                b'.' => (shape.decimal, shape.hex, shape.dot) = (false, false, true),
                b':' => (shape.decimal, shape.address, shape.colon) = (false, false, true),
                b',' | b' ' => (shape.decimal, shape.hex) = (false, false),
                b'/' => {
                    (shape.decimal, shape.hex, shape.address) =
                        (false, false, shape.address && at > 0);
                }
                b'b' | b's' | b'i' if last && shape.decimal => {
                    shape.suffix = Some(byte);
                    (shape.address, shape.hex) = (false, shape.hex && byte == b'b');
                }
                b'*' if keyword == Keyword::Match => {
                    (shape.decimal, shape.address) = (false, false);
                }
                _ => {
                    shape.decimal = false;
                    shape.address = false;
                    shape.hex &= byte.is_ascii_hexdigit();
                }
            }
        }
        shape
    }
}

fn text_without_last(text: Input<'_>) -> Input<'_> {
    nom::Input::take(&text, text.cells().len().saturating_sub(1))
}

pub(super) fn plain_text(text: Input<'_>) -> Value {
    Value { bytes: text.bytes(), value_type: ValueType::Text }
}

/// Seconds, whatever stands behind the digits but for a last letter.
fn time(text: Input<'_>) -> Value {
    let seconds = duration(text).unwrap_or_else(|| leading_number(text));
    Value { bytes: seconds.to_be_bytes().to_vec(), value_type: ValueType::Number }
}

/// RFC 3397.
fn domain_search(text: Input<'_>) -> Result<Value, ParseError> {
    Ok(Value { bytes: compressed(&domains(text)?), value_type: ValueType::Text })
}

/// RFC 3361: 0 for names.
fn sip_server(text: Input<'_>) -> Result<Value, ParseError> {
    let bytes = [&[0], &compressed(&domains(text)?)[..]].concat();
    Ok(Value { bytes, value_type: ValueType::Text })
}

/// As many bytes as there are places between colons; longer groups fill in sequence.
fn hex(text: Input<'_>) -> Value {
    let written: Vec<u8> = text.structural_bytes().collect();
    let places = written.split(|&byte| byte == b':').count();
    let read = crate::primitives::hex(text, places, true).unwrap_or_default();
    let mut bytes = read.bytes;
    bytes.resize(places, 0);
    Value { bytes, value_type: ValueType::Hex(read.wildcards) }
}

/// Big-endian, as wide as the option is declared, else as small as it fits.
fn decimal(text: Input<'_>, shape: &Shape, wanted: ExpectedValue) -> Result<Value, ParseError> {
    let number = leading_number(text);
    let bytes = number.to_be_bytes();
    let suffixed = shape.suffix.map(|suffix| match suffix {
        b'b' => 1,
        b's' => 2,
        _ => 4,
    });
    let width = match (suffixed, wanted.kind) {
        (Some(width), _) => width,
        (None, _) if wanted.internal => return Err(too_long(text)),
        (None, Some(Kind::Number(width) | Kind::Octets(width))) => usize::from(width),
        (None, _) => number
            .to_be_bytes()
            .iter()
            .skip_while(|&&byte| byte == 0)
            .count()
            .max(1)
            .next_power_of_two(),
    };
    Ok(Value { bytes: bytes[4 - width..].to_vec(), value_type: ValueType::Number })
}

/// As `atoi` reads it: a sign, digits up to the first other character, 32 bits of the result.
fn leading_number(text: Input<'_>) -> u32 {
    let bytes: Vec<u8> = text.structural_bytes().collect();
    let (minus, digits) = bytes.strip_prefix(b"-").map_or((false, &bytes[..]), |rest| (true, rest));
    let add = |sum: u32, byte: &u8| sum.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
    let number = digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, add);
    if minus { number.wrapping_neg() } else { number }
}

/// Addresses, or networks written `<address>/<bits>` (RFC 3442: the width, then the bytes that count).
fn addresses(text: Input<'_>, wanted: ExpectedValue, plain: bool) -> Result<Value, ParseError> {
    let mut bytes = Vec::with_capacity(text.cells().len() / 2);
    let mut relative = plain;
    if wanted.code == SIP_SERVER && plain {
        bytes.push(1); // RFC 3361: addresses, not names
    }
    for field in text.fields() {
        let bad = || ParseError::own("bad IPv4 address", field, "an IPv4 address");
        if let Some((network, bits)) = field.split_once(b'/') {
            let bits = crate::primitives::decimal(bits)
                .and_then(|bits| u8::try_from(bits).ok())
                .ok_or_else(bad)?;
            let octets = address4(network).ok_or_else(bad)?.octets();
            bytes.push(bits);
            bytes.extend_from_slice(&octets[..usize::from(bits).div_ceil(8).min(4)]);
            relative = false;
        } else {
            bytes.extend_from_slice(&address4(field).ok_or_else(bad)?.octets());
        }
    }
    Ok(Value { bytes, value_type: ValueType::Addresses { relative } })
}

#[cfg(test)]
mod tests {
    use crate::Directive;
    use crate::tests::{complaint, value};

    fn bytes(line: &str) -> Vec<u8> {
        let Directive::DhcpOption(option) = value(&format!("dhcp-option={line}")) else {
            panic!("{line} is no option")
        };
        option.value.bytes
    }

    #[test]
    fn numbers_are_as_wide_as_declared_or_as_small_as_they_fit() {
        assert_eq!(bytes("26,1500"), [5, 220]);
        assert_eq!(bytes("93,7"), [0, 7]);
        assert_eq!(bytes("200,7"), [7]);
        assert_eq!(bytes("200,-1"), [255; 4]);
        assert_eq!(bytes("200,7i"), [0, 0, 0, 7]);
        assert_eq!(bytes("23,256"), [0]);
        assert_eq!(bytes("200,1-2"), [1]);
        assert_eq!(bytes("58,1h"), [0, 0, 14, 16]);
    }

    #[test]
    fn hex_fills_as_many_places_as_are_written() {
        assert_eq!(bytes("60,0102:03"), [1, 2]);
        assert_eq!(bytes("60,1:2:"), [1, 2, 0]);
    }

    #[test]
    fn addresses_need_dots_and_text_may_look_like_them() {
        assert_eq!(bytes("60,1.2.3.4"), [1, 2, 3, 4]);
        assert_eq!(bytes(r#"60,"1.2.3.4""#), b"1.2.3.4");
        assert_eq!(bytes("60,1.2.3.4,foo"), b"1.2.3.4,foo");
        assert_eq!(bytes("121,10.0.0.0/8,1.2.3.4"), [8, 10, 1, 2, 3, 4]);
    }

    #[test]
    fn a_size_suffix_vanishes_even_from_text() {
        assert_eq!(bytes("67,12s"), b"12");
        assert_eq!(bytes("60,b"), b"");
        assert_eq!(bytes("53,1b"), [1]);
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
        for (line, words) in [
            ("43,1", "dhcp-option too long"),
            ("53,1", "dhcp-option too long"),
            ("43,1,2,3", "bad IPv4 address"),
            ("60,1 2", "bad IPv4 address"),
            ("60,5/4", "bad IPv4 address"),
            ("3,foo", "bad IP address"),
            ("3,", "bad IP address"),
            ("3,12", "bad IP address"),
            (r#"3,"1.2.3.4""#, "bad IP address"),
            ("3,1.2.3.4,", "bad IPv4 address"),
        ] {
            assert_eq!(complaint(&format!("dhcp-option={line}")), words, "{line}");
        }
    }
}
