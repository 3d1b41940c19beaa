//! The service types of systemd, with a stand-in ([`crate::manager`]).

use crate::common::lab::eventually;
use crate::common::required;
use crate::machine::{MAX_LEAVING, Machine, Transfer};
use crate::manager::{Service, State, Type, end_of};
use crate::setup::{CONFIG, RANGE, TIMEOUT, runs, signal, status};
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use std::fs;
use std::time::Duration;

crate::tests![
    reload_makes_the_new_process_the_main_process,
    reload_with_wrong_configuration_fails_and_the_same_process_serves,
    reload_during_transfers_lets_them_finish,
    five_reloads_with_transfers_of_all_processes_succeed,
    stop_ends_the_processes_of_all_reloads,
    sighup_reloads_files_of_a_replaced_service,
    end_of_the_new_main_process_ends_the_service,
    replacement_from_another_control_group_keeps_the_main_process,
    reload_after_a_replacement_from_another_control_group_succeeds,
    forking_service_is_replaced_by_its_pid_file,
    forking_service_waits_for_a_server_in_another_control_group,
    exec_service_waits_for_the_server_that_has_replaced_it,
];

/// A stop of a service whose clients are silent lasts at most this long.
const MAX_STOP: Duration = Duration::from_secs(2);

fn machine() -> Option<Machine> {
    required(Machine::new(RANGE))
}

fn service<'m>(machine: &'m Machine, kind: Type, words: &[&str]) -> Option<Service<'m>> {
    let mut service = required(Service::start(machine, kind, words))?;
    assert_eq!(service.refused, [""; 0]);
    service.take_accepted();
    Some(service)
}

fn notify(machine: &Machine) -> Option<Service<'_>> {
    service(machine, Type::Notify, &["-k"])
}

fn succeeded() -> (Option<i32>, String) {
    (Some(0), String::new())
}

/// Reloads, and asserts that the service has a new main process, the only one of the service without transfers.
fn reload(machine: &Machine, service: &mut Service<'_>) -> u32 {
    let old = service.main;
    assert_eq!(service.reload(), succeeded());
    assert_ne!(service.main, old, "{:?}", service.refused);
    let new = machine.daemon();
    service.expect_main(new);
    new
}

fn reload_makes_the_new_process_the_main_process() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = notify(&machine) else { return };
    let old = service.main;
    machine.configure("tftp-no-blocksize");
    let new = reload(&machine, &mut service);
    let main = format!("MAINPID={new}");
    let accepted = service.take_accepted();
    assert_eq!(accepted[..2], ["RELOADING=1".to_owned(), main.clone()]);
    assert!(accepted.contains(&"READY=1".to_owned()), "{accepted:?}");
    assert!(accepted[2..].iter().all(|line| *line == main || line == "READY=1"), "{accepted:?}");
    assert_eq!(service.refused, [""; 0]);
    machine.expect_service();
    machine.expect_servers(&[new]);
    assert!(!runs(old));
    assert!(service.stop() < MAX_STOP);
    assert_eq!(
        service.ended,
        Some(WaitStatus::Exited(nix::unistd::Pid::from_raw(new.cast_signed()), 0))
    );
    assert_eq!(service.take_accepted(), ["STOPPING=1"]);
    machine.expect_end();
}

fn reload_with_wrong_configuration_fails_and_the_same_process_serves() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = notify(&machine) else { return };
    let old = service.main;
    let right = fs::read_to_string(CONFIG).expect("it exists");
    for (line, code, message) in [
        ("nonsense", 1, "bad option at line 6 of /srv/dnsmasq.conf"),
        (
            "tftp-root=/srv/none",
            3,
            "TFTP directory /srv/none inaccessible: No such file or directory",
        ),
        ("user=unknown-user", 1, "unknown user or group: unknown-user"),
    ] {
        machine.configure(line);
        let (found, errors) = service.reload();
        assert_eq!(found, Some(code), "{line}: {errors}");
        assert!(errors.contains(message), "{line}: {errors}");
        service.expect_main(old);
        assert!([State::Ready, State::None].contains(&service.state), "{:?}", service.state);
        machine.expect_servers(&[old]);
        assert_eq!(machine.daemon(), old);
        machine.expect_service();
        machine.lab.file(CONFIG, &right);
    }
    let accepted = service.take_accepted();
    assert!(accepted.iter().all(|line| !line.starts_with("STOPPING")), "{accepted:?}");
    let new = reload(&machine, &mut service);
    machine.expect_servers(&[new]);
}

fn reload_during_transfers_lets_them_finish() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = notify(&machine) else { return };
    let transfers: Vec<Transfer> = (0..5).map(|_| machine.transfer()).collect();
    let old = service.main;
    let new = reload(&machine, &mut service);
    machine.expect_servers(&[old, new]);
    machine.expect_service();
    transfers.into_iter().for_each(Transfer::finish);
    machine.expect_servers(&[new]);
    service.expect_main(new);
}

fn five_reloads_with_transfers_of_all_processes_succeed() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = notify(&machine) else { return };
    let mut servers = vec![service.main];
    let mut transfers = vec![machine.transfer()];
    for _ in 0..5 {
        servers.push(reload(&machine, &mut service));
        machine.expect_servers(&servers);
        transfers.push(machine.transfer());
    }
    transfers.into_iter().for_each(Transfer::finish);
    machine.expect_servers(&servers[5..]);
    service.expect_main(servers[5]);
    assert_eq!(service.refused, [""; 0]);
    machine.expect_service();
}

