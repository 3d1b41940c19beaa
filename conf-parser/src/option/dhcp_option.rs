//! `dhcp-option[-force|-pxe]=[vendor:<text>,|encap:<n>,|vi-encap:<n>,][tag:<tag>,…]<code>[,<value>]`
//! (docs/dnsmasq/config-language.md, section 3.3)
//!
//! `<code>` is a number, `option:<name>` or `option6:<number or name>`. The bytes of the value depend on its
//! syntax and on the option; `option_value` reads it.

use crate::error::ParseError;
use crate::input::Input;
use crate::option::option_value::value;
use crate::option::value_type::{Encapsulation, ExpectedValue, OptionKeyword, Value};
use crate::option_names::{self, Kind, OPTIONS6, OptionName};
use crate::primitives::{Condition, Parsed, comma, decimal, field, in_field, parse_all, refuse};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{map, map_opt, opt, rest, verify};
use nom::sequence::preceded;

/// A `dhcp-option` line of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpOption {
    /// The option that it is encapsulated in.
    pub encapsulation: Encapsulation,
    /// The clients that get the option.
    pub conditions: Vec<Condition>,
    /// The number of the option; in IPv4 only the low byte is sent.
    pub code: u32,
    /// The value of the option.
    pub value: Value,
    /// Whether it is a `DHCPv6` option.
    pub version6: bool,
}

const MESSAGE: &str = "bad dhcp-option";

/// Reads the value of a `dhcp-option` or `dhcp-option-force`.
pub(crate) fn dhcp_option(arg: Input<'_>) -> Result<DhcpOption, ParseError> {
    option(arg, OptionKeyword::Option)
}

/// Reads the value of a `dhcp-option-pxe`.
pub(crate) fn dhcp_option_pxe(arg: Input<'_>) -> Result<DhcpOption, ParseError> {
    option(arg, OptionKeyword::Pxe)
}

/// Reads an option for any of the keywords. Of a `dhcp-match`, `conditions` contains the tag to set.
pub(crate) fn option(arg: Input<'_>, keyword: OptionKeyword) -> Result<DhcpOption, ParseError> {
    parse_all(|input| OptionLine::new(keyword).read(input), arg)
}

