//! Tags: what sets them (docs/dnsmasq/config-language.md, sections 3.8 to 3.11, 3.13, 3.15, 3.17)
//!
//! ```text
//! dhcp-match=[set:]<tag>,<code>|option:<name>|vi-encap:<enterprise>[,<value>]
//! dhcp-vendorclass=[set:]<tag>,[enterprise:<n>,]<text>      dhcp-userclass=[set:]<tag>,<text>
//! dhcp-circuitid, dhcp-remoteid, dhcp-subscrid=[set:]<tag>,<text>|<hex:hex>
//! dhcp-mac=[set:]<tag>,<hardware address>                   dhcp-name-match=[set:]<tag>,<name>[*]
//! tag-if=set:<tag>[,set:<tag>…][,tag:<tag>…]                dhcp-ignore=tag:<tag>[,…]
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::option::dhcp_option::{Encapsulation, Keyword, option};
use crate::option::option_value::Value;
use crate::primitives::{Condition, Hex, bare_conditions, field, hex, parse_all, rest, set_tag};
use nom::combinator::map_opt;
use nom::error::context;

/// A rule that sets `tag` on a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule<M> {
    /// The tag.
    pub tag: Vec<u8>,
    /// What a client must look like.
    pub matcher: M,
}

/// What a `dhcp-match` looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionMatch {
    /// The option of that code. Above 255 it never matches.
    Code(u32, Value),
    /// The items of option 124 (RFC 3925) under that enterprise number.
    Enterprise(u32, Value),
    /// A `DHCPv6` option: never seen here.
    Version6,
}

/// Text that stands anywhere in option 60 or option 77.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassMatch {
    /// In the vendor class.
    Vendor(Vec<u8>),
    /// In the user class.
    User(Vec<u8>),
}

/// A sub-option of option 82 (RFC 3046, RFC 3993), equal in length and bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayMatch {
    /// 1 circuit id, 2 remote id, 6 subscriber id.
    pub suboption: u8,
    /// Its value.
    pub value: Vec<u8>,
}

/// A client's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMatch {
    /// The name, or its beginning.
    pub name: Vec<u8>,
    /// Whether it may go on.
    pub prefix: bool,
}

/// A `tag-if` line: these tags, if all conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagIf {
    /// The tags to set, as written.
    pub set: Vec<Vec<u8>>,
    /// The conditions; one may end in `*`.
    pub conditions: Vec<Condition>,
}

/// Hardware addresses have at most so many bytes (RFC 2131, chaddr).
pub(crate) const MAX_MAC_LEN: usize = 16;

/// Reads the value of a `dhcp-match`.
pub(crate) fn dhcp_match(arg: Input<'_>) -> Result<TagRule<OptionMatch>, ParseError> {
    let option = option(arg, Keyword::Match)?;
    let [condition] = &option.conditions[..] else {
        return Err(ParseError::own("illegal dhcp-match", arg, "one tag and an option"));
    };
    let matcher = match option.encapsulation {
        _ if option.version6 => OptionMatch::Version6,
        Encapsulation::Enterprise(number) => OptionMatch::Enterprise(number, option.value),
        _ => OptionMatch::Code(option.code, option.value),
    };
    Ok(TagRule { tag: condition.tag.clone(), matcher })
}

/// Reads the value of a `dhcp-vendorclass`. An enterprise number is for `DHCPv6` and changes nothing here.
pub(crate) fn dhcp_vendorclass(arg: Input<'_>) -> Result<TagRule<ClassMatch>, ParseError> {
    let (class, tag) = set_tag(arg).map_err(parse_all_fields)?;
    let (first, more) = class.split_comma();
    let text = match first.strip_prefix("enterprise:") {
        Some(_) => more.unwrap_or(first),
        None => parse_all(context("one class", field), class)?,
    };
    let matcher = ClassMatch::Vendor(text.bytes());
    Ok(TagRule { tag, matcher })
}

/// Reads the value of a `dhcp-userclass`.
pub(crate) fn dhcp_userclass(arg: Input<'_>) -> Result<TagRule<ClassMatch>, ParseError> {
    let (tag, class) = parse_all((set_tag, field), arg)?;
    Ok(TagRule { tag, matcher: ClassMatch::User(class.bytes()) })
}

/// Reads the value of a `dhcp-circuitid`.
pub(crate) fn dhcp_circuitid(arg: Input<'_>) -> Result<TagRule<RelayMatch>, ParseError> {
    relay(arg, 1)
}

/// Reads the value of a `dhcp-remoteid`.
pub(crate) fn dhcp_remoteid(arg: Input<'_>) -> Result<TagRule<RelayMatch>, ParseError> {
    relay(arg, 2)
}

/// Reads the value of a `dhcp-subscrid`.
pub(crate) fn dhcp_subscrid(arg: Input<'_>) -> Result<TagRule<RelayMatch>, ParseError> {
    relay(arg, 6)
}

/// Hex only if there is a colon and a digit and nothing else: `0102` is four characters.
fn relay(arg: Input<'_>, suboption: u8) -> Result<TagRule<RelayMatch>, ParseError> {
    let (tag, text) = parse_all((set_tag, field), arg)?;
    let bytes: Vec<u8> = text.structural_bytes().collect();
    let hexadecimal = bytes.iter().all(|&byte| byte == b':' || byte.is_ascii_hexdigit())
        && bytes.contains(&b':')
        && bytes.iter().any(u8::is_ascii_hexdigit);
    let read = if hexadecimal { hex(text, usize::MAX, false) } else { None };
    let value = read.map_or_else(|| text.bytes(), |hex| hex.bytes);
    Ok(TagRule { tag, matcher: RelayMatch { suboption, value } })
}

