//! Files that change during a transfer. The client gets the file that it requested or an error, never a mixture.

use crate::common::download::Download;
use crate::common::lab::Lab;
use crate::common::lab::files::place;
use crate::common::required;
use crate::common::slow_disk::{self, SlowDisk};
use crate::setup::{FILE, Moment, SIZE, Setup, contents};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

crate::tests![
    replaced_file_is_sent_to_its_end,
    deleted_file_is_sent_to_its_end,
    truncated_file_ends_the_transfer_with_an_error,
    growing_file_is_sent_with_its_original_size,
    client_gets_one_complete_image_while_images_are_replaced,
    file_with_a_lease_is_sent_after_its_release,
    slow_disk_at_start_does_not_delay_clients,
];

const PATH: &str = "/srv/tftp/changing";
const WINDOWS: [usize; 2] = [1, 16];

/// Downloads a file and changes it after half of it. Returns the bytes that arrived and the result.
fn get_while(
    setup: &Setup,
    windowsize: usize,
    change: impl FnOnce(),
) -> (Vec<u8>, Result<(), String>) {
    setup.lab.file(PATH, contents(SIZE));
    let (mut got, mut change) = (Vec::new(), Some(change));
    let download = Download { file: "changing", windowsize, ..Download::DEFAULT };
    let ended = download.get(setup.client(), |block| {
        got.extend_from_slice(block);
        if got.len() > SIZE / 2
            && let Some(change) = change.take()
        {
            change();
        }
    });
    assert!(change.is_none(), "the transfer ended before the change");
    (got, ended)
}

fn replaced_file_is_sent_to_its_end() {
    let Some(setup) = Setup::new("") else { return };
    let other = contents(SIZE + 7);
    for windowsize in WINDOWS {
        let (got, ended) = get_while(&setup, windowsize, || {
            setup.lab.file("/srv/tftp/new", &other);
            fs::rename("/srv/tftp/new", PATH).expect("the file can be renamed");
        });
        assert_eq!(ended, Ok(()), "{windowsize}");
        assert!(got == contents(SIZE), "{windowsize}: {} bytes", got.len());
        assert!(
            setup.get("changing") == Ok(other.clone()),
            "the next client did not get the new file"
        );
    }
    setup.assert_serves();
}

fn deleted_file_is_sent_to_its_end() {
    let Some(setup) = Setup::new("") else { return };
    for windowsize in WINDOWS {
        let remove = || fs::remove_file(PATH).expect("the file can be deleted");
        let (got, ended) = get_while(&setup, windowsize, remove);
        assert_eq!(ended, Ok(()), "{windowsize}");
        assert!(got == contents(SIZE), "{windowsize}: {} bytes", got.len());
        let next = setup.get("changing");
        assert_eq!(next, Err(format!("1 file {PATH} not found for 10.9.0.2\0")));
    }
    setup.assert_serves();
}

/// D-003: the blocks that were read before are sent, then an error.
fn truncated_file_ends_the_transfer_with_an_error() {
    let Some(setup) = Setup::new("") else { return };
    for (windowsize, left) in WINDOWS.into_iter().flat_map(|size| [(size, 1000), (size, 0)]) {
        let truncate = || {
            let file = File::options().write(true).open(PATH).expect("the file can be opened");
            file.set_len(left as u64).expect("the file can be truncated");
        };
        let (got, ended) = get_while(&setup, windowsize, truncate);
        assert_eq!(ended, Err(format!("0 cannot read {PATH}: Success\0")), "{windowsize} {left}");
        assert!(got.len() < SIZE && contents(SIZE).starts_with(&got), "{windowsize} {left}");
        assert!(
            setup.get("changing") == Ok(contents(SIZE)[..left].to_vec()),
            "the next client did not get the shorter file"
        );
    }
    assert!(setup.has_logged(&format!("failed sending {PATH} to 10.9.0.2")));
    setup.assert_serves();
}

