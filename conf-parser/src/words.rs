//! The bricks all options are built from. What each tolerates was asked of the real program.

use crate::fault::Fault;
use crate::text::Text;
use nom::combinator::{cut, verify};
use nom::error::context;
use nom::multi::many0;
use nom::sequence::terminated;
use nom::{IResult, Input, Parser};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// What a brick gives: the rest, and its value.
pub type Parsed<'a, T> = IResult<Text<'a>, T, Fault>;

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
    pub fn new(text: Text<'_>) -> Self {
        let positive = text.after("!").or_else(|| text.after("#"));
        Self { tag: positive.unwrap_or(text).bytes(), negated: positive.is_some() }
    }
}

/// Up to the next comma, which stays; blanks before it vanish. May be empty.
pub fn piece(input: Text<'_>) -> Parsed<'_, Text<'_>> {
    let size = input.position(|cell| cell.is(b',')).unwrap_or(input.input_len());
    Ok((
        input.take_from(size),
        if size == input.input_len() { input } else { input.take(size).trim_end() },
    ))
}

/// A comma and the blanks behind it.
pub fn comma(input: Text<'_>) -> Parsed<'_, ()> {
    match input.after(",") {
        Some(rest) => Ok((rest.trim_start(), ())),
        None => Err(nom::Err::Error(Fault::plain(input, "a comma"))),
    }
}

/// `tag:<tag>,` or the old `net:<tag>,`.
pub fn condition(input: Text<'_>) -> Parsed<'_, Condition> {
    let named = verify(piece, |piece: &Text<'_>| prefixed(*piece).is_some());
    // Nothing but conditions is an error, so a condition must be followed.
    terminated(named, cut(context("a comma and more", comma)))
        .map(|piece| Condition::new(prefixed(piece).unwrap_or(piece)))
        .parse(input)
}

/// Any number of conditions, each followed by a comma.
pub fn conditions(input: Text<'_>) -> Parsed<'_, Vec<Condition>> {
    many0(condition).parse(input)
}

/// What follows `tag:` or `net:`.
pub fn prefixed(piece: Text<'_>) -> Option<Text<'_>> {
    piece.after("tag:").or_else(|| piece.after("net:"))
}

/// Conditions to the end of the text; the prefix may be missing (`dhcp-ignore=!known`).
pub fn bare_conditions(input: Text<'_>) -> Vec<Condition> {
    input.pieces().map(|piece| Condition::new(prefixed(piece).unwrap_or(piece))).collect()
}

/// `[set:]<tag>,`: the tag a match sets. Only `set:` is a prefix here; `tag:a` sets a tag of that name.
pub fn set_tag(input: Text<'_>) -> Parsed<'_, Vec<u8>> {
    terminated(piece, comma).map(|piece| piece.after("set:").unwrap_or(piece).bytes()).parse(input)
}

/// One of several words, as its place in `words`; letters in either case.
pub fn one_of<'a>(words: &'static [&'static str]) -> impl Fn(Text<'a>) -> Parsed<'a, u16> {
    move |input| {
        let (rest, found) = piece(input)?;
        match (0..).zip(words).find(|(_, word)| found.is_ignoring_case(word)) {
            Some((place, _)) => Ok((rest, place)),
            None => Err(nom::Err::Error(Fault::plain(input, ""))),
        }
    }
}

/// Decimal digits, none included, up to the next comma. Quotes do not matter.
///
/// dnsmasq converts with the C library to a long and keeps 32 bits: `4294967349` is 53, and what is too long for
/// a long is -1.
pub fn number(input: Text<'_>) -> Parsed<'_, i32> {
    let (rest, digits) = piece(input)?;
    match whole_number(digits) {
        Some(value) => Ok((rest, value)),
        None => Err(nom::Err::Error(Fault::plain(input, "a number"))),
    }
}

/// The number a text is, if it is digits all through.
pub fn whole_number(text: Text<'_>) -> Option<i32> {
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
pub fn number16(input: Text<'_>) -> Parsed<'_, u16> {
    let (rest, value) = number(input)?;
    match u16::try_from(value) {
        Ok(value) => Ok((rest, value)),
        Err(_) => Err(nom::Err::Error(Fault::plain(input, "a number up to 65535"))),
    }
}

/// The IPv4 address a text is, protected characters not counted as digits or dots.
pub fn address4(text: Text<'_>) -> Option<Ipv4Addr> {
    parsed::<_, { "255.255.255.255".len() }>(text)
}

/// The IPv6 address a text is.
pub fn address6(text: Text<'_>) -> Option<Ipv6Addr> {
    parsed::<_, { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len() }>(text)
}

/// What a text of at most `MOST` bytes says.
fn parsed<T: FromStr, const MOST: usize>(text: Text<'_>) -> Option<T> {
    let mut bytes = [0; MOST];
    let place = bytes.get_mut(..text.cells().len())?;
    place.iter_mut().zip(text.bare()).for_each(|(place, byte)| *place = byte);
    std::str::from_utf8(place).ok()?.parse().ok()
}

/// Nothing may follow.
pub fn end(input: Text<'_>) -> Parsed<'_, ()> {
    if input.is_empty() {
        Ok((input, ()))
    } else {
        Err(nom::Err::Error(Fault::plain(input, "nothing more")))
    }
}

/// Everything that is left, commas included.
pub fn rest(input: Text<'_>) -> Parsed<'_, Text<'_>> {
    Ok((input.take_from(input.input_len()), input))
}

/// Bytes written in hex: groups of digits between `:`, `-` or blanks, two digits a byte.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hex {
    /// The bytes; a wildcard counts as 0.
    pub bytes: Vec<u8>,
    /// Places of `*`: that byte may be anything.
    pub wild: Vec<usize>,
    /// The ARP hardware type, where the first group is ended by `-` (`06-00:11:22:33:44:55`).
    pub hardware_type: Option<u16>,
}

/// Reads at most `limit` bytes (the rest is dropped); `None` if a character is no hex.
///
/// With `pattern` a group may be `*`, and a first group ended by `-` is a hardware type.
pub fn hex(text: Text<'_>, limit: usize, pattern: bool) -> Option<Hex> {
    let text: Vec<u8> = text.bare().collect();
    if !text
        .iter()
        .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'-' | b' ' | b'*'))
    {
        return None;
    }
    let mut hex = Hex::default();
    let mut start = 0;
    for group in text.split(|byte| matches!(byte, b':' | b'-' | b' ')) {
        let ended_by = text.get(start + group.len()).copied();
        if group == b"*" && pattern {
            hex.wild.push(hex.bytes.len());
            hex.bytes.push(0);
        } else if group.contains(&b'*') {
            return None;
        } else if start == 0 && ended_by == Some(b'-') && pattern && !group.is_empty() {
            hex.hardware_type = u16::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok();
        } else {
            hex.bytes.extend(group_bytes(group));
        }
        start += group.len() + 1;
    }
    hex.bytes.truncate(limit);
    hex.wild.retain(|&place| place < limit);
    Some(hex)
}

/// `102` is 01 02: an odd first digit stands alone.
fn group_bytes(group: &[u8]) -> impl Iterator<Item = u8> {
    let digit = |byte: &u8| {
        char::from(*byte)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
            .unwrap_or_default()
    };
    let pair = move |pair: &[u8]| pair.iter().fold(0_u8, |sum, byte| (sum << 4) | digit(byte));
    group.chunks(2).map(pair)
}

/// Runs a parser over all of an argument.
pub fn whole<'a, T>(
    parser: impl Parser<Text<'a>, Output = T, Error = Fault>,
    input: Text<'a>,
) -> Result<T, Fault> {
    match terminated(parser, end).parse(input) {
        Ok((_, value)) => Ok(value),
        Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => Err(fault),
        Err(nom::Err::Incomplete(_)) => Err(Fault::plain(input, "")),
    }
}

/// Digits with an optional letter `s m h d w`: seconds. A bare letter counts as zero.
pub fn duration(text: Text<'_>) -> Option<u32> {
    let bytes: Vec<u8> = text.bare().collect();
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
