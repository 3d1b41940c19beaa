//! Paths without `.`, `..`, empty components and non-ASCII characters.

use std::ops::RangeInclusive;

/// Components of a path with more are not looked at.
const MAX_COMPONENTS: usize = 32;
/// The length of a component (`NAME_MAX`). For a longer one the system has another error.
const LENGTH: RangeInclusive<usize> = 1..=255;

/// Whether a path is absolute and has only components of ASCII that are names of files: no empty one, no `.` and no `..`. For
/// other characters, a directory may treat different names as one (`casefold`).
pub fn is_plain(path: &[u8]) -> bool {
    let Some(relative) = path.strip_prefix(b"/") else { return false };
    let is_name = |component: &[u8]| {
        LENGTH.contains(&component.len()) && component != b"." && component != b".."
    };
    path.is_ascii()
        && !path.contains(&0)
        && relative.split(|byte| *byte == b'/').all(is_name)
        && directory_ends(path).count() <= MAX_COMPONENTS
}

/// Where each directory of a plain path ends, beginning with the root directory, which ends at 0. There the path has a `/`.
pub fn directory_ends(path: &[u8]) -> impl DoubleEndedIterator<Item = usize> {
    path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(index, _)| index)
}

/// The component behind a directory that ends here.
pub fn component_behind(path: &[u8], end: usize) -> &[u8] {
    let rest = path.get(end + 1..).unwrap_or_default();
    rest.split(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The path of a directory that ends here.
pub fn directory(path: &[u8], end: usize) -> &[u8] {
    if end == 0 { b"/" } else { &path[..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_path_of_plain_names_is_plain() {
        let long = |length| [&b"/a/"[..], &vec![b'x'; length]].concat();
        let deep = |depth| b"/a".repeat(depth);
        for path in [&b"/a"[..], b"/srv/tftp/..a", b"/a/...", b"/A b\\", &long(255), &deep(32)] {
            assert!(is_plain(path), "{}", path.escape_ascii());
        }
        let others = [&b""[..], b"/", b"a", b"//a", b"/a//b", b"/a/", b"/a/.", b"/./a", b"/a/../b"];
        let more = [&b"/a\0"[..], b"/a/..", "/ä".as_bytes(), b"/\xff", &long(256), &deep(33)];
        for path in others.into_iter().chain(more) {
            assert!(!is_plain(path), "{}", path.escape_ascii());
        }
    }

    #[test]
    fn path_is_divided_at_each_directory() {
        let path = b"/srv/tftp/a";
        let parts = |end| (directory(path, end), component_behind(path, end));
        let all: Vec<_> = directory_ends(path).map(parts).collect();
        assert_eq!(all, [(&b"/"[..], &b"srv"[..]), (b"/srv", b"tftp"), (b"/srv/tftp", b"a")]);
    }
}
