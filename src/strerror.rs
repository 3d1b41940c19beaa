//! The words of an error: glibc's, which dnsmasq's users search their logs for, whatever library this is built with.

use std::io;

/// Where the words of musl, with which the packages are built, are others (strerror(3)).
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

/// The system's words for an error, without the number Rust adds.
pub fn strerror(error: &io::Error) -> String {
    let number = error.raw_os_error();
    if let Some((_, words)) = GLIBC_MESSAGES.iter().find(|(known, _)| number == Some(*known)) {
        return (*words).to_owned();
    }
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_env = "gnu")]
    fn they_are_the_words_of_glibc() {
        for (number, words) in GLIBC_MESSAGES {
            let error = io::Error::from_raw_os_error(*number);
            assert_eq!(error.to_string(), format!("{words} (os error {number})"));
        }
    }

    #[test]
    fn the_number_is_left_out() {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        assert_eq!(strerror(&missing), "No such file or directory");
        assert_eq!(strerror(&io::Error::other("of our own")), "of our own");
    }
}
