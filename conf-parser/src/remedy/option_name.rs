//! The name of a DHCP option in `dhcp-option` and `dhcp-match`.

use super::nearest::nearest;
use crate::error::Remedy;
use crate::input::Input;
use crate::option_names::{OPTIONS, by_name};
use crate::primitives::decimal;

/// The remedy for an option whose name is not known, or has no prefix `option:`.
pub(super) fn remedy(value: Input<'_>) -> Option<Remedy> {
    let name = value.fields().find_map(|field| match field.strip_prefix("option:") {
        Some(name) => unknown(name),
        None => without_prefix(field),
    });
    name.or_else(|| several_numbers(value))
}

/// `dhcp-match=set:efi,93,7,9`
fn several_numbers(value: Input<'_>) -> Option<Remedy> {
    let fields: Vec<Input<'_>> = value.fields().collect();
    let [_, option, _, second, ..] = fields[..] else { return None };
    let is_architecture = option.is("93") || option.is_ignoring_case("option:client-arch");
    let number = |field: &Input<'_>| !field.is_empty() && decimal(*field).is_some();
    (is_architecture && fields[2..].iter().all(number))
        .then(|| Remedy::new(second, "write one dhcp-match line for each number"))
}

fn unknown(name: Input<'_>) -> Option<Remedy> {
    if by_name(name).is_some() {
        return None;
    }
    let word = String::from_utf8(name.bytes()).ok()?;
    let meant = nearest(&word, OPTIONS.iter().map(|option| option.name))?;
    Some(Remedy::new(name, format!("did you mean option:{meant}?")))
}

fn without_prefix(field: Input<'_>) -> Option<Remedy> {
    let known = by_name(field)?;
    Some(Remedy::new(field, format!("write option:{}", known.name)))
}

#[cfg(test)]
mod tests {
    use crate::remedy::tests::{advice, caret};

    #[test]
    fn option_name_without_prefix_is_found() {
        let text = "write option:client-arch".to_owned();
        assert_eq!(caret("dhcp-match=set:efi,client-arch,7"), (19, text));
        let text = "write one dhcp-match line for each number".to_owned();
        assert_eq!(caret("dhcp-match=set:efi,option:client-arch,7,9"), (40, text));
        assert_eq!(advice("dhcp-option=tftp-server,1.2.3.4"), "write option:tftp-server");
    }

    #[test]
    fn similar_option_name_is_proposed() {
        for (line, meant) in [
            ("dhcp-match=set:efi,option:client-architecture,7", "client-arch"),
            ("dhcp-option=option:tftpserver,1.2.3.4", "tftp-server"),
            ("dhcp-option-pxe=option:routers,1.2.3.4", "router"),
        ] {
            assert_eq!(advice(line), format!("did you mean option:{meant}?"), "{line}");
        }
        assert_eq!(advice("dhcp-option=option:nosuch,1"), "expected the name of an option");
    }
}
