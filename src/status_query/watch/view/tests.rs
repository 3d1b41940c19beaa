use super::*;
use crate::status::{Counters, Drop, Limit, Machine, Stage, Transfer};
use crate::terminal::Style;

const SIZES: [Size; 6] = [
    Size { width: 80, height: 24 },
    Size { width: 200, height: 60 },
    Size { width: 20, height: 5 },
    Size { width: 40, height: 10 },
    Size { width: 1, height: 1 },
    Size { width: 0, height: 0 },
];
const SMALL: Size = SIZES[0];

/// A machine that loads a file of 100 MB at this many bytes per second, since ten seconds.
fn loading(number: u32, bytes_per_second: u64) -> Machine {
    let transfer = Transfer {
        file: format!("/srv/tftp/debian/installer/amd64/{number}/initrd.img"),
        size: 100_000_000,
        acknowledged: bytes_per_second * 10,
        age_ms: 10_000,
        bytes_per_second,
        ..Transfer::default()
    };
    Machine {
        mac: Some(format!("52:54:00:00:{:02x}:{:02x}", number >> 8, number & 255)),
        ip: Some(format!("10.0.{}.{}", number >> 8, number & 255)),
        architecture_name: Some("x86-64 EFI".to_owned()),
        stage: Stage::Loading,
        idle_ms: 20,
        transfers: vec![transfer],
        ..Machine::default()
    }
}

fn machine(number: u32, stage: Stage, idle_ms: u64) -> Machine {
    let last_file = Some("/srv/tftp/pxelinux.0".to_owned());
    Machine { stage, idle_ms, transfers: Vec::new(), last_file, ..loading(number, 0) }
}

fn status(machines: Vec<Machine>) -> Status {
    Status {
        program: "pxemasq".to_owned(),
        version: "0.1.0".to_owned(),
        pid: 4711,
        uptime_ms: 7_980_000,
        machines,
        ..Status::default()
    }
}

fn texts(status: Status, size: Size) -> Vec<String> {
    View::new(status, None)
        .lines(size)
        .iter()
        .map(|line| line.text().trim_end().to_owned())
        .collect()
}

/// A server with machines at each stage.
fn server_with_all_stages() -> Status {
    let mut stopped = loading(3, 500);
    stopped.idle_ms = 12_400;
    let mut disk = loading(2, 1_234_567);
    disk.transfers[0].waits_for_disk = true;
    disk.stage = Stage::WaitsForDisk;
    let mut by_address = loading(4, 9_345_678);
    (by_address.mac, by_address.transfers[0].file) = (None, "vmlinuz".to_owned());
    let machines = vec![
        machine(7, Stage::Refused, 2000),
        machine(8, Stage::WaitsForSlot, 2000),
        machine(9, Stage::Loaded, 61_000),
        loading(1, 5_000_000),
        disk,
        stopped,
        by_address,
        machine(5, Stage::Offered, 3000),
        machine(6, Stage::Asked4011, 400),
    ];
    let counters = Counters {
        bytes_sent: 12_345_678_901,
        transfers_failed: 2,
        dhcp_drops: vec![Drop { reason: "x".to_owned(), count: 1234 }],
        ..Counters::default()
    };
    let limit = |id: &str, used| Limit {
        id: id.to_owned(),
        used,
        limit: 50,
        setting: "tftp-max".to_owned(),
    };
    let limits = vec![limit("open_files", 2), limit("transfers", 48)];
    Status { counters, limits, earlier: vec![4700], ..status(machines) }
}

