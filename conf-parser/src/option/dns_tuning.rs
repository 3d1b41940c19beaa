//! Queries and cache of DNS: checked as dnsmasq does (docs/dnsmasq/config-language.md, section 2)
//!
//! ```text
//! add-mac[=base64|text]                               add-subnet[=<subnet>[,<subnet>]]
//! subnet = <prefix length> | <address>/<prefix length>
//! fast-dns-retry[=<ms>[,<ms>]]                        use-stale-cache[=<seconds>]
//! umbrella[=deviceid:<16 hex digits>|orgid:<n>|assetid:<n>[,…]]
//! connmark-allowlist-enable[=<mask>]                  connmark-allowlist=<mark>[/<mask>][,<pattern>[/<pattern>…]]
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{decimal, is_address};

/// Reads the value of an `add-mac`.
pub(crate) fn add_mac(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    let known = |word: &Input<'_>| matches!(&word.bytes()[..], b"base64" | b"text");
    match arg.filter(|word| !known(word)) {
        Some(word) => Err(ParseError::plain(word, "base64 or text")),
        None => Ok(()),
    }
}

/// Reads the value of an `add-subnet`.
pub(crate) fn add_subnet(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    for subnet in arg.into_iter().flat_map(|arg| arg.split(2)) {
        let (first, length) = subnet.split_trimmed(b'/');
        let number = match length {
            Some(_) if !is_address(first) => {
                return Err(ParseError::own("bad address", first, "an address"));
            }
            Some(length) => length,
            None => first,
        };
        if decimal(number).is_none() {
            return Err(ParseError::plain(number, "a prefix length"));
        }
    }
    Ok(())
}

/// Minimum time before a query is repeated, in ms.
const MIN_RETRY: i32 = 50;

/// Reads the value of a `fast-dns-retry`.
pub(crate) fn fast_dns_retry(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    let Some(arg) = arg else { return Ok(()) };
    let (first, rest) = arg.split_comma();
    if decimal(first).is_none_or(|time| time < MIN_RETRY) {
        return Err(ParseError::plain(first, "a time of 50 ms or more"));
    }
    match rest.filter(|time| decimal(*time).is_none()) {
        Some(time) => Err(ParseError::plain(time, "a time in ms")),
        None => Ok(()),
    }
}

/// Reads the value of a `use-stale-cache`.
pub(crate) fn use_stale_cache(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    match arg.filter(|time| decimal(*time).is_none_or(i32::is_negative)) {
        Some(time) => Err(ParseError::plain(time, "a time in seconds")),
        None => Ok(()),
    }
}

/// Reads the value of an `umbrella`.
pub(crate) fn umbrella(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    for field in arg.into_iter().flat_map(Input::fields) {
        let fits = if let Some(device) = field.strip_prefix("deviceid:") {
            device.cells().len() == 16
                && device.structural_bytes().all(|byte| byte.is_ascii_hexdigit())
        } else {
            let number = field.strip_prefix("orgid:").or_else(|| field.strip_prefix("assetid:"));
            number.is_some_and(|number| thirty_two_bits(number).is_some())
        };
        if !fits {
            return Err(ParseError::plain(
                field,
                "deviceid:<16 hex digits>, orgid:<n> or assetid:<n>",
            ));
        }
    }
    Ok(())
}

/// Digits, at most 2³² - 1; no digit at all is 0.
fn thirty_two_bits(text: Input<'_>) -> Option<u32> {
    let bytes = text.bytes();
    if bytes.is_empty() {
        return Some(0);
    }
    let digits = bytes.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(&bytes).ok().filter(|_| digits)?.parse().ok()
}

/// Reads the value of a `connmark-allowlist-enable`.
pub(crate) fn connmark_enable(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    match arg.filter(|mask| thirty_two_bits(*mask).is_none_or(|mask| mask == 0)) {
        Some(mask) => Err(ParseError::plain(mask, "a mask above 0")),
        None => Ok(()),
    }
}

/// Reads the value of a `connmark-allowlist`. Spaces in it are kept.
pub(crate) fn connmark_allowlist(arg: Input<'_>) -> Result<(), ParseError> {
    let cells = arg.unquoted();
    let text = Input::new(&cells);
    let (marks, patterns) =
        text.split_once(b',').map_or((text, None), |(marks, rest)| (marks, Some(rest)));
    let (mark, mask) =
        marks.split_once(b'/').map_or((marks, None), |(mark, rest)| (mark, Some(rest)));
    for number in std::iter::once(mark).chain(mask) {
        if number.is_empty() || decimal(number).is_none() {
            return Err(ParseError::plain(number, "a number"));
        }
    }
    let Some(patterns) = patterns else { return Ok(()) };
    let bits = thirty_two_bits(mark).filter(|bits| *bits > 0);
    let bits = bits.ok_or_else(|| ParseError::plain(mark, "a mark above 0"))?;
    if let Some(mask) = mask.filter(|mask| thirty_two_bits(*mask).is_none_or(|m| bits & !m != 0)) {
        return Err(ParseError::plain(mask, "a mask that covers the mark"));
    }
    match patterns.bytes().split(|&byte| byte == b'/').find(|pattern| !is_pattern(pattern)) {
        Some(_) => Err(ParseError::plain(patterns, "patterns of names with two labels or more")),
        None => Ok(()),
    }
}

/// `*`, or at least two labels; all but the last two may contain `*`.
fn is_pattern(pattern: &[u8]) -> bool {
    let labels: Vec<&[u8]> = pattern.split(|&byte| byte == b'.').collect();
    let is_label = |(index, label): (usize, &&[u8])| {
        let parts = label.split(|&byte| byte == b'*').count();
        let max = if index + 2 >= labels.len() { 1 } else { 3 };
        (1..=63).contains(&label.len())
            && label.iter().all(|byte| byte.is_ascii_alphanumeric() || b"*-".contains(byte))
            && !label.starts_with(b"-")
            && !label.ends_with(b"-")
            && parts <= max
    };
    let last = labels.last().copied().unwrap_or_default();
    pattern == b"*"
        || (pattern.len() <= 253
            && labels.len() >= 2
            && labels.iter().enumerate().all(is_label)
            && !last.iter().all(u8::is_ascii_digit)
            && !last.eq_ignore_ascii_case(b"local"))
}

#[cfg(test)]
mod tests {
    use crate::Directive;
    use crate::tests::{refused, value};

    #[test]
    fn faulty_dns_options_have_the_message_of_dnsmasq() {
        refused(&[
            ("add-mac=", "error"),
            ("add-subnet=1,2,3", "error"),
            ("add-subnet=x/1", "bad address"),
            ("fast-dns-retry=49", "error"),
            ("use-stale-cache=-1", "error"),
            ("umbrella=", "error"),
            ("umbrella=deviceid:0123", "error"),
            ("connmark-allowlist-enable=0", "error"),
            ("connmark-allowlist=1,*.b", "error"),
            ("connmark-allowlist=3/1,a.b", "error"),
        ]);
        for line in [
            "add-subnet=24,1.2.3.4/33",
            "use-stale-cache=",
            "umbrella=orgid:1,deviceid:0123456789abcdef",
            "connmark-allowlist=1/3,*.a.b/*",
            "fast-dns-retry=50,",
        ] {
            assert!(matches!(value(line), Directive::ValidatedOnly(_)), "{line}");
        }
    }
}
