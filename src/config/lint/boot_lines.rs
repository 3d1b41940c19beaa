//! Findings about single `pxe-service` and `dhcp-boot` lines.

use super::Reasons;
use super::boot_rules::can_be_host_name;
use super::quotes;
use crate::byte_text::to_text;
use crate::finding::Level;
use crate::reason::ConfigReason;
use conf_parser::{Boot, DhcpBoot, PxeService, Server};
use std::net::Ipv4Addr;

/// Names of boot programs without a suffix, which a menu text hardly is.
const PROGRAMS: &[&str] =
    &["pxelinux", "lpxelinux", "gpxelinux", "undionly", "snponly", "syslinux"];
const PROGRAM_SUFFIXES: &[&str] =
    &[".0", ".efi", ".kpxe", ".kkpxe", ".kkkpxe", ".pxe", ".c32", ".n12", ".com", ".bin", ".ipxe"];

/// The findings about a `pxe-service`.
pub fn of_service(service: &PxeService) -> Reasons {
    let keyword = "pxe-service";
    let menu = quotes::in_text(keyword, &service.menu).map(|reason| (Level::Hint, reason));
    let (file, missing) = match &service.boot {
        Boot::File(file) => (quotes::in_text(keyword, file), address_as_file(&service.menu, file)),
        Boot::Type(0) => (None, file_as_menu_text(&service.menu)),
        Boot::Type(_) => (None, None),
    };
    let server = no_host_name(keyword, service.server.as_ref());
    let warnings = file.into_iter().chain(missing).chain(server);
    menu.into_iter().chain(warnings.map(|reason| (Level::Warning, reason))).collect()
}

/// The findings about a `dhcp-boot`.
pub fn of_boot(boot: &DhcpBoot) -> Reasons {
    let keyword = "dhcp-boot";
    let file = quotes::in_text(keyword, &boot.file);
    let server = no_host_name(keyword, boot.server.as_ref());
    let warnings = file.into_iter().chain(server).map(|reason| (Level::Warning, reason));
    let misplaced = server_in_second_field(boot).map(|reason| (Level::Hint, reason));
    warnings.chain(misplaced).collect()
}

/// `pxe-service=x86PC,pxelinux`: the second field is the menu text, and without a third field the item boots the local
/// disk.
fn file_as_menu_text(menu: &[u8]) -> Option<ConfigReason> {
    let text = to_text(menu);
    let lower = text.to_ascii_lowercase();
    let is_file = !text.contains(' ')
        && (text.contains('/')
            || PROGRAMS.contains(&&lower[..])
            || PROGRAM_SUFFIXES.iter().any(|suffix| lower.ends_with(suffix)));
    is_file.then_some(ConfigReason::MenuTextMissing { text })
}

/// `pxe-service=x86PC,pxelinux.0,192.168.1.2`: without a menu text the address is in the place of the file.
fn address_as_file(menu: &[u8], file: &[u8]) -> Option<ConfigReason> {
    let address: Ipv4Addr = to_text(file).parse().ok()?;
    file_as_menu_text(menu)?;
    Some(ConfigReason::AddressAsFile { text: to_text(menu), address })
}

fn no_host_name(keyword: &'static str, server: Option<&Server>) -> Option<ConfigReason> {
    let Some(Server::Name(name)) =
        server.filter(|server| matches!(server, Server::Name(name) if !can_be_host_name(name)))
    else {
        return None;
    };
    let remedy = if name.contains(&b',') { "the line has too many fields" } else { "correct it" };
    Some(ConfigReason::ServerNameInvalid { keyword, name: to_text(name), remedy })
}

/// `dhcp-boot=pxelinux.0,192.168.1.1`: the address of the server is the third field.
fn server_in_second_field(boot: &DhcpBoot) -> Option<ConfigReason> {
    let name = to_text(&boot.server_name);
    let address: Ipv4Addr = name.parse().ok().filter(|_| boot.server.is_none())?;
    Some(ConfigReason::ServerInSecondField { file: to_text(&boot.file), address })
}

#[cfg(test)]
mod tests {
    use crate::config::lint::advice::tests::{check, check_fine, findings};

    #[test]
    fn file_in_the_place_of_the_menu_text_is_a_warning() {
        for text in ["pxelinux", "bootx64.efi", "bios/x"] {
            let finding = format!(
                "warning: pxe-service: {text} is the menu text, and no file follows, so this item boots the local disk: write a menu text before {text}"
            );
            check(&[(&format!("pxe-service=0,{text}"), &finding)]);
        }
        let without_proxy = "port=0\ndhcp-range=10.0.0.1,static\ndhcp-boot=a.0,10.0.0.9";
        assert!(!findings(without_proxy).iter().any(|finding| finding.contains("second field")));
        check(&[(
            "pxe-service=0,pxelinux.0,10.0.0.9",
            "warning: pxe-service: pxelinux.0 is the menu text, and 10.0.0.9 is the file: write a menu text before pxelinux.0",
        )]);
        check_fine(&[
            "pxe-service=0,Local disk",
            "pxe-service=0,Boot,a.0,10.0.0.9",
            "pxe-service=0,Boot,0",
            "pxe-service=0,pxelinux,a",
        ]);
    }

    #[test]
    fn boot_server_in_a_wrong_form_is_reported() {
        check(&[
            (
                "dhcp-boot=a,b,9.9.9.9,x",
                "warning: dhcp-boot: 9.9.9.9,x is neither an IPv4 address nor a host name: the line has too many fields",
            ),
            (
                "pxe-service=0,Net,a,tftp://host",
                "warning: pxe-service: tftp://host is neither an IPv4 address nor a host name: correct it",
            ),
            (
                "dhcp-boot=a.0,10.0.0.9",
                "hint: dhcp-boot: the second field is the name of the server, which a proxyDHCP reply does not contain: write a.0,,10.0.0.9",
            ),
        ]);
        check_fine(&[
            "dhcp-boot=a.0,boot,10.0.0.9",
            "dhcp-boot=a.0,,10.0.0.9",
            "dhcp-boot=a.0,boot",
        ]);
    }
}
