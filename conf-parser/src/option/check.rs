//! Values that are numbers, or anything at all, and that nothing is done with.

use crate::directive::Directive;
use crate::fault::Fault;
use crate::text::Text;
use crate::words::{number, whole, whole_number};

/// Takes every value.
pub fn any(_: Text<'_>) -> Result<Directive, Fault> {
    Ok(Directive::Unserved)
}

/// Takes a number.
pub fn a_number(arg: Text<'_>) -> Result<Directive, Fault> {
    whole(number, arg).map(|_| Directive::Unserved)
}

/// Takes a port.
pub fn a_port(arg: Text<'_>) -> Result<Directive, Fault> {
    whole(crate::words::number16, arg).map(|_| Directive::Unserved)
}

/// Takes a number above 0.
pub fn a_count(arg: Text<'_>) -> Result<Directive, Fault> {
    match whole_number(arg) {
        Some(count) if count >= 1 => Ok(Directive::Unserved),
        _ => Err(Fault::plain(arg, "a number above 0")),
    }
}

/// Takes a number, and asks for one even where the keyword may stand alone.
pub fn cache_size(arg: Option<Text<'_>>) -> Result<Directive, Fault> {
    arg.map_or_else(|| Err(Fault::structure("error", 0, "a number")), a_number)
}

/// `edns-packet-max=<bytes>`: sets the largest TFTP block too.
pub fn edns_packet_max(arg: Text<'_>) -> Result<Directive, Fault> {
    whole(number, arg).map(|size| Directive::EdnsPacketMax(i32::cast_unsigned(size)))
}

/// Takes every value, or none.
pub fn perhaps(_: Option<Text<'_>>) -> Result<Directive, Fault> {
    Ok(Directive::Unserved)
}
