//! The counters of `--status`, when the server was replaced.

use super::setup::{Setup, TIMEOUT, daemon, runs, signal, started};
use crate::common::lab::eventually;
use crate::common::{required, subject_is_theirs};
use nix::sys::signal::Signal;
use serde_json::Value;
use std::net::UdpSocket;
use std::time::Duration;

crate::tests![counters_are_those_of_all_processes_and_each_is_counted_once];

/// The document of `--status=json`.
fn state(setup: &Setup) -> Value {
    let ask = || Setup::program(&["--status=json"]).output().expect("it runs");
    let output = setup.lab.host("server").inside(ask);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The first process ends before the second one is replaced. The second one has a transfer that its client does not acknowledge.
fn counters_are_those_of_all_processes_and_each_is_counted_once() {
    if subject_is_theirs() {
        return;
    }
    let Some(setup) = required(Setup::new("")) else { return };
    assert_eq!(setup.background(&[]), started());
    let first = daemon().expect("it has a pid file");
    setup.get("missing").expect_err("it is missing");
    assert_eq!(state(&setup)["has_replaced"], false);
    assert_eq!(setup.background(&["--replace"]), started());
    eventually(4 * TIMEOUT, || (!runs(first)).then_some(())).expect("the first process ends");
    let client = setup.lab.host("client").inside(|| {
        let client = UdpSocket::bind("10.9.0.2:0").expect("it binds");
        client.set_read_timeout(Some(TIMEOUT)).expect("it can be set");
        client.send_to(b"\0\x01small\0octet\0", "10.9.0.1:69").expect("it is sent");
        client
    });
    client.recv(&mut [0; 600]).expect("the first block comes");
    let (second, before) = (daemon().expect("it has a pid file"), state(&setup));
    assert_eq!(before["counters"]["files_not_found"], 1);
    assert_eq!(setup.background(&["--replace"]), started());
    let after = state(&setup);
    assert_eq!(after["earlier"], Value::from(vec![second]));
    assert_eq!((&after["counters"], &after["has_replaced"]), (&before["counters"], &true.into()));
    setup.lab.take_syslog();
    signal(daemon().expect("it has a pid file"), Signal::SIGUSR1);
    let lines = setup.logged(4);
    let ending = "; replaced processes that finish transfers: 1";
    assert!(lines.iter().any(|line| line.ends_with(ending)), "{lines:?}");
    assert_eq!(after["machines"][0]["transfers"][0]["path"], "/srv/tftp/small");
    // After the acknowledgement the second process ends, and the server has its counters.
    client.send_to(b"\0\x04\0\x01", sender(&client)).expect("it is sent");
    let ended = || state(&setup)["earlier"].as_array().is_some_and(Vec::is_empty).then_some(());
    eventually(Duration::from_secs(20), ended).expect("the second process ends");
    let last = state(&setup);
    assert_eq!(last["counters"]["transfers_completed"], 1);
    assert_eq!(last["counters"]["files_not_found"], 1);
}

/// The address from which the block is sent again.
fn sender(client: &UdpSocket) -> std::net::SocketAddr {
    let (_, sender) = client.recv_from(&mut [0; 600]).expect("the block is sent again");
    sender
}
