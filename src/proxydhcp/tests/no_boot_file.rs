//! Clients that request a boot file and get none.

use super::*;
use crate::boot_monitor::event::ClientEvent;

const ARM: &[u8] = b"\x3c\x09PXEClient\x5d\x02\0\x0b";
const HTTP: &[u8] = b"\x3c\x0aHTTPClient\x5d\x02\0\x10";
const DHCP_ONLY: &[u8] = b"\x3c\x05MSFT5";

/// The sentence about the client, if a notice is due.
fn sentence(text: &str, port: Port, interface: u32, bytes: &[u8]) -> Option<String> {
    let scene = Scene::new(text, interface, bytes);
    let event = scene.effects(port, DecisionLog::Off).pop()?;
    match event {
        Effect::Observe(ClientEvent::NoBootFile { reason, .. }) => Some(reason.to_string()),
        _ => None,
    }
}

#[test]
fn client_without_a_boot_file_is_reported_with_the_reason() {
    let no_boot = "dhcp-range=10.0.0.0,proxy\npxe-service=0,One,one\npxe-service=tag:x,11,Two,two";
    let empty = "got a reply without a boot file: no pxe-service and no dhcp-boot applies to it, architecture 11 \
                 (ARM64_EFI); pxe-service c:2 is for architecture 0 (x86PC); pxe-service c:3 requires the tag x, \
                 which is not set";
    let http = "requested a boot file and got no reply: it is a client of UEFI HTTP Boot, for which \
                dhcp-pxe-vendor=PXEClient,HTTPClient is missing";
    let elsewhere = "requested a boot file and got no reply: no dhcp-range is for a request via eth1; dhcp-range c:2 \
                     is for the network of 10.0.0.0";
    let not_served =
        "requested a boot file and got no reply: eth1 is not among the interfaces we listen on";
    let no_architecture =
        "requested a boot file and got no reply: it has no client architecture (option 93)";
    let only_eth0 = format!("{MENU}\ninterface=eth0");
    for (text, port, interface, options, expected) in [
        (no_boot, Port::Server, 2, ARM, empty),
        (no_boot, Port::Pxe, 2, ARM, empty),
        (MENU, Port::Server, 3, BIOS, elsewhere),
        (&only_eth0, Port::Server, 3, BIOS, not_served),
        (MENU, Port::Server, 2, HTTP, http),
        (MENU, Port::Server, 2, PXE, no_architecture),
    ] {
        let found = sentence(text, port, interface, &request(1, options));
        assert!(found.as_deref().is_some_and(|found| found.starts_with(expected)), "{found:?}");
    }
}

#[test]
fn ipxe_without_a_boot_file_may_have_an_embedded_script() {
    let text = "dhcp-range=10.0.0.0,proxy\npxe-service=tag:!x,0,One,one\ndhcp-userclass=set:x,iPXE";
    let ipxe = [BIOS, b"\x4d\x04iPXE"].concat();
    let found = sentence(text, Port::Server, 2, &request(1, &ipxe)).expect("a notice");
    assert!(found.contains("only an embedded script of iPXE can continue the boot"), "{found}");
    assert!(found.ends_with("pxe-service c:2 is for clients without the tag x"), "{found}");
}

#[test]
fn client_that_requests_no_boot_file_or_gets_one_is_not_reported() {
    let ignored = format!("{MENU}\ndhcp-ignore=tag:eth0");
    let excepted = format!("{MENU}\nexcept-interface=eth0");
    let menu_on_pxe_port =
        "dhcp-range=10.0.0.0,proxy\npxe-service=7,One,one\npxe-service=7,Two,two";
    let efi: &[u8] = b"\x3c\x09PXEClient\x5d\x02\0\x07";
    for (text, port, message_type, options) in [
        (MENU, Port::Server, 1, BIOS),
        (MENU, Port::Server, 1, efi),
        (menu_on_pxe_port, Port::Server, 1, efi),
        (menu_on_pxe_port, Port::Pxe, 3, efi),
        (MENU, Port::Server, 1, DHCP_ONLY),
        (MENU, Port::Server, 3, PXE),
        (MENU, Port::Server, 3, HTTP),
        (MENU, Port::Server, 8, BIOS),
        (&ignored, Port::Server, 1, BIOS),
        (&excepted, Port::Server, 1, BIOS),
    ] {
        let found = sentence(text, port, 2, &request(message_type, options));
        assert_eq!(found, None, "{text} {port:?} {message_type} {options:?}");
    }
}

#[test]
fn reason_is_not_searched_for_while_no_notice_is_due() {
    let bytes = request(1, HTTP);
    let scene = Scene::new(MENU, 2, &bytes);
    let mut names = ServerNames::default();
    let context =
        Context { config: &scene.config, interfaces: &scene.interfaces, names: &mut names };
    let (mut asked, mut effects) = (0, Vec::new());
    let is_due = |_| {
        asked += 1;
        false
    };
    let (port, log) = (Port::Server, DecisionLog::Off);
    handle_datagram(context, port, &scene.datagram, log, is_due, &mut effects);
    assert_eq!((asked, effects.len()), (1, 0));
}
