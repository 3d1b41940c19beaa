//! Values that are only checked: numbers, or any text.

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{decimal, number, parse_all};

/// Accepts a number.
pub(crate) fn integer(arg: Input<'_>) -> Result<(), ParseError> {
    parse_all(number, arg).map(drop)
}

/// Accepts a port.
pub(crate) fn port_number(arg: Input<'_>) -> Result<(), ParseError> {
    parse_all(crate::primitives::number16, arg).map(drop)
}

/// Accepts a number above 0.
pub(crate) fn positive_number(arg: Input<'_>) -> Result<(), ParseError> {
    match decimal(arg) {
        Some(count) if count >= 1 => Ok(()),
        _ => Err(ParseError::plain(arg, "a number above 0")),
    }
}

/// Accepts a number. dnsmasq refuses `cache-size` without a value, although the value is optional.
pub(crate) fn cache_size(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    arg.map_or_else(|| Err(ParseError::structure("error", 0, "a number")), integer)
}
