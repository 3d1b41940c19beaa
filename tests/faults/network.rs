//! The server's interface goes, changes and comes back while machines boot; its firewall refuses; its queue is full.

use crate::common::download::Download;
use crate::common::lab::{Host, eventually};
use crate::common::packet::Ears;
use crate::common::required;
use crate::scene::{
    CLIENT, FILE, Moment, PATIENCE, Reader, SERVER, SIZE, Scene, Who, contents, rom,
};
use std::process::Command;
use std::time::Duration;

crate::tests![
    an_interface_goes_down_in_the_middle_of_a_boot,
    an_interface_is_renamed_in_the_middle_of_a_boot,
    an_interface_is_lent_to_another_namespace_in_the_middle_of_a_boot,
    an_address_is_lost_and_found_in_the_middle_of_a_boot,
    an_address_changes_in_the_middle_of_a_boot,
    what_a_firewall_refuses_is_sent_when_it_does_not,
    what_finds_no_room_is_sent_when_there_is,
];

const MOMENTS: [Moment; 2] = [Moment::Told, Moment::Half];
const BINDINGS: [&str; 3] = ["", "bind-dynamic\n", "bind-dynamic\ninterface=eth0\n"];
const ADDRESS: &str = "addr add 10.9.0.1/24 dev eth0";

impl Scene {
    /// While it sends, waits until the kernel finds no way for what it sends.
    fn has_no_way(&self, when: Moment, before: u64) {
        let lost = || (self.counted("Ip:", "OutNoRoutes") > before).then_some(());
        if when == Moment::Half {
            eventually(PATIENCE, lost).expect("what is not acknowledged is sent again");
        }
    }

    /// For each configuration and moment there is the same trouble, which ends with the interface as it was.
    fn with_each(trouble: impl Fn(&Self, Moment)) {
        for binding in BINDINGS {
            let Some(scene) = Self::new(binding) else { return };
            for when in MOMENTS {
                scene.boot_with(when, || trouble(&scene, when));
            }
            scene.lives();
        }
    }
}

fn an_interface_goes_down_in_the_middle_of_a_boot() {
    Scene::with_each(|scene, when| {
        let before = scene.counted("Ip:", "OutNoRoutes");
        scene.server().ip("link set eth0 down");
        scene.has_no_way(when, before);
        scene.server().ip("link set eth0 up");
    });
}

/// As udev does, and as people do who want to know which is which. By its new name it is served where no name is named.
fn an_interface_is_renamed_in_the_middle_of_a_boot() {
    let rename = |server: &Host, from: &str, to: &str| {
        server.ip(&format!("link set {from} down"));
        server.ip(&format!("link set {from} name {to}"));
        server.ip(&format!("link set {to} up"));
    };
    for binding in BINDINGS {
        let Some(scene) = Scene::new(binding) else { return };
        let named = binding.contains("eth0");
        for when in MOMENTS {
            scene.boot_with(when, || {
                rename(scene.server(), "eth0", "lan0");
                if named {
                    rename(scene.server(), "lan0", "eth0");
                }
            });
            if !named {
                rename(scene.server(), "lan0", "eth0");
            }
        }
        scene.lives();
    }
}

/// A container takes it, and gives it back without its address.
fn an_interface_is_lent_to_another_namespace_in_the_middle_of_a_boot() {
    Scene::with_each(|scene, when| {
        let (server, elsewhere) = (scene.server(), scene.lab.host("elsewhere"));
        let before = scene.counted("Ip:", "OutNoRoutes");
        server.hand_over("eth0", elsewhere);
        scene.has_no_way(when, before);
        elsewhere.ip("link set eth0 up");
        elsewhere.hand_over("eth0", server);
        server.ip(ADDRESS);
        server.ip("link set eth0 up");
    });
}

/// It is back before its clients give up.
fn an_address_is_lost_and_found_in_the_middle_of_a_boot() {
    Scene::with_each(|scene, when| {
        let before = scene.counted("Ip:", "OutNoRoutes");
        scene.server().ip("addr del 10.9.0.1/24 dev eth0");
        scene.has_no_way(when, before);
        scene.server().ip(ADDRESS);
    });
}

