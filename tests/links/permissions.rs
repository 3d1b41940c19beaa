//! Owners and modes that change after the start, for the user `nobody` and for root.

use crate::pair::Row;

const ROOT: &[&str] = &["-u", "root"];

crate::rows! {
    file_without_permissions_is_refused: Row {
        before: "put /srv/tftp/file one",
        at_start: "file=one",
        steps: &[
            ("chmod 000 /srv/tftp/file", "file=E2"),
            ("chmod 444 /srv/tftp/file", "file=one"),
            ("chmod 600 /srv/tftp/file", "file=E2"),
            ("chown nobody /srv/tftp/file", "file=one"),
        ],
        ..Row::DEFAULT
    };
    directory_without_permissions_is_refused: Row {
        before: "put /srv/tftp/sub/file one",
        at_start: "sub/file=one",
        steps: &[
            ("chmod 000 /srv/tftp/sub", "sub/file=E2 sub/none=E2"),
            ("chmod 711 /srv/tftp/sub", "sub/file=one sub/none=E1"),
            ("chmod 700 /srv/tftp/sub", "sub/file=E2"),
            ("chown nobody /srv/tftp/sub", "sub/file=one"),
        ],
        ..Row::DEFAULT
    };
    root_without_permissions_is_refused: Row {
        before: "put /srv/tftp/file one",
        at_start: "file=one",
        steps: &[
            ("chmod 000 /srv/tftp", "file=E2 none=E2"),
            ("chmod 711 /srv/tftp", "file=one none=E1"),
        ],
        ..Row::DEFAULT
    };
    directory_above_root_without_permissions_is_refused: Row {
        config: "tftp-root=/home/boot/tftp",
        before: "put /home/boot/tftp/file one",
        at_start: "file=one",
        steps: &[
            ("chmod 700 /home/boot", "file=E2"),
            ("chmod 755 /home/boot", "file=one"),
        ],
        ..Row::DEFAULT
    };
    link_to_directory_that_may_not_be_read_is_refused: Row {
        before: "put /home/user/images/file one; chmod 700 /home/user",
        at_start: "small=small",
        steps: &[
            ("ln -s /home/user/images /srv/tftp/images", "images/file=E2"),
            ("chmod 711 /home/user", "images/file=one"),
        ],
        ..Row::DEFAULT
    };
    link_to_file_of_root_is_refused: Row {
        before: "put /home/secret one; chmod 600 /home/secret",
        at_start: "secret=E1",
        steps: &[
            ("ln -s /home/secret /srv/tftp/secret", "secret=E2"),
            ("chmod 644 /home/secret", "secret=one"),
        ],
        ..Row::DEFAULT
    };
    file_of_another_owner_is_refused_with_tftp_secure: Row {
        config: "tftp-root=/srv/tftp\ntftp-secure",
        before: "put /srv/tftp/file one; chown nobody /srv/tftp/file; put /srv/tftp/other two",
        at_start: "file=one other=E2",
        steps: &[
            ("chown root /srv/tftp/file; chown nobody /srv/tftp/other", "file=E2 other=two"),
            ("put /home/mine three; chown nobody /home/mine; ln -s /home/mine /srv/tftp/mine", "mine=three"),
            ("put /home/theirs three; ln -s /home/theirs /srv/tftp/theirs", "theirs=E2"),
        ],
        ..Row::DEFAULT
    };
    file_that_becomes_readable_for_all_is_sent_by_root: Row {
        words: ROOT,
        before: "put /srv/tftp/file one; chmod 600 /srv/tftp/file",
        at_start: "file=E2",
        steps: &[
            ("chmod 604 /srv/tftp/file", "file=one"),
            ("chmod 640 /srv/tftp/file", "file=E2"),
            ("chown nobody /srv/tftp/file; chmod 644 /srv/tftp/file", "file=one"),
        ],
        ..Row::DEFAULT
    };
    root_reads_through_directories_of_others: Row {
        words: ROOT,
        before: "put /home/user/images/file one; chmod 700 /home/user; chown nobody /home/user",
        at_start: "small=small",
        steps: &[
            ("ln -s /home/user/images /srv/tftp/images", "images/file=one"),
            ("chmod 600 /home/user/images/file", "images/file=E2"),
            ("chmod 000 /srv/tftp", "small=small images/file=E2"),
        ],
        ..Row::DEFAULT
    };
    // For root, tftp-secure is not about the owner.
    files_that_all_may_read_are_sent_by_root_with_tftp_secure: Row {
        config: "tftp-root=/srv/tftp\ntftp-secure",
        words: ROOT,
        before: "put /srv/tftp/file one; put /srv/tftp/other two; chown nobody /srv/tftp/other",
        at_start: "file=one other=two",
        steps: &[("chmod 600 /srv/tftp/file; chmod 640 /srv/tftp/other", "file=E2 other=E2")],
    };
    new_link_is_followed_by_root: Row {
        words: ROOT,
        before: "put /home/iso/file one",
        at_start: "iso/file=E1",
        steps: &[
            ("ln -s /home/iso /srv/tftp/iso", "iso/file=one"),
            ("fresh /home/iso; put /home/iso/file two", "iso/file=two"),
        ],
        ..Row::DEFAULT
    };
    // protected_symlinks (proc_sys_fs(5)) is about directories with the sticky bit that all may write.
    link_of_another_owner_in_sticky_directory_follows_the_kernel: Row {
        before: "put /home/iso/file one; mkdir -m 1777 /srv/tftp/public",
        at_start: "public/iso/file=E1",
        steps: &[("ln -s /home/iso /srv/tftp/public/iso; chown -h dnsmasq /srv/tftp/public/iso", "")],
        ..Row::DEFAULT
    };
}
