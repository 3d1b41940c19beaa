//! How boot programs ask for a file, and what they do when nothing arrives.

use super::case::{MILLISECOND, Nanos, SECOND};

/// The TFTP client of a boot program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// OVMF: 4 s, six times. Every unexpected block is answered with the number of the last good one.
    Edk2,
    /// The timeout doubles from at least 250 ms, and follows the round trip.
    Ipxe,
    /// A table of timeouts, from 110 ms on.
    Pxelinux,
    /// The timeout doubles from 1 s on.
    Grub,
}

/// The timeouts of pxelinux 6, in ticks.
const PXELINUX: [u64; 31] = [
    2, 2, 3, 3, 4, 5, 6, 7, 9, 10, 12, 15, 18, 21, 26, 31, 37, 44, 53, 64, 77, 92, 110, 132, 159,
    191, 229, 255, 255, 255, 255,
];
/// A tick of the BIOS clock.
const TICK: Nanos = 55 * MILLISECOND;
const IPXE_MIN: Nanos = 250 * MILLISECOND;
const IPXE_MAX: Nanos = 10 * SECOND;

impl Manner {
    /// The name of the boot program.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edk2 => "EDK2",
            Self::Ipxe => "iPXE",
            Self::Pxelinux => "PXELINUX",
            Self::Grub => "GRUB",
        }
    }

    /// How long the client waits after it has sent a datagram for the `tries`-th time, from 0. `None`: it gives up.
    /// `adapted`: the timeout that follows the round trip.
    pub fn patience(self, tries: u32, adapted: Nanos) -> Option<Nanos> {
        match self {
            Self::Edk2 => (tries < 6).then_some(4 * SECOND),
            Self::Ipxe => {
                Some(adapted.max(IPXE_MIN) << tries.min(16)).filter(|wait| *wait <= IPXE_MAX)
            }
            Self::Pxelinux => {
                let index = usize::try_from(tries).unwrap_or(usize::MAX);
                PXELINUX.get(index).map(|ticks| ticks * TICK)
            }
            Self::Grub => (tries < 8).then(|| SECOND << tries.min(4)),
        }
    }

    /// The adapted timeout after a round trip.
    pub fn adapt(self, adapted: Nanos, round_trip: Nanos) -> Nanos {
        if self == Self::Ipxe { adapted - adapted / 8 + round_trip / 2 } else { adapted }
    }

    /// Bytes of a block.
    pub fn block_size(self) -> u64 {
        match self {
            Self::Edk2 => 1468,
            Self::Ipxe => 1432,
            Self::Pxelinux => 1408,
            Self::Grub => 1024,
        }
    }

    /// Whether every block that is not the next one is answered. Otherwise only those that were received before are.
    pub fn answers_early_blocks(self) -> bool {
        matches!(self, Self::Edk2 | Self::Ipxe)
    }

    /// Whether the size of the file is asked for first, by a request that is aborted at the OACK.
    pub fn probes(self) -> bool {
        self == Self::Edk2
    }
}
