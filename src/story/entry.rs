//! A line of a log, of pxemasq or dnsmasq, as any program may have kept it: when it was written, by which part, and what
//! it says.

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry<'l> {
    /// Seconds of the year's clock on the wall; `None`: the log tells no time.
    pub time: Option<f64>,
    /// The time as it is written.
    pub written: &'l str,
    /// Who says it.
    pub part: Part,
    /// What.
    pub text: &'l str,
}

/// Parts of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `dnsmasq-dhcp`
    Dhcp,
    /// `dnsmasq-tftp`
    Tftp,
    /// `dnsmasq`
    Process,
}

const PARTS: [(&str, Part); 3] =
    [("dnsmasq-dhcp", Part::Dhcp), ("dnsmasq-tftp", Part::Tftp), ("dnsmasq", Part::Process)];
const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
const DAY: f64 = 86400.0;
/// Days before each month; every year is a leap year here, for only differences matter.
const DAYS: [u32; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];

/// Reads a line: syslog, journal, files, standard error, with whatever stands before the name of the part.
pub fn entry(line: &str) -> Option<Entry<'_>> {
    PARTS.iter().find_map(|(name, part)| {
        let (head, rest) = line.split_once(name)?;
        let rest = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?.1,
            None => rest,
        };
        let text = rest.strip_prefix(':')?;
        let text = text.strip_prefix(' ').unwrap_or(text);
        let (time, written) = time(head).map_or((None, ""), |(time, text)| (Some(time), text));
        Some(Entry { time, written, part: *part, text })
    })
}

/// The time in the head of a line, and how it is written.
fn time(head: &str) -> Option<(f64, &str)> {
    let words: Vec<&str> = head.split_whitespace().collect();
    let found = words.iter().enumerate().find_map(|(at, word)| {
        if let Some((date, clock)) = word.split_once('T') {
            return Some((of_date(date)? + of_clock(clock)?, *word, *word));
        }
        let month = month(word)?;
        let day: u32 = words.get(at + 1)?.parse().ok()?;
        let last = words.get(at + 2)?;
        Some((of_day(month, day)? + of_clock(last)?, *word, *last))
    });
    let (time, first, last) = found?;
    let start = head.find(first)?;
    let end = start + head[start..].find(last)? + last.len();
    Some((time, &head[start..end]))
}

/// `2026-11-22`
fn of_date(date: &str) -> Option<f64> {
    let mut parts = date.split('-').skip(1);
    of_day(parts.next()?.parse::<usize>().ok()?.checked_sub(1)?, parts.next()?.parse().ok()?)
}

fn of_day(month: usize, day: u32) -> Option<f64> {
    Some(f64::from(DAYS.get(month)? + day.checked_sub(1)?) * DAY)
}

fn month(word: &str) -> Option<usize> {
    let at = MONTHS.find(word).filter(|at| word.len() == 3 && at % 3 == 0)?;
    Some(at / 3)
}

/// `17:50:08`, perhaps with parts of a second and a zone behind.
fn of_clock(clock: &str) -> Option<f64> {
    let digits = |c: char| c.is_ascii_digit() || c == ':' || c == '.';
    let clock = clock.split(|c| !digits(c)).next()?;
    let mut parts = clock.splitn(3, ':');
    let mut part = || parts.next()?.parse::<f64>().ok();
    Some(part()? * 3600.0 + part()? * 60.0 + part()?)
}

#[test]
fn every_form_of_a_log_is_read() {
    for (line, written) in [
        ("Nov 22 17:50:08 boot dnsmasq-tftp[12]: sent a to b", "Nov 22 17:50:08"),
        ("Nov  2 17:50:08 dnsmasq-tftp[12]: sent a to b", "Nov  2 17:50:08"),
        ("Nov 22 17:50:08.250000 boot dnsmasq-tftp[12]: sent a to b", "Nov 22 17:50:08.250000"),
        (
            "2026-11-22T17:50:08.25+00:00 boot dnsmasq-tftp[12]: sent a to b",
            "2026-11-22T17:50:08.25+00:00",
        ),
        ("2026-11-22T17:50:08+0000 boot dnsmasq-tftp[12]: sent a to b", "2026-11-22T17:50:08+0000"),
        ("Sun Nov 22 17:50:08 2026 daemon.info dnsmasq-tftp[12]: sent a to b", "Nov 22 17:50:08"),
        ("dnsmasq-tftp: sent a to b", ""),
        ("<30>Nov 22 17:50:08 dnsmasq-tftp[12]: sent a to b", ""),
    ] {
        let entry = entry(line).unwrap();
        assert_eq!((entry.written, entry.part, entry.text), (written, Part::Tftp, "sent a to b"));
        let second = entry.time.map(|time| time % 60.0);
        assert!(second.is_none_or(|second| (8.0..8.5).contains(&second)), "{line} {second:?}");
    }
    assert_eq!(entry("Nov 22 17:50:08 boot kernel: eth0 is up"), None);
    let [one, other] = ["Nov 30 23:59:59", "Dec  1 00:00:01"].map(|time| {
        let line = format!("{time} dnsmasq[1]: x");
        entry(&line).unwrap().time.unwrap()
    });
    assert!((other - one - 2.0).abs() < 0.001);
}
