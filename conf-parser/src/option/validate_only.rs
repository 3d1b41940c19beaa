//! Values that are numbers, or anything at all, and that nothing is done with.

use crate::directive::Directive;
use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{decimal, number, parse_all};

/// Takes every value.
pub fn any(_: Input<'_>) -> Result<Directive, ParseError> {
    Ok(Directive::ValidatedOnly)
}

/// Takes a number.
pub fn integer(arg: Input<'_>) -> Result<Directive, ParseError> {
    parse_all(number, arg).map(|_| Directive::ValidatedOnly)
}

/// Takes a port.
pub fn port_number(arg: Input<'_>) -> Result<Directive, ParseError> {
    parse_all(crate::primitives::number16, arg).map(|_| Directive::ValidatedOnly)
}

/// Takes a number above 0.
pub fn positive_number(arg: Input<'_>) -> Result<Directive, ParseError> {
    match decimal(arg) {
        Some(count) if count >= 1 => Ok(Directive::ValidatedOnly),
        _ => Err(ParseError::plain(arg, "a number above 0")),
    }
}

/// Takes a number, and asks for one even where the keyword may stand alone.
pub fn cache_size(arg: Option<Input<'_>>) -> Result<Directive, ParseError> {
    arg.map_or_else(|| Err(ParseError::structure("error", 0, "a number")), integer)
}

/// `edns-packet-max=<bytes>`: sets the largest TFTP block too.
pub fn edns_packet_max(arg: Input<'_>) -> Result<Directive, ParseError> {
    parse_all(number, arg).map(|size| Directive::EdnsPacketMax(i32::cast_unsigned(size)))
}

/// Takes every value, or none.
pub fn optional_any(_: Option<Input<'_>>) -> Result<Directive, ParseError> {
    Ok(Directive::ValidatedOnly)
}
