//! Random requests to servers with random configurations, in namespaces: pxemasq and the installed dnsmasq must send the same
//! datagrams and write the same log. Needs root, as the lab does.
//!
//! `PXEMASQ_PAIRS` is the number of pairs of configuration and request (default 4,000), `PXEMASQ_SEED` the seed. A difference
//! is printed in the format of a fixture: configuration, addresses, steps.

use super::{configuration, frames};
use crate::common::lab::Lab;
use crate::common::packet::ReceivedPacket;
use crate::common::random::Random;
use crate::common::request::Request;
use crate::common::server_host::{Running, ServerHost};
use crate::common::tftp_text::hex;
use crate::common::{self, required};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

crate::tests![random_requests_are_answered_as_dnsmasq_does,];

const DEFAULT_PAIRS: usize = 4_000;
const DEFAULT_SEED: u64 = 1;
/// Requests per configuration.
const BATCH: u32 = 40;
const CONFIG: &str = "/srv/dnsmasq.conf";
/// Wait for the last datagram.
const SETTLE_TIME: Duration = Duration::from_millis(20);

fn random_requests_are_answered_as_dnsmasq_does() {
    let Some(theirs) = required(common::installed_dnsmasq()) else { return };
    let Some(lab) = required(Lab::new(["theirs", "their-client", "ours", "our-client"])) else {
        return;
    };
    let pairs = crate::number("PXEMASQ_PAIRS").unwrap_or(DEFAULT_PAIRS);
    let mut random = Random::new(crate::number("PXEMASQ_SEED").unwrap_or(DEFAULT_SEED));
    for (path, text) in configuration::SIDE_FILES {
        lab.file(path, text);
    }
    let all = ["eth0 -", "eth1 -", "br0 -"].map(str::to_owned);
    let comparison = Comparison {
        theirs: ServerHost::new(&lab, ["theirs", "their-client"], &all),
        ours: ServerHost::new(&lab, ["ours", "our-client"], &all),
        dnsmasq: &theirs,
    };
    let mut tally = Tally::default();
    // Some configurations are rejected, or stop dnsmasq.
    for _ in 0..2 * (1 + pairs / BATCH as usize) {
        if tally.pairs < pairs {
            comparison.run(&TestCase::new(&mut random), &mut tally);
        }
    }
    println!("{tally:?}");
    assert!(tally.pairs >= pairs && tally.answered > pairs / 20, "too few requests are answered");
    let differences = &tally.differences;
    assert!(
        differences.is_empty(),
        "{} of {pairs} differ\n{}",
        differences.len(),
        differences.join("\n\n")
    );
}

/// A configuration, the addresses of the server, and requests.
#[derive(Clone)]
struct TestCase {
    addresses: Vec<String>,
    config: Vec<String>,
    requests: Vec<Request>,
}

impl TestCase {
    fn new(random: &mut Random) -> Self {
        let simple = random.once_in(2);
        let usual = |line: &&str| matches!(*line, "eth0 10.0.0.1/24" | "eth1 10.1.0.1/16");
        let given =
            |random: &mut Random, line: &&str| if simple { usual(line) } else { random.once_in(2) };
        let addresses = configuration::ADDRESSES.iter().filter(|line| given(random, line));
        let addresses: Vec<String> = addresses.map(|line| (*line).to_owned()).collect();
        let ip = |line: &String| line.split([' ', '/']).nth(1)?.parse().ok();
        let servers: Vec<Ipv4Addr> = addresses.iter().filter_map(ip).collect();
        let config = configuration::lines(random);
        // dnsmasq keeps the netmask that it learns from direct requests (D-010).
        let relayed = random.once_in(4);
        let requests = (1..=BATCH)
            .map(|number| frames::random_request(random, number, relayed, &servers))
            .collect();
        Self { addresses, config, requests }
    }
}

