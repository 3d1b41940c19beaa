//! Symbolic links, hard links and files that change after the start.

use crate::pair::Row;

crate::rows! {
    new_link_to_directory_is_followed: Row {
        before: "put /srv/iso/file one; put /srv/iso/sub/file deep",
        at_start: "iso/file=E1",
        steps: &[("ln -s /srv/iso /srv/tftp/iso", "iso/file=one iso/sub/file=deep iso/none=E1 iso=E0")],
        ..Row::DEFAULT
    };
    new_link_in_empty_root_is_followed: Row {
        before: "rm /srv/tftp/small; put /srv/iso/file one",
        at_start: "iso/file=E1",
        steps: &[("ln -s /srv/iso /srv/tftp/iso", "iso/file=one")],
        ..Row::DEFAULT
    };
    new_link_to_file_is_followed: Row {
        before: "put /srv/images/kernel one",
        at_start: "kernel=E1",
        steps: &[("ln -s /srv/images/kernel /srv/tftp/kernel", "kernel=one")],
        ..Row::DEFAULT
    };
    new_link_to_build_tree_is_followed: Row {
        before: "put /home/user/linux/arch/boot/bzImage one",
        at_start: "small=small linux/arch/boot/bzImage=E1",
        steps: &[
            ("ln -s /home/user/linux /srv/tftp/linux", "linux/arch/boot/bzImage=one"),
            ("put /home/user/linux/arch/boot/bzImage two", "linux/arch/boot/bzImage=two"),
            ("rm -r /home/user/linux", "linux/arch/boot/bzImage=E1"),
            ("put /home/user/linux/arch/boot/bzImage three", "linux/arch/boot/bzImage=three"),
        ],
        ..Row::DEFAULT
    };
    new_link_to_directory_outside_private_directories_is_followed: Row {
        at_start: "shells=E1",
        steps: &[(
            "mkdir -p /var/lib/misc/new; put /var/lib/misc/new/file one; ln -s /var/lib/misc/new /srv/tftp/new",
            "new/file=one",
        )],
        ..Row::DEFAULT
    };
    link_switched_to_another_tree_is_followed: Row {
        before: "put /srv/one/file one; put /srv/one/sub/file deep; put /srv/two/file two; put /srv/two/sub/file deeper;
            ln -s /srv/one /srv/tftp/current",
        at_start: "current/file=one current/sub/file=deep",
        steps: &[
            ("ln -sfn /srv/two /srv/tftp/current", "current/file=two current/sub/file=deeper"),
            ("put /srv/three/file three; ln -sfn /srv/three /srv/tftp/current", "current/file=three current/sub/file=E1"),
            ("ln -sfn /srv/one /srv/tftp/current", "current/file=one current/sub/file=deep"),
        ],
        ..Row::DEFAULT
    };
    link_replaced_by_directory_is_served: Row {
        before: "put /srv/one/file one; ln -s /srv/one /srv/tftp/tree",
        at_start: "tree/file=one",
        steps: &[
            ("rm /srv/tftp/tree; put /srv/tftp/tree/file real", "tree/file=real"),
            ("rm -r /srv/tftp/tree; ln -s ../one /srv/tftp/tree", "tree/file=one"),
        ],
        ..Row::DEFAULT
    };
    kubernetes_config_map_is_updated: Row {
        before: "put /srv/tftp/..one/pxelinux.0 one; put /srv/tftp/..one/default a; ln -s ..one /srv/tftp/..data;
            ln -s ..data/pxelinux.0 /srv/tftp/pxelinux.0; mkdir /srv/tftp/pxelinux.cfg;
            ln -s ../..data/default /srv/tftp/pxelinux.cfg/default",
        at_start: "pxelinux.0=one pxelinux.cfg/default=a",
        steps: &[
            (
                "cd /srv/tftp; put ./..two/pxelinux.0 two; put ./..two/default b; ln -s ..two ..data_tmp; mv -T ..data_tmp ..data",
                "pxelinux.0=two pxelinux.cfg/default=b",
            ),
            ("rm -r /srv/tftp/..one", "pxelinux.0=two pxelinux.cfg/default=b"),
        ],
        ..Row::DEFAULT
    };
    kubernetes_config_map_outside_root_is_updated: Row {
        before: "put /srv/map/..one/default one; ln -s ..one /srv/map/..data; ln -s ..data/default /srv/map/default;
            ln -s /srv/map/default /srv/tftp/default",
        at_start: "default=one",
        steps: &[(
            "cd /srv/map; put ./..two/default two; ln -s ..two ..tmp; mv -T ..tmp ..data; rm -r ..one",
            "default=two",
        )],
        ..Row::DEFAULT
    };
    chain_of_links_is_followed: Row {
        before: "put /srv/one/file one",
        at_start: "a/file=E1",
        steps: &[(
            "ln -s b /srv/tftp/a; ln -s c /srv/tftp/b; ln -s /srv/d /srv/tftp/c; ln -s e /srv/d; ln -s one /srv/e",
            "a/file=one b/file=one c/file=one",
        )],
        ..Row::DEFAULT
    };
    chain_of_40_links_is_followed_and_of_41_is_not: Row {
        before: "put /srv/one/file one",
        at_start: "l1=E1",
        steps: &[(
            "cd /srv/tftp; ln -s /srv/one/file l1; for i in $(seq 2 41); do ln -s l$((i - 1)) l$i; done",
            "l1=one l20=one l40=one l41=E0",
        )],
        ..Row::DEFAULT
    };
    relative_links_are_followed: Row {
        before: "put /srv/one/sub/file one; put /srv/tftp/there/file two",
        at_start: "sub/up=E1",
        steps: &[
            ("mkdir /srv/tftp/sub; ln -s ../there/file /srv/tftp/sub/up", "sub/up=two"),
            ("ln -s ../../one/sub /srv/tftp/sub/out", "sub/out/file=one"),
            ("ln -s ./././../there /srv/tftp/sub/dots", "sub/dots/file=two"),
        ],
        ..Row::DEFAULT
    };
    links_with_parent_directories_in_target_are_followed: Row {
        before: "put /srv/one/file one; put /srv/one/sub/file deep",
        at_start: "a/file=E1",
        steps: &[
            ("ln -s /srv/one/sub/.. /srv/tftp/a", "a/file=one a/sub/file=deep"),
            // The parent directory of the target of the link, not of the link.
            ("ln -s /srv/one/sub /srv/tftp/sub; ln -s sub/../file /srv/tftp/b", "b=one"),
            ("ln -s ../../../../../../srv/one /srv/tftp/c", "c/file=one"),
        ],
        ..Row::DEFAULT
    };
    dangling_link_that_becomes_valid_is_followed: Row {
        before: "ln -s /srv/later/file /srv/tftp/file; ln -s /srv/later /srv/tftp/tree",
        at_start: "file=E1 tree/file=E1",
        steps: &[
            ("put /srv/later/file one", "file=one tree/file=one"),
            ("rm -r /srv/later", "file=E1 tree/file=E1"),
            ("put /srv/elsewhere/file two; ln -s /srv/elsewhere /srv/later", "file=two tree/file=two"),
        ],
        ..Row::DEFAULT
    };
    loop_of_links_is_an_error: Row {
        before: "ln -s self /srv/tftp/self",
        at_start: "small=small self=E0",
        steps: &[
            ("ln -s b /srv/tftp/a; ln -s a /srv/tftp/b", "a=E0 b=E0 a/file=E0 small=small"),
            ("ln -sfn /srv/tftp/small /srv/tftp/a", "a=small b=small"),
        ],
        ..Row::DEFAULT
    };
    file_replaced_by_rename_is_sent_new: Row {
        before: "put /srv/tftp/file one",
        at_start: "file=one",
        steps: &[("put /srv/tftp/new two; mv /srv/tftp/new /srv/tftp/file", "file=two")],
        ..Row::DEFAULT
    };
    file_truncated_and_written_is_sent_new: Row {
        before: "put /srv/tftp/file longer; mkdir /srv/one; ln /srv/tftp/file /srv/one/same",
        at_start: "file=longer",
        steps: &[
            ("printf two > /srv/tftp/file", "file=two"),
            ("printf three > /srv/one/same", "file=three"),
            (": > /srv/tftp/file", "file="),
        ],
        ..Row::DEFAULT
    };
    file_replaced_by_hard_link_is_sent_new: Row {
        before: "put /srv/tftp/file one; put /srv/images/two two",
        at_start: "file=one",
        steps: &[
            ("ln -f /srv/images/two /srv/tftp/file", "file=two"),
            ("ln /srv/images/two /srv/tftp/other; rm /srv/images/two", "other=two file=two"),
        ],
        ..Row::DEFAULT
    };
    file_replaced_by_link_is_followed: Row {
        before: "put /srv/tftp/file one; put /srv/images/two two",
        at_start: "file=one",
        steps: &[
            ("ln -sf /srv/images/two /srv/tftp/file", "file=two"),
            ("rm /srv/tftp/file; mkdir /srv/tftp/file", "file=E0"),
            ("rmdir /srv/tftp/file", "file=E1"),
        ],
        ..Row::DEFAULT
    };
    directory_moved_into_root_is_served: Row {
        before: "put /srv/incoming/sub/file one; put /srv/tftp/sub/file old",
        at_start: "sub/file=old incoming/sub/file=E1",
        steps: &[
            ("mv /srv/incoming /srv/tftp/incoming", "incoming/sub/file=one"),
            ("mv /srv/tftp/sub /srv/tftp/gone; mv /srv/tftp/incoming/sub /srv/tftp/sub", "sub/file=one incoming/sub/file=E1"),
            ("mv /srv/tftp/sub /srv/sub", "sub/file=E1"),
        ],
        ..Row::DEFAULT
    };
    links_exchanged_by_rename_are_followed: Row {
        before: "put /srv/one/file one; put /srv/two/file two; ln -s /srv/one /srv/tftp/live; ln -s /srv/two /srv/tftp/next",
        at_start: "live/file=one next/file=two",
        steps: &[
            ("mv -T /srv/tftp/live /srv/tftp/old; mv -T /srv/tftp/next /srv/tftp/live", "live/file=two next/file=E1 old/file=one"),
        ],
        ..Row::DEFAULT
    };
    // The links of proc(5) are about the process that follows them.
    link_through_proc_self_root_is_followed: Row {
        before: "put /srv/one/file one",
        at_start: "a/file=E1",
        steps: &[("ln -s /proc/self/root/srv/one /srv/tftp/a", "a/file=one")],
        ..Row::DEFAULT
    };
    link_to_descriptor_that_is_not_open_is_an_error: Row {
        at_start: "fd=E1",
        steps: &[("ln -s /proc/self/fd/999 /srv/tftp/fd", "fd=E1")],
        ..Row::DEFAULT
    };
    backslash_and_case_reach_new_links: Row {
        config: "tftp-root=/srv/tftp\ntftp-lowercase",
        before: "put /srv/one/sub/file one",
        at_start: "tree/sub/file=E1",
        steps: &[("ln -s /srv/one /srv/tftp/tree", "tree\\sub\\file=one TREE/Sub/FILE=one /srv/tftp/tree/sub/file=one")],
        ..Row::DEFAULT
    };
}
