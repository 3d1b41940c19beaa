//! Names that a boot ROM has read beyond their end.

use super::*;

#[test]
fn name_before_0xff_is_served_if_exact_name_is_missing() {
    let mut bench = Bench::new(Tftp::default(), &[("/pxelinux.0", b"1"), ("/a", b"12")]);
    for (request, answer) in [
        (&b"\0\x01pxelinux.0\xff\0octet\0"[..], "data 1 [1]"),
        (b"\0\x01pxelinux.0\xff\xff\x01\0octet\0", "data 1 [1]"),
        (b"\0\x01a\xff\0octet\0tsize\x000\0", "oack tsize 2 "),
    ] {
        assert_eq!(bench.request(9, request), [answer]);
        bench.next_socket += 1;
    }
}

#[test]
fn error_names_the_exact_name_if_both_are_missing() {
    let root = Located { origin: Origin::default(), value: b"/r".to_vec() };
    let mut bench = Bench::new(Tftp { root: Some(root), ..Tftp::default() }, &[("/r/x/f", b"1")]);
    for (request, path) in [
        (&b"\0\x01no\xff1\0octet\0"[..], "/r/no1"),
        (b"\0\x01\xff1\0octet\0", "/r/1"),
        (b"\0\x01x/../\xff\0octet\0", ""),
        (b"\0\x01f\xff/../x/f\0octet\0", ""),
    ] {
        let line = match path {
            "" => None,
            path => Some(format!("file {path} not found for 10.9.0.2")),
        };
        let seen = bench.request(9, request);
        match line {
            Some(line) => assert_eq!(seen[..2], [format!("log {line}"), format!("error 1 {line}")]),
            None => assert!(seen[0].ends_with(": Permission denied"), "{seen:?}"),
        }
    }
    assert_eq!(bench.files.in_use, 0);
}

#[test]
fn exact_name_with_0xff_comes_first() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.files.put_bytes(b"/f\xff", b"123");
    assert_eq!(bench.request(9, b"\0\x01f\xff\0octet\0"), ["data 1 [3]"]);
}

/// The second look-up starts when the first one has its result, which is still known then.
#[test]
fn name_before_0xff_is_found_on_slow_disk() {
    let mut bench = Bench::new(Tftp::default(), &[("/f", b"1")]);
    bench.files.slow = true;
    assert_eq!(bench.request(9, b"\0\x01f\xff\0octet\0"), NOTHING);
    for (path, waiting) in [(&b"/f\xff"[..], 1), (b"/f", 0)] {
        let lookup = DiskLookup::File(path.to_vec());
        bench.files.resolved = Some(lookup.clone());
        assert_eq!(bench.disk_done(Input::LookedUp(&lookup)), NOTHING);
        assert_eq!(bench.server.pending.count(), waiting, "{path:?}");
    }
    bench.files.slow = false;
    let read = Input::DiskRead { file: FileId(0), offset: 0 };
    assert_eq!(bench.disk_done(read), ["data 1 [1]"]);
}
