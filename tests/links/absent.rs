//! Names that are not there, and names of files that are open for another transfer: pxemasq answers them without a look-up, and a
//! change is found by the next request.

use crate::change::{
    Bind, Change, Chmod, Exchange, Link, Mkdir, Mount, MoveMount, Remove, RemoveAll, Rename,
    Symlink, Unmount, Write,
};
use crate::common::download::Download;
use crate::common::lab::eventually;
use crate::common::measure::family;
use crate::common::random::Random;
use crate::pair::{LISTING_PAUSE, Pair, Row, SIDES};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::Duration;

crate::tests![
    absent_names_are_answered_while_the_file_process_is_stopped,
    change_is_found_by_the_next_request,
    directory_removed_while_it_is_open_and_made_again_is_found,
    open_file_is_sent_while_the_file_process_is_stopped,
    random_changes_are_found_by_the_next_request,
];

type Answer = Result<Vec<u8>, String>;

/// After this time the directory of a name that was requested several times is known.
const MAX_LISTING: Duration = Duration::from_secs(10);

/// A file that does not change for this time can be sent again without a look-up, while it is open.
const AGE: Duration = Duration::from_millis(1200);

/// A transfer whose client does not continue. It ends when this is dropped.
struct Held {
    file: String,
    client: UdpSocket,
    server: SocketAddr,
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.client.send_to(b"\0\x05\0\0\0", self.server));
    }
}

impl Pair {
    /// Begins a transfer of pxemasq. `None`: the file cannot be opened.
    fn hold(&self, file: String) -> Option<Held> {
        let client = self.lab.host(SIDES[0][1]).udp("10.9.0.2:0");
        client.set_read_timeout(Some(MAX_LISTING)).expect("a socket");
        let request = format!("\0\x01{file}\0octet\0blksize\x001468\0");
        client.send_to(request.as_bytes(), Download::DEFAULT.server).expect("it is sent");
        let mut answer = [0; 1500];
        let (_, server) = client.recv_from(&mut answer).expect("an answer");
        (answer[1] == 6).then_some(Held { file, client, server })
    }

    /// The answer of pxemasq, or of dnsmasq. The log is not waited for.
    fn ask(&self, side: usize, file: &str) -> Answer {
        Download { file, max_attempts: 8, ..Download::DEFAULT }.bytes(self.lab.host(SIDES[side][1]))
    }

    /// Requests a file, and compares the answers.
    fn assert_same_answer(&self, file: &str, context: &dyn std::fmt::Debug) -> Answer {
        let [ours, theirs] = [0, 1].map(|side| self.ask(side, file));
        assert_eq!(ours, theirs, "{file} after {context:?}");
        ours
    }

    fn file_process(&self) -> u32 {
        let is_it = |id: &u32| {
            let name = fs::read_to_string(format!("/proc/{id}/comm"));
            name.is_ok_and(|name| name.trim() == "pxemasq-files")
        };
        let found = || family(self.programs[0].id()).into_iter().find(is_it);
        *self.file_process.get_or_init(|| eventually(MAX_LISTING, found).expect("the file process"))
    }

    /// How often each thread of the file process has waited, when all of them wait.
    fn file_process_waits(&self) -> Vec<String> {
        let tasks = format!("/proc/{}/task", self.file_process());
        let all_wait = || {
            let tasks = fs::read_dir(&tasks).expect("threads").flatten();
            let texts: Vec<String> =
                tasks.flat_map(|task| fs::read_to_string(task.path().join("status"))).collect();
            let waits = texts.iter().all(|text| text.contains("State:\tS"));
            let counts = texts.iter().flat_map(|text| text.lines());
            let counts = counts.filter(|line| line.starts_with("voluntary")).map(str::to_owned);
            waits.then(|| counts.collect())
        };
        eventually(MAX_LISTING, all_wait).expect("a process that waits")
    }

    /// Requests a file of pxemasq; the answer, and whether it came without the file process.
    fn ask_and_watch(&self, file: &str) -> (Answer, bool) {
        let before = self.file_process_waits();
        let answer = self.ask(0, file);
        (answer, self.file_process_waits() == before)
    }

    /// Requests a file until pxemasq answers without the file process; whether it does.
    fn make_known(&self, file: &str) -> bool {
        let is_known = || {
            let (answer, known) = self.ask_and_watch(file);
            (answer.is_err() && known).then_some(())
        };
        eventually(MAX_LISTING, is_known).is_some()
    }
}