/// A field before the value.
enum Part<'a> {
    Code(Code),
    /// The text after `vendor:`.
    Vendor(Input<'a>),
    /// The text after `encap:`.
    Encap(Input<'a>),
    /// The text after `vi-encap:`.
    Enterprise(Input<'a>),
    Condition(Condition),
}

fn part(field: Input<'_>, keyword: OptionKeyword) -> Parsed<'_, Part<'_>> {
    alt((
        map(|field| code(field, keyword), Part::Code),
        map(preceded(tag("vendor:"), rest), Part::Vendor),
        map(preceded(tag("encap:"), rest), Part::Encap),
        map(preceded(tag("vi-encap:"), rest), Part::Enterprise),
        map(condition, Part::Condition),
    ))
    .parse(field)
}

/// Any other word is a tag; its prefix may be missing.
fn condition(field: Input<'_>) -> Parsed<'_, Condition> {
    let prefix = opt(alt((tag("tag:"), tag("net:"), tag("set:"))));
    map(preceded(prefix, rest), Condition::new).parse(field)
}

/// RFC 6926, section 6.1.
const ASSOCIATED_IP: u32 = 92;

/// The number of an option.
#[derive(Clone, Copy, Default)]
struct Code {
    number: u32,
    /// The kind of value, if the line gives the name of the option.
    named: Option<Kind>,
    version6: bool,
}

impl Code {
    fn declared(self) -> Option<&'static OptionName> {
        if self.version6 {
            None
        } else {
            u8::try_from(self.number).ok().and_then(option_names::by_code)
        }
    }

    /// The kind that the value must have. An encapsulated option has one only if the line gives its name.
    fn kind(self, encapsulated: bool) -> Option<Kind> {
        if encapsulated {
            self.named
        } else if self.version6 {
            self.named.or_else(|| {
                let known = OPTIONS6.iter().find(|known| u32::from(known.code) == self.number);
                known.map(|known| known.kind)
            })
        } else if self.number == ASSOCIATED_IP {
            // dnsmasq 2.90 has no name for it, and accepts any value.
            self.named
        } else {
            self.declared().map(|option| option.kind)
        }
    }

    fn internal(self) -> bool {
        self.declared().is_some_and(|option| option.internal)
    }
}

/// `<number>`, `option:<name>` or `option6:<number or name>`; an empty field is number 0.
fn code(field: Input<'_>, keyword: OptionKeyword) -> Parsed<'_, Code> {
    let named = |input| name(input, keyword, option_names::by_name);
    let named6 = |input| name(input, keyword, by_name6);
    alt((
        map(number, numbered),
        preceded(tag("option:"), named),
        map(preceded(tag("option6:"), alt((map(number, numbered), named6))), |code| Code {
            version6: true,
            ..code
        }),
    ))
    .parse(field)
}

fn numbered(number: u32) -> Code {
    Code { number, ..Code::default() }
}

/// Digits that are not quoted.
fn number(field: Input<'_>) -> Parsed<'_, u32> {
    let digits =
        verify(rest, |text: &Input<'_>| text.structural_bytes().all(|byte| byte.is_ascii_digit()));
    map(map_opt(digits, decimal), i32::cast_unsigned).parse(field)
}

/// The name of an option. A name that the server sets itself can be matched, and not sent.
fn name(
    field: Input<'_>,
    keyword: OptionKeyword,
    find: fn(Input<'_>) -> Option<&'static OptionName>,
) -> Parsed<'_, Code> {
    let (end, name) = rest(field)?;
    let usable = |known: &&OptionName| !known.internal || keyword == OptionKeyword::Match;
    match find(name).filter(usable) {
        Some(known) => {
            let code = Code { number: known.code.into(), named: Some(known.kind), version6: false };
            Ok((end, code))
        }
        None => refuse(ParseError::own(MESSAGE, name, "the name of an option")),
    }
}

fn by_name6(name: Input<'_>) -> Option<&'static OptionName> {
    OPTIONS6.iter().find(|known| name.is_ignoring_case(known.name))
}

/// An option while its line is read. The last encapsulation is used, but `vendor:` and `encap:` exclude each other and
/// `DHCPv6`, whatever their order.
struct OptionLine {
    keyword: OptionKeyword,
    encapsulation: Encapsulation,
    has_vendor: bool,
    has_encap: bool,
    conditions: Vec<Condition>,
}

impl OptionLine {
    fn new(keyword: OptionKeyword) -> Self {
        Self {
            keyword,
            encapsulation: Encapsulation::default(),
            has_vendor: false,
            has_encap: false,
            conditions: Vec::new(),
        }
    }

    fn read(mut self, input: Input<'_>) -> Parsed<'_, DhcpOption> {
        let mut left = input;
        loop {
            let (_, text) = field(left)?;
            if (self.has_vendor || self.has_encap) && text.strip_prefix("option6:").is_some() {
                let message = "unsupported encapsulation for IPv6 option";
                return refuse(ParseError::own(message, text, "an IPv4 option"));
            }
            let (next, part) = in_field(|field| part(field, self.keyword)).parse(left)?;
            if let Some(code) = self.take(part, text)? {
                return self.value(code, next);
            }
            let Ok((fields, ())) = comma(next) else {
                let expected = "an option number or option:<name>";
                return refuse(ParseError::own(MESSAGE, text, expected));
            };
            left = fields;
        }
    }

    /// Takes a field, and returns the code if the value comes next.
    fn take(
        &mut self,
        part: Part<'_>,
        field: Input<'_>,
    ) -> Result<Option<Code>, nom::Err<ParseError>> {
        // dnsmasq does not check these numbers: anything else is 0.
        let number = |text: Input<'_>| decimal(text).map_or(0, i32::cast_unsigned);
        match part {
            Part::Code(code) => return Ok(Some(code)),
            Part::Condition(condition) => self.conditions.push(condition),
            Part::Vendor(class) => {
                self.check_vendor(field)?;
                self.has_vendor = true;
                self.encapsulation = Encapsulation::Vendor(class.bytes());
            }
            Part::Encap(code) => {
                // dnsmasq may crash on `encap:` after `vendor:`; the message is the one of the other order.
                if self.keyword == OptionKeyword::Match || self.has_vendor {
                    return inappropriate("inappropriate encap:", field);
                }
                self.has_encap = true;
                self.encapsulation = Encapsulation::Encap(number(code));
            }
            Part::Enterprise(enterprise) => {
                self.encapsulation = Encapsulation::Enterprise(number(enterprise));
                // A match may name an enterprise number only, with or without a value.
                if self.keyword == OptionKeyword::Match {
                    return Ok(Some(Code::default()));
                }
            }
        }
        Ok(None)
    }

    fn check_vendor(&self, field: Input<'_>) -> Result<(), nom::Err<ParseError>> {
        match self.keyword {
            OptionKeyword::Pxe => {
                inappropriate("No vendor-encap options allowed in dhcp-option-pxe", field)
            }
            OptionKeyword::Option if !self.has_encap => Ok(()),
            OptionKeyword::Option | OptionKeyword::Match => {
                inappropriate("inappropriate vendor:", field)
            }
        }
    }

    fn value(self, code: Code, input: Input<'_>) -> Parsed<'_, DhcpOption> {
        let (end, text) = opt(preceded(comma, rest)).parse(input)?;
        let encapsulated = self.encapsulation != Encapsulation::Plain;
        let expected = ExpectedValue {
            code: code.number,
            kind: code.kind(encapsulated),
            internal: !encapsulated && code.internal(),
            version6: code.version6,
        };
        match value(text, expected, &self.encapsulation, self.keyword) {
            Ok(value) => Ok((
                end,
                DhcpOption {
                    encapsulation: self.encapsulation,
                    conditions: self.conditions,
                    code: code.number,
                    value,
                    version6: code.version6,
                },
            )),
            Err(error) => refuse(error),
        }
    }
}

fn inappropriate<T>(message: &'static str, field: Input<'_>) -> Result<T, nom::Err<ParseError>> {
    refuse(ParseError::own(message, field, "another kind of option"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{refused, value};

    fn read(line: &str) -> DhcpOption {
        let Directive::DhcpOption(option) = value(line) else {
            panic!("{line} is not read as dhcp-option")
        };
        option
    }

    #[test]
    fn discovery_control_value_with_size_suffix_is_one_byte() {
        let option = read("dhcp-option=vendor:PXEClient,6,2b");
        assert_eq!(option.encapsulation, Encapsulation::Vendor(b"PXEClient".to_vec()));
        assert_eq!((option.code, &option.value.bytes[..]), (6, &[2][..]));
    }

    #[test]
    fn word_without_meaning_is_a_tag() {
        let option = read("dhcp-option=red,tag:!blue,option:Router,10.0.0.1");
        let blue = Condition { tag: b"blue".to_vec(), negated: true };
        assert_eq!(option.conditions, [Condition { tag: b"red".to_vec(), negated: false }, blue]);
        assert_eq!((option.code, &option.value.bytes[..]), (3, &[10, 0, 0, 1][..]));
    }

    #[test]
    fn faulty_options_have_the_message_of_dnsmasq() {
        refused(&[
            ("dhcp-option=tag:red", "bad dhcp-option"),
            ("dhcp-option=option:nosuch,1", "bad dhcp-option"),
            ("dhcp-option=option:hostname,x", "bad dhcp-option"),
            (r#"dhcp-option="3",x"#, "bad dhcp-option"),
            ("dhcp-option=encap:1,vendor:x,1", "inappropriate vendor:"),
            ("dhcp-option=vendor:x,encap:1,1", "inappropriate encap:"),
            ("dhcp-option=vendor:,vi-encap:,encap:,", "inappropriate encap:"),
            (
                "dhcp-option=encap:1,vi-encap:1,option6:nosuch",
                "unsupported encapsulation for IPv6 option",
            ),
            ("dhcp-option=vendor:x,option6:23,[::]", "unsupported encapsulation for IPv6 option"),
            ("dhcp-option-pxe=vendor:x,1", "No vendor-encap options allowed in dhcp-option-pxe"),
        ]);
    }
}
