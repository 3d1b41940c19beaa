//! Replacements under load, for some seconds. `cargo bench --bench replace` has the long form, with times.

use crate::load::Plan;
use crate::load::crowd::Crowd;
use crate::scene::Scene;
use std::time::Duration;

crate::tests![no_transfer_and_no_request_fails_while_the_server_is_replaced_under_load];

fn no_transfer_and_no_request_fails_while_the_server_is_replaced_under_load() {
    let Some(scene) = Scene::new() else { return };
    let crowd = Crowd {
        loaders: 200,
        machine_interval: Duration::from_millis(10),
        pace: Duration::from_millis(50),
    };
    let plan = Plan {
        crowd,
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
