//! Roots that change after the start: links, renamed directories, directories of a client.

use crate::pair::Row;

crate::rows! {
    root_that_is_a_link_is_switched: Row {
        config: "tftp-root=/srv/root",
        before: "put /srv/one/file one; put /srv/two/file two; ln -s /srv/one /srv/root",
        at_start: "file=one",
        steps: &[
            ("ln -sfn /srv/two /srv/root", "file=two"),
            ("put /srv/three/file three; ln -s three /srv/tmp; mv -T /srv/tmp /srv/root", "file=three /srv/root/file=three"),
            ("rm /srv/root", "file=E1"),
            ("ln -s one /srv/root", "file=one"),
        ],
        ..Row::DEFAULT
    };
    directory_above_root_that_is_a_link_is_switched: Row {
        config: "tftp-root=/srv/current/tftp",
        before: "put /srv/one/tftp/file one; put /srv/two/tftp/file two; ln -s one /srv/current",
        at_start: "file=one",
        steps: &[
            ("ln -sfn two /srv/current", "file=two"),
            ("ln -sfn none /srv/current", "file=E1"),
        ],
        ..Row::DEFAULT
    };
    root_replaced_by_rename_is_served: Row {
        before: "put /srv/tftp/file one; put /srv/new/file two",
        at_start: "file=one",
        steps: &[
            ("mv /srv/tftp /srv/old", "file=E1"),
            ("mv /srv/new /srv/tftp", "file=two"),
            ("put /srv/tftp/more three", "more=three"),
        ],
        ..Row::DEFAULT
    };
    root_removed_and_created_again_is_served: Row {
        before: "put /srv/tftp/file one",
        at_start: "file=one",
        steps: &[
            ("rm -r /srv/tftp", "file=E1"),
            ("put /srv/tftp/file two", "file=two"),
            ("rm -r /srv/tftp; put /srv/tftp/file three; put /srv/tftp/sub/file deep", "file=three sub/file=deep"),
        ],
        ..Row::DEFAULT
    };
    directory_above_root_replaced_is_served: Row {
        config: "tftp-root=/srv/boot/tftp",
        before: "put /srv/boot/tftp/file one",
        at_start: "file=one",
        steps: &[
            ("mv /srv/boot /srv/old", "file=E1"),
            ("put /srv/boot/tftp/file two", "file=two"),
        ],
        ..Row::DEFAULT
    };
    root_replaced_by_link_is_followed: Row {
        before: "put /srv/tftp/file one; put /srv/elsewhere/file two",
        at_start: "file=one",
        steps: &[("rm -r /srv/tftp; ln -s /srv/elsewhere /srv/tftp", "file=two")],
        ..Row::DEFAULT
    };
    root_below_directory_that_is_created_after_start_is_served: Row {
        config: "tftp-root=/srv/later/boot/tftp\ntftp-no-fail",
        at_start: "file=E1",
        steps: &[
            ("put /srv/later/boot/tftp/file one", "file=one"),
            ("put /home/new/file two; mv /srv/later /srv/away; mkdir -p /srv/later/boot; ln -s /home/new /srv/later/boot/tftp", "file=two"),
        ],
        ..Row::DEFAULT
    };
    client_directory_by_address_is_created_and_switched: Row {
        config: "tftp-root=/srv/tftp\ntftp-unique-root",
        before: "put /srv/tftp/file all; put /srv/one/file one; put /srv/two/file two",
        at_start: "file=all",
        steps: &[
            ("put /srv/tftp/10.9.0.2/file mine", "file=mine other=E1"),
            ("rm -r /srv/tftp/10.9.0.2; ln -s /srv/one /srv/tftp/10.9.0.2", "file=one"),
            ("ln -sfn ../two /srv/tftp/10.9.0.2", "file=two"),
            ("ln -sfn /srv/none /srv/tftp/10.9.0.2", "file=all"),
            ("rm /srv/tftp/10.9.0.2", "file=all"),
        ],
        ..Row::DEFAULT
    };
    client_directory_by_hardware_address_is_created_and_switched: Row {
        config: "tftp-root=/srv/tftp\ntftp-unique-root=mac",
        before: "put /srv/tftp/file all; put /srv/one/file one; put /srv/two/file two",
        at_start: "file=all",
        steps: &[
            ("put /srv/tftp/02-00-00-00-00-02/file mine", "file=mine"),
            ("rm -r /srv/tftp/02-00-00-00-00-02; ln -s /srv/one /srv/tftp/02-00-00-00-00-02", "file=one"),
            ("ln -sfn ../two /srv/tftp/02-00-00-00-00-02", "file=two"),
            ("rm /srv/tftp/02-00-00-00-00-02", "file=all"),
        ],
        ..Row::DEFAULT
    };
    client_directory_that_is_a_link_at_start_is_switched: Row {
        config: "tftp-root=/srv/tftp\ntftp-unique-root",
        before: "put /srv/tftp/file all; put /srv/one/file one; ln -s /srv/one /srv/tftp/10.9.0.2",
        at_start: "file=one",
        steps: &[
            ("put /home/two/file two; ln -sfn /home/two /srv/tftp/10.9.0.2", "file=two"),
            ("rm /srv/tftp/10.9.0.2; put /srv/tftp/10.9.0.2 text", "file=all"),
        ],
        ..Row::DEFAULT
    };
    root_of_interface_that_is_a_link_is_switched: Row {
        config: "tftp-root=/srv/tftp\ntftp-root=/srv/eth0,eth0",
        before: "put /srv/tftp/file all; put /srv/one/file one; put /srv/two/file two; ln -s one /srv/eth0",
        at_start: "file=one",
        steps: &[
            ("ln -sfn two /srv/eth0", "file=two"),
            ("put /home/three/file three; ln -sfn /home/three /srv/eth0", "file=three"),
            ("rm /srv/eth0", "file=E1"),
        ],
        ..Row::DEFAULT
    };
    paths_without_root_follow_new_links: Row {
        config: "enable-tftp",
        before: "put /srv/tftp/file one; put /home/images/file two",
        at_start: "/srv/tftp/file=one",
        steps: &[("ln -s /home/images /srv/tftp/images", "/srv/tftp/images/file=two /home/images/file=two")],
        ..Row::DEFAULT
    };
}
