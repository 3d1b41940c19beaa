//! Files outside the TFTP root and special files are not sent.

use crate::common::download::Download;
use crate::common::lab::{Lab, eventually};
use crate::common::measure::status;
use crate::common::required;
use crate::setup::{Setup, TIMEOUT};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

crate::tests![
    serving_process_has_seccomp_unless_unconfined,
    symlink_created_after_start_is_denied,
    symlink_is_followed_without_sandbox,
    special_file_is_refused_at_once,
    path_cannot_leave_the_root,
    directory_replaced_by_symlink_is_denied,
];

const SECRET: &str = "not served\n";
const PUBLIC: &str = "served\n";

fn ready(lab: &Lab) {
    lab.file("/srv/secret", SECRET);
    lab.file("/srv/outside/file", SECRET);
    lab.file("/srv/images/early", PUBLIC);
    lab.file("/srv/tftp/directory/inside", PUBLIC);
    lab.link("/srv/images/early", "/srv/tftp/early");
}

/// Starts the program with these arguments.
fn setup(words: &[&str]) -> Option<Setup> {
    Setup::with("", words, &[], ready)
}

/// Starts the program with the sandbox. Without Landlock in the kernel, the test is ignored.
fn with_landlock() -> Option<Setup> {
    let setup = setup(&[])?;
    let logged = || setup.has_logged("compile time options").then_some(());
    eventually(TIMEOUT, logged).expect("the start is logged");
    let landlock = setup.has_logged("confined by Landlock").then_some(());
    required(landlock.ok_or("no Landlock in this kernel".to_owned()))?;
    Some(setup)
}

fn serving_process_has_seccomp_unless_unconfined() {
    let of = |id| ["Seccomp", "NoNewPrivs"].map(|field| status(id, field));
    let Some(setup) = setup(&[]) else { return };
    assert_eq!(of(setup.id()), ["2", "1"]);
    setup.assert_serves();
    let Some(setup) = self::setup(&["--unconfined"]) else { return };
    // The restrictions of the test process itself are inherited.
    assert_eq!(of(setup.id()), of(std::process::id()));
    setup.assert_serves();
}

fn symlink_created_after_start_is_denied() {
    let Some(setup) = with_landlock() else { return };
    setup.lab.link("/srv/secret", "/srv/tftp/late");
    setup.lab.link("/srv/outside", "/srv/tftp/there");
    assert_eq!(setup.get("early"), Ok(PUBLIC.as_bytes().to_vec()));
    for name in ["late", "there/file"] {
        let refused = format!("2 cannot access /srv/tftp/{name}: Permission denied\0");
        assert_eq!(setup.get(name), Err(refused));
    }
    // The notice is about the first file.
    let notice =
        "/srv/tftp/late points to /srv/secret, outside the sandbox that was set up at start";
    let logged = || setup.has_logged(notice).then_some(());
    assert!(eventually(TIMEOUT, logged).is_some(), "{:#?}", setup.lab.syslog());
    setup.assert_serves();
}

fn symlink_is_followed_without_sandbox() {
    let Some(setup) = setup(&["--unconfined"]) else { return };
    setup.lab.link("/srv/images/early", "/srv/tftp/late");
    for name in ["early", "late"] {
        assert_eq!(setup.get(name), Ok(PUBLIC.as_bytes().to_vec()), "{name}");
    }
    setup.assert_serves();
}

/// The request is answered without delay.
fn special_file_is_refused_at_once() {
    let Some(setup) = setup(&[]) else { return };
    let server = setup.server();
    server.run(Command::new("mkfifo").args(["-m", "644", "/srv/tftp/fifo"]));
    let _socket = UnixListener::bind("/srv/tftp/socket").expect("a socket");
    let mut refused = vec!["fifo", "socket", "directory", "directory/", "", "/", "."];
    // In a user namespace, mknod fails.
    for (name, minor) in [("null", "3"), ("zero", "5"), ("full", "7")] {
        let mut node = Command::new("mknod");
        node.args(["-m", "644", &format!("/srv/tftp/{name}"), "c", "1", minor]);
        refused.extend(
            server.inside(|| node.output()).is_ok_and(|it| it.status.success()).then_some(name),
        );
    }
    for name in refused {
        let once = Download { file: name, max_attempts: 4, ..Download::DEFAULT };
        let answer = once.bytes(setup.client());
        // A device has size 0, so an empty file is also correct.
        let nothing = answer.as_ref().map_or_else(|error| error != "no answer", Vec::is_empty);
        assert!(nothing, "{name}: {answer:?}");
    }
    assert_eq!(setup.get("directory/inside"), Ok(PUBLIC.as_bytes().to_vec()));
    setup.assert_serves();
}