/// The machine that was about to load asks once more, and is told the new one.
fn an_address_changes_in_the_middle_of_a_boot() {
    const NEW: &str = "10.9.0.7";
    for binding in BINDINGS {
        let Some(scene) = Scene::new(binding) else { return };
        let server = scene.server();
        for when in MOMENTS {
            // It is told the old one, and may have begun to load from there.
            let ears = Ears::new(scene.client());
            let told = rom(&ears).boot().map(|told| told.server.to_string());
            assert_eq!(told, Ok(SERVER.to_owned()));
            let change = |from: &str, to: &str| {
                server.ip(&format!("addr del {from}/24 dev eth0"));
                server.ip(&format!("addr add {to}/24 dev eth0"));
            };
            if when == Moment::Half {
                let reader = Reader::ask(scene.client(), CLIENT, FILE);
                assert_eq!(reader.and_then(|mut reader| reader.step()), Ok(true));
            }
            change(SERVER, NEW);
            scene.boot(Who { address: CLIENT, server: NEW }, Moment::Told, || ());
            change(NEW, SERVER);
        }
        scene.lives();
    }
}

/// A firewall that drops what the server itself sends, or rejects it: for the program, an error each time (`EPERM`).
fn what_a_firewall_refuses_is_sent_when_it_does_not() {
    for verdict in ["drop", "reject"] {
        let Some(scene) = Scene::new("") else { return };
        let server = scene.server();
        let nft = |words: &str| server.run(Command::new("nft").arg(words));
        let refuse = || {
            nft(&format!(
                "add table inet wall\nadd chain inet wall out {{ type filter hook output priority 0; }}\n\
                 add rule inet wall out meta l4proto udp counter {verdict}\n"
            ))
        };
        let refused = || {
            let shown = nft("list table inet wall");
            let count = shown.split("counter packets ").nth(1)?.split(' ').next()?.parse().ok()?;
            Some(count).filter(|count: &u32| *count >= 3)
        };
        // In the middle of a file: what is not acknowledged is sent again.
        scene.boot_with(Moment::Half, || {
            refuse();
            eventually(PATIENCE, refused).expect("it tries again and again");
            nft("delete table inet wall");
        });
        refuse();
        let ears = Ears::new(scene.client());
        assert_eq!(rom(&ears).boot(), Err("no offer".to_owned()));
        // The answer to a request.
        let socket = scene.client().udp("10.9.0.2:0");
        let asks = std::thread::spawn(move || {
            let mut got = Vec::new();
            let usual = Download { file: FILE, ..Download::USUAL };
            usual.by(socket, |block| got.extend_from_slice(block)).map(|()| got)
        });
        eventually(PATIENCE, refused).expect("it tries again and again");
        nft("delete table inet wall");
        assert!(asks.join().expect("no panic") == Ok(contents(SIZE)));
        assert!(scene.has_told("Operation not permitted"), "{:#?}", scene.lab.syslog());
        scene.lives();
    }
}

/// A queue that is shorter than what is sent at once loses of it (`ENOBUFS`, which the kernel keeps to itself); one that takes
/// its time fills the socket (`EAGAIN`).
fn what_finds_no_room_is_sent_when_there_is() {
    let queues = [("rate 50mbit limit 6000", 16), ("rate 3mbit limit 4000000", 64)];
    for (queue, windowsize) in queues {
        let Some(scene) = Scene::new("") else { return };
        let words = format!("qdisc add dev eth0 root tbf burst 3000 {queue}");
        let mut tc = Command::new("tc");
        let made = scene.server().inside(|| tc.args(words.split(' ')).output());
        let made = made.is_ok_and(|output| output.status.success());
        let Some(()) = required(made.then_some(()).ok_or("no tbf in this kernel".to_owned()))
        else {
            return;
        };
        let patience = Duration::from_millis(50);
        let download = Download { file: FILE, windowsize, patience, tries: 200, ..Download::USUAL };
        assert!(download.bytes(scene.client()) == Ok(contents(SIZE)), "{queue}");
        let shown =
            scene.server().run(Command::new("tc").args(["-s", "qdisc", "show", "dev", "eth0"]));
        let (lost, full) =
            (!shown.contains("dropped 0,"), scene.counted("Udp:", "SndbufErrors") > 0);
        assert!(if queue == queues[0].0 { lost } else { full }, "{queue}: there was room: {shown}");
        scene.lives();
    }
}