/// Reads the value of a `dhcp-mac`. Quotes do not matter in the address.
pub(crate) fn dhcp_mac(arg: Input<'_>) -> Result<TagRule<Hex>, ParseError> {
    let unquoted = |text: Input<'_>| hex(Input::new(&text.unquoted()), MAX_MAC_LEN, true);
    let address = context("a hardware address", map_opt(rest, unquoted));
    let (tag, matcher): (_, Hex) = parse_all((set_tag, address), arg)?;
    Ok(TagRule { tag, matcher })
}

/// Reads the value of a `dhcp-name-match`. Everything behind the first comma is the name.
pub(crate) fn dhcp_name_match(arg: Input<'_>) -> Result<TagRule<NameMatch>, ParseError> {
    let named = |text: Input<'_>| (!text.is_empty()).then(|| text.bytes());
    let (tag, mut name) = parse_all((set_tag, context("a name", map_opt(rest, named))), arg)?;
    let prefix = name.pop_if(|byte| *byte == b'*').is_some();
    Ok(TagRule { tag, matcher: NameMatch { name, prefix } })
}

/// Reads the value of a `tag-if`.
pub(crate) fn tag_if(arg: Input<'_>) -> Result<TagIf, ParseError> {
    let mut rule = TagIf { set: Vec::new(), conditions: Vec::new() };
    for field in arg.fields() {
        match (field.strip_prefix("set:"), field.strip_prefix("tag:")) {
            (Some(tag), _) if !tag.is_empty() => rule.set.push(tag.bytes()),
            (_, Some(tag)) if !tag.is_empty() => rule.conditions.push(Condition::new(tag)),
            _ => return Err(ParseError::own("bad tag-if", field, "set:<tag> or tag:<tag>")),
        }
    }
    if rule.set.is_empty() {
        return Err(ParseError::own("bad tag-if", arg, "set:<tag>"));
    }
    Ok(rule)
}

/// Reads the value of a `dhcp-ignore`.
pub(crate) fn dhcp_ignore(arg: Input<'_>) -> Result<Vec<Condition>, ParseError> {
    Ok(bare_conditions(arg))
}

fn parse_all_fields(fault: nom::Err<ParseError>) -> ParseError {
    match fault {
        nom::Err::Error(fault) | nom::Err::Failure(fault) => fault,
        nom::Err::Incomplete(_) => ParseError::plain(Input::new(&[]), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::option::option_value::ValueType;
    use crate::tests::{refused, value};

    #[test]
    fn an_architecture_is_matched_as_two_bytes() {
        let Directive::OptionMatch(rule) = value("dhcp-match=set:efi,option:client-arch,7") else {
            panic!()
        };
        assert_eq!(rule.tag, b"efi");
        assert_eq!(
            rule.matcher,
            OptionMatch::Code(93, Value { bytes: vec![0, 7], value_type: ValueType::Number })
        );
    }

    #[test]
    fn an_option_without_value_asks_for_its_presence() {
        let Directive::OptionMatch(rule) = value("dhcp-match=set:ipxe,175") else { panic!() };
        assert_eq!(rule.matcher, OptionMatch::Code(175, Value::default()));
    }

    #[test]
    fn only_set_is_a_prefix_of_a_class() {
        let Directive::ClassMatch(rule) = value("dhcp-userclass=tag:a,iPXE") else { panic!() };
        assert_eq!(
            (&rule.tag[..], rule.matcher),
            (&b"tag:a"[..], ClassMatch::User(b"iPXE".to_vec()))
        );
        let Directive::ClassMatch(rule) = value("dhcp-vendorclass=set:v,enterprise:343,x") else {
            panic!()
        };
        assert_eq!(rule.matcher, ClassMatch::Vendor(b"x".to_vec()));
    }

    #[test]
    fn hex_and_wildcards_in_hardware_addresses() {
        let Directive::MacMatch(rule) = value(r#"dhcp-mac=set:a,"52:54:0":*:*:*"#) else {
            panic!()
        };
        assert_eq!(
            (&rule.matcher.bytes[..], &rule.matcher.wildcards[..]),
            (&[0x52, 0x54, 0, 0, 0, 0][..], &[3, 4, 5][..])
        );
        let Directive::MacMatch(rule) = value("dhcp-mac=set:a,06-00:11") else { panic!() };
        assert_eq!(
            (rule.matcher.hardware_type, &rule.matcher.bytes[..]),
            (Some(6), &[0, 0x11][..])
        );
    }

    #[test]
    fn relay_text_is_hex_only_with_a_colon() {
        for (line, bytes) in
            [("dhcp-circuitid=set:a,00:04", &[0, 4][..]), ("dhcp-circuitid=set:a,0102", b"0102")]
        {
            let Directive::RelayMatch(rule) = value(line) else { panic!() };
            assert_eq!(rule.matcher.value, bytes, "{line}");
        }
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
        refused(&[
            ("dhcp-match=set:a,client-arch,7", "illegal dhcp-match"),
            ("dhcp-match=set:a", "bad dhcp-option"),
            ("dhcp-match=set:a,encap:175,1", "inappropriate encap:"),
            ("dhcp-match=set:a,option:message-type,1", "dhcp-option too long"),
            ("dhcp-userclass=set:a,iPXE,b", "error"),
            ("dhcp-vendorclass=set:a,x,b", "error"),
            ("dhcp-mac=set:a,5254.0012.3456", "error"),
            ("dhcp-name-match=set:a,", "error"),
            ("tag-if=tag:b", "bad tag-if"),
            ("tag-if=set:a,net:b", "bad tag-if"),
        ]);
    }
}