#[derive(Default)]
struct Tally {
    pairs: usize,
    answered: usize,
    refused: usize,
    hung: usize,
    /// Known differences, by entry of DIVERGENCES.md.
    known: BTreeMap<&'static str, usize>,
    differences: Vec<String>,
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { pairs, answered, refused, hung, known, .. } = self;
        write!(f, "{pairs} pairs, {answered} answered, known to differ {known:?}; ")?;
        write!(f, "configurations: {refused} refused by both, {hung} that stop dnsmasq")
    }
}

/// Datagrams and log lines of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    packets: Vec<String>,
    log: Vec<String>,
}

struct Comparison<'l> {
    theirs: ServerHost<'l>,
    ours: ServerHost<'l>,
    dnsmasq: &'l Path,
}

impl Comparison<'_> {
    fn run(&self, case: &TestCase, tally: &mut Tally) {
        self.theirs.lab().file(CONFIG, case.config.join("\n") + "\n");
        let ours = Path::new(env!("CARGO_BIN_EXE_pxemasq"));
        let expected = run_program(&self.theirs, self.dnsmasq, case);
        let seen = run_program(&self.ours, ours, case);
        let (expected, seen) = match (expected, seen) {
            (Ok(expected), Ok(seen)) => (expected, seen),
            (Err(Failed::Refused), Err(Failed::Refused)) => {
                tally.refused += 1;
                return;
            }
            (Err(Failed::Hung), Ok(_)) => {
                tally.hung += 1;
                return;
            }
            (expected, seen) => {
                let (expected, seen) = (expected.err(), seen.err());
                tally.differences.push(format!(
                    "{}start: dnsmasq {expected:?}, pxemasq {seen:?}",
                    describe(case)
                ));
                return;
            }
        };
        let (Some((expected_start, expected)), Some((seen_start, seen))) =
            (expected.split_first(), seen.split_first())
        else {
            unreachable!("the first outcome is that of the start")
        };
        if expected_start != seen_start {
            let difference = difference(expected_start, seen_start);
            return tally
                .differences
                .push(format!("{}at the start:\n{difference}", describe(case)));
        }
        tally.pairs += case.requests.len();
        tally.answered += expected.iter().filter(|outcome| !outcome.packets.is_empty()).count();
        let pairs = case.requests.iter().zip(expected.iter().zip(seen));
        // The first difference only: the next ones may be its consequence.
        for (request, (expected, seen)) in pairs.filter(|(_, (expected, seen))| expected != seen) {
            match self.known(case, request, [expected, seen]) {
                Ok(entry) => *tally.known.entry(entry).or_default() += 1,
                Err(difference) => return tally.differences.push(difference),
            }
        }
    }

    /// The entry of DIVERGENCES.md for a difference; the error is the message of the test.
    fn known(
        &self,
        case: &TestCase,
        request: &Request,
        [expected, seen]: [&Outcome; 2],
    ) -> Result<&'static str, String> {
        // As the only request, so that dnsmasq has no state from earlier ones.
        let alone = TestCase { requests: vec![request.clone()], ..case.clone() };
        let theirs = run_program(&self.theirs, self.dnsmasq, &alone);
        let ours = run_program(&self.ours, Path::new(env!("CARGO_BIN_EXE_pxemasq")), &alone);
        let uses_names = !case.config.iter().any(|line| line == "port=0");
        let report = |note: &str, expected: &Outcome, seen: &Outcome| {
            let difference = difference(expected, seen);
            format!("{}{}\n{note}{difference}", describe(case), request.to_text())
        };
        match (theirs.as_deref(), ours.as_deref()) {
            // pxemasq has no state except the names, and without DNS there are none.
            (Ok([_, theirs]), Ok([_, ours])) if theirs == ours && (ours == seen || uses_names) => {
                Ok("D-010")
            }
            (Ok([_, theirs]), Ok([_, ours])) if has_overflowed(theirs) && theirs != ours => {
                Ok("D-002")
            }
            // For a client without hardware address, dnsmasq logs bytes that are not its identifier.
            (Ok([_, theirs]), Ok([_, ours]))
                if request.bytes.get(2) == Some(&0) && without_mac(theirs) == without_mac(ours) =>
            {
                Ok("D-018")
            }
            (Ok([_, theirs]), Ok([_, ours])) if theirs != ours => {
                Err(report("alone:\n", theirs, ours))
            }
            _ => Err(report("among others:\n", expected, seen)),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Failed {
    Refused,
    Hung,
}

/// Starts the program and sends the requests. The first outcome is that of the start.
fn run_program(
    machine: &ServerHost<'_>,
    program: &Path,
    case: &TestCase,
) -> Result<Vec<Outcome>, Failed> {
    machine.flush_addresses(&["eth0", "eth1", "br0"]);
    machine.change_addresses("add", &case.addresses);
    drop((machine.received(), machine.lab().take_syslog()));
    let mut running = machine.start(program, CONFIG, &[]).ok_or(Failed::Refused)?;
    let marker = UnixDatagram::unbound().expect("a socket");
    marker.connect("/dev/log").expect("the lab has /dev/log");
    let mark = || _ = marker.send(MARK.as_bytes()).expect("the lab reads /dev/log");
    mark();
    for request in &case.requests {
        if !machine.send(&running, request) || running.ended() {
            return Err(Failed::Hung);
        }
        mark();
    }
    std::thread::sleep(SETTLE_TIME);
    Ok(outcomes(machine, &running, case))
}

const MARK: &str = "<0>mark";

fn outcomes(machine: &ServerHost<'_>, running: &Running, case: &TestCase) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::default(); case.requests.len() + 1];
    let received = machine.received();
    let mut packets: BTreeMap<&[u8], Vec<String>> = BTreeMap::new();
    for packet in &received {
        packets.entry(xid(&packet.bytes)).or_default().push(to_text(packet));
    }
    for (request, outcome) in case.requests.iter().zip(&mut outcomes[1..]) {
        outcome.packets = packets.remove(xid(&request.bytes)).unwrap_or_default();
    }
    let own = format!("[{}]: ", running.id());
    let mut at = 0;
    for line in machine.lab().take_syslog() {
        if line == MARK {
            at += 1;
        } else if let Some((head, text)) = line.split_once(&own)
            && let Some(outcome) = outcomes.get_mut(at)
            && !is_own(head, text)
        {
            let (code, tag) = (head.split('>').next(), head.rsplit(' ').next());
            let line = format!("{}> {}: {text}", code.unwrap_or_default(), tag.unwrap_or_default());
            outcome.log.push(line);
        }
    }
    outcomes
}

/// Lines about the version, and notices of pxemasq.
fn is_own(head: &str, text: &str) -> bool {
    const NOTICE: &str = "<29>";
    let own = ["started, version ", "compile time options: "];
    head.starts_with(NOTICE) || own.iter().any(|beginning| text.starts_with(beginning))
}

fn xid(bytes: &[u8]) -> &[u8] {
    bytes.get(4..8).unwrap_or_default()
}

/// Without the destination hardware address, which may differ (D-011).
fn to_text(packet: &ReceivedPacket) -> String {
    let text = packet.to_string();
    let text = text.split(" at ").next().unwrap_or_default();
    format!("{text} {}", hex(&packet.bytes))
}

/// Option 43 has 256 bytes, so its length byte is 0.
fn has_overflowed(outcome: &Outcome) -> bool {
    let line = |line: &String| line.contains("sent size:  0 option: 43");
    outcome.log.iter().any(line)
}

fn without_mac(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.clone();
    outcome.log.retain(|line| !line.contains(" PXE("));
    outcome
}

fn describe(case: &TestCase) -> String {
    format!("addresses {:?}\n{}\n", case.addresses, case.config.join("\n"))
}

fn difference(expected: &Outcome, seen: &Outcome) -> String {
    let list = |program: &str, outcome: &Outcome| {
        let lines = outcome.packets.iter().chain(&outcome.log);
        lines.map(|line| format!("  {program}: {line}\n")).collect::<String>()
    };
    list("dnsmasq", expected) + &list("pxemasq", seen)
}
