//! Parsers of values that many options share. What each one accepts was measured with dnsmasq 2.90 and 2.92.

use crate::error::ParseError;
use crate::input::{Input, InputByte};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till};
use nom::combinator::{cut, eof, map, rest};
use nom::error::context;
use nom::multi::{many0, separated_list1};
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// The result of a parser: the unread rest, and the value.
pub(crate) type Parsed<'a, T> = IResult<Input<'a>, T, ParseError>;

/// A condition of a rule: `tag:<tag>`, or negated `tag:!<tag>` or `tag:#<tag>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The name of the tag.
    pub tag: Vec<u8>,
    /// Whether the tag must not be set.
    pub negated: bool,
}

impl Condition {
    /// Reads a condition after its prefix `tag:`.
    pub(crate) fn new(text: Input<'_>) -> Self {
        let negated = text.strip_prefix("!").or_else(|| text.strip_prefix("#"));
        Self { tag: negated.unwrap_or(text).bytes(), negated: negated.is_some() }
    }
}

/// Up to the next comma, which is not consumed; spaces before that comma are dropped. May be empty.
pub(crate) fn field(input: Input<'_>) -> Parsed<'_, Input<'_>> {
    let (rest, field) = take_till(|cell: InputByte| cell.is(b',')).parse(input)?;
    Ok((rest, if rest.is_empty() { field } else { field.trim_end() }))
}

/// A comma and the spaces after it.
pub(crate) fn comma(input: Input<'_>) -> Parsed<'_, ()> {
    match input.strip_prefix(",") {
        Some(rest) => Ok((rest.trim_start(), ())),
        None => Err(nom::Err::Error(ParseError::plain(input, "a comma"))),
    }
}

/// The fields between commas, as they are stored; at least one, which may be empty.
pub(crate) fn texts(input: Input<'_>) -> Parsed<'_, Vec<Vec<u8>>> {
    separated_list1(comma, map(field, Input::bytes)).parse(input)
}

/// Runs `parser` over one field. It must consume the whole field.
pub(crate) fn in_field<'a, T>(
    parser: impl Parser<Input<'a>, Output = T, Error = ParseError>,
) -> impl Parser<Input<'a>, Output = T, Error = ParseError> {
    field.and_then(terminated(parser, eof))
}

/// An error that ends the parse: no other alternative is tried.
pub(crate) fn refuse<T>(error: ParseError) -> Result<T, nom::Err<ParseError>> {
    Err(nom::Err::Failure(error))
}

/// The prefix of a condition; `net:` is the old form.
fn condition_prefix(input: Input<'_>) -> Parsed<'_, Input<'_>> {
    alt((tag("tag:"), tag("net:"))).parse(input)
}

