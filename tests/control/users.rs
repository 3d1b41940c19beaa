//! Who gets an answer.

use crate::client::{SOCKET, answering, run_as, status_as};
use crate::common::lab::Process;
use crate::common::required;
use crate::impostor;
use crate::setup::{RANGE, Setup, daemon, end, started};
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, chown, symlink};
use std::process::Stdio;

crate::tests![
    only_root_gets_an_answer,
    replacement_by_another_user_is_refused_before_the_lease_file_is_opened,
    user_who_started_the_server_gets_an_answer,
    owner_of_the_directory_cannot_impersonate_the_server,
];

fn only_root_gets_an_answer() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    assert_eq!(setup.background(&[]), started());
    let found = fs::symlink_metadata(SOCKET).expect("a control socket");
    assert!(found.file_type().is_socket());
    assert_eq!((found.mode() & 0o7777, found.uid()), (0o600, 0));
    let id = daemon().expect("a pid file");
    assert_eq!(answering(&status_as(&setup, 0, &[])), Ok(id.into()));
    // 65534 is also the user that serves.
    for user in [65534, 990] {
        let error = answering(&status_as(&setup, user, &[])).expect_err("another user");
        let expected = format!(
            "cannot connect to the control socket /var{SOCKET}: Permission denied: use the option as root"
        );
        assert!(error.starts_with(&expected), "{error}");
    }
    // With the right to open it, the user is refused by the server.
    fs::set_permissions(SOCKET, std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .expect("root can do this");
    let error = answering(&status_as(&setup, 65534, &[])).expect_err("another user");
    assert_eq!(error, "only root and the user who started it may do this");
    end(id);
}

fn replacement_by_another_user_is_refused_before_the_lease_file_is_opened() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    assert_eq!(setup.background(&[]), started());
    let id = daemon().expect("a pid file");
    assert_eq!(answering(&status_as(&setup, 0, &[])), Ok(id.into()));
    let output = run_as(&setup, 990, &["--replace"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.contains("Permission denied: use the option as root"), "{text}");
    assert!(!text.contains("lease"), "{text}");
    // An error of the configuration comes first.
    let output = run_as(&setup, 990, &["--replace", "--port=x"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    end(id);
}

fn user_who_started_the_server_gets_an_answer() {
    let Some(setup) = required(Setup::new("tftp-no-blocksize\n")) else { return };
    setup.lab.file("/srv/own/note", "");
    chown("/srv/own", Some(990), Some(65534)).expect("root can do this");
    setup.lab.host("server").sysctl("net/ipv4/ip_unprivileged_port_start", "0");
    // The file is copied by the first call.
    assert!(answering(&status_as(&setup, 0, &[])).is_err());
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=990", "--regid=65534", "--clear-groups", "/srv/pxemasq", "-k"]);
    command.args(["-C", crate::setup::CONFIG, "-x", "/srv/own/pid"]);
    let server: Process = setup.foreground(command.stdin(Stdio::null()));
    let words = ["-x", "/srv/own/pid"];
    assert_eq!(answering(&status_as(&setup, 990, &words)), Ok(server.id().into()));
    // Root does not trust a server of another user.
    let error = answering(&status_as(&setup, 0, &words)).expect_err("another user");
    assert!(error.contains("/srv/own/pid.control belongs to user 990"), "{error}");
    assert!(answering(&status_as(&setup, 65534, &words)).is_err());
}

fn owner_of_the_directory_cannot_impersonate_the_server() {
    let Some(setup) = required(Setup::new(RANGE)) else { return };
    setup.lab.file("/srv/pid/note", "");
    chown("/srv/pid", Some(65534), Some(65534)).expect("root can do this");
    let (words, path) = (["-x", "/srv/pid/pid"], "/srv/pid/pid.control");
    assert_eq!(setup.background(&words), started());
    let id =
        || fs::read_to_string("/srv/pid/pid").expect("a pid file").trim().parse().expect("one");
    assert_eq!(answering(&status_as(&setup, 0, &words)), Ok(id()));
    fs::remove_file(path).expect("the owner can do this");
    let impostor = impostor::start(&setup.lab, path);
    let refused = status_as(&setup, 0, &words);
    let error = answering(&refused).expect_err("it is not of root");
    assert!(error.contains(&format!("{path} belongs to user 65534")), "{error}");
    assert!(!String::from_utf8_lossy(&refused.stdout).contains("impostor"));
    // A link could direct the client to another server of root.
    fs::rename(path, "/srv/pid/moved").expect("the owner can do this");
    symlink("/srv/pid/moved", path).expect("the owner can do this");
    let error = answering(&status_as(&setup, 0, &words)).expect_err("a link");
    assert!(error.contains("is no socket"), "{error}");
    fs::remove_file(path).expect("the owner can do this");
    fs::rename("/srv/pid/moved", path).expect("the owner can do this");
    // The next start replaces the socket of the other user.
    end(u32::try_from(id()).expect("it is small"));
    assert!(fs::symlink_metadata(path).is_err(), "the user who serves has removed it");
    drop(impostor);
    let _impostor = impostor::start(&setup.lab, path);
    assert_eq!(setup.background(&words), started());
    assert_eq!(answering(&status_as(&setup, 0, &words)), Ok(id()));
    end(u32::try_from(id()).expect("it is small"));
}
