//! The client architecture of a `pxe-service`.

use super::nearest::nearest;
use crate::error::{ParseError, Remedy};
use crate::input::Input;
use crate::option::pxe::ARCHITECTURES;

/// Usual words that dnsmasq does not have, and the architecture that they may mean.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("aarch64", "ARM64_EFI"),
    ("amd64", "x86-64_EFI"),
    ("arm", "ARM32_EFI"),
    ("arm32", "ARM32_EFI"),
    ("arm64", "ARM64_EFI"),
    ("arm64_uefi", "ARM64_EFI"),
    ("bios", "x86PC"),
    ("ebc", "BC_EFI"),
    ("efi", "x86-64_EFI"),
    ("efi32", "IA32_EFI"),
    ("efi64", "x86-64_EFI"),
    ("i386", "x86PC"),
    ("ia32", "IA32_EFI"),
    ("legacy", "x86PC"),
    ("pc", "x86PC"),
    ("pcbios", "x86PC"),
    ("uefi", "x86-64_EFI"),
    ("uefi32", "IA32_EFI"),
    ("uefi64", "x86-64_EFI"),
    ("x64", "x86-64_EFI"),
    ("x64_efi", "x86-64_EFI"),
    ("x64_uefi", "x86-64_EFI"),
    ("x86", "x86PC"),
    ("x86_64", "x86-64_EFI"),
    ("x86-64", "x86-64_EFI"),
    ("x86_64-uefi", "x86-64_EFI"),
    ("x86-64_uefi", "x86-64_EFI"),
];

/// The names that are used today.
const USUAL: &str =
    "a client architecture: x86PC (BIOS), x86-64_EFI, BC_EFI, ARM64_EFI, IA32_EFI or a number";

/// The remedy for a client architecture that is not known, or stands alone.
pub(super) fn remedy(value: Input<'_>, error: &ParseError) -> Option<Remedy> {
    let tagged = |field: &Input<'_>| {
        field.strip_prefix("tag:").or_else(|| field.strip_prefix("net:")).is_some()
    };
    let field = value.fields().find(|field| !tagged(field))?;
    if field.column() != error.column {
        return None;
    }
    let text = missing_comma(field).or_else(|| other_form(field)).unwrap_or_else(|| unknown(field));
    Some(Remedy::new(field, text))
}

fn unknown(field: Input<'_>) -> String {
    match similar(field) {
        Some(meant) => format!("did you mean {meant}? expected {USUAL}"),
        None => format!("expected {USUAL}"),
    }
}

fn similar(field: Input<'_>) -> Option<&'static str> {
    let word = String::from_utf8(field.bytes()).ok()?;
    let other = OTHER_NAMES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name));
    other.map(|(_, meant)| *meant).or_else(|| nearest(&word, ARCHITECTURES.iter().copied()))
}

/// A known name in quotes, or a number in hexadecimal.
fn other_form(field: Input<'_>) -> Option<String> {
    let word = String::from_utf8(field.bytes()).ok()?;
    if let Some(name) = ARCHITECTURES.iter().find(|name| word.eq_ignore_ascii_case(name)) {
        return Some(format!("write the name without quotation marks: {name}"));
    }
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"))?;
    let number = u16::from_str_radix(digits, 16).ok()?;
    Some(format!("write the number in decimal: {number}"))
}

fn missing_comma(field: Input<'_>) -> Option<String> {
    let (first, _) = field.split_once(b' ').or_else(|| field.split_once(b';'))?;
    let name = ARCHITECTURES.iter().find(|name| first.is_ignoring_case(name))?;
    Some(format!("write a comma after {name}"))
}

#[cfg(test)]
mod tests {
    use super::USUAL;
    use crate::remedy::tests::{advice, caret};

    #[test]
    fn unknown_architecture_lists_the_usual_names_and_the_nearest() {
        for (name, meant) in [
            ("BIOS", "x86PC"),
            ("x86PCx", "x86PC"),
            ("UEFI", "x86-64_EFI"),
            ("x86_64_EFI", "x86-64_EFI"),
            ("x86-64-EFI", "x86-64_EFI"),
            ("X86-64_EFI64", "x86-64_EFI"),
            ("ARM64-EFI", "ARM64_EFI"),
            ("BC_EF", "BC_EFI"),
        ] {
            let (column, text) = caret(&format!("pxe-service=tag:a,{name},Menu,file"));
            assert_eq!(text, format!("did you mean {meant}? expected {USUAL}"), "{name}");
            assert_eq!(column, 18);
        }
        assert_eq!(advice("pxe-service=Menu,file"), format!("expected {USUAL}"));
    }

    #[test]
    fn other_forms_of_a_known_architecture_have_a_remedy() {
        for (value, remedy) in [
            (r#""x86PC",Menu"#, "write the name without quotation marks: x86PC"),
            ("0x07,Menu", "write the number in decimal: 7"),
            ("x86PC Menu,file", "write a comma after x86PC"),
            ("x86PC;Menu;file", "write a comma after x86PC"),
        ] {
            assert_eq!(advice(&format!("pxe-service={value}")), remedy, "{value}");
        }
    }

    #[test]
    fn architecture_without_menu_text_gives_the_syntax() {
        let text = "something is missing: the syntax is pxe-service=[tag:<tag>,...]<CSA>,<text>[,<file>|<type>[,<server>]]";
        assert_eq!(caret("pxe-service=x86PC"), (17, text.to_owned()));
    }
}
