//! Random requests to servers with random configurations, in namespaces: pxemasq and the installed dnsmasq send the
//! same datagrams and write the same log. Needs what the laboratory needs.
//!
//! `PXEMASQ_PAIRS` says how many pairs of configuration and request (usually 4,000), `PXEMASQ_SEED` which. A
//! difference is printed as a fixture to be: configuration, addresses, steps.

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

const USUAL_PAIRS: usize = 4_000;
const USUAL_SEED: u64 = 1;
/// Requests to one configuration.
const BATCH: u32 = 40;
const CONFIG: &str = "/srv/dnsmasq.conf";
/// Longer than the last datagram is under way.
const SETTLED: Duration = Duration::from_millis(20);

fn random_requests_are_answered_as_dnsmasq_does() {
    let Some(theirs) = required(common::installed_dnsmasq()) else { return };
    let Some(lab) = required(Lab::new(["theirs", "their-client", "ours", "our-client"])) else {
        return;
    };
    let pairs = crate::number("PXEMASQ_PAIRS").unwrap_or(USUAL_PAIRS);
    let mut random = Random::new(crate::number("PXEMASQ_SEED").unwrap_or(USUAL_SEED));
    for (path, text) in configuration::SIDE_FILES {
        lab.file(path, text);
    }
    let all = ["eth0 -", "eth1 -", "br0 -"].map(str::to_owned);
    let duel = Duel {
        theirs: ServerHost::new(&lab, ["theirs", "their-client"], &all),
        ours: ServerHost::new(&lab, ["ours", "our-client"], &all),
        dnsmasq: &theirs,
    };
    let mut tally = Tally::default();
    // A few configurations are refused, or stop dnsmasq.
    for _ in 0..2 * (1 + pairs / BATCH as usize) {
        if tally.pairs < pairs {
            duel.fight(&Scene::new(&mut random), &mut tally);
        }
    }
    println!("{tally:?}");
    assert!(tally.pairs >= pairs && tally.answered > pairs / 20, "too few are answered");
    let differences = &tally.differences;
    assert!(
        differences.is_empty(),
        "{} of {pairs} differ\n{}",
        differences.len(),
        differences.join("\n\n")
    );
}

/// A configuration, a machine, and what is asked.
#[derive(Clone)]
struct Scene {
    addresses: Vec<String>,
    config: Vec<String>,
    requests: Vec<Request>,
}

impl Scene {
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
        // dnsmasq remembers what direct requests have told it of a range (D-010).
        let relayed = random.once_in(4);
        let requests = (1..=BATCH)
            .map(|number| frames::parse_request(random, number, relayed, &servers))
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
    /// That differ as they are known to.
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

/// What came of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Outcome {
    packets: Vec<String>,
    log: Vec<String>,
}

struct Duel<'l> {
    theirs: ServerHost<'l>,
    ours: ServerHost<'l>,
    dnsmasq: &'l Path,
}

