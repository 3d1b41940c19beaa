//! The state of a server as text: sentences, and a table of the machines.

use super::clean::clean;
use super::units::{bytes, duration};
use super::words;
use crate::status::{Counters, Limit, Machine, Stage, Status};
use crate::terminal::{Color, Layout, wrap};
use std::collections::BTreeMap;

const COLUMNS: [&str; 4] = ["MAC", "ADDRESS", "ARCHITECTURE", "STAGE"];
/// Columns between two cells.
const GAP: usize = 2;
/// The smallest width of the last column.
const MIN_STAGE: usize = 24;
/// Spaces before a sentence of a list.
const INDENT: usize = 2;

/// The text. `started`: the time at which the server began to serve.
pub fn text(status: &Status, started: &str, layout: Layout) -> String {
    let parts = [
        server(status, started, layout.width),
        machines(status, layout.width),
        counters(status, layout.width),
        limits(&status.limits, layout),
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n")
}

fn server(status: &Status, started: &str, width: usize) -> String {
    let uptime = duration(status.uptime_ms);
    let version = clean(&status.version);
    let sentence = format!(
        "{} {version}, process {}, serves since {started} ({uptime}).",
        clean(&status.program),
        status.pid
    );
    let earlier = match &status.earlier[..] {
        [] => String::new(),
        [one] => format!("Process {one}, which it has replaced, finishes its transfers."),
        list => {
            let list: Vec<String> = list.iter().map(u32::to_string).collect();
            format!(
                "The processes {}, which it has replaced, finish their transfers.",
                list.join(", ")
            )
        }
    };
    paragraph(&sentence, 0, width) + &paragraph(&earlier, 0, width)
}

fn machines(status: &Status, width: usize) -> String {
    let Status { machines, machines_omitted, .. } = status;
    let omitted = match machines_omitted {
        0 => String::new(),
        more => format!("{more} more are on their way and not listed.\n"),
    };
    if machines.is_empty() && omitted.is_empty() {
        return "No machine is on its way.\n".to_owned();
    }
    [paragraph(&summary(machines), 0, width), table(machines, width), omitted].concat()
}

/// `Machines on their way: 3 (1 offered, 2 loading).`
fn summary(machines: &[Machine]) -> String {
    let mut stages: BTreeMap<Stage, usize> = BTreeMap::new();
    for machine in machines {
        *stages.entry(machine.stage).or_default() += 1;
    }
    let part = |(stage, count): (&Stage, &usize)| format!("{count} {}", stage.words());
    let parts: Vec<String> = stages.iter().map(part).collect();
    format!("Machines on their way: {} ({}).", machines.len(), parts.join(", "))
}

fn table(machines: &[Machine], width: usize) -> String {
    let header = COLUMNS.map(str::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(header).chain(machines.iter().map(row)).collect();
    match widths(&rows, width) {
        Some(widths) => rows.iter().map(|row| lines(row, widths)).collect(),
        None => rows.iter().skip(1).map(|row| block(row, width)).collect(),
    }
}

fn row(machine: &Machine) -> [String; 4] {
    let known = |text: &Option<String>| text.as_deref().map_or_else(|| "-".to_owned(), clean);
    let architecture = match (&machine.architecture_name, machine.architecture) {
        (None, Some(number)) => number.to_string(),
        (name, _) => known(name),
    };
    [known(&machine.mac), known(&machine.ip), architecture, words::stage(machine)]
}

/// The widths of the first three columns and of the last one; `None`: the terminal is too narrow.
fn widths(rows: &[[String; 4]], width: usize) -> Option<[usize; 4]> {
    let widest = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let [mac, ip, architecture] = [0, 1, 2].map(|column| widest(column).unwrap_or(0));
    let stage = width.checked_sub(mac + ip + architecture + 3 * GAP)?;
    (stage >= MIN_STAGE).then_some([mac, ip, architecture, stage])
}

/// A row as lines; the last cell is wrapped.
fn lines(row: &[String; 4], widths: [usize; 4]) -> String {
    let [mac, ip, architecture, stage] = widths;
    let first = format!(
        "{:mac$}{:GAP$}{:ip$}{:GAP$}{:architecture$}{:GAP$}",
        row[0], "", row[1], "", row[2], ""
    );
    let indent = " ".repeat(first.chars().count());
    let parts = wrap(&row[3], stage).into_iter().enumerate();
    parts
        .map(|(index, part)| format!("{}{part}\n", if index == 0 { &first } else { &indent }))
        .collect()
}

/// A row of a narrow terminal: the stage is below the other cells.
fn block(row: &[String; 4], width: usize) -> String {
    let first = row[..3].join(" ");
    paragraph(&first, 0, width) + &paragraph(&row[3], INDENT, width)
}

fn counters(status: &Status, width: usize) -> String {
    let Status { counters, has_replaced, .. } = status;
    let title = if *has_replaced {
        "Since the first start, replacements included:"
    } else {
        "Since the start:"
    };
    let lines = [of_dhcp(counters), of_tftp(counters)].concat();
    let lines = lines.iter().map(|(indent, text)| paragraph(text, *indent, width));
    paragraph(title, 0, width) + &lines.collect::<String>()
}

/// Lines with their indentation.
fn of_dhcp(counters: &Counters) -> Vec<(usize, String)> {
    let Counters { dhcp_requests, offers, pxe_answers, dhcp_drops, dhcp_send_errors, .. } =
        counters;
    let dropped = dhcp_drops.iter().map(|drop| drop.count).fold(0, u64::saturating_add);
    let requests = format!(
        "DHCP requests: {dhcp_requests} ({offers} offers, {pxe_answers} answers on 4011, {dropped} without an answer)"
    );
    let drops = dhcp_drops
        .iter()
        .map(|drop| (2 * INDENT, format!("{}: {}", drop.count, words::drop_reason(&drop.reason))));
    let errors = format!("DHCP replies that could not be sent: {dhcp_send_errors}");
    let errors = (*dhcp_send_errors > 0).then_some((INDENT, errors));
    std::iter::once((INDENT, requests)).chain(drops).chain(errors).collect()
}

fn of_tftp(counters: &Counters) -> Vec<(usize, String)> {
    let Counters {
        tftp_requests,
        files_not_found,
        files_refused,
        tftp_drops,
        transfers_started,
        transfers_completed,
        transfers_failed,
        transfers_cancelled,
        transfers_evicted,
        blocks_repeated,
        ..
    } = counters;
    let sent = bytes(counters.bytes_sent);
    let lines = [
        format!(
            "TFTP requests: {tftp_requests} ({files_not_found} for files that do not exist, {files_refused} refused for another reason, {tftp_drops} without an answer)"
        ),
        format!(
            "Transfers: {transfers_started} ({transfers_completed} completed; {transfers_failed} failed, of these {transfers_cancelled} cancelled by the client before the first block, and {transfers_evicted} ended for another request)"
        ),
        format!("Sent: {sent} ({blocks_repeated} blocks repeated)"),
    ];
    lines.map(|line| (INDENT, line)).into()
}

fn limits(limits: &[Limit], layout: Layout) -> String {
    if limits.is_empty() {
        return String::new();
    }
    let lines = limits.iter().map(|limit| {
        let Limit { used, limit: whole, setting, .. } = limit;
        let is_near = words::is_nearly_reached(limit);
        let remedy = match (is_near, &setting[..]) {
            (false, _) => String::new(),
            (true, "") => ": more than 80 % is used".to_owned(),
            (true, setting) => format!(": more than 80 % is used; raise {}", clean(setting)),
        };
        let text = format!("{}: {used} of {whole}{remedy}", words::limit_name(limit));
        let text = paragraph(&text, INDENT, layout.width);
        if is_near { marked(&text, layout) } else { text }
    });
    "Limits:\n".to_owned() + &lines.collect::<String>()
}

/// Puts `!` into the indentation of the first line.
fn marked(text: &str, layout: Layout) -> String {
    format!("{}{}", layout.style.paint(Color::Yellow, "!"), text.strip_prefix(' ').unwrap_or(text))
}

/// Indented lines that fit the width.
fn paragraph(text: &str, indent: usize, width: usize) -> String {
    let lines = wrap(text, width.saturating_sub(indent));
    let lines = lines.iter().filter(|line| !line.is_empty());
    lines.map(|line| format!("{:indent$}{line}\n", "")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Drop, Transfer};
    use crate::terminal::Style;

    const NARROW: Layout = Layout { width: 80, style: Style::Plain };

    fn machine(stage: Stage, number: u32) -> Machine {
        Machine {
            mac: Some(format!("52:54:00:12:{:02x}:{:02x}", number / 256, number % 256)),
            ip: Some(format!("192.168.{}.{}", number / 256, number % 256)),
            architecture: Some(7),
            architecture_name: Some("x86-64_EFI".to_owned()),
            stage,
            idle_ms: 12_000,
            last_file: Some("/srv/tftp/debian-installer/amd64/vmlinuz".to_owned()),
            transfers: vec![],
        }
    }

    fn loading(number: u32) -> Machine {
        let transfer = Transfer {
            file: "/srv/tftp/debian-installer/amd64/initrd.img".to_owned(),
            size: 95_000_000,
            acknowledged: 38_000_000,
            bytes_per_second: 9_000_000,
            ..Transfer::default()
        };
        Machine { idle_ms: 20, transfers: vec![transfer], ..machine(Stage::Loading, number) }
    }

    fn counters() -> Counters {
        Counters {
            dhcp_requests: 1200,
            offers: 800,
            pxe_answers: 350,
            dhcp_drops: vec![
                Drop { reason: "no-pxe-client".to_owned(), count: 30 },
                Drop { reason: "ignored".to_owned(), count: 20 },
            ],
            tftp_requests: 5000,
            transfers_started: 4900,
            transfers_completed: 4800,
            transfers_failed: 20,
            transfers_evicted: 2,
            files_not_found: 12,
            tftp_drops: 88,
            bytes_sent: 9_300_000_000,
            blocks_repeated: 120,
            ..Counters::default()
        }
    }

    fn limit(id: &str, used: u64, limit: u64, setting: &str) -> Limit {
        Limit { id: id.to_owned(), used, limit, setting: setting.to_owned() }
    }

    fn full() -> Status {
        Status {
            program: "pxemasq".to_owned(),
            version: "0.1.0".to_owned(),
            pid: 1234,
            uptime_ms: 11_520_000,
            has_replaced: true,
            earlier: vec![1200, 1190],
            machines: vec![loading(1), machine(Stage::Offered, 2)],
            counters: counters(),
            limits: vec![
                limit("transfers", 45, 50, "tftp-max"),
                limit("open_files", 100, 1024, "LimitNOFILE="),
            ],
            ..Status::default()
        }
    }

    #[test]
    fn full_document_is_sentences_and_a_table() {
        let expected = "\
pxemasq 0.1.0, process 1234, serves since Nov 30 16:28:01 (3 h 12 min).
The processes 1200, 1190, which it has replaced, finish their transfers.

Machines on their way: 2 (1 offered, 1 loading).
MAC                ADDRESS      ARCHITECTURE  STAGE
52:54:00:12:00:01  192.168.0.1  x86-64_EFI    loads
                                              /srv/tftp/debian-installer/amd64/i
                                              nitrd.img, 40 % of 95.0 MB at 9.0
                                              MB/s
52:54:00:12:00:02  192.168.0.2  x86-64_EFI    offered 12 s ago

Since the first start, replacements included:
  DHCP requests: 1200 (800 offers, 350 answers on 4011, 50 without an answer)
    30: it is no PXE client: its vendor class (option 60) is no PXE vendor class
    20: a line ignores this client
  TFTP requests: 5000 (12 for files that do not exist, 0 refused for another
  reason, 88 without an answer)
  Transfers: 4900 (4800 completed; 20 failed, of these 0 cancelled by the client
  before the first block, and 2 ended for another request)
  Sent: 9.3 GB (120 blocks repeated)

Limits:
! transfers: 45 of 50: more than 80 % is used; raise tftp-max
  open files: 100 of 1024
";
        assert_eq!(text(&full(), "Nov 30 16:28:01", NARROW), expected);
    }

    #[test]
    fn empty_document_has_no_table_and_no_limits() {
        let expected = "\
 , process 0, serves since Jan  1 00:00:00 (0 s).

No machine is on its way.

Since the start:
  DHCP requests: 0 (0 offers, 0 answers on 4011, 0 without an answer)
  TFTP requests: 0 (0 for files that do not exist, 0 refused for another reason,
  0 without an answer)
  Transfers: 0 (0 completed; 0 failed, of these 0 cancelled by the client before
  the first block, and 0 ended for another request)
  Sent: 0 B (0 blocks repeated)
";
        assert_eq!(text(&Status::default(), "Jan  1 00:00:00", NARROW), expected);
    }

    #[test]
    fn document_of_4096_machines_fits_each_width() {
        let stages = [Stage::Offered, Stage::Loaded, Stage::Refused, Stage::WaitsForSlot];
        let machines = (0..4096).map(|number| match number % 5 {
            0 => loading(number),
            other => machine(stages[other as usize - 1], number),
        });
        let status = Status { machines: machines.collect(), machines_omitted: 7, ..full() };
        for width in [40, 60, 80, 200] {
            let text = text(&status, "Nov 30 16:28:01", Layout { width, ..NARROW });
            let long = text.lines().find(|line| line.chars().count() > width);
            assert_eq!(long, None);
            let rows = text.lines().filter(|line| line.starts_with("52:54:00:12:"));
            assert_eq!(rows.count(), 4096, "{width}");
            assert!(text.contains("7 more are on their way and not listed."));
        }
    }

    #[test]
    fn no_text_of_a_hostile_document_controls_the_terminal() {
        let evil = || "a\x1b[2J\nb\t\u{9b}31m\u{202e}\u{10ff9b}".to_owned();
        let transfer = Transfer { file: evil(), ..Transfer::default() };
        let hostile = |stage| Machine {
            mac: Some(evil()),
            ip: Some(evil()),
            architecture_name: Some(evil()),
            last_file: Some(evil()),
            transfers: vec![transfer.clone(); 2],
            stage,
            ..Machine::default()
        };
        let counters = Counters {
            dhcp_drops: vec![Drop { reason: evil(), count: u64::MAX }; 2],
            ..counters()
        };
        let status = Status {
            program: evil(),
            version: evil(),
            machines: vec![hostile(Stage::Loading), hostile(Stage::Loaded)],
            limits: vec![limit(&evil(), u64::MAX, 1, &evil())],
            counters,
            ..full()
        };
        for width in [40, 80, 200] {
            let text = text(&status, "Nov 30 16:28:01", Layout { width, ..NARROW });
            let is_unsafe =
                |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{10ff9b}".contains(c));
            assert_eq!(text.find(is_unsafe), None, "{text:?}");
            assert!(text.contains("a?[2J?b??31m?\u{fffd}"), "{text}");
        }
    }

    #[test]
    fn mark_of_a_limit_has_a_colour_on_a_terminal() {
        let colored = Layout { style: Style::Colored, ..NARROW };
        let text = text(&full(), "Nov 30 16:28:01", colored);
        assert!(text.contains("\x1b[33m!\x1b[0m transfers: 45 of 50"), "{text}");
    }
}