const PATHS_OUTSIDE_ROOT: &[&str] = &[
    "../secret",
    "/../secret",
    "//../secret",
    "./../secret",
    ".//..//secret",
    "directory/../../secret",
    "directory/./../../secret",
    "..\\secret",
    "\\..\\secret",
    "directory\\..\\..\\secret",
    "directory/..\\../secret",
    "%2e%2e/secret",
    "..%2fsecret",
    "%2e%2e%2fsecret",
    "....//secret",
    ".../secret",
    "\u{ff0e}\u{ff0e}/secret",
    "\u{2025}/secret",
    "/srv/secret",
    "//srv/secret",
    "\\srv\\secret",
    "/srv/tftp/../secret",
    "/srv/tftp/directory/../../secret",
    "\\srv\\tftp\\..\\secret",
    "/srv/tftp//../secret",
    "srv/secret",
    "file:///srv/secret",
    "/proc/self/cwd/srv/secret",
    "..",
    "../",
    "../tftp/../secret",
];

/// The server checks the name itself; it does not depend on the sandbox.
fn path_cannot_leave_the_root() {
    for words in [&[][..], &["--unconfined"]] {
        let Some(setup) = setup(words) else { return };
        for name in PATHS_OUTSIDE_ROOT {
            let answer = setup.get(name);
            assert!(answer.as_ref().is_err_and(|error| error != "no answer"), "{name}: {answer:?}");
        }
        // dnsmasq opens a path that ends with `..`, which is a directory. The error is the same with the sandbox.
        let above = "0 cannot read /srv/tftp/..: Is a directory\0".to_owned();
        assert_eq!(setup.get(".."), Err(above));
        assert_eq!(setup.get("directory\\inside"), Ok(PUBLIC.as_bytes().to_vec()));
        setup.assert_serves();
    }
}

/// A user with write access replaces a directory by a symbolic link between the check of the path and open(2).
fn directory_replaced_by_symlink_is_denied() {
    const SWAPS: usize = 20_000;
    const ASKED: usize = 1000;
    const MOST: usize = 100_000;
    let Some(setup) = with_landlock() else { return };
    setup.lab.file("/srv/tftp/swapped/file", PUBLIC);
    setup.lab.link("/srv/outside", "/srv/tftp/spare");
    let (over, swaps) = (AtomicBool::new(false), AtomicUsize::new(0));
    let swap = || {
        while !over.load(Ordering::Relaxed) {
            let [one, other] = ["/srv/tftp/swapped", "/srv/tftp/spare"];
            renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE)
                .expect("both paths exist");
            swaps.fetch_add(1, Ordering::Relaxed);
        }
    };
    let (mut served, mut refused, mut leaked) = (0, 0, None);
    std::thread::scope(|scope| {
        scope.spawn(swap);
        let swapped = || swaps.load(Ordering::Relaxed) >= SWAPS;
        let enough = |asked: usize, both| asked >= ASKED && both && swapped();
        while !enough(served + refused, served > 0 && refused > 0)
            && served + refused < MOST
            && leaked.is_none()
        {
            match setup.get("swapped/file") {
                Ok(bytes) if bytes == PUBLIC.as_bytes() => served += 1,
                Ok(bytes) => leaked = Some(bytes),
                Err(_) => refused += 1,
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(leaked, None, "after {served} answers");
    assert!(served > 0 && refused > 0, "{served} served, {refused} refused");
    setup.assert_serves();
}
