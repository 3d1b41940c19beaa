//! The value of a DHCP option: from its syntax to bytes (docs/dnsmasq/config-language.md, section 3.3, "Type of the value")

use crate::error::ParseError;
use crate::input::Input;
use crate::option::domain_list::{compressed, domains};
use crate::option::option_value6::value6;
use crate::option::value_type::{
    Encapsulation, ExpectedValue, OptionKeyword, Shape, Value, ValueType, plain_text,
};
use crate::option_names::Kind;
use crate::primitives::{FirstGroup, address4, duration};

/// Reads the value after the comma; `text` is `None` if there is no comma.
pub(crate) fn value(
    text: Option<Input<'_>>,
    expected: ExpectedValue,
    encapsulation: &Encapsulation,
    keyword: OptionKeyword,
) -> Result<Value, ParseError> {
    let Some(text) = text else { return Ok(Value::default()) };
    let value = if expected.version6 {
        value6(text, expected, &Shape::of(text, keyword))?
    } else {
        value4(text, expected, encapsulation, keyword)?
    };
    let max_len = match encapsulation {
        _ if expected.version6 => usize::from(u16::MAX),
        Encapsulation::Plain => 255,
        Encapsulation::Vendor(_) | Encapsulation::Encap(_) => 253,
        Encapsulation::Enterprise(_) => 250,
    };
    if value.bytes.len() > max_len { Err(too_long(text)) } else { Ok(value) }
}

/// RFC 3361: the first byte distinguishes names from addresses.
const SIP_SERVER: u32 = 120;

fn too_long(text: Input<'_>) -> ParseError {
    ParseError::own("dhcp-option too long", text, "a shorter value")
}

fn value4(
    text: Input<'_>,
    expected: ExpectedValue,
    encapsulation: &Encapsulation,
    keyword: OptionKeyword,
) -> Result<Value, ParseError> {
    let shape = Shape::of(text, keyword);
    // dnsmasq removes the size suffix even if the value is text: `67,12s` sends `12`.
    let text = if shape.suffix.is_some() { text_without_last(text) } else { text };
    let plain = matches!(encapsulation, Encapsulation::Plain);
    match expected.kind {
        Some(Kind::Addresses) if !(shape.address && shape.dot && shape.digit) => {
            Err(ParseError::own("bad IP address", text, "IPv4 addresses"))
        }
        Some(Kind::Name) => Ok(plain_text(text)),
        Some(Kind::Domains) if plain => domain_search(text),
        Some(Kind::Domains) => domains(text).map(|_| plain_text(text)),
        Some(Kind::Time) if !shape.digit => Ok(plain_text(text)),
        Some(Kind::Time) => Ok(time(text)),
        _ if shape.hex && shape.colon => Ok(hex(text)),
        _ if shape.decimal && shape.digit => decimal(text, &shape, expected),
        _ if shape.address && shape.digit => addresses(text, expected, plain),
        _ if expected.code == SIP_SERVER && plain => sip_server(text),
        _ => Ok(plain_text(text)),
    }
}

fn text_without_last(text: Input<'_>) -> Input<'_> {
    nom::Input::take(&text, text.cells().len().saturating_sub(1))
}

/// Seconds. dnsmasq ignores what follows the digits, except for a unit at the end.
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

/// As many bytes as there are groups between colons. A group of more than two digits fills the bytes of the next groups.
fn hex(text: Input<'_>) -> Value {
    let bytes: Vec<u8> = text.structural_bytes().collect();
    let groups = bytes.split(|&byte| byte == b':').count();
    let read = crate::primitives::hex(text, groups, FirstGroup::HardwareType).unwrap_or_default();
    let mut bytes = read.bytes;
    bytes.resize(groups, 0);
    Value { bytes, value_type: ValueType::Hex(read.wildcards) }
}

/// Big-endian, in the size of the suffix, or of the table of named options, or in the smallest size that fits.
fn decimal(text: Input<'_>, shape: &Shape, expected: ExpectedValue) -> Result<Value, ParseError> {
    let number = leading_number(text);
    let bytes = number.to_be_bytes();
    let suffixed = shape.suffix.map(|suffix| match suffix {
        b'b' => 1,
        b's' => 2,
        _ => 4,
    });
    let width = match (suffixed, expected.kind) {
        (Some(width), _) => width,
        (None, _) if expected.internal => return Err(too_long(text)),
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

/// As `atoi`: a sign, then digits up to the first other character, modulo 32 bits.
fn leading_number(text: Input<'_>) -> u32 {
    let bytes: Vec<u8> = text.structural_bytes().collect();
    let (minus, digits) = bytes.strip_prefix(b"-").map_or((false, &bytes[..]), |rest| (true, rest));
    let add = |sum: u32, byte: &u8| sum.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
    let number = digits.iter().take_while(|byte| byte.is_ascii_digit()).fold(0, add);
    if minus { number.wrapping_neg() } else { number }
}

/// Addresses, or networks `<address>/<bits>` (RFC 3442: the prefix length, then the significant bytes).
fn addresses(text: Input<'_>, expected: ExpectedValue, plain: bool) -> Result<Value, ParseError> {
    let mut bytes = Vec::with_capacity(text.cells().len() / 2);
    let mut relative = plain;
    if expected.code == SIP_SERVER && plain {
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
            panic!("{line} is not read as dhcp-option")
        };
        option.value.bytes
    }

    #[test]
    fn number_has_the_declared_size_or_the_smallest() {
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
    fn hex_value_has_one_byte_per_group() {
        assert_eq!(bytes("60,0102:03"), [1, 2]);
        assert_eq!(bytes("60,1:2:"), [1, 2, 0]);
    }

    #[test]
    fn addresses_need_dots_and_no_quotes() {
        assert_eq!(bytes("60,1.2.3.4"), [1, 2, 3, 4]);
        assert_eq!(bytes(r#"60,"1.2.3.4""#), b"1.2.3.4");
        assert_eq!(bytes("60,1.2.3.4,foo"), b"1.2.3.4,foo");
        assert_eq!(bytes("121,10.0.0.0/8,1.2.3.4"), [8, 10, 1, 2, 3, 4]);
    }

    #[test]
    fn size_suffix_is_removed_even_from_text() {
        assert_eq!(bytes("67,12s"), b"12");
        assert_eq!(bytes("60,b"), b"");
        assert_eq!(bytes("53,1b"), [1]);
    }

    #[test]
    fn faulty_values_have_the_message_of_dnsmasq() {
        for (line, message) in [
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
            assert_eq!(complaint(&format!("dhcp-option={line}")), message, "{line}");
        }
    }
}
