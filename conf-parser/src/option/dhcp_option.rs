//! `dhcp-option[-force|-pxe]=[vendor:<text>,|encap:<n>,|vi-encap:<n>,][tag:<tag>,…]<code>[,<value>]`
//! (docs/dnsmasq/config-language.md, section 3.3)
//!
//! `<code>` is a number, `option:<name>` or `option6:<number or name>`. What the value becomes on the wire depends on
//! its shape and on the option it is for; [`value`](super::option_value) does that half.

use crate::error::ParseError;
use crate::input::Input;
use crate::option::option_value::{ExpectedValue, Value, value};
use crate::option_names::{self, Kind, OPTIONS6};
use crate::primitives::{Condition, decimal};

/// A `dhcp-option` line of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpOption {
    /// What it is wrapped in.
    pub encapsulation: Encapsulation,
    /// Which clients it is for.
    pub conditions: Vec<Condition>,
    /// Its number; only the low byte travels in IPv4.
    pub code: u32,
    /// Its value.
    pub value: Value,
    /// Whether it is for `DHCPv6`.
    pub version6: bool,
}

/// What an option is wrapped in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encapsulation {
    /// Nothing.
    #[default]
    Plain,
    /// Option 43, for clients whose vendor class contains the text.
    Vendor(Vec<u8>),
    /// The option of that number.
    Encap(u32),
    /// Option 125 (RFC 3925), under that enterprise number.
    Enterprise(u32),
}

/// Which of the four keywords is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    /// `dhcp-option` and `dhcp-option-force`, which a proxy does not tell apart.
    Option,
    /// `dhcp-option-pxe`.
    Pxe,
    /// `dhcp-match`.
    Match,
}

const EXPECTED: &str = "bad dhcp-option";

/// Reads the value of a `dhcp-option` or `dhcp-option-force`.
pub(crate) fn dhcp_option(arg: Input<'_>) -> Result<DhcpOption, ParseError> {
    option(arg, Keyword::Option)
}

/// Reads the value of a `dhcp-option-pxe`.
pub(crate) fn dhcp_option_pxe(arg: Input<'_>) -> Result<DhcpOption, ParseError> {
    option(arg, Keyword::Pxe)
}

/// Reads an option for any of the keywords. Of a `dhcp-match`, `conditions` holds the tag to set.
pub(crate) fn option(arg: Input<'_>, keyword: Keyword) -> Result<DhcpOption, ParseError> {
    let mut wrapping = Wrapping::default();
    let mut conditions = Vec::new();
    let mut left = arg;
    loop {
        let (field, rest) = left.split_comma();
        if (wrapping.vendor || wrapping.encap) && field.strip_prefix("option6:").is_some() {
            let words = "unsupported encapsulation for IPv6 option";
            return Err(ParseError::own(words, field, "an IPv4 option"));
        }
        if let Some(code) = code(field, keyword)? {
            let lead = wrapping.encapsulation;
            let wrapped = lead != Encapsulation::Plain;
            let wanted = ExpectedValue {
                code: code.number,
                kind: code.kind(wrapped),
                internal: !wrapped && code.internal(),
                version6: code.version6,
            };
            let value = value(rest, wanted, &lead, keyword)?;
            return Ok(DhcpOption {
                encapsulation: lead,
                conditions,
                code: code.number,
                value,
                version6: code.version6,
            });
        }
        if wrapping.takes(field, keyword)? {
            // A match may ask for an enterprise number alone, with or without a value behind it.
            if matches!(wrapping.encapsulation, Encapsulation::Enterprise(_))
                && keyword == Keyword::Match
            {
                let lead = wrapping.encapsulation;
                let wanted =
                    ExpectedValue { code: 0, kind: None, internal: false, version6: false };
                let value = value(rest, wanted, &lead, keyword)?;
                return Ok(DhcpOption {
                    encapsulation: lead,
                    conditions,
                    code: 0,
                    value,
                    version6: false,
                });
            }
        } else {
            conditions.push(condition(field));
        }
        left = rest
            .ok_or_else(|| ParseError::own(EXPECTED, field, "an option number or option:<name>"))?;
    }
}

/// Any word that is nothing else is a tag.
fn condition(field: Input<'_>) -> Condition {
    let prefixes = ["tag:", "net:", "set:"];
    Condition::new(prefixes.iter().find_map(|prefix| field.strip_prefix(prefix)).unwrap_or(field))
}

/// RFC 6926, section 6.1.
const ASSOCIATED_IP: u32 = 92;

/// An option's number, and how it was named.
struct Code {
    number: u32,
    /// The kind of an option that was named, not numbered.
    named: Option<Kind>,
    version6: bool,
}

