//! The bricks all options are built from. What each tolerates was asked of the real program.

use crate::error::ParseError;
use crate::input::{Input, InputByte};
use nom::combinator::{cut, verify};
use nom::error::context;
use nom::multi::many0;
use nom::sequence::terminated;
use nom::{IResult, Input as _, Parser};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What a brick gives: the rest, and its value.
pub(crate) type Parsed<'a, T> = IResult<Input<'a>, T, ParseError>;

/// A condition in front of a rule: `tag:<tag>`, negated as `tag:!<tag>` or `tag:#<tag>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The name that must, or must not, be set.
    pub tag: Vec<u8>,
    /// Whether it must not.
    pub negated: bool,
}

impl Condition {
    /// Reads a condition whose prefix is gone.
    pub(crate) fn new(text: Input<'_>) -> Self {
        let positive = text.strip_prefix("!").or_else(|| text.strip_prefix("#"));
        Self { tag: positive.unwrap_or(text).bytes(), negated: positive.is_some() }
    }
}

/// Up to the next comma, which stays; blanks before it vanish. May be empty.
pub(crate) fn field(input: Input<'_>) -> Parsed<'_, Input<'_>> {
    let size = input.position(|cell| cell.is(b',')).unwrap_or(input.input_len());
    Ok((
        input.take_from(size),
        if size == input.input_len() { input } else { input.take(size).trim_end() },
    ))
}

