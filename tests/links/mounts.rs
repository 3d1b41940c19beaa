//! File systems that are mounted and unmounted after the start.

use crate::pair::Row;

crate::rows! {
    // The directory is empty at the start, as in the guide of Arch Linux.
    mount_over_empty_directory_below_root_is_served: Row {
        before: "mkdir -p /srv/tftp/arch",
        at_start: "small=small arch/boot/vmlinuz=E1",
        steps: &[
            ("fresh /srv/tftp/arch; put /srv/tftp/arch/boot/vmlinuz one", "arch/boot/vmlinuz=one"),
            ("unmount /srv/tftp/arch", "arch/boot/vmlinuz=E1 small=small"),
        ],
        ..Row::DEFAULT
    };
    image_is_replaced_by_another_image: Row {
        before: "image /srv/one.img boot/vmlinuz one; image /srv/two.img boot/vmlinuz two; loop /srv/one.img /srv/tftp/arch",
        at_start: "arch/boot/vmlinuz=one",
        steps: &[
            ("unmount /srv/tftp/arch", "arch/boot/vmlinuz=E1"),
            ("loop /srv/two.img /srv/tftp/arch", "arch/boot/vmlinuz=two"),
            ("unmount /srv/tftp/arch; loop /srv/one.img /srv/tftp/arch", "arch/boot/vmlinuz=one"),
        ],
        ..Row::DEFAULT
    };
    image_mounted_after_start_is_served: Row {
        before: "mkdir -p /srv/tftp/arch; image /srv/one.img boot/vmlinuz one",
        at_start: "arch/boot/vmlinuz=E1",
        steps: &[("loop /srv/one.img /srv/tftp/arch", "arch/boot/vmlinuz=one arch/none=E1")],
        ..Row::DEFAULT
    };
    link_to_image_outside_root_is_followed: Row {
        before: "image /srv/one.img file one; mkdir -p /mnt; fresh /home; ln -s /home/iso /srv/tftp/iso; ln -s iso/file /srv/tftp/short",
        at_start: "iso/file=E1 short=E1",
        steps: &[
            ("loop /srv/one.img /home/iso", "iso/file=one short=one"),
            ("unmount /home/iso", "iso/file=E1 short=E1"),
        ],
        ..Row::DEFAULT
    };
    file_system_is_replaced_by_another: Row {
        before: "fresh /srv/tftp/iso; put /srv/tftp/iso/file one",
        at_start: "iso/file=one",
        steps: &[
            ("unmount /srv/tftp/iso; fresh /srv/tftp/iso; put /srv/tftp/iso/file two", "iso/file=two"),
            ("fresh /srv/tftp/iso; put /srv/tftp/iso/file three", "iso/file=three"),
            ("unmount /srv/tftp/iso", "iso/file=two"),
        ],
        ..Row::DEFAULT
    };
    mount_over_root_is_served: Row {
        before: "put /srv/tftp/file below; put /srv/tftp/hidden hidden",
        at_start: "file=below hidden=hidden",
        steps: &[
            ("fresh /srv/tftp; put /srv/tftp/file above", "file=above hidden=E1"),
            ("unmount /srv/tftp", "file=below hidden=hidden"),
        ],
        ..Row::DEFAULT
    };
    mounted_root_is_unmounted: Row {
        before: "put /srv/tftp/file below; fresh /srv/tftp; put /srv/tftp/file above",
        at_start: "file=above",
        steps: &[
            ("unmount /srv/tftp", "file=below"),
            ("fresh /srv/tftp; put /srv/tftp/file again", "file=again"),
        ],
        ..Row::DEFAULT
    };
    mount_over_directory_above_root_is_served: Row {
        config: "tftp-root=/home/boot/tftp",
        before: "put /home/boot/tftp/file below",
        at_start: "file=below",
        steps: &[
            ("fresh /home/boot", "file=E1"),
            ("put /home/boot/tftp/file above", "file=above"),
            ("unmount /home/boot", "file=below"),
        ],
        ..Row::DEFAULT
    };
    bind_mount_of_directory_is_served: Row {
        before: "mkdir /srv/tftp/images; put /home/images/file one; put /home/images/sub/file deep",
        at_start: "images/file=E1",
        steps: &[
            ("mount --bind /home/images /srv/tftp/images", "images/file=one images/sub/file=deep"),
            ("unmount /srv/tftp/images", "images/file=E1"),
        ],
        ..Row::DEFAULT
    };
    bind_mount_of_directory_over_root_is_served: Row {
        before: "put /srv/tftp/file one; put /home/images/file two",
        at_start: "file=one",
        steps: &[
            ("mount --bind /home/images /srv/tftp", "file=two"),
            ("unmount /srv/tftp", "file=one"),
        ],
        ..Row::DEFAULT
    };
    bind_mount_of_file_is_served: Row {
        before: "put /srv/tftp/file one; put /home/image two",
        at_start: "file=one",
        steps: &[
            ("mount --bind /home/image /srv/tftp/file", "file=two"),
            ("unmount /srv/tftp/file", "file=one"),
        ],
        ..Row::DEFAULT
    };
    mount_moved_below_root_is_served: Row {
        before: "mkdir /srv/tftp/images; fresh /home/images; put /home/images/file one",
        at_start: "images/file=E1",
        steps: &[("mount --move /home/images /srv/tftp/images", "images/file=one")],
        ..Row::DEFAULT
    };
    overlay_over_root_is_served: Row {
        before: "put /srv/tftp/file lower; put /srv/tftp/kept kept; mkdir -p /run/upper /run/work; put /run/upper/new upper",
        at_start: "file=lower new=E1",
        steps: &[
            (
                "mount -t overlay -o lowerdir=/srv/tftp,upperdir=/run/upper,workdir=/run/work overlay /srv/tftp",
                "file=lower kept=kept new=upper",
            ),
            ("put /srv/tftp/file changed", "file=changed"),
            ("rm /srv/tftp/kept", "kept=E1"),
            ("unmount /srv/tftp", "file=lower kept=kept new=E1"),
        ],
        ..Row::DEFAULT
    };
    overlay_that_is_the_root_at_start_follows_changes: Row {
        before: "put /srv/lower/file lower; mkdir -p /srv/upper /srv/work /srv/tftp;
            mount -t overlay -o lowerdir=/srv/lower,upperdir=/srv/upper,workdir=/srv/work overlay /srv/tftp",
        at_start: "file=lower",
        steps: &[
            ("put /srv/tftp/file changed", "file=changed"),
            ("put /home/out/file out; ln -s /home/out /srv/tftp/out", "out/file=out"),
            ("rm /srv/tftp/file", "file=E1"),
        ],
        ..Row::DEFAULT
    };
    link_to_link_to_mount_is_followed: Row {
        before: "mkdir -p /home/mnt; ln -s /srv/second /srv/tftp/first; ln -s /home/mnt /srv/second",
        at_start: "small=small first/file=E1",
        steps: &[
            ("fresh /home/mnt; put /home/mnt/file one", "first/file=one"),
            ("ln -sfn /home/other /srv/second; fresh /home/other; put /home/other/file two", "first/file=two"),
        ],
        ..Row::DEFAULT
    };
    root_mounted_read_only_is_served: Row {
        before: "fresh /srv/tftp; put /srv/tftp/file one; put /srv/one/file two; ln -s /srv/one /srv/tftp/tree",
        at_start: "file=one tree/file=two",
        steps: &[
            ("mount -o remount,ro /srv/tftp", "file=one tree/file=two none=E1"),
            ("mount -o remount,rw /srv/tftp; put /srv/tftp/file three", "file=three"),
        ],
        ..Row::DEFAULT
    };
    root_mounted_without_symbolic_links_is_an_error: Row {
        before: "fresh /srv/tftp; put /srv/tftp/file one; ln -s file /srv/tftp/link",
        at_start: "file=one link=one",
        steps: &[("mount -i -o remount,nosymfollow /srv/tftp", "file=one link=E0")],
        ..Row::DEFAULT
    };
    nested_mounts_below_root_are_served: Row {
        before: "mkdir -p /srv/tftp/a",
        at_start: "a/b/file=E1",
        steps: &[
            ("fresh /srv/tftp/a; fresh /srv/tftp/a/b; put /srv/tftp/a/b/file one; put /srv/tftp/a/file two", "a/b/file=one a/file=two"),
            ("unmount /srv/tftp/a/b", "a/b/file=E1 a/file=two"),
        ],
        ..Row::DEFAULT
    };
    root_detached_and_mounted_again_is_served: Row {
        before: "fresh /srv/tftp; put /srv/tftp/file one",
        at_start: "file=one",
        steps: &[
            ("umount -l /srv/tftp", "file=E1"),
            ("fresh /srv/tftp; put /srv/tftp/file two", "file=two"),
        ],
        ..Row::DEFAULT
    };
    client_directory_that_is_mounted_is_served: Row {
        config: "tftp-root=/srv/tftp\ntftp-unique-root",
        before: "put /srv/tftp/file all; mkdir /srv/tftp/10.9.0.2",
        at_start: "file=E1",
        steps: &[
            ("fresh /srv/tftp/10.9.0.2; put /srv/tftp/10.9.0.2/file mine", "file=mine"),
            ("unmount /srv/tftp/10.9.0.2; rmdir /srv/tftp/10.9.0.2", "file=all"),
        ],
        ..Row::DEFAULT
    };
    mount_at_root_that_is_missing_at_start_is_served: Row {
        config: "tftp-root=/home/late/tftp\ntftp-no-fail",
        at_start: "file=E1",
        steps: &[("fresh /home/late; put /home/late/tftp/file one", "file=one")],
        ..Row::DEFAULT
    };
}
