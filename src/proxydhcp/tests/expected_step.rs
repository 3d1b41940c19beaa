//! What a client must do after a reply. A missing step is reported only if it would be visible here.

use super::*;
use crate::boot_monitor::event::{ClientEvent, ExpectedStep};

const EFI: &[u8] = b"\x3c\x09PXEClient\x5d\x02\0\x07";

fn step(text: &str, port: Port, options: &[u8]) -> (ExpectedStep, bool) {
    let bytes = request(1, options);
    let text = format!("enable-tftp\ndhcp-range=10.0.0.0,proxy\n{text}");
    let effects = Scene::new(&text, 2, &bytes).effects(port, DecisionLog::Off);
    let sent = effects.iter().find_map(|effect| match effect {
        Effect::Observe(ClientEvent::ReplySent(sent)) => Some(sent),
        _ => None,
    });
    let sent = sent.unwrap_or_else(|| panic!("{text}: {effects:?}"));
    (sent.next.clone(), sent.boot_file.is_some())
}

#[test]
fn download_is_expected_only_if_this_server_has_the_file() {
    let prompt = "pxe-service=0,One,one";
    for (text, port, options, expected) in [
        (format!("{prompt}\ndhcp-boot=a,,10.0.0.1"), Port::Server, EFI, ExpectedStep::Download),
        (format!("{prompt}\ndhcp-boot=a,,10.0.0.77"), Port::Server, EFI, ExpectedStep::Unknown),
        ("pxe-service=7,One,one".to_owned(), Port::Pxe, EFI, ExpectedStep::Download),
        ("pxe-service=7,One,one,10.0.0.77".to_owned(), Port::Pxe, EFI, ExpectedStep::Unknown),
    ] {
        let (next, _) = step(&text, port, options);
        assert_eq!(next, expected, "{text}");
    }
    let (_, is_here) = step("pxe-service=0,One,one\ndhcp-boot=http://h/x", Port::Server, EFI);
    assert!(!is_here, "a URL is not loaded by TFTP");
}

#[test]
fn menu_with_a_choice_does_not_make_a_download_expected() {
    let boot = "dhcp-boot=a,,10.0.0.1";
    let two = "pxe-service=0,One,one\npxe-service=0,Two,two";
    let local = "pxe-service=0,Disk\npxe-service=0,Two,two\npxe-prompt=Press F8,5";
    let prompted = format!("{two}\npxe-prompt=Press F8,5");
    for (text, expected) in [
        (two, ExpectedStep::Unknown),
        (local, ExpectedStep::Unknown),
        (&prompted, ExpectedStep::ProxyRequest { seconds: 5 }),
        ("pxe-service=0,One,one", ExpectedStep::ProxyRequest { seconds: 0 }),
        ("pxe-service=7,One,one", ExpectedStep::Download),
    ] {
        let (next, _) = step(&format!("{text}\n{boot}"), Port::Server, BIOS);
        assert_eq!(next, expected, "{text}");
    }
}
