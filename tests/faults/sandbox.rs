//! Files outside the TFTP root and special files are not sent.

use crate::common::download::Download;
use crate::common::lab::Lab;
use crate::common::measure::status;
use crate::setup::Setup;
use std::os::unix::net::UnixListener;
use std::process::Command;

crate::tests![
    serving_process_has_seccomp_unless_unconfined,
    special_file_is_refused_at_once,
    path_cannot_leave_the_root,
];

const SECRET: &str = "not served\n";
const PUBLIC: &str = "served\n";

fn ready(lab: &Lab) {
    lab.file("/srv/secret", SECRET);
    lab.file("/srv/tftp/directory/inside", PUBLIC);
}

/// Starts the program with these arguments.
fn setup(words: &[&str]) -> Option<Setup> {
    Setup::with("", words, &[], ready)
}

fn serving_process_has_seccomp_unless_unconfined() {
    let of = |id| ["Seccomp", "NoNewPrivs"].map(|field| status(id, field));
    let Some(setup) = setup(&[]) else { return };
    // The program is confined after it has opened its ports, and before it answers.
    assert!(setup.get("directory/inside").is_ok());
    assert_eq!(of(setup.id()), ["2", "1"]);
    setup.assert_serves();
    let Some(setup) = self::setup(&["--unconfined"]) else { return };
    // The restrictions of the test process itself are inherited.
    assert_eq!(of(setup.id()), of(std::process::id()));
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

/// The program checks the name itself. Landlock permits the file process to read all files.
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
