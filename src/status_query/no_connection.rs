//! Why there is no connection to the control socket of the running server.

use crate::byte_text::path_text;
use crate::strerror::strerror;
use crate::sys::control_socket::{ConnectError, MAX_PATH_LEN};
use crate::sys::limits::{EACCES, ECONNREFUSED, ENAMETOOLONG, ENOENT, ENOTDIR};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A notice if another process than that of the pid file has answered: two servers have the same pid file, and only the first has
/// the control socket.
pub fn other_server(socket: &Path, answered: u32) -> Option<String> {
    let named = running_process(socket).filter(|named| *named != answered)?;
    let pid_file = path_text(&pid_file(socket));
    Some(format!(
        "process {answered} has answered, but {pid_file} names process {named}. Of two servers with the same pid file, only the \
         first has a control socket: give each server its own --pid-file"
    ))
}

/// What is wrong, and the remedy.
pub fn reason(socket: &Path, error: &ConnectError) -> String {
    let path = path_text(socket);
    match error {
        ConnectError::NotASocket => format!(
            "{path} is no socket, so the server has no control socket: remove it and start the server again"
        ),
        ConnectError::OtherUser(user) => format!(
            "the control socket {path} belongs to user {user}: if this user has started the server, use the option as this user; \
             if not, remove {path} and start the server again"
        ),
        ConnectError::System(error) => system_error(socket, &path, error),
    }
}

fn system_error(socket: &Path, path: &str, error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(ENOENT | ENOTDIR | ENAMETOOLONG) => absent(socket, path),
        Some(ECONNREFUSED) => not_running(path),
        Some(EACCES) => format!(
            "cannot connect to the control socket {path}: {}: use the option as root, or as the user who has started the server",
            strerror(error)
        ),
        _ => format!("cannot connect to the control socket {path}: {}", strerror(error)),
    }
}

fn absent(socket: &Path, path: &str) -> String {
    let length = socket.as_os_str().as_bytes().len();
    if length > MAX_PATH_LEN {
        return format!(
            "there is no control socket, because its path {path} has {length} bytes, and at most {MAX_PATH_LEN} are possible: start \
             the server with a shorter --pid-file"
        );
    }
    running_process(socket).map_or_else(
        || not_running(path),
        |process| {
            format!(
                "process {process}, which the pid file names, has no control socket {path}: it is another program, or it could not \
                 create the socket. Start it again with a --pid-file in a directory where it can create files"
            )
        },
    )
}

fn not_running(path: &str) -> String {
    format!(
        "no server is running with the control socket {path}: use the same options as for its start, or start it"
    )
}

fn pid_file(socket: &Path) -> PathBuf {
    socket.with_extension("")
}

/// The process of the pid file, if it runs.
fn running_process(socket: &Path) -> Option<u32> {
    let text = fs::read_to_string(pid_file(socket)).ok()?;
    let process: u32 = text.trim().parse().ok()?;
    fs::exists(format!("/proc/{process}/stat")).unwrap_or(false).then_some(process)
}

#[cfg(test)]
mod tests {
    use super::super::connection::connect;
    use super::*;
    use std::os::unix::fs::symlink;

    /// A pid file with this text, and what is said about its missing control socket.
    fn said(pid: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.pid");
        fs::write(&path, pid).unwrap();
        connect(&folder.path().join("server.pid.control")).unwrap_err().to_string()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn missing_control_socket_has_a_reason_and_a_remedy() {
        let own = std::process::id();
        let found = said(&format!("{own}\n"));
        assert!(found.starts_with(&format!("process {own}, which the pid file names, has no")));
        for pid in ["4294967295\n", "", "x"] {
            assert!(said(pid).starts_with("no server is running"), "{pid}");
        }
        let long = PathBuf::from(format!("/run/{}.pid.control", "x".repeat(200)));
        let found = connect(&long).unwrap_err().to_string();
        assert!(found.contains("has 217 bytes, and at most 107"), "{found}");
        let none = connect(Path::new("/none/x.pid.control")).unwrap_err().to_string();
        assert!(none.starts_with("no server is running"), "{none}");
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn file_or_link_instead_of_the_control_socket_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("a.control"), folder.path().join("b.control"));
        fs::write(&file, "").unwrap();
        symlink(&file, &link).unwrap();
        for path in [&file, &link] {
            let found = connect(path).unwrap_err().to_string();
            assert!(found.contains("is no socket") && found.contains("remove it"), "{found}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn answer_of_another_process_than_that_of_the_pid_file_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("server.pid.control");
        let own = std::process::id();
        assert_eq!(other_server(&socket, 1), None);
        fs::write(folder.path().join("server.pid"), format!("{own}\n")).unwrap();
        assert_eq!(other_server(&socket, own), None);
        let found = other_server(&socket, 1).unwrap();
        assert!(found.starts_with("process 1 has answered, but "), "{found}");
    }
}