/// A comma and the blanks behind it.
pub(crate) fn comma(input: Input<'_>) -> Parsed<'_, ()> {
    match input.strip_prefix(",") {
        Some(rest) => Ok((rest.trim_start(), ())),
        None => Err(nom::Err::Error(ParseError::plain(input, "a comma"))),
    }
}

/// `tag:<tag>,` or the old `net:<tag>,`.
pub(crate) fn condition(input: Input<'_>) -> Parsed<'_, Condition> {
    let named = verify(field, |field: &Input<'_>| prefixed(*field).is_some());
    // Nothing but conditions is an error, so a condition must be followed.
    terminated(named, cut(context("a comma and more", comma)))
        .map(|field| Condition::new(prefixed(field).unwrap_or(field)))
        .parse(input)
}

/// Any number of conditions, each followed by a comma.
pub(crate) fn conditions(input: Input<'_>) -> Parsed<'_, Vec<Condition>> {
    many0(condition).parse(input)
}

/// What follows `tag:` or `net:`.
pub(crate) fn prefixed(field: Input<'_>) -> Option<Input<'_>> {
    field.strip_prefix("tag:").or_else(|| field.strip_prefix("net:"))
}

/// Conditions to the end of the text; the prefix may be missing (`dhcp-ignore=!known`).
pub(crate) fn bare_conditions(input: Input<'_>) -> Vec<Condition> {
    input.fields().map(|field| Condition::new(prefixed(field).unwrap_or(field))).collect()
}

/// `[set:]<tag>,`: the tag a match sets. Only `set:` is a prefix here; `tag:a` sets a tag of that name.
pub(crate) fn set_tag(input: Input<'_>) -> Parsed<'_, Vec<u8>> {
    terminated(field, comma)
        .map(|field| field.strip_prefix("set:").unwrap_or(field).bytes())
        .parse(input)
}

/// One of several words, as its place in `words`; letters in either case.
pub(crate) fn one_of<'a>(words: &'static [&'static str]) -> impl Fn(Input<'a>) -> Parsed<'a, u16> {
    move |input| {
        let (rest, found) = field(input)?;
        match (0..).zip(words).find(|(_, word)| found.is_ignoring_case(word)) {
            Some((place, _)) => Ok((rest, place)),
            None => Err(nom::Err::Error(ParseError::plain(input, ""))),
        }
    }
}

/// Decimal digits, none included, up to the next comma. Quotes do not matter.
///
/// dnsmasq converts with the C library to a long and keeps 32 bits: `4294967349` is 53, and what is too long for
/// a long is -1.
pub(crate) fn number(input: Input<'_>) -> Parsed<'_, i32> {
    let (rest, digits) = field(input)?;
    match decimal(digits) {
        Some(value) => Ok((rest, value)),
        None => Err(nom::Err::Error(ParseError::plain(input, "a number"))),
    }
}

/// The number a text is, if it is digits all through.
pub(crate) fn decimal(text: Input<'_>) -> Option<i32> {
    let all = text.cells().iter().all(|cell| cell.byte.is_ascii_digit());
    all.then(|| {
        let add =
            |sum: i64, byte: u8| sum.saturating_mul(10).saturating_add(i64::from(byte - b'0'));
        let long = text.cells().iter().map(|cell| cell.byte).fold(0, add);
        #[expect(clippy::cast_possible_truncation, reason = "dnsmasq keeps the low 32 bits")]
        let kept = long as i32;
        kept
    })
}

/// A number of 16 bits: a port, a preference.
pub(crate) fn number16(input: Input<'_>) -> Parsed<'_, u16> {
    let (rest, value) = number(input)?;
    match u16::try_from(value) {
        Ok(value) => Ok((rest, value)),
        Err(_) => Err(nom::Err::Error(ParseError::plain(input, "a number up to 65535"))),
    }
}

/// The IPv4 address a text is, protected characters not counted as digits or dots.
pub(crate) fn address4(text: Input<'_>) -> Option<Ipv4Addr> {
    parsed::<_, { "255.255.255.255".len() }>(text)
}

/// The IPv6 address a text is.
pub(crate) fn address6(text: Input<'_>) -> Option<Ipv6Addr> {
    parsed::<_, { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len() }>(text)
}

/// What a text of at most `MOST` bytes says.
fn parsed<T: FromStr, const MOST: usize>(text: Input<'_>) -> Option<T> {
    let mut bytes = [0; MOST];
    let place = bytes.get_mut(..text.cells().len())?;
    place.iter_mut().zip(text.structural_bytes()).for_each(|(place, byte)| *place = byte);
    std::str::from_utf8(place).ok()?.parse().ok()
}

/// Whether a text is an address of either family.
pub(crate) fn is_address(text: Input<'_>) -> bool {
    address4(text).is_some() || address6(text).is_some()
}

/// A domain name in its canonical form: lower case, without its last dot. Labels have 63 bytes at most and may be
/// empty; quotes do not matter. `None` also for what is not ASCII (docs/dnsmasq/config-language.md, section 1.11).
pub(crate) fn domain(text: Input<'_>) -> Option<Vec<u8>> {
    let mut name = text.bytes();
    name.make_ascii_lowercase();
    let length = valid_ascii_name(&name)?.len();
    name.truncate(length);
    Some(name)
}

/// A legal domain name without its last dot, as a configuration may have it.
pub fn valid_ascii_name(name: &[u8]) -> Option<&[u8]> {
    valid_name(name).filter(|name| name.is_ascii())
}

/// A name of any bytes but control characters, as a client may send it, without its last dot.
pub fn valid_name(name: &[u8]) -> Option<&[u8]> {
    let (name, dotted) = match name.strip_suffix(b".") {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    let blank = |byte: &u8| matches!(byte, b' ' | b'.');
    let short = |label: &[u8]| label.len() <= MAX_LABEL_LEN;
    let fine = name.len() <= MAX_NAME_LEN
        && !name.iter().any(u8::is_ascii_control)
        && name.split(|&byte| byte == b'.').all(short)
        && (dotted || name.is_empty() || !name.iter().all(blank));
    fine.then_some(name)
}

/// RFC 1035, section 2.3.4.
const MAX_LABEL_LEN: usize = 63;
/// dnsmasq's limit of a written name.
const MAX_NAME_LEN: usize = 1025;

/// Nothing may follow.
pub(crate) fn end(input: Input<'_>) -> Parsed<'_, ()> {
    if input.is_empty() {
        Ok((input, ()))
    } else {
        Err(nom::Err::Error(ParseError::plain(input, "nothing more")))
    }
}

/// Everything that is left, commas included.
pub(crate) fn rest(input: Input<'_>) -> Parsed<'_, Input<'_>> {
    Ok((input.take_from(input.input_len()), input))
}

/// Bytes written in hex: groups of digits between `:`, `-` or blanks, two digits a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hex {
    /// The bytes; a wildcard counts as 0.
    pub bytes: Vec<u8>,
    /// Places of `*`: that byte may be anything.
    pub wildcards: Vec<usize>,
    /// The ARP hardware type, where the first group is ended by `-` (`06-00:11:22:33:44:55`).
    pub hardware_type: Option<u16>,
}

/// Reads `limit` bytes at most, and looks at nothing behind them; `None` if a character is no hex. A group may be `*`.
/// If `typed`, a first group ended by `-` is a hardware type.
pub(crate) fn hex(text: Input<'_>, limit: usize, typed: bool) -> Option<Hex> {
    let mut hex = Hex::default();
    let mut left = text.cells();
    let mut first = typed;
    loop {
        let separator = |cell: &InputByte| cell.is(b':') || cell.is(b'-') || cell.is_blank();
        let size = left.iter().position(separator).unwrap_or(left.len());
        let (group, behind) = left.split_at(size);
        let digit = |cell: &InputByte| !cell.quoted && cell.byte.is_ascii_hexdigit();
        if let [star] = group
            && star.is(b'*')
        {
            hex.wildcards.push(hex.bytes.len());
            hex.bytes.push(0);
        } else if !group.iter().all(digit) {
            return None;
        } else if first && size > 0 && behind.first().is_some_and(|cell| cell.is(b'-')) {
            hex.hardware_type = group_value(group);
        } else {
            hex.bytes.extend(group.chunks(2).map(byte_of));
        }
        first = false;
        let Some((_, rest)) = behind.split_first().filter(|_| hex.bytes.len() < limit) else {
            hex.bytes.truncate(limit);
            return Some(hex);
        };
        left = rest;
    }
}

fn group_value(digits: &[InputByte]) -> Option<u16> {
    digits.iter().try_fold(0_u16, |sum, cell| {
        sum.checked_mul(16)?.checked_add(u16::from(digit_value(cell.byte)))
    })
}

/// `102` is 01 02: an odd last digit stands alone.
fn byte_of(digits: &[InputByte]) -> u8 {
    digits.iter().fold(0, |sum, cell| (sum << 4) | digit_value(cell.byte))
}

fn digit_value(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte.to_ascii_lowercase().wrapping_sub(b'a').wrapping_add(10),
    }
}

/// Runs a parser over all of an argument.
pub(crate) fn parse_all<'a, T>(
    parser: impl Parser<Input<'a>, Output = T, Error = ParseError>,
    input: Input<'a>,
) -> Result<T, ParseError> {
    match terminated(parser, end).parse(input) {
        Ok((_, value)) => Ok(value),
        Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => Err(fault),
        Err(nom::Err::Incomplete(_)) => Err(ParseError::plain(input, "")),
    }
}

/// Digits with an optional letter `s m h d w`: seconds. A bare letter counts as zero.
pub(crate) fn duration(text: Input<'_>) -> Option<u32> {
    let bytes: Vec<u8> = text.structural_bytes().collect();
    let (digits, factor) = match bytes.split_last() {
        Some((last, digits)) if last.is_ascii_alphabetic() => (digits, unit(*last)?),
        _ => (&bytes[..], 1),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: u32, byte: &u8| sum.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
    Some(digits.iter().fold(0, add).wrapping_mul(factor))
}

fn unit(letter: u8) -> Option<u32> {
    Some(match letter.to_ascii_lowercase() {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 24 * 3600,
        b'w' => 7 * 24 * 3600,
        _ => return None,
    })
}
