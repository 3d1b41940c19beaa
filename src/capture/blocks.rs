//! Blocks of a capture: the frames, with what earlier blocks say about their interfaces.

use pcap_parser::{
    Block, InterfaceDescriptionBlock, LegacyPcapBlock, Linktype, PcapBlockOwned, PcapHeader,
};
use std::time::Duration;

/// A captured frame.
pub struct Frame<'b> {
    /// The interface of a pcapng file; 0 in a pcap file.
    pub interface: u32,
    /// The first header of the frame.
    pub link_type: Linktype,
    /// The time since 1970-01-01 00:00 UTC.
    pub time: Option<Duration>,
    /// The frame, as far as it was captured.
    pub bytes: &'b [u8],
}

/// The interfaces that were described so far, by their number.
#[derive(Default)]
pub struct Blocks {
    interfaces: Vec<Interface>,
}

#[derive(Clone, Copy)]
struct Interface {
    link_type: Linktype,
    units_per_second: u128,
    /// Seconds that are added to each time.
    offset: i64,
}

const MICROSECONDS: u128 = 1_000_000;
const NANOSECONDS: u128 = 1_000_000_000;
/// The flag for a power of two in `if_tsresol` (pcapng, section 4.2).
const POWER_OF_TWO: u8 = 0x80;
/// A file with more interfaces is not one of a capture program.
const MAX_INTERFACES: usize = 65536;

impl Blocks {
    /// The frame of a block; `None` for a block without one.
    pub fn frame<'b>(&mut self, block: &'b PcapBlockOwned<'b>) -> Option<Frame<'b>> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => self.add(of_header(header)),
            PcapBlockOwned::Legacy(block) => return self.legacy_frame(block),
            PcapBlockOwned::NG(Block::SectionHeader(_)) => self.interfaces.clear(),
            PcapBlockOwned::NG(Block::InterfaceDescription(link)) => self.add(of_description(link)),
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let interface = self.interface(packet.if_id)?;
                let units = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let (link_type, time) = (interface.link_type, interface.time(units));
                return Some(Frame {
                    interface: packet.if_id,
                    link_type,
                    time,
                    bytes: packet.data,
                });
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
                let link_type = self.interface(0)?.link_type;
                return Some(Frame { interface: 0, link_type, time: None, bytes: packet.data });
            }
            PcapBlockOwned::NG(_) => {}
        }
        None
    }

    fn add(&mut self, interface: Interface) {
        if self.interfaces.len() < MAX_INTERFACES {
            self.interfaces.push(interface);
        }
    }

    fn interface(&self, number: u32) -> Option<Interface> {
        self.interfaces.get(usize::try_from(number).ok()?).copied()
    }

    fn legacy_frame<'b>(&self, block: &LegacyPcapBlock<'b>) -> Option<Frame<'b>> {
        let interface = self.interface(0)?;
        let seconds = u128::from(block.ts_sec) * interface.units_per_second;
        let units = u64::try_from(seconds + u128::from(block.ts_usec)).ok()?;
        let (link_type, time) = (interface.link_type, interface.time(units));
        Some(Frame { interface: 0, link_type, time, bytes: block.data })
    }
}

fn of_header(header: &PcapHeader) -> Interface {
    let units_per_second =
        if header.is_nanosecond_precision() { NANOSECONDS } else { MICROSECONDS };
    // The upper bits of the field are flags about a checksum at the end of frames.
    let link_type = Linktype(header.network.0 & 0xffff);
    Interface { link_type, units_per_second, offset: 0 }
}

fn of_description(link: &InterfaceDescriptionBlock<'_>) -> Interface {
    let units_per_second = units_per_second(link.if_tsresol);
    Interface { link_type: link.linktype, units_per_second, offset: link.if_tsoffset }
}

/// From `if_tsresol` (pcapng, section 4.2): the exponent of 10, or, with [`POWER_OF_TWO`], of 2.
fn units_per_second(resolution: u8) -> u128 {
    let exponent = u32::from(resolution & !POWER_OF_TWO);
    let base: u128 = if resolution & POWER_OF_TWO == 0 { 10 } else { 2 };
    base.checked_pow(exponent).unwrap_or(u128::MAX)
}

impl Interface {
    fn time(self, units: u64) -> Option<Duration> {
        let units = u128::from(units);
        let (seconds, rest) = (units / self.units_per_second, units % self.units_per_second);
        let nanos = (rest * NANOSECONDS).checked_div(self.units_per_second)?;
        let seconds = u64::try_from(seconds).ok()?.checked_add_signed(self.offset)?;
        Some(Duration::new(seconds, u32::try_from(nanos).ok()?))
    }
}

#[test]
fn time_of_an_interface_has_its_resolution_and_offset() {
    let time = |resolution, offset, units| {
        let units_per_second = units_per_second(resolution);
        Interface { link_type: Linktype::ETHERNET, units_per_second, offset }.time(units)
    };
    let half = Some(Duration::from_millis(1500));
    assert_eq!(time(6, 0, 1_500_000), half);
    assert_eq!(time(9, 0, 1_500_000_000), half);
    assert_eq!(time(0x8a, 0, 1536), half);
    assert_eq!(time(0, 100, 2), Some(Duration::from_secs(102)));
    assert_eq!(time(6, -5, 0), None);
    assert_eq!(time(0xff, 0, u64::MAX), Some(Duration::ZERO));
    assert_eq!(time(0x7f, 0, u64::MAX), Some(Duration::ZERO));
}
