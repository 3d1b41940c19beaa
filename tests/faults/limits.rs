//! Too few descriptors.

use crate::common::lab::eventually;
use crate::common::measure::{cpu_seconds, descriptors};
use crate::scene::{CLIENT, FILE, PATIENCE, Reader, SIZE, Scene, contents};
use std::process::Command;
use std::time::{Duration, Instant};

crate::tests![
    without_descriptors_those_who_are_served_go_on,
    over_a_single_port_files_are_what_descriptors_are_for,
];

const READERS: usize = 3;

impl Scene {
    /// Allows the program so many descriptors from now on.
    fn allow_descriptors(&self, most: usize) {
        let (id, most) = (format!("--pid={}", self.id()), format!("--nofile={most}:"));
        self.server().run(Command::new("prlimit").args([id, most]));
    }

    fn readers(&self) -> Vec<Reader> {
        let ask = |_| Reader::ask(self.client(), CLIENT, FILE).expect("an answer");
        let mut readers: Vec<Reader> = (0..READERS).map(ask).collect();
        readers.iter_mut().for_each(|reader| assert_eq!(reader.step(), Ok(true)));
        readers
    }
}

/// Those who are served go on; who comes is not answered, until there are descriptors again. The log says why.
fn without_descriptors_those_who_are_served_go_on() {
    let Some(scene) = Scene::new("") else { return };
    scene.lab.file("/srv/tftp/other", "other");
    let mut readers = scene.readers();
    let open = descriptors(scene.id());
    scene.allow_descriptors(open);
    let (start, before) = (Instant::now(), cpu_seconds(scene.id()));
    assert!(Reader::ask(scene.client(), CLIENT, FILE).is_err(), "there is no descriptor for it");
    assert!(scene.has_told("10.9.0.2 cannot be sent a file: Too many open files"));
    let (took, busy) = (start.elapsed().as_secs_f64(), cpu_seconds(scene.id()) - before);
    assert!(busy < took / 2.0, "it was busy for {busy} of {took} seconds");
    readers.iter_mut().for_each(|reader| assert_eq!(reader.step(), Ok(true)));
    // One, for a socket, and none for another file.
    scene.allow_descriptors(open + 1);
    let answer = Reader::ask(scene.client(), CLIENT, "other").map(|_| ());
    assert_eq!(answer, Err("cannot read /srv/tftp/other: Too many open files\0".to_owned()));
    scene.allow_descriptors(1024);
    assert_eq!(scene.get("other"), Ok(b"other".to_vec()));
    for reader in readers {
        assert!(reader.finish() == Ok(contents(SIZE)));
    }
    let closed = || (descriptors(scene.id()) <= open - READERS).then_some(());
    eventually(PATIENCE, closed).expect("what is over is closed");
    scene.lives();
}

/// Over port 69 alone, transfers need no descriptors of their own.
fn over_a_single_port_files_are_what_descriptors_are_for() {
    let Some(scene) = Scene::new("tftp-single-port\n") else { return };
    scene.lab.file("/srv/tftp/other", "other");
    let readers = scene.readers();
    scene.allow_descriptors(descriptors(scene.id()));
    let answer = Reader::ask(scene.client(), CLIENT, "other").map(|_| ());
    assert_eq!(answer, Err("cannot read /srv/tftp/other: Too many open files\0".to_owned()));
    for reader in readers {
        assert!(reader.finish() == Ok(contents(SIZE)));
    }
    scene.allow_descriptors(1024);
    let other = eventually(Duration::from_secs(1), || scene.get("other").ok());
    assert_eq!(other, Some(b"other".to_vec()));
    scene.lives();
}