fn absent_names_are_answered_while_the_file_process_is_stopped() {
    let before = "mkdir /srv/tftp/sub; put /srv/tftp/file one";
    let Some(pair) = Pair::new(&Row { before, ..Row::DEFAULT }) else { return };
    let names = ["none", "sub/none", "none/below"];
    for name in names {
        assert!(pair.make_known(name), "{name}");
    }
    let file_process = Pid::from_raw(pair.file_process().cast_signed());
    kill(file_process, Signal::SIGSTOP).expect("it runs");
    let answers = names.map(|name| pair.ask(0, name));
    let once = Download { file: "file", max_attempts: 1, ..Download::DEFAULT };
    let found = once.bytes(pair.lab.host(SIDES[0][1]));
    kill(file_process, Signal::SIGCONT).expect("it runs");
    for (answer, name) in answers.into_iter().zip(names) {
        assert_eq!(answer, pair.ask(1, name));
    }
    assert_eq!(found, Err("no answer".to_owned()), "a file that is there is opened");
    assert_eq!(pair.assert_same_answer("file", &"SIGCONT"), Ok(b"one".into()));
}

fn open_file_is_sent_while_the_file_process_is_stopped() {
    let before = "put /srv/tftp/sub/file one; put /srv/tftp/file two; put /srv/out/file three; ln -s file /srv/tftp/link";
    let Some(pair) = Pair::new(&Row { before, ..Row::DEFAULT }) else { return };
    assert!(pair.make_known("sub/none"));
    thread::sleep(AGE);
    let held: Vec<Held> = ["sub/file", "file", "link"]
        .map(str::to_owned)
        .into_iter()
        .filter_map(|file| pair.hold(file))
        .collect();
    let file_process = Pid::from_raw(pair.file_process().cast_signed());
    kill(file_process, Signal::SIGSTOP).expect("it runs");
    let once = |file| {
        let download = Download { file, max_attempts: 1, ..Download::DEFAULT };
        download.bytes(pair.lab.host(SIDES[0][1]))
    };
    let answers = ["sub/file", "file", "link", "small"].map(once);
    Rename(srv("out/file"), srv("tftp/file")).make().expect("both are there");
    let changed = once("file");
    kill(file_process, Signal::SIGCONT).expect("it runs");
    let none = || Err("no answer".to_owned());
    assert_eq!(answers, [Ok(b"one".into()), Ok(b"two".into()), none(), none()]);
    assert_eq!(changed, none(), "the file of another name is opened");
    for file in ["sub/file", "file", "link", "small"] {
        assert!(pair.assert_same_answer(file, &"SIGCONT").is_ok());
    }
    drop(held);
    let ends = || {
        let (answer, without) = pair.ask_and_watch("sub/file");
        (answer == Ok(b"one".into()) && !without).then_some(())
    };
    eventually(MAX_LISTING, ends).expect("without a transfer the file is not open");
}

/// A change that makes a file available, or another error of its request.
struct Kind {
    file: &'static str,
    change: Vec<Change>,
    undo: Vec<Change>,
    /// The contents; `None`: an error, which is that of dnsmasq.
    found: Option<&'static str>,
}

fn srv(name: &str) -> String {
    format!("/srv/{name}")
}

const BEFORE: &str = "mkdir /srv/tftp/sub /srv/tftp/empty /srv/held; put /srv/out/file one; put /srv/out/dir/file one;
    put /srv/new/file one; put /srv/new/sub/file one; put /srv/tftp/covered/file one; fresh /srv/tftp/covered;
    fresh /srv/held; put /srv/held/file one; put /srv/tftp/locked/file one; chmod 700 /srv/tftp/locked";

