use super::*;

const WATCHES: [Watch; 3] = [1, 2, 3];

fn record() -> Record {
    Record::new(b"/srv/tftp", WATCHES.to_vec(), [&b"pxelinux.cfg"[..], b"Small"]).unwrap()
}

fn records() -> Records {
    let mut records = Records::default();
    records.insert(record());
    records
}

fn added(watch: Watch, name: &[u8]) -> DirectoryChange {
    DirectoryChange { watch, kind: ChangeKind::Added(name.to_vec()) }
}

fn removed(watch: Watch, name: &[u8]) -> DirectoryChange {
    DirectoryChange { watch, kind: ChangeKind::Removed(name.to_vec()) }
}

fn itself(watch: Watch) -> DirectoryChange {
    DirectoryChange { watch, kind: ChangeKind::Itself }
}

fn knows_absent(change: &DirectoryChange) -> bool {
    let mut records = records();
    records.apply(change);
    records.is_absent(b"/srv/tftp/none")
}

#[test]
fn name_that_is_not_in_the_list_is_absent() {
    let mut records = records();
    for path in ["/srv/tftp/none", "/srv/tftp/none/below", "/srv/tftp/pxelinux", "/srv/tftp/x."] {
        assert!(records.is_absent(path.as_bytes()), "{path}");
    }
}

#[test]
fn nothing_is_known_about_names_in_the_list_and_other_paths() {
    let mut records = records();
    for path in [
        "/srv/tftp/pxelinux.cfg",
        "/srv/tftp/pxelinux.cfg/default",
        "/srv/tftp/small",
        "/srv/tftp/SMALL",
        "/srv/tftp",
        "/srv/tftp/",
        "/srv/tftp/none/",
        "/srv/tftp//none",
        "/srv/tftp/./none",
        "/srv/tftp/../none",
        "/srv/tftp/none/../small",
        "/srv/tftp/n\u{f6}ne",
        "/srv/tftpd/none",
        "/srv/none",
        "/none",
        "",
    ] {
        assert!(!records.is_absent(path.as_bytes()), "{path}");
    }
}

#[test]
fn deepest_known_directory_decides() {
    let mut records = records();
    let watches = [&WATCHES[..], &[4]].concat();
    records.insert(Record::new(b"/srv/tftp/pxelinux.cfg", watches, [&b"default"[..]]).unwrap());
    assert!(records.is_absent(b"/srv/tftp/pxelinux.cfg/01-02-00-00-00-00-01"));
    assert!(!records.is_absent(b"/srv/tftp/pxelinux.cfg/default"));
    assert!(records.is_absent(b"/srv/tftp/none"));
}

#[test]
fn root_directory_has_the_empty_path() {
    let mut records = Records::default();
    records.insert(Record::new(b"", vec![1], [&b"srv"[..]]).unwrap());
    assert!(records.is_absent(b"/none/a"));
    assert!(!records.is_absent(b"/srv/a"));
    records.apply(&added(1, b"none"));
    assert!(!records.is_absent(b"/none/a"));
}

#[test]
fn new_name_in_the_directory_is_not_absent() {
    let mut records = records();
    records.apply(&added(3, b"None"));
    assert!(!records.is_absent(b"/srv/tftp/none"));
    assert!(records.is_absent(b"/srv/tftp/other"));
    records.apply(&removed(3, b"None"));
    assert!(!records.is_absent(b"/srv/tftp/none"), "it may be there in another case");
}

#[test]
fn change_of_a_directory_on_the_path_drops_the_record() {
    for watch in WATCHES {
        assert!(!knows_absent(&itself(watch)), "{watch}");
    }
    for change in [added(1, b"srv"), removed(1, b"SRV"), added(2, b"tftp"), removed(2, b"tftp")] {
        assert!(!knows_absent(&change), "{change:?}");
    }
    for change in [added(1, "\u{df}".as_bytes()), removed(2, b"\xff"), added(3, b"\xe4")] {
        assert!(!knows_absent(&change), "{change:?}");
    }
}

#[test]
fn other_changes_do_not_matter() {
    let elsewhere = [added(1, b"tftp"), removed(2, b"srv"), added(2, b"none"), itself(4)];
    for change in elsewhere.into_iter().chain([removed(3, b"small"), removed(3, b"\xff")]) {
        assert!(knows_absent(&change), "{change:?}");
    }
}

