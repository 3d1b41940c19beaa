//! The limit of the kernel's table of IPv4 neighbours (rtnetlink(7)). The table and the limit are those of the whole machine,
//! for all network namespaces together, and they can be read in each of them.

use super::interfaces::RouteSocket;
use super::netlink::attributes;
use crate::net::NeighbourUsage;
use std::io;

/// Bytes of `struct ndtmsg`: family, padding (3).
const BODY_LEN: usize = 4;
/// `NDTA_THRESH3`: `gc_thresh3` (4).
const LIMIT: u16 = 4;
/// `NDTA_CONFIG`: `struct ndt_config`.
const CONFIG: u16 = 5;
/// `NDTA_STATS`: `struct ndt_stats`.
const STATS: u16 = 7;
/// `ndtc_entries` (4) in `struct ndt_config`.
const ENTRIES_AT: usize = 4;
/// `ndts_table_fulls` (8) in `struct ndt_stats`. Linux before 4.3 does not have it.
const REFUSED_AT: usize = 80;

/// Entries and limit of the table. `NotFound`: the kernel does not report them.
pub fn usage(socket: &RouteSocket) -> io::Result<NeighbourUsage> {
    let mut found = None;
    let request = [u8::try_from(libc::AF_INET).unwrap_or_default(), 0, 0, 0];
    socket.dump(libc::RTM_GETNEIGHTBL, &request, |_, body| {
        found = found.or_else(|| parse(body));
    })?;
    found.ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Limit and number of entries in the description of a table. `None`: it describes the parameters of one interface only, or
/// an attribute is missing or short.
fn parse(body: &[u8]) -> Option<NeighbourUsage> {
    let rest = body.get(BODY_LEN..)?;
    let of = |kind| attributes(rest).find(|one| one.0 == kind).map(|one| one.1);
    let refused = of(STATS).and_then(|stats| stats.get(REFUSED_AT..)?.first_chunk());
    Some(NeighbourUsage {
        entries: u32::from_ne_bytes(*of(CONFIG)?.get(ENTRIES_AT..)?.first_chunk()?),
        limit: u32::from_ne_bytes(*of(LIMIT)?.first_chunk()?),
        refused: refused.map(|bytes| u64::from_ne_bytes(*bytes)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::netlink::put_attribute;
    use super::*;

    /// A table with 1,025 entries and the limit 1,024, and statistics of this length.
    fn table(stats_len: usize) -> Vec<u8> {
        let mut body = vec![2, 0, 0, 0];
        put_attribute(&mut body, 1, b"arp_cache\0");
        put_attribute(&mut body, LIMIT, &1024_u32.to_ne_bytes());
        let mut config = [0; 32];
        config[4..8].copy_from_slice(&1025_u32.to_ne_bytes());
        put_attribute(&mut body, CONFIG, &config);
        let mut stats = [0; 96];
        stats[REFUSED_AT..88].copy_from_slice(&7_u64.to_ne_bytes());
        put_attribute(&mut body, STATS, &stats[..stats_len]);
        put_attribute(&mut body, 99, b"unknown");
        body
    }

    #[test]
    fn limit_entries_and_refusals_are_read() {
        let expected = NeighbourUsage { entries: 1025, limit: 1024, refused: Some(7) };
        assert_eq!(parse(&table(88)), Some(expected));
        assert_eq!(parse(&table(96)), Some(expected), "a later kernel");
    }

    #[test]
    fn statistics_of_an_old_kernel_have_no_refusals() {
        for len in [0, 80, 87] {
            assert_eq!(parse(&table(len)).map(|usage| usage.refused), Some(None), "{len}");
        }
    }

    #[test]
    fn message_without_limit_or_entries_is_skipped() {
        let whole = table(88);
        let shortened = (0..whole.len()).filter_map(|len| parse(&whole[..len]));
        // Only the statistics may be missing.
        assert!(
            shortened.map(|usage| (usage.entries, usage.limit)).all(|read| read == (1025, 1024))
        );
        assert_eq!(parse(&whole[..40]), None);
        let mut of_interface = vec![2, 0, 0, 0];
        put_attribute(&mut of_interface, 6, &[0; 32]);
        assert_eq!(parse(&of_interface), None);
        assert_eq!(parse(&[]), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn kernel_reports_its_limit() {
        let usage = usage(&RouteSocket::open().unwrap()).unwrap();
        assert!(usage.limit > 0 && usage.refused.is_some(), "{usage:?}");
    }
}