#[test]
fn screen_of_80_columns_has_header_bars_and_words() {
    let expected = "\
pxemasq 0.1.0   process 4711   up 2 h 13 min   has replaced 4700
9 machines   3 loading   1 waiting for a disk   1 waiting for a free slot
15.5 MB/s   - answers/s   - drops/s   1,234 drops   12.3 GB sent   2 failed
transfers: 48 of 50 (tftp-max)

MACHINE           FILE                  PROGRESS                   RATE     LEFT
52:54:00:00:00:01 /srv/t…4/1/initrd.img [######......]  50 %   5.0 MB/s     0:10
52:54:00:00:00:02 /srv/t…4/2/initrd.img [#...........]  12 %  waiting for a disk
52:54:00:00:00:03 /srv/t…4/3/initrd.img [............]   0 %     no ACK for 12 s
52:54:00:00:00:08 /srv/tftp/pxelinux.0  waiting for a free slot (tftp-max)
10.0.0.4          vmlinuz               [###########.]  93 %   9.3 MB/s     0:00
52:54:00:00:00:07 /srv/tftp/pxelinux.0  refused 2 s ago
52:54:00:00:00:05 /srv/tftp/pxelinux.0  offered 3 s ago
52:54:00:00:00:06 /srv/tftp/pxelinux.0  asked on 4011 0 s ago
52:54:00:00:00:09 /srv/tftp/pxelinux.0  loaded 1 min 1 s ago








                                                                          q: end";
    let lines = texts(server_with_all_stages(), SMALL);
    assert_eq!(lines.join("\n"), expected);
}

#[test]
fn no_line_is_wider_than_the_screen_and_the_last_one_is_at_its_bottom() {
    for count in [0, 1, 3, 1000, 4096] {
        let machines: Vec<Machine> = (0..count).map(|number| loading(number, 1000)).collect();
        for size in SIZES {
            let lines = View::new(status(machines.clone()), None).lines(size);
            assert_eq!(lines.len(), size.height, "{count} at {size:?}");
            assert!(lines.iter().all(|line| line.width() <= size.width), "{count} at {size:?}");
        }
    }
}

#[test]
fn screen_without_machines_has_header_and_keys() {
    let lines = texts(status(Vec::new()), SMALL);
    assert_eq!(lines[1], "0 machines");
    assert_eq!(lines[23], format!("{:>80}", "q: end"));
    assert!(lines[6..23].iter().all(String::is_empty));
    let lines = texts(status(vec![loading(1, 1000)]), Size { width: 20, height: 5 });
    let expected = ["pxemasq 0.1.0", "1 machine", "1.0 kB/s", "52:5…:00:00:01   0 %", "q: end"];
    assert_eq!(lines.iter().map(|line| line.trim()).collect::<Vec<_>>(), expected);
}

#[test]
fn of_4096_machines_the_stopped_and_the_slowest_are_shown() {
    let mut machines: Vec<Machine> =
        (0..4096).map(|number| loading(number, u64::from(4096 - number) * 1000)).collect();
    (machines[5].idle_ms, machines[6].idle_ms) = (4000, 9000);
    machines.push(machine(5000, Stage::Refused, 1000));
    let status = Status { machines_omitted: 100, ..status(machines) };
    let lines = texts(status, SMALL);
    assert_eq!(lines[1], "4,197 machines   4,096 loading   1 refused   100 not listed");
    let shown: Vec<&str> = lines[6..23].iter().map(|line| &line[..17]).collect();
    assert_eq!(
        shown[..4],
        ["52:54:00:00:00:06", "52:54:00:00:00:05", "52:54:00:00:0f:ff", "52:54:00:00:0f:fe"]
    );
    assert!(lines[23].starts_with("… and 4,180 more machines "), "{}", lines[23]);
    assert!(lines[6].ends_with("no ACK for 9 s"), "{}", lines[6]);
}

#[test]
fn lines_keep_their_places_while_all_fit() {
    let names = |status: Status| -> Vec<String> {
        texts(status, SMALL)[6..9].iter().map(|line| line[..17].to_owned()).collect()
    };
    let first = names(status(vec![loading(1, 1), loading(2, 2), loading(3, 3)]));
    let mut stopped = loading(3, 1);
    stopped.idle_ms = 9000;
    assert_eq!(first, names(status(vec![stopped, loading(2, 99_999), loading(1, 5)])));
}

#[test]
fn machines_without_a_hardware_address_are_in_the_order_of_their_addresses() {
    let by_address = |number| Machine { mac: None, ..loading(number, 1000) };
    let lines = texts(status(vec![by_address(10), by_address(9), by_address(100)]), SMALL);
    let names: Vec<&str> = lines[6..9].iter().map(|line| line[..17].trim_end()).collect();
    assert_eq!(names, ["10.0.0.9", "10.0.0.10", "10.0.0.100"]);
}

#[test]
fn bar_and_rate_move_with_the_next_document() {
    let first = View::new(status(vec![loading(1, 1_000_000)]), None);
    let mut later = loading(1, 1_000_000);
    later.transfers[0].acknowledged = 60_000_000;
    later.transfers[0].age_ms = 10_500;
    let second = View::new(status(vec![later]), Some(&first));
    let row = |view: &View| view.lines(SMALL)[6].text();
    assert!(row(&first).ends_with("[#...........]  10 %   1.0 MB/s     1:30"), "{}", row(&first));
    assert!(row(&second).ends_with("[#######.....]  60 % 100.0 MB/s     0:01"), "{}", row(&second));
}

#[test]
fn each_file_of_a_machine_has_a_line_and_hidden_files_are_counted() {
    let mut machine = loading(1, 1000);
    let transfer = machine.transfers[0].clone();
    machine.transfers = vec![transfer; 20];
    let lines = texts(status(vec![machine]), SMALL);
    assert!(lines[6..23].iter().all(|line| line.starts_with("52:54:00:00:00:01")));
    assert!(lines[23].starts_with("… and 3 more files "), "{}", lines[23]);
}

#[test]
fn wide_screen_has_address_architecture_and_size() {
    let lines = texts(status(vec![loading(1, 1_000_000)]), SIZES[1]);
    for part in [
        "10.0.0.1 ",
        "x86-64 EFI ",
        "/srv/tftp/debian/installer/amd64/1/initrd.img ",
        "100.0 MB  10 %",
    ] {
        assert!(lines[6].contains(part), "{part}: {}", lines[6]);
    }
    assert_eq!(lines[6].len(), 200);
}

#[test]
fn text_of_a_document_cannot_control_the_terminal() {
    let hostile = "\x1b]0;x\x07\x1b[2J\u{9b}31m\r\n\u{202e}日本\t";
    let mut machine = loading(1, 1000);
    machine.mac = Some(hostile.to_owned());
    machine.ip = Some(hostile.to_owned());
    machine.architecture_name = Some(hostile.to_owned());
    machine.transfers[0].file = hostile.to_owned();
    let mut idle = machine.clone();
    idle.transfers.clear();
    (idle.last_file, idle.stage) = (Some(hostile.to_owned()), Stage::Loaded);
    let limit = Limit { id: hostile.to_owned(), used: 1, limit: 1, setting: hostile.to_owned() };
    let status = Status {
        program: hostile.to_owned(),
        version: hostile.to_owned(),
        limits: vec![limit],
        ..status(vec![machine, idle])
    };
    for size in SIZES {
        for line in View::new(status.clone(), None).lines(size) {
            let painted = line.paint(Style::Plain);
            assert!(!painted.contains(|c: char| c.is_control() || c == '\u{202e}'), "{painted:?}");
        }
    }
}