#[test]
fn stamp_is_valid_until_a_name_in_its_directory_changes_or_the_record_is_dropped() {
    let valid_after = |path: &str, changes: &[DirectoryChange]| {
        let mut records = records();
        let stamp = records.stamp(path.as_bytes()).unwrap();
        for change in changes {
            records.apply(change);
        }
        records.is_unchanged(stamp)
    };
    for path in ["/srv/tftp/a", "/srv/a", "/a"] {
        assert!(valid_after(path, &[]));
        assert!(!valid_after(path, &[itself(3)]), "{path}");
    }
    for (watch, path) in [(3, "/srv/tftp/a"), (2, "/srv/a"), (1, "/a")] {
        assert!(!valid_after(path, &[added(watch, b"x")]), "{path}");
        assert!(!valid_after(path, &[removed(watch, b"x")]), "{path}");
    }
    assert!(valid_after("/srv/tftp/a", &[added(1, b"x"), removed(2, b"x"), added(9, b"a")]));
}

#[test]
fn stamp_of_a_directory_needs_a_record_of_it_or_of_one_below_it() {
    let mut records = records();
    for path in ["/srv/tftp/a/b", "/srv/tftpd/a", "/srv/tft/a", "/srv/tftp/", "srv/a", "/x/a"] {
        assert_eq!(records.stamp(path.as_bytes()), None, "{path}");
    }
    let stamp = records.stamp(b"/srv/tftp/a").unwrap();
    records.insert(record());
    assert!(!records.is_unchanged(stamp), "changes before the new record may be unknown");
    records.clear();
    assert_eq!(records.stamp(b"/srv/tftp/a"), None);
}

#[test]
fn directory_at_two_places_of_a_path_is_changed_at_both() {
    let twice = || Record::new(b"/srv/tftp", vec![1, 2, 2], [&b"a"[..]]).unwrap();
    let mut records = Records::default();
    records.insert(twice());
    records.apply(&added(2, b"none"));
    assert!(!records.is_absent(b"/srv/tftp/none"));
    records.apply(&removed(2, b"tftp"));
    assert!(!records.is_absent(b"/srv/tftp/other"));
}

#[test]
fn record_needs_a_watch_for_each_directory_and_ascii_names() {
    assert!(Record::new(b"/srv", vec![1, 2], []).is_some());
    assert!(Record::new(b"/srv", vec![1], []).is_none());
    assert!(Record::new(b"/srv", vec![1, 2, 3], []).is_none());
    assert!(Record::new(b"/srv", vec![1, 2], ["\u{fc}".as_bytes()]).is_none());
}

#[test]
fn watches_of_dropped_records_are_unused_unless_another_record_has_them() {
    let mut records = records();
    records.insert(Record::new(b"/srv", vec![1, 2], []).unwrap());
    records.apply(&itself(3));
    assert_eq!(records.take_unused(), [3]);
    assert!(records.take_unused().is_empty());
    records.release(vec![2, 9]);
    assert_eq!(records.take_unused(), [9]);
    records.clear();
    assert!(!records.is_absent(b"/srv/none"));
    records.insert(Record::new(b"/tmp", vec![1, 5], []).unwrap());
    assert_eq!(records.take_unused(), [2]);
}

#[test]
fn least_recently_used_records_are_dropped() {
    let mut records = Records::default();
    let directory = |number: i32| format!("/{number}").into_bytes();
    for number in 0..40 {
        records.insert(Record::new(&directory(number), vec![1, number + 2], []).unwrap());
        assert!(records.is_absent(b"/0/none"), "it is used each time");
    }
    assert_eq!(records.records.len(), MAX_RECORDS);
    assert!(records.is_absent(b"/39/none"));
    assert!(!records.is_absent(b"/1/none"));
    assert_eq!(records.take_unused().len(), 8);
}

#[test]
fn memory_of_names_is_bounded() {
    let names: Vec<_> = (0..4000).map(|number| format!("{number:0>60}").into_bytes()).collect();
    let names = || names.iter().map(|name| &name[..]);
    let mut records = Records::default();
    for number in 0..10 {
        let directory = format!("/{number}").into_bytes();
        records.insert(Record::new(&directory, vec![1, number + 2], names()).unwrap());
        assert!(records.size() <= MAX_SIZE);
    }
    assert_eq!(records.records.len(), 3);
    for number in 0..1000 {
        records.apply(&added(11, format!("new-{number:0>60}").as_bytes()));
    }
    assert_eq!(records.records.len(), 2, "too many names were added to the last one");
    let long = vec![b'x'; MAX_RECORD_SIZE];
    assert!(Record::new(b"/a", vec![1, 2], names().chain([&long[..]])).is_none());
}