/// The client knows the size from `tsize`.
fn growing_file_is_sent_with_its_original_size() {
    let Some(setup) = Setup::new("") else { return };
    let more = contents(5000);
    for windowsize in WINDOWS {
        let (got, ended) = get_while(&setup, windowsize, || {
            let mut file = File::options().append(true).open(PATH).expect("the file can be opened");
            file.write_all(&more).expect("the disk has space");
        });
        assert_eq!(ended, Ok(()), "{windowsize}");
        assert!(got == contents(SIZE), "{windowsize}: {} bytes", got.len());
        assert!(
            setup.get("changing") == Ok([contents(SIZE), more.clone()].concat()),
            "the next client did not get the longer file"
        );
    }
    setup.assert_serves();
}

/// An image is replaced again and again during downloads: each client gets one complete image.
fn client_gets_one_complete_image_while_images_are_replaced() {
    const IMAGES: usize = 5;
    let Some(setup) = Setup::new("") else { return };
    let path = format!("/srv/tftp/{FILE}");
    let image = |number: usize| contents(SIZE + number);
    setup.lab.file(&path, image(0));
    for number in 1..=IMAGES {
        let (mut got, next) = (Vec::new(), image(number));
        let download = Download { file: FILE, windowsize: 4, ..Download::DEFAULT };
        let ended = download.get(setup.client(), |block| {
            got.extend_from_slice(block);
            setup.lab.file("/srv/tftp/new", &next);
            fs::rename("/srv/tftp/new", &path).expect("the file can be renamed");
        });
        assert_eq!(ended, Ok(()));
        assert!(got == image(number - 1), "{number}: {} bytes", got.len());
    }
    setup.lab.file(&path, contents(SIZE));
    setup.assert_serves();
}

/// Opening a file with a lease blocks until the holder releases it (fcntl(2), `F_SETLEASE`), as with Samba.
fn file_with_a_lease_is_sent_after_its_release() {
    let Some(setup) = Setup::new("") else { return };
    setup.lab.file(PATH, contents(SIZE));
    let mut holder = hold(PATH);
    let socket = setup.client().udp("10.9.0.2:0");
    let reader = std::thread::spawn(move || {
        let (mut got, once) = (Vec::new(), Download { file: "changing", ..Download::DEFAULT });
        once.get_with(socket, |block| got.extend_from_slice(block)).map(|()| got)
    });
    setup.boot_with(Moment::AfterReply, || ());
    assert!(!reader.is_finished(), "the transfer ended before the lease was released");
    drop(holder.stdin.take());
    assert!(reader.join().expect("no panic") == Ok(contents(SIZE)));
    assert!(holder.wait().expect("it ends").success());
    setup.assert_serves();
}

/// A process that has a lease on the file until its standard input is closed.
fn hold(path: &str) -> Child {
    let program = "open(F, '+<', $ARGV[0]) && fcntl(F, 1024, 1) || die $!; $SIG{IO} = sub {}; $| = 1; \
        print 'h'; sysread(STDIN, $_, 1) while !eof(STDIN); fcntl(F, 1024, 2)";
    let mut perl = Command::new("perl");
    perl.args(["-e", program]).arg(place(path)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut holder = perl.spawn().expect("perl is installed");
    let ready = holder.stdout.as_mut().expect("a pipe").read(&mut [0; 1]);
    assert_eq!(ready.ok(), Some(1), "perl has the lease");
    holder
}

/// The search for symbolic links below the roots has a time limit.
fn slow_disk_at_start_does_not_delay_clients() {
    let Some(device) = required(slow_disk::device()) else { return };
    let opening = Duration::from_secs(8);
    let disk = SlowDisk { files: BTreeMap::new(), reading: opening, opening, broken: None };
    let mut mounted = Ok(());
    let ready = |lab: &Lab| {
        lab.file("/srv/tftp/slow/file", "");
        mounted = disk.mount(device, "/srv/tftp/slow");
    };
    let Some(setup) = Setup::with("", &[], &[], ready) else { return };
    let Some(()) = required(mounted) else { return };
    let start = Instant::now();
    setup.boot_with(Moment::AfterReply, || ());
    assert!(start.elapsed() < opening / 2, "{:?}", start.elapsed());
    setup.assert_serves();
}
