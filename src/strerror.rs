//! The text of an error number. It is always that of glibc, as in dnsmasq's log lines, also with another C library.

use std::io;

/// Error numbers for which musl has another text than glibc (strerror(3)). The packages are built with musl.
#[rustfmt::skip]
const GLIBC_MESSAGES: &[(i32, &str)] = &[
    (libc::EADDRINUSE,    "Address already in use"),
    (libc::EADDRNOTAVAIL, "Cannot assign requested address"),
    (libc::EBUSY,         "Device or resource busy"),
    (libc::ECHILD,        "No child processes"),
    (libc::EDQUOT,        "Disk quota exceeded"),
    (libc::EHOSTUNREACH,  "No route to host"),
    (libc::EIO,           "Input/output error"),
    (libc::ELOOP,         "Too many levels of symbolic links"),
    (libc::EMFILE,        "Too many open files"),
    (libc::EMSGSIZE,      "Message too long"),
    (libc::ENAMETOOLONG,  "File name too long"),
    (libc::ENETUNREACH,   "Network is unreachable"),
    (libc::ENOMEM,        "Cannot allocate memory"),
    (libc::ENOTCONN,      "Transport endpoint is not connected"),
    (libc::ENOTSOCK,      "Socket operation on non-socket"),
    (libc::EOPNOTSUPP,    "Operation not supported"),
    (libc::EOVERFLOW,     "Value too large for defined data type"),
    (libc::ETIMEDOUT,     "Connection timed out"),
    (libc::EUCLEAN,       "Structure needs cleaning"),
    (libc::EXDEV,         "Invalid cross-device link"),
];

/// The text of an error, without the number that Rust appends.
pub fn strerror(error: &io::Error) -> String {
    let number = error.raw_os_error();
    if let Some((_, message)) = GLIBC_MESSAGES.iter().find(|(known, _)| number == Some(*known)) {
        return (*message).to_owned();
    }
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_env = "gnu")]
    fn messages_of_the_table_are_those_of_glibc() {
        for (number, message) in GLIBC_MESSAGES {
            let error = io::Error::from_raw_os_error(*number);
            assert_eq!(error.to_string(), format!("{message} (os error {number})"));
        }
    }

    #[test]
    fn error_number_is_left_out() {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        assert_eq!(strerror(&missing), "No such file or directory");
        assert_eq!(strerror(&io::Error::other("no number")), "no number");
    }
}
