//! Options that set and use tags (docs/dnsmasq/config-language.md, sections 3.8 to 3.11, 3.13, 3.15, 3.17)
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
use crate::option::dhcp_option::option;
use crate::option::value_type::{Encapsulation, OptionKeyword, Value};
use crate::primitives::{
    Condition, FirstGroup, Hex, Parsed, bare_conditions, comma, field, hex, in_field, parse_all,
    refuse, set_tag,
};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{map, map_opt, rest, verify};
use nom::error::context;
use nom::multi::separated_list1;
use nom::sequence::{preceded, terminated};

/// A rule that sets a tag on a client that matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagRule<M> {
    /// The tag to set.
    pub tag: Vec<u8>,
    /// The condition on the client.
    pub matcher: M,
}

/// The condition of a `dhcp-match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionMatch {
    /// The option of this number, and its value. A number above 255 never matches.
    Code(u32, Value),
    /// The data of option 124 (RFC 3925) of this enterprise number.
    Enterprise(u32, Value),
    /// A `DHCPv6` option: it never matches an IPv4 client.
    Version6,
}

/// A text that option 60 or option 77 must contain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClassMatch {
    /// In the vendor class (option 60).
    Vendor(Vec<u8>),
    /// In the user class (option 77).
    User(Vec<u8>),
}

/// A sub-option of option 82 (RFC 3046, RFC 3993) that must have this value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayMatch {
    /// Its number: 1 circuit id, 2 remote id, 6 subscriber id.
    pub suboption: u8,
    /// Its value.
    pub value: Vec<u8>,
}

/// The condition of a `dhcp-name-match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameMatch {
    /// The name of the client, or the start of it.
    pub name: Vec<u8>,
    /// Whether more characters may follow (`*`).
    pub prefix: bool,
}

/// A `tag-if` line: the tags are set if all conditions are met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagIf {
    /// The tags to set.
    pub set: Vec<Vec<u8>>,
    /// The conditions; one may end in `*`.
    pub conditions: Vec<Condition>,
}

/// Length of `chaddr` in bytes (RFC 2131, section 2).
pub(crate) const MAX_MAC_LEN: usize = 16;

/// Reads the value of a `dhcp-match`.
pub(crate) fn dhcp_match(arg: Input<'_>) -> Result<TagRule<OptionMatch>, ParseError> {
    let option = option(arg, OptionKeyword::Match)?;
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

/// Reads the value of a `dhcp-vendorclass`. The enterprise number applies to `DHCPv6` only.
pub(crate) fn dhcp_vendorclass(arg: Input<'_>) -> Result<TagRule<ClassMatch>, ParseError> {
    let enterprise = terminated(preceded(tag("enterprise:"), field), comma);
    let class = alt((preceded(enterprise, rest), field));
    let (tag, class) = parse_all((set_tag, class), arg)?;
    Ok(TagRule { tag, matcher: ClassMatch::Vendor(class.bytes()) })
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

/// Hexadecimal only if it consists of colons and digits and contains both: `0102` is text of four characters.
fn relay(arg: Input<'_>, suboption: u8) -> Result<TagRule<RelayMatch>, ParseError> {
    let (tag, text) = parse_all((set_tag, field), arg)?;
    let bytes: Vec<u8> = text.structural_bytes().collect();
    let hexadecimal = bytes.iter().all(|&byte| byte == b':' || byte.is_ascii_hexdigit())
        && bytes.contains(&b':')
        && bytes.iter().any(u8::is_ascii_hexdigit);
    let read = if hexadecimal { hex(text, usize::MAX, FirstGroup::Bytes) } else { None };
    let value = read.map_or_else(|| text.bytes(), |hex| hex.bytes);
    Ok(TagRule { tag, matcher: RelayMatch { suboption, value } })
}

/// Reads the value of a `dhcp-mac`. Quotes have no effect in the address.
pub(crate) fn dhcp_mac(arg: Input<'_>) -> Result<TagRule<Hex>, ParseError> {
    let unquoted =
        |text: Input<'_>| hex(Input::new(&text.unquoted()), MAX_MAC_LEN, FirstGroup::HardwareType);
    let address = context("a hardware address", map_opt(rest, unquoted));
    let (tag, matcher): (_, Hex) = parse_all((set_tag, address), arg)?;
    Ok(TagRule { tag, matcher })
}

/// Reads the value of a `dhcp-name-match`. The name is everything after the first comma.
pub(crate) fn dhcp_name_match(arg: Input<'_>) -> Result<TagRule<NameMatch>, ParseError> {
    let named = |text: Input<'_>| (!text.is_empty()).then(|| text.bytes());
    let (tag, mut name) = parse_all((set_tag, context("a name", map_opt(rest, named))), arg)?;
    let prefix = name.pop_if(|byte| *byte == b'*').is_some();
    Ok(TagRule { tag, matcher: NameMatch { name, prefix } })
}

/// Reads the value of a `tag-if`.
pub(crate) fn tag_if(arg: Input<'_>) -> Result<TagIf, ParseError> {
    let mut rule = TagIf { set: Vec::new(), conditions: Vec::new() };
    for part in parse_all(separated_list1(comma, in_field(tag_if_part)), arg)? {
        match part {
            TagIfPart::Set(tag) => rule.set.push(tag),
            TagIfPart::Condition(condition) => rule.conditions.push(condition),
        }
    }
    if rule.set.is_empty() {
        return Err(ParseError::own("bad tag-if", arg, "set:<tag>"));
    }
    Ok(rule)
}

/// A field of a `tag-if` line.
enum TagIfPart {
    Set(Vec<u8>),
    Condition(Condition),
}

fn tag_if_part(field: Input<'_>) -> Parsed<'_, TagIfPart> {
    let set = map(preceded(tag("set:"), name), |tag| TagIfPart::Set(tag.bytes()));
    let condition =
        map(preceded(tag("tag:"), name), |tag| TagIfPart::Condition(Condition::new(tag)));
    let other = |field| refuse(ParseError::own("bad tag-if", field, "set:<tag> or tag:<tag>"));
    alt((set, condition, other)).parse(field)
}

fn name(input: Input<'_>) -> Parsed<'_, Input<'_>> {
    verify(rest, |name: &Input<'_>| !name.is_empty()).parse(input)
}

/// Reads the value of a `dhcp-ignore`.
pub(crate) fn dhcp_ignore(arg: Input<'_>) -> Result<Vec<Condition>, ParseError> {
    parse_all(bare_conditions, arg)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::option::value_type::ValueType;
    use crate::tests::{refused, value};

    #[test]
    fn client_arch_is_matched_as_two_bytes() {
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
    fn option_without_value_has_no_value_type() {
        let Directive::OptionMatch(rule) = value("dhcp-match=set:ipxe,175") else { panic!() };
        assert_eq!(rule.matcher, OptionMatch::Code(175, Value::default()));
    }

    #[test]
    fn class_rule_has_no_prefix_but_set() {
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
    fn hardware_address_has_wildcards_and_type() {
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
    fn relay_value_is_hex_only_with_a_colon() {
        for (line, bytes) in
            [("dhcp-circuitid=set:a,00:04", &[0, 4][..]), ("dhcp-circuitid=set:a,0102", b"0102")]
        {
            let Directive::RelayMatch(rule) = value(line) else { panic!() };
            assert_eq!(rule.matcher.value, bytes, "{line}");
        }
    }

    #[test]
    fn faulty_rules_have_the_message_of_dnsmasq() {
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
