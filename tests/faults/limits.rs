//! The limit of open file descriptors.

use crate::common::lab::eventually;
use crate::common::measure::{cpu_seconds, descriptors};
use crate::setup::{CLIENT, FILE, LockstepClient, SIZE, Setup, TIMEOUT, contents};
use std::process::Command;
use std::time::{Duration, Instant};

crate::tests![
    open_transfers_continue_when_descriptors_run_out,
    single_port_transfer_needs_a_descriptor_only_for_its_file,
];

const READERS: usize = 3;

impl Setup {
    /// Sets the limit of the running program.
    fn allow_descriptors(&self, most: usize) {
        let (id, most) = (format!("--pid={}", self.id()), format!("--nofile={most}:"));
        self.server().run(Command::new("prlimit").args([id, most]));
    }

    fn readers(&self) -> Vec<LockstepClient> {
        let ask = |_| LockstepClient::ask(self.client(), CLIENT, FILE).expect("an answer");
        let mut readers: Vec<LockstepClient> = (0..READERS).map(ask).collect();
        for reader in &mut readers {
            assert_eq!(reader.step(), Ok(true));
        }
        readers
    }
}

/// Open transfers continue. New requests get no reply until descriptors are free; the log has the reason.
fn open_transfers_continue_when_descriptors_run_out() {
    let Some(setup) = Setup::new("") else { return };
    setup.lab.file("/srv/tftp/other", "other");
    let mut readers = setup.readers();
    let open = descriptors(setup.id());
    setup.allow_descriptors(open);
    let (start, before) = (Instant::now(), cpu_seconds(setup.id()));
    assert!(
        LockstepClient::ask(setup.client(), CLIENT, FILE).is_err(),
        "there is no descriptor for it"
    );
    assert!(setup.has_logged("10.9.0.2 cannot be sent a file: Too many open files"));
    let (took, busy) = (start.elapsed().as_secs_f64(), cpu_seconds(setup.id()) - before);
    assert!(busy < took / 2.0, "it used the CPU for {busy} of {took} seconds");
    for reader in &mut readers {
        assert_eq!(reader.step(), Ok(true));
    }
    // One descriptor is enough for another file, but not for a socket too. The file is closed again.
    setup.allow_descriptors(open + 1);
    assert!(LockstepClient::ask(setup.client(), CLIENT, "other").is_err());
    assert_eq!(descriptors(setup.id()), open);
    setup.allow_descriptors(1024);
    assert_eq!(setup.get("other"), Ok(b"other".to_vec()));
    for reader in readers {
        assert!(reader.finish() == Ok(contents(SIZE)));
    }
    let closed = || (descriptors(setup.id()) <= open - READERS).then_some(());
    eventually(TIMEOUT, closed).expect("the files of ended transfers are closed");
    setup.assert_serves();
}

/// With `tftp-single-port` a transfer has no socket of its own.
fn single_port_transfer_needs_a_descriptor_only_for_its_file() {
    let Some(setup) = Setup::new("tftp-single-port\n") else { return };
    setup.lab.file("/srv/tftp/other", "other");
    let readers = setup.readers();
    setup.allow_descriptors(descriptors(setup.id()));
    let answer = LockstepClient::ask(setup.client(), CLIENT, "other").map(|_| ());
    assert_eq!(answer, Err("cannot read /srv/tftp/other: Too many open files\0".to_owned()));
    for reader in readers {
        assert!(reader.finish() == Ok(contents(SIZE)));
    }
    setup.allow_descriptors(1024);
    let other = eventually(Duration::from_secs(1), || setup.get("other").ok());
    assert_eq!(other, Some(b"other".to_vec()));
    setup.assert_serves();
}
