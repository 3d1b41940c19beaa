//! Changes while a transfer runs.

use crate::common::download::Download;
use crate::common::required;
use crate::pair::{Pair, Row, SIDES};

crate::tests![
    detached_mount_is_read_to_its_end,
    link_switched_during_transfer_affects_the_next_transfer,
    root_moved_away_during_transfer_affects_the_next_transfer,
];

const SIZE: usize = 200_000;

/// Loads `file` and runs the script after half of it. Returns the answer.
fn load_while(pair: &Pair, client: &str, script: &str) -> Result<Vec<u8>, String> {
    let (mut got, mut changed) = (Vec::new(), None);
    let once = Download { file: "tree/file", ..Download::DEFAULT };
    let ended = once.get(pair.lab.host(client), |block| {
        got.extend_from_slice(block);
        if got.len() > SIZE / 2 {
            changed.get_or_insert_with(|| pair.run(script));
        }
    });
    assert_eq!(changed, Some(Ok(())), "the change");
    ended.map(|()| got)
}

/// The transfer ends with the original contents, and the next one has the answer of dnsmasq.
fn check(before: &'static str, change: &str, restore: &str, next: &[u8]) {
    let Some(pair) = Pair::new(&Row { before, ..Row::DEFAULT }) else { return };
    let original = vec![b'a'; SIZE];
    for [server, client] in SIDES {
        assert!(load_while(&pair, client, change) == Ok(original.clone()), "{server}");
        let Some(()) = required(pair.run(restore)) else { return };
    }
    let Some(()) = required(pair.run(change)) else { return };
    let [ours, theirs] = pair.get("tree/file");
    assert_eq!(ours, theirs);
    assert_eq!(ours.unwrap_or_default(), next);
    pair.assert_same_log();
}

const FILE: &str =
    "mkdir -p /srv/one /srv/tftp; head -c 200000 /dev/zero | tr '\\0' a > /srv/one/file;
    put /srv/two/file two;";

fn detached_mount_is_read_to_its_end() {
    const BEFORE: &str = "head -c 200000 /dev/zero | tr '\\0' a > /run/file; fresh /srv/tftp/tree; cp /run/file /srv/tftp/tree";
    check(
        BEFORE,
        "umount -l /srv/tftp/tree",
        "fresh /srv/tftp/tree; cp /run/file /srv/tftp/tree",
        b"",
    );
}

fn link_switched_during_transfer_affects_the_next_transfer() {
    let before: &str = &[FILE, "ln -s /srv/one /srv/tftp/tree"].concat();
    let before = Box::leak(before.to_owned().into_boxed_str());
    check(before, "ln -sfn /srv/two /srv/tftp/tree", "ln -sfn /srv/one /srv/tftp/tree", b"two");
}

fn root_moved_away_during_transfer_affects_the_next_transfer() {
    let before: &str = &[FILE, "mv /srv/one /srv/tftp/tree"].concat();
    let before = Box::leak(before.to_owned().into_boxed_str());
    check(before, "mv /srv/tftp /srv/away", "mv /srv/away /srv/tftp", b"");
}