#[rustfmt::skip]
fn kinds() -> Vec<Kind> {
    let kind = |file, change: &[Change], undo: &[Change]| {
        Kind { file, change: change.to_vec(), undo: undo.to_vec(), found: Some("one") }
    };
    let refused = |kind| Kind { found: None, ..kind };
    let remove = |name: &str| Remove(srv(name));
    let rename = |from: &str, to: &str| Rename(srv(from), srv(to));
    let write = |name: &str| Write(srv(name), "one");
    let link = |target: &str, name: &str| Symlink(target.to_owned(), srv(name));
    let mkdir = |name: &str| Mkdir(srv(name));
    let mount = |name: &str| Mount(srv(name));
    let unmount = |name: &str| Unmount(srv(name));
    let away = [rename("tftp", "old"), rename("new", "tftp")];
    let back = [rename("tftp", "new"), rename("old", "tftp")];
    vec![
        kind("f", &[write("tftp/f")], &[remove("tftp/f")]),
        kind("f", &[rename("out/file", "tftp/f")], &[rename("tftp/f", "out/file")]),
        kind("f", &[Link(srv("out/file"), srv("tftp/f"))], &[remove("tftp/f")]),
        kind("f", &[link("/srv/out/file", "tftp/f")], &[remove("tftp/f")]),
        kind("d/file", &[link("../out/dir", "tftp/d")], &[remove("tftp/d")]),
        kind("d/file", &[rename("out/dir", "tftp/d")], &[rename("tftp/d", "out/dir")]),
        kind("d/file", &[mkdir("tftp/d"), write("tftp/d/file")], &[RemoveAll(srv("tftp/d"))]),
        kind("sub/file", &[write("tftp/sub/file")], &[remove("tftp/sub/file")]),
        kind("sub/file", &[mount("tftp/sub"), write("tftp/sub/file")], &[unmount("tftp/sub")]),
        kind("sub/file", &[Bind(srv("out/dir"), srv("tftp/sub"))], &[unmount("tftp/sub")]),
        kind("sub/file", &[Exchange(srv("tftp/sub"), srv("out/dir"))], &[Exchange(srv("tftp/sub"), srv("out/dir"))]),
        kind("sub/file",
            &[rename("tftp/sub", "sub"), rename("out/dir", "tftp/sub")], &[rename("tftp/sub", "out/dir"), rename("sub", "tftp/sub")]),
        kind("sub/file", &[rename("tftp/sub", "sub"), link("../out/dir", "tftp/sub")], &[remove("tftp/sub"), rename("sub", "tftp/sub")]),
        kind("empty/file", &[MoveMount(srv("held"), srv("tftp/empty"))], &[MoveMount(srv("tftp/empty"), srv("held"))]),
        kind("covered/file", &[unmount("tftp/covered")], &[mount("tftp/covered")]),
        kind("file", &away, &back),
        kind("sub/file", &away, &back),
        kind("file", &[Exchange(srv("tftp"), srv("new"))], &[Exchange(srv("tftp"), srv("new"))]),
        kind("file", &[rename("tftp", "old"), link("new", "tftp")], &[remove("tftp"), rename("old", "tftp")]),
        kind("file", &[Bind(srv("new"), srv("tftp"))], &[unmount("tftp")]),
        kind("file", &[mount(""), mkdir("tftp"), write("tftp/file")], &[unmount("")]),
        kind("locked/file", &[Chmod(srv("tftp/locked"), 0o755)], &[Chmod(srv("tftp/locked"), 0o700)]),
        refused(kind("sub/file", &[Chmod(srv("tftp/sub"), 0o700)], &[Chmod(srv("tftp/sub"), 0o755)])),
        refused(kind("sub/file", &[Chmod(srv("tftp"), 0o700)], &[Chmod(srv("tftp"), 0o755)])),
        refused(kind("file", &[Chmod(srv(""), 0o700)], &[Chmod(srv(""), 0o755)])),
        refused(kind("sub/file", &[rename("tftp/sub", "sub"), write("tftp/sub")], &[remove("tftp/sub"), rename("sub", "tftp/sub")])),
        refused(kind("sub/file", &[rename("tftp/sub", "sub"), link("sub", "tftp/sub")], &[remove("tftp/sub"), rename("sub", "tftp/sub")])),
    ]
}

fn change_is_found_by_the_next_request() {
    let Some(pair) = Pair::new(&Row { before: BEFORE, ..Row::DEFAULT }) else { return };
    let all = |changes: &[Change]| {
        for change in changes {
            change.make().unwrap_or_else(|error| panic!("{change:?}: {error}"));
        }
    };
    for Kind { file, change, undo, found } in kinds() {
        for turn in 0..number("PXEMASQ_TURNS").unwrap_or(TURNS) {
            let known = pair.make_known(file);
            assert!(known || file == "locked/file", "{file} before {change:?}, {turn}");
            all(&change);
            let answer = pair.ask(0, file);
            assert_eq!(answer, pair.ask(1, file), "{file} after {change:?}, {turn}");
            assert_eq!(answer.ok(), found.map(|text| text.as_bytes().to_vec()), "{change:?}");
            all(&undo);
        }
    }
}

/// The kernel reports the end of an open directory only when it is closed; its parent directory changes at once.
fn directory_removed_while_it_is_open_and_made_again_is_found() {
    let before = "mkdir /srv/tftp/sub";
    let Some(pair) = Pair::new(&Row { before, ..Row::DEFAULT }) else { return };
    let directory = srv("tftp/sub");
    for _ in 0..TURNS {
        assert!(pair.make_known("sub/file"));
        let open = fs::File::open(&directory).expect("it exists");
        fs::remove_dir(&directory).expect("it is empty");
        fs::create_dir(&directory).expect("it was removed");
        fs::write(srv("tftp/sub/file"), "one").expect("it was made");
        assert_eq!(pair.ask(0, "sub/file"), Ok(b"one".into()));
        fs::remove_file(srv("tftp/sub/file")).expect("it was written");
        drop(open);
    }
}

/// How often each change is made; more with `PXEMASQ_TURNS`.
const TURNS: usize = 4;
/// Steps of the random test; more with `PXEMASQ_STEPS`.
const STEPS: usize = 120;
/// After so many steps a new tree is used, because directories that cannot be listed are not tried again for some time.
const STEPS_PER_TREE: usize = 40;
/// Of the answers to names that are not there, at least one in so many comes without the file process.
const MIN_KNOWN: usize = 10;

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

