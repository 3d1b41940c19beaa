//! User, group, files and log of the process (docs/dnsmasq/config-language.md, sections 3.29, 3.30)
//!
//! ```text
//! user[=<name>]   group[=<name>]   pid-file[=<path>]   dhcp-script=<path>   dhcp-scriptuser=<name>
//! dhcp-leasefile[=<path>]          dhcp-lease-max=<number>              dhcp-broadcast[=tag:<tag>...]
//! log-facility=<facility>|<path>|-          log-async[=<lines>]
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{Parsed, number, parse_all, refuse};
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{all_consuming, map, rest, value, verify};

/// The target of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTo {
    /// The system log; the number of the facility (RFC 3164, section 4.1.1).
    Facility(u8),
    /// Standard error.
    Stderr,
    /// A file of this path.
    File(Vec<u8>),
}

/// Names of syslog facilities and their numbers; `security` is the old name of `auth`.
#[rustfmt::skip]
pub const FACILITIES: &[(&str, u8)] = &[
    ("auth", 4), ("authpriv", 10), ("cron", 9), ("daemon", 3), ("ftp", 11), ("kern", 0), ("lpr", 6), ("mail", 2),
    ("mark", 24), ("news", 7), ("security", 4), ("syslog", 5), ("user", 1), ("uucp", 8),
    ("local0", 16), ("local1", 17), ("local2", 18), ("local3", 19),
    ("local4", 20), ("local5", 21), ("local6", 22), ("local7", 23),
];

/// In lines.
const DEFAULT_LOG_QUEUE: u32 = 5;
/// In lines.
const MAX_LOG_QUEUE: u32 = 100;

/// Reads the value of a `log-facility`.
pub(crate) fn log_facility(arg: Input<'_>) -> Result<LogTo, ParseError> {
    let stderr = value(LogTo::Stderr, all_consuming(tag("-")));
    let path = verify(rest, |path: &Input<'_>| path.contains(b'/'));
    let file = map(path, |path: Input<'_>| LogTo::File(path.bytes()));
    parse_all(alt((stderr, file, facility)), arg)
}

fn facility(arg: Input<'_>) -> Parsed<'_, LogTo> {
    let (end, name) = rest(arg)?;
    match FACILITIES.iter().find(|(known, _)| name.is_ignoring_case(known)) {
        Some((_, code)) => Ok((end, LogTo::Facility(*code))),
        None => refuse(ParseError::own("bad log facility", arg, "a facility, a path or -")),
    }
}

/// Reads the value of a `log-async`: the length of the queue in lines. 0 or an empty value is no queue.
pub(crate) fn log_async(arg: Option<Input<'_>>) -> Result<u32, ParseError> {
    let queue = match arg {
        None => DEFAULT_LOG_QUEUE,
        Some(arg) if arg.is_empty() => 0,
        Some(arg) => u32::try_from(parse_all(number, arg)?)
            .map_err(|_| ParseError::plain(arg, "a number of lines"))?,
    };
    Ok(queue.min(MAX_LOG_QUEUE))
}

/// A name or a path that may be absent. An empty value is the same as none.
pub(crate) fn optional_text(arg: Option<Input<'_>>) -> Option<Vec<u8>> {
    arg.map(Input::bytes).filter(|value| !value.is_empty())
}

/// Reads the value of a `dhcp-lease-max`.
pub(crate) fn dhcp_lease_max(arg: Input<'_>) -> Result<u32, ParseError> {
    parse_all(number, arg).map(i32::cast_unsigned)
}

/// Refuses a `dhcp-luascript`, as a dnsmasq that is built without Lua does.
pub(crate) fn dhcp_luascript(arg: Input<'_>) -> Result<(), ParseError> {
    Err(ParseError::own(
        "recompile with HAVE_LUASCRIPT defined to enable Lua scripts",
        arg,
        "dhcp-script instead",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{complaint, value};

    #[test]
    fn log_facility_is_a_facility_a_path_or_a_dash() {
        assert_eq!(value("log-facility=LOCAL0"), Directive::LogFacility(LogTo::Facility(16)));
        assert_eq!(value("log-facility=a/b"), Directive::LogFacility(LogTo::File(b"a/b".to_vec())));
        assert_eq!(value("log-facility=-"), Directive::LogFacility(LogTo::Stderr));
        for line in ["log-facility=", "log-facility=local9", r#"log-facility="local0""#] {
            assert_eq!(complaint(line), "bad log facility", "{line}");
        }
    }

    #[test]
    fn log_queue_is_limited_to_100_lines() {
        assert_eq!(value("log-async"), Directive::LogAsync(5));
        assert_eq!(value("log-async=99999"), Directive::LogAsync(100));
        assert_eq!(value("log-async="), Directive::LogAsync(0));
        assert_eq!(complaint("log-async=-1"), "error");
    }

    #[test]
    fn empty_name_or_path_is_none() {
        assert_eq!(value("user="), Directive::User(None));
        assert_eq!(value("pid-file"), Directive::PidFile(None));
    }
}
