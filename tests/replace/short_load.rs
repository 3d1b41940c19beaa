//! Replacements under load, for some seconds. `cargo bench --bench replace` has the long form, with times.

use crate::load::Plan;
use crate::load::clients::ClientLoad;
use crate::prober::Prober;
use crate::scene::{RANGES, ROOT, Scene};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

crate::tests![
    no_transfer_and_no_request_fails_while_the_server_is_replaced_under_load,
    no_request_is_lost_while_sockets_are_replaced_by_others,
];

fn no_transfer_and_no_request_fails_while_the_server_is_replaced_under_load() {
    let Some(scene) = Scene::new() else { return };
    let plan = Plan {
        clients: ClientLoad::STANDARD,
        loss: 20,
        replacements: 8,
        interval: Duration::from_millis(1500),
        probe_interval: Duration::from_millis(10),
    };
    let report = plan.run(&scene);
    report.print();
    let errors = report.errors();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// What waits in a socket that the new process does not need is read from it.
fn no_request_is_lost_while_sockets_are_replaced_by_others() {
    const BINDINGS: [&str; 4] = [
        "interface=eth1\n",
        "interface=eth1\nbind-interfaces\n",
        "",
        "interface=eth0\ninterface=eth1\nbind-dynamic\n",
    ];
    let Some(scene) = Scene::new() else { return };
    let lines =
        |binding: &str| format!("{ROOT}{RANGES}log-facility=/srv/log/dnsmasq.log\n{binding}");
    scene.lab.file("/srv/log/dnsmasq.log", "");
    scene.lab.file("/srv/tftp/small", "");
    scene.configure(&lines(""));
    let mut server = scene.start(&[]);
    let is_over = AtomicBool::new(false);
    let measured = std::thread::scope(|scope| {
        let prober = scene.prober();
        let measured =
            scope.spawn(|| Prober::new(prober).measure(Duration::from_millis(1), &is_over));
        let end = SetOnDrop(&is_over);
        for binding in BINDINGS.iter().cycle().take(40) {
            scene.configure(&lines(binding));
            server = scene.replace(&[]);
        }
        drop(end);
        measured.join().expect("the thread does not panic")
    });
    assert_eq!(measured.error(), Ok(()), "{} buffers were full", scene.full_buffers());
    scene.stop(server);
}

/// Ends the other thread, also after a panic.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