/// A path with up to three components.
fn random_name(random: &mut Random) -> String {
    let depth = 1 + random.below(3);
    let component = |_| random.of(&["a", "b", "c", "A", "none"]);
    (0..depth).map(component).collect::<Vec<_>>().join("/")
}

fn random_change(random: &mut Random, tree: &str) -> Change {
    let mut below = |top: &str| format!("{top}/{}", random_name(random));
    let (one, other, out) = (below(tree), below(tree), below("/srv/out"));
    let target = random.of(&[out.clone(), other.clone(), "b".to_owned(), "../a".to_owned()]);
    let mode = random.of(&[0o755, 0o755, 0o700, 0o711, 0o744]);
    // Most of the directories that exist are these.
    let directory = format!("{tree}{}", random.of(&["", "/a", "/b", "/a/b"]));
    let source = random.of(&["/srv/out", "/srv/out/a", "/srv/out/b"]).to_owned();
    let file = format!("{directory}/c");
    match random.below(23) {
        0 | 1 => Write(one, random.of(&["text", "more", "longer text"])),
        2 | 3 => Mkdir(one),
        4 => Rename(one, other),
        5 => Rename(out, one),
        6 => Rename(one, out),
        7 => Exchange(one, random.of(&[other, out])),
        8 => Link(random.of(&[out, other]), one),
        9 => Symlink(target, one),
        10 => Remove(one),
        11 => RemoveAll(one),
        12 => Chmod(random.of(&[one, directory]), mode),
        13 => Mount(directory),
        14 | 15 => Bind(source, directory),
        16 | 17 => Unmount(directory),
        18 => MoveMount(directory, one),
        19 | 20 => Write(file, random.of(&["text", "more"])),
        21 => Chmod(file, random.of(&[0o644, 0o600])),
        _ => random.of(&[
            Rename(tree.to_owned(), "/srv/away".to_owned()),
            Rename("/srv/away".to_owned(), tree.to_owned()),
            Write(format!("{tree}/a/none"), "text"),
        ]),
    }
}

fn random_changes_are_found_by_the_next_request() {
    let before =
        "mkdir /srv/tftp/trees; put /srv/out/a/b one; put /srv/out/b/c two; put /srv/out/c three";
    let Some(pair) = Pair::new(&Row { before, ..Row::DEFAULT }) else { return };
    let seed = number("PXEMASQ_SEED").unwrap_or(7);
    let steps = number("PXEMASQ_STEPS").unwrap_or(STEPS);
    let mut random = Random::new(seed as u64);
    let (mut known, mut absent, mut made) = (0, 0, Vec::new());
    let (mut shared, mut opened) = (0, 0);
    for step in 0..steps {
        let tree = format!("trees/{}", step / STEPS_PER_TREE);
        if step % STEPS_PER_TREE == 0 {
            made.clear();
            for directory in ["", "/a", "/b", "/a/b"] {
                fs::create_dir(format!("/srv/tftp/{tree}{directory}")).expect("it is new");
                fs::write(format!("/srv/tftp/{tree}{directory}/c"), "old").expect("it is new");
            }
        }
        for _ in 0..3 {
            for directory in ["", "a/", "b/", "a/b/"] {
                let (answer, is_known) = pair.ask_and_watch(&format!("{tree}/{directory}none"));
                absent += usize::from(answer.is_err());
                known += usize::from(answer.is_err() && is_known);
            }
            thread::sleep(LISTING_PAUSE);
        }
        let held = ["c", "a/c", "b/c", "a/b/c"].map(|name| pair.hold(format!("{tree}/{name}")));
        for Held { file, .. } in held.iter().flatten() {
            let (answer, is_shared) = pair.ask_and_watch(file);
            opened += usize::from(answer.is_ok());
            shared += usize::from(answer.is_ok() && is_shared);
        }
        for _ in 0..=random.below(3) {
            let change = random_change(&mut random, &format!("/srv/tftp/{tree}"));
            if change.make().is_ok() {
                made.push(change);
            }
            let name = random_name(&mut random);
            let _ = pair.assert_same_answer(&format!("{tree}/{name}"), &(seed, step, &made));
            for Held { file, .. } in held.iter().flatten() {
                let _ = pair.assert_same_answer(file, &(seed, step, &made));
            }
        }
        for _ in 0..3 {
            let name = random_name(&mut random);
            let _ = pair.assert_same_answer(&format!("{tree}/{name}"), &(seed, step, &made));
        }
    }
    assert!(known * MIN_KNOWN >= absent, "only {known} of {absent} without the file process");
    assert!(shared * MIN_KNOWN >= opened, "only {shared} of {opened} without the file process");
}