impl Code {
    fn declared(&self) -> Option<&'static option_names::OptionName> {
        if self.version6 {
            None
        } else {
            u8::try_from(self.number).ok().and_then(option_names::by_code)
        }
    }

    /// The kind its value must have. Wrapped options have it only if they were named.
    fn kind(&self, wrapped: bool) -> Option<Kind> {
        if wrapped {
            self.named
        } else if self.version6 {
            self.named.or_else(|| {
                let known = OPTIONS6.iter().find(|known| u32::from(known.code) == self.number);
                known.map(|known| known.kind)
            })
        } else if self.number == ASSOCIATED_IP {
            // dnsmasq 2.90 has no name for it, and takes anything.
            self.named
        } else {
            self.declared().map(|option| option.kind)
        }
    }

    fn internal(&self) -> bool {
        self.declared().is_some_and(|option| option.internal)
    }
}

/// The code a field is; an empty field is code 0.
fn code(field: Input<'_>, keyword: Keyword) -> Result<Option<Code>, ParseError> {
    let digits = |text: Input<'_>| {
        text.structural_bytes().all(|byte| byte.is_ascii_digit()).then(|| decimal(text)).flatten()
    };
    let number = |text: Input<'_>| digits(text).map(i32::cast_unsigned);
    let unknown = |name: Input<'_>| ParseError::own(EXPECTED, name, "the name of an option");
    if let Some(number) = number(field) {
        return Ok(Some(Code { number, named: None, version6: false }));
    }
    if let Some(name) = field.strip_prefix("option:") {
        let known = option_names::by_name(name)
            .filter(|known| !known.internal || keyword == Keyword::Match);
        let known = known.ok_or_else(|| unknown(name))?;
        return Ok(Some(Code {
            number: known.code.into(),
            named: Some(known.kind),
            version6: false,
        }));
    }
    let Some(name) = field.strip_prefix("option6:") else { return Ok(None) };
    if let Some(number) = number(name) {
        return Ok(Some(Code { number, named: None, version6: true }));
    }
    let known = OPTIONS6
        .iter()
        .find(|known| name.is_ignoring_case(known.name))
        .filter(|known| !known.internal || keyword == Keyword::Match)
        .ok_or_else(|| unknown(name))?;
    Ok(Some(Code { number: known.code.into(), named: Some(known.kind), version6: true }))
}

/// What an option was wrapped in so far. The last wrapping counts, but `vendor:` and `encap:` exclude each other and
/// IPv6 wherever they stand.
#[derive(Default)]
struct Wrapping {
    encapsulation: Encapsulation,
    vendor: bool,
    encap: bool,
}

impl Wrapping {
    /// Takes `vendor:`, `encap:` or `vi-encap:`, if the field is one.
    fn takes(&mut self, field: Input<'_>, keyword: Keyword) -> Result<bool, ParseError> {
        // What follows is not checked: a word counts as 0.
        let number = |text: Input<'_>| decimal(text).map_or(0, i32::cast_unsigned);
        let complain = |words| Err(ParseError::own(words, field, "another kind of option"));
        if let Some(class) = field.strip_prefix("vendor:") {
            match keyword {
                Keyword::Match => return complain("inappropriate vendor:"),
                Keyword::Pxe => {
                    return complain("No vendor-encap options allowed in dhcp-option-pxe");
                }
                Keyword::Option if self.encap => return complain("inappropriate vendor:"),
                Keyword::Option => {}
            }
            self.vendor = true;
            self.encapsulation = Encapsulation::Vendor(class.bytes());
        } else if let Some(code) = field.strip_prefix("encap:") {
            // dnsmasq may crash behind a vendor; the words are those it means to say.
            if keyword == Keyword::Match || self.vendor {
                return complain("inappropriate encap:");
            }
            self.encap = true;
            self.encapsulation = Encapsulation::Encap(number(code));
        } else if let Some(enterprise) = field.strip_prefix("vi-encap:") {
            self.encapsulation = Encapsulation::Enterprise(number(enterprise));
        } else {
            return Ok(false);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{refused, value};

    fn read(line: &str) -> DhcpOption {
        let Directive::DhcpOption(option) = value(line) else { panic!("{line} is no option") };
        option
    }

    #[test]
    fn discovery_control_of_the_wikis_is_one_byte() {
        let option = read("dhcp-option=vendor:PXEClient,6,2b");
        assert_eq!(option.encapsulation, Encapsulation::Vendor(b"PXEClient".to_vec()));
        assert_eq!((option.code, &option.value.bytes[..]), (6, &[2][..]));
    }

    #[test]
    fn every_other_word_is_a_tag() {
        let option = read("dhcp-option=red,tag:!blue,option:Router,10.0.0.1");
        let blue = Condition { tag: b"blue".to_vec(), negated: true };
        assert_eq!(option.conditions, [Condition { tag: b"red".to_vec(), negated: false }, blue]);
        assert_eq!((option.code, &option.value.bytes[..]), (3, &[10, 0, 0, 1][..]));
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
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
