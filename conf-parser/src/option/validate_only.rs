//! Values that are numbers, or anything at all, and that nothing is done with.

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{decimal, number, parse_all};

/// Takes every value.
pub(crate) fn any(_: Input<'_>) -> Result<(), ParseError> {
    Ok(())
}

/// Takes a number.
pub(crate) fn integer(arg: Input<'_>) -> Result<(), ParseError> {
    parse_all(number, arg).map(drop)
}

/// Takes a port.
pub(crate) fn port_number(arg: Input<'_>) -> Result<(), ParseError> {
    parse_all(crate::primitives::number16, arg).map(drop)
}

/// Takes a number above 0.
pub(crate) fn positive_number(arg: Input<'_>) -> Result<(), ParseError> {
    match decimal(arg) {
        Some(count) if count >= 1 => Ok(()),
        _ => Err(ParseError::plain(arg, "a number above 0")),
    }
}

/// Takes a number, and asks for one even where the keyword may stand alone.
pub(crate) fn cache_size(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    arg.map_or_else(|| Err(ParseError::structure("error", 0, "a number")), integer)
}

/// Takes every value, or none.
pub(crate) fn optional_any(_: Option<Input<'_>>) -> Result<(), ParseError> {
    Ok(())
}