impl Duel<'_> {
    fn fight(&self, scene: &Scene, tally: &mut Tally) {
        self.theirs.lab().file(CONFIG, scene.config.join("\n") + "\n");
        let ours = Path::new(env!("CARGO_BIN_EXE_pxemasq"));
        let wanted = asked(&self.theirs, self.dnsmasq, scene);
        let seen = asked(&self.ours, ours, scene);
        let (wanted, seen) = match (wanted, seen) {
            (Ok(wanted), Ok(seen)) => (wanted, seen),
            (Err(Failed::Refused), Err(Failed::Refused)) => {
                tally.refused += 1;
                return;
            }
            (Err(Failed::Hung), Ok(_)) => {
                tally.hung += 1;
                return;
            }
            (wanted, seen) => {
                let (wanted, seen) = (wanted.err(), seen.err());
                tally
                    .differences
                    .push(format!("{}start: dnsmasq {wanted:?}, pxemasq {seen:?}", told(scene)));
                return;
            }
        };
        let (Some((wanted_start, wanted)), Some((seen_start, seen))) =
            (wanted.split_first(), seen.split_first())
        else {
            unreachable!("a start comes first")
        };
        if wanted_start != seen_start {
            let difference = difference(wanted_start, seen_start);
            return tally.differences.push(format!("{}at the start:\n{difference}", told(scene)));
        }
        tally.pairs += scene.requests.len();
        tally.answered += wanted.iter().filter(|outcome| !outcome.packets.is_empty()).count();
        let pairs = scene.requests.iter().zip(wanted.iter().zip(seen));
        // One is enough: what follows may follow from it.
        for (request, (wanted, seen)) in pairs.filter(|(_, (wanted, seen))| wanted != seen) {
            match self.known(scene, request, [wanted, seen]) {
                Ok(entry) => *tally.known.entry(entry).or_default() += 1,
                Err(difference) => return tally.differences.push(difference),
            }
        }
    }

    /// The entry of the ledger that explains a difference, or what to print.
    fn known(
        &self,
        scene: &Scene,
        request: &Request,
        [wanted, seen]: [&Outcome; 2],
    ) -> Result<&'static str, String> {
        // Asked alone, dnsmasq has nothing to remember.
        let alone = Scene { requests: vec![request.clone()], ..scene.clone() };
        let theirs = asked(&self.theirs, self.dnsmasq, &alone);
        let ours = asked(&self.ours, Path::new(env!("CARGO_BIN_EXE_pxemasq")), &alone);
        let uses_names = !scene.config.iter().any(|line| line == "port=0");
        let report = |note: &str, wanted: &Outcome, seen: &Outcome| {
            let difference = difference(wanted, seen);
            format!("{}{}\n{note}{difference}", told(scene), request.to_text())
        };
        match (theirs.as_deref(), ours.as_deref()) {
            // Of us only names remember, and without DNS there are none.
            (Ok([_, theirs]), Ok([_, ours])) if theirs == ours && (ours == seen || uses_names) => {
                Ok("D-010")
            }
            (Ok([_, theirs]), Ok([_, ours])) if has_overflowed(theirs) && theirs != ours => {
                Ok("D-002")
            }
            // A client without hardware address is told by bytes that are no longer its identifier.
            (Ok([_, theirs]), Ok([_, ours]))
                if request.bytes.get(2) == Some(&0) && without_mac(theirs) == without_mac(ours) =>
            {
                Ok("D-018")
            }
            (Ok([_, theirs]), Ok([_, ours])) if theirs != ours => {
                Err(report("alone:\n", theirs, ours))
            }
            _ => Err(report("among others:\n", wanted, seen)),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Failed {
    Refused,
    Hung,
}

/// Plays a scene: what came of the start, and of each request.
fn asked(machine: &ServerHost<'_>, program: &Path, scene: &Scene) -> Result<Vec<Outcome>, Failed> {
    machine.flush_addresses(&["eth0", "eth1", "br0"]);
    machine.change_addresses("add", &scene.addresses);
    drop((machine.received(), machine.lab().take_syslog()));
    let mut running = machine.start(program, CONFIG, &[]).ok_or(Failed::Refused)?;
    let marker = UnixDatagram::unbound().expect("a socket");
    marker.connect("/dev/log").expect("the laboratory's");
    let mark = || _ = marker.send(MARK.as_bytes()).expect("somebody reads it");
    mark();
    for request in &scene.requests {
        if !machine.send(&running, request) || running.ended() {
            return Err(Failed::Hung);
        }
        mark();
    }
    std::thread::sleep(SETTLED);
    Ok(outcomes(machine, &running, scene))
}

const MARK: &str = "<0>mark";

fn outcomes(machine: &ServerHost<'_>, running: &Running, scene: &Scene) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::default(); scene.requests.len() + 1];
    let heard = machine.received();
    let mut packets: BTreeMap<&[u8], Vec<String>> = BTreeMap::new();
    for heard in &heard {
        packets.entry(xid(&heard.bytes)).or_default().push(to_text(heard));
    }
    for (request, outcome) in scene.requests.iter().zip(&mut outcomes[1..]) {
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

/// Version and remarks are those of the program.
fn is_own(head: &str, text: &str) -> bool {
    const NOTICE: &str = "<29>";
    let own = ["started, version ", "compile time options: "];
    head.starts_with(NOTICE) || own.iter().any(|beginning| text.starts_with(beginning))
}

fn xid(bytes: &[u8]) -> &[u8] {
    bytes.get(4..8).unwrap_or_default()
}

/// Without the hardware address it is sent to: which one is known may differ (D-011).
fn to_text(heard: &ReceivedPacket) -> String {
    let text = heard.to_string();
    let text = text.split(" at ").next().unwrap_or_default();
    format!("{text} {}", hex(&heard.bytes))
}

/// Whether there is an option 43 without bytes, which has 256.
fn has_overflowed(outcome: &Outcome) -> bool {
    let line = |line: &String| line.contains("sent size:  0 option: 43");
    outcome.log.iter().any(line)
}

fn without_mac(outcome: &Outcome) -> Outcome {
    let mut outcome = outcome.clone();
    outcome.log.retain(|line| !line.contains(" PXE("));
    outcome
}

fn told(scene: &Scene) -> String {
    format!("addresses {:?}\n{}\n", scene.addresses, scene.config.join("\n"))
}

fn difference(wanted: &Outcome, seen: &Outcome) -> String {
    let list = |who: &str, outcome: &Outcome| {
        let lines = outcome.packets.iter().chain(&outcome.log);
        lines.map(|line| format!("  {who}: {line}\n")).collect::<String>()
    };
    list("dnsmasq", wanted) + &list("pxemasq", seen)
}