fn stop_ends_the_processes_of_all_reloads() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = notify(&machine) else { return };
    let mut transfers = vec![machine.transfer()];
    for _ in 0..3 {
        reload(&machine, &mut service);
        transfers.push(machine.transfer());
    }
    assert_eq!(machine.servers().len(), 4);
    let duration = service.stop();
    assert!(duration < MAX_STOP, "{duration:?}");
    machine.expect_end();
}

/// `Type=notify-reload`: systemd sends SIGHUP to the main process.
fn sighup_reloads_files_of_a_replaced_service() {
    let Some(machine) = machine() else { return };
    machine.lab.file("/srv/hosts", "02:00:00:00:00:77,192.0.2.7\n");
    machine.configure("dhcp-hostsfile=/srv/hosts");
    let Some(mut service) = notify(&machine) else { return };
    let new = reload(&machine, &mut service);
    service.take_accepted();
    machine.lab.take_syslog();
    signal(new, Signal::SIGHUP);
    let mut accepted = Vec::new();
    let is_complete = || {
        accepted.extend(service.take_accepted());
        (accepted.len() >= 3).then_some(())
    };
    assert!(eventually(TIMEOUT, is_complete).is_some(), "{:?}", service.refused);
    assert_eq!(accepted, ["RELOADING=1", "READY=1", &format!("MAINPID={new}")]);
    machine.expect_line("read /srv/hosts");
    service.expect_main(new);
}

fn end_of_the_new_main_process_ends_the_service() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = notify(&machine) else { return };
    let transfer = machine.transfer();
    let new = reload(&machine, &mut service);
    signal(new, Signal::SIGKILL);
    let has_ended = || {
        service.turn();
        service.ended
    };
    let status = eventually(TIMEOUT, has_ended).expect("the service has ended");
    assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "{status:?}");
    drop(transfer);
    machine.expect_end();
    // Restart=on-failure: nothing that was left prevents the start.
    drop(service);
    assert!(notify(&machine).is_some());
}

/// `--replace` by hand, in another control group: systemd would not accept the new process as main process of the service.
fn replacement_from_another_control_group_keeps_the_main_process() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = notify(&machine) else { return };
    let old = service.main;
    assert_eq!(machine.replace(&["-k"]), succeeded());
    let new = machine.daemon();
    assert_ne!(new, old);
    service.expect_main(old);
    machine.expect_servers(&[old, new]);
    machine.expect_service();
    assert!(!service.cgroup.processes().contains(&new));
    service.turn();
    assert_eq!(service.refused, [""; 0]);
    let duration = service.stop();
    assert!(duration < MAX_STOP, "{duration:?}");
    machine.expect_end();
    assert!(matches!(service.ended, Some(WaitStatus::Exited(_, 0))), "{:?}", service.ended);
}

fn reload_after_a_replacement_from_another_control_group_succeeds() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = notify(&machine) else { return };
    assert_eq!(machine.replace(&["-k"]), succeeded());
    assert_eq!(service.reload(), succeeded());
    let new = machine.daemon();
    assert!(service.cgroup.processes().contains(&new));
    let main = service.main;
    service.expect_main(main);
    machine.expect_service();
    let duration = service.stop();
    assert!(duration < MAX_STOP, "{duration:?}");
    machine.expect_end();
}

/// `Type=forking` with `PIDFile=`: systemd reads the file again when the main process ends.
fn forking_service_is_replaced_by_its_pid_file() {
    let Some(machine) = machine() else { return };
    let path = "/run/dnsmasq.pid";
    let Some(mut service) = service(&machine, Type::Forking(path), &[]) else { return };
    for _ in 0..2 {
        let old = service.main;
        let new = reload(&machine, &mut service);
        let has_ended = || {
            service.turn();
            (!runs(old)).then_some(())
        };
        eventually(MAX_LEAVING, has_ended).expect("the replaced process ends");
        service.expect_main(new);
    }
    let transfer = machine.transfer();
    let old = service.main;
    let new = reload(&machine, &mut service);
    machine.expect_servers(&[old, new]);
    transfer.finish();
    machine.expect_servers(&[new]);
    service.expect_main(new);
    assert!(service.stop() < MAX_STOP);
    machine.expect_end();
}

/// systemd does not accept a process of another control group from the pid file either.
fn forking_service_waits_for_a_server_in_another_control_group() {
    let Some(machine) = machine() else { return };
    let path = "/run/dnsmasq.pid";
    let Some(mut service) = service(&machine, Type::Forking(path), &[]) else { return };
    let old = service.main;
    for _ in 0..2 {
        assert_eq!(machine.replace(&[]), succeeded());
        machine.expect_servers(&[old, machine.daemon()]);
        service.expect_main(old);
        machine.expect_service();
    }
    // The next reload brings it back.
    let new = reload(&machine, &mut service);
    machine.expect_servers(&[old, new]);
    assert!(service.stop() < MAX_STOP);
    machine.expect_end();
}

/// `Type=exec` and `Type=simple`: there is no way to name another main process.
fn exec_service_waits_for_the_server_that_has_replaced_it() {
    let Some(machine) = machine() else { return };
    let Some(mut service) = service(&machine, Type::Exec, &["-k"]) else { return };
    let old = service.main;
    for _ in 0..3 {
        assert_eq!(service.reload(), succeeded());
        service.expect_main(old);
        let new = machine.daemon();
        assert_ne!(new, old);
        machine.expect_servers(&[old, new]);
        machine.expect_service();
    }
    let server = machine.daemon();
    assert_eq!(status(server, "PPid"), std::process::id().to_string());
    assert!(service.stop() < MAX_STOP);
    assert!(matches!(service.ended, Some(WaitStatus::Exited(_, 0))), "{:?}", service.ended);
    assert!(end_of(server).is_some());
    machine.expect_end();
}