/// `tag:<tag>,`
fn condition(input: Input<'_>) -> Parsed<'_, Condition> {
    let tagged = in_field(map(preceded(condition_prefix, rest), Condition::new));
    // dnsmasq refuses a value that is nothing but conditions, so a comma must follow.
    terminated(tagged, cut(context("a comma and more", comma))).parse(input)
}

/// Any number of conditions, each followed by a comma.
pub(crate) fn conditions(input: Input<'_>) -> Parsed<'_, Vec<Condition>> {
    many0(condition).parse(input)
}

/// Conditions to the end of the value; the prefix may be missing (`dhcp-ignore=!known`).
pub(crate) fn bare_conditions(input: Input<'_>) -> Parsed<'_, Vec<Condition>> {
    let bare = alt((preceded(condition_prefix, rest), rest));
    separated_list1(comma, in_field(map(bare, Condition::new))).parse(input)
}

/// `[set:]<tag>,`: the tag that a match sets. `set:` is the only prefix here: `tag:a` sets a tag of the name `tag:a`.
pub(crate) fn set_tag(input: Input<'_>) -> Parsed<'_, Vec<u8>> {
    let tag = in_field(alt((preceded(tag("set:"), rest), rest)));
    terminated(map(tag, Input::bytes), comma).parse(input)
}

/// One of several words, as its index in `words`; letters in either case.
pub(crate) fn one_of<'a>(words: &'static [&'static str]) -> impl Fn(Input<'a>) -> Parsed<'a, u16> {
    move |input| {
        let (rest, found) = field(input)?;
        match (0..).zip(words).find(|(_, word)| found.is_ignoring_case(word)) {
            Some((index, _)) => Ok((rest, index)),
            None => Err(nom::Err::Error(ParseError::plain(input, ""))),
        }
    }
}

/// Decimal digits up to the next comma; no digit at all is 0. Quotes have no effect.
///
/// dnsmasq converts to a C `long` and keeps the low 32 bits: `4294967349` is 53, and a number that overflows a `long`
/// is -1.
pub(crate) fn number(input: Input<'_>) -> Parsed<'_, i32> {
    let (rest, digits) = field(input)?;
    match decimal(digits) {
        Some(value) => Ok((rest, value)),
        None => Err(nom::Err::Error(ParseError::plain(input, "a number"))),
    }
}

/// The value of a text that contains digits only.
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

/// The IPv4 address in dotted notation. A quoted digit or dot does not count.
pub(crate) fn address4(text: Input<'_>) -> Option<Ipv4Addr> {
    parsed::<_, { "255.255.255.255".len() }>(text)
}

/// The IPv6 address in text form. A quoted character does not count.
pub(crate) fn address6(text: Input<'_>) -> Option<Ipv6Addr> {
    parsed::<_, { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len() }>(text)
}

/// Parses a text of at most `MAX_LEN` bytes without an allocation.
fn parsed<T: FromStr, const MAX_LEN: usize>(text: Input<'_>) -> Option<T> {
    let mut buffer = [0; MAX_LEN];
    let bytes = buffer.get_mut(..text.cells().len())?;
    for (target, byte) in bytes.iter_mut().zip(text.structural_bytes()) {
        *target = byte;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

/// Whether a text is an address of either family.
pub(crate) fn is_address(text: Input<'_>) -> bool {
    address4(text).is_some() || address6(text).is_some()
}

/// A domain name in canonical form: lower case, without a final dot. A label has at most 63 bytes and may be empty;
/// quotes have no effect. `None` if the name is not valid or not ASCII (docs/dnsmasq/config-language.md, section 1.11).
pub(crate) fn domain(text: Input<'_>) -> Option<Vec<u8>> {
    let mut name = text.bytes();
    name.make_ascii_lowercase();
    let length = valid_ascii_name(&name)?.len();
    name.truncate(length);
    Some(name)
}

/// A domain name that a configuration may contain, without a final dot. `None` if it is not valid or not ASCII.
pub fn valid_ascii_name(name: &[u8]) -> Option<&[u8]> {
    valid_name(name).filter(|name| name.is_ascii())
}

/// A name that a client may send, without a final dot: any bytes except control characters. `None` if it is not valid.
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
/// dnsmasq's limit for a name in text form.
const MAX_NAME_LEN: usize = 1025;

/// The end of the value.
fn end(input: Input<'_>) -> Parsed<'_, ()> {
    if input.is_empty() {
        Ok((input, ()))
    } else {
        Err(nom::Err::Error(ParseError::plain(input, "nothing more")))
    }
}

/// Bytes in hexadecimal: groups of digits, separated by `:`, `-` or a space, two digits for a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hex {
    /// The bytes; 0 in the place of a wildcard.
    pub bytes: Vec<u8>,
    /// The indexes in `bytes` of `*`, which matches any byte.
    pub wildcards: Vec<usize>,
    /// The ARP hardware type, if the first group is followed by `-` (`06-00:11:22:33:44:55`).
    pub hardware_type: Option<u16>,
}

/// Whether the first group of a hexadecimal value may be a hardware type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstGroup {
    /// It is one if `-` follows.
    HardwareType,
    /// It is bytes.
    Bytes,
}

/// Reads at most `limit` bytes, and ignores what follows them; `None` if a character is no hexadecimal digit. A group
/// may be `*`.
pub(crate) fn hex(text: Input<'_>, limit: usize, first_group: FirstGroup) -> Option<Hex> {
    let mut hex = Hex::default();
    let mut left = text.cells();
    let mut first = first_group == FirstGroup::HardwareType;
    loop {
        let separator = |cell: &InputByte| cell.is(b':') || cell.is(b'-') || cell.is_blank();
        let size = left.iter().position(separator).unwrap_or(left.len());
        let (group, following) = left.split_at(size);
        let digit = |cell: &InputByte| !cell.quoted && cell.byte.is_ascii_hexdigit();
        if let [star] = group
            && star.is(b'*')
        {
            hex.wildcards.push(hex.bytes.len());
            hex.bytes.push(0);
        } else if !group.iter().all(digit) {
            return None;
        } else if first && size > 0 && following.first().is_some_and(|cell| cell.is(b'-')) {
            hex.hardware_type = group_value(group);
        } else {
            hex.bytes.extend(group.chunks(2).map(byte_of));
        }
        first = false;
        let Some((_, rest)) = following.split_first().filter(|_| hex.bytes.len() < limit) else {
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

/// `102` is 01 02: of an odd number of digits the last one is a byte.
fn byte_of(digits: &[InputByte]) -> u8 {
    digits.iter().fold(0, |sum, cell| (sum << 4) | digit_value(cell.byte))
}

fn digit_value(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => byte.to_ascii_lowercase().wrapping_sub(b'a').wrapping_add(10),
    }
}

/// Runs a parser over a value. It must consume the whole value.
///
/// # Errors
/// The error of the parser, or `nothing more` where it stopped before the end.
pub(crate) fn parse_all<'a, T>(
    parser: impl Parser<Input<'a>, Output = T, Error = ParseError>,
    input: Input<'a>,
) -> Result<T, ParseError> {
    match terminated(parser, end).parse(input) {
        Ok((_, value)) => Ok(value),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => Err(error),
        Err(nom::Err::Incomplete(_)) => Err(ParseError::plain(input, "")),
    }
}

/// Digits with an optional unit `s`, `m`, `h`, `d` or `w`, in seconds. A unit without digits is 0.
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
