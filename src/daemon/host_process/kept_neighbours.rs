//! Neighbour entries that the limit of the kernel's table does not count.

use crate::net::NeighbourEntry;
use crate::sys::interfaces::RouteSocket;
use crate::sys::neighbour;
use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;

/// The entries that were added. The kernel does not remove them, so their number is limited here.
pub struct KeptNeighbours<'r> {
    /// The socket to rtnetlink.
    pub route: &'r RouteSocket,
    /// Address and interface of each entry, oldest first.
    added: VecDeque<(Ipv4Addr, u32)>,
}

/// Entries at the same time: about 6 MB of memory of the kernel. Another one replaces the oldest.
const MAX_KEPT: usize = 16_384;

impl<'r> KeptNeighbours<'r> {
    /// No entries yet.
    pub fn new(route: &'r RouteSocket) -> Self {
        Self { route, added: VecDeque::new() }
    }

    /// Adds an entry, unless there is one for the address.
    pub fn add(&mut self, address: Ipv4Addr, client: &NeighbourEntry) -> io::Result<()> {
        if self.added.len() >= MAX_KEPT {
            self.remove_oldest();
        }
        let entry = (address, client.interface);
        if neighbour::insert_unlimited(self.route, address, client)? && !self.added.contains(&entry)
        {
            self.added.push_back(entry);
        }
        Ok(())
    }

    fn remove_oldest(&mut self) {
        if let Some((address, interface)) = self.added.pop_front() {
            // The interface may be gone, with its entries.
            let _ = neighbour::remove(self.route, address, interface);
        }
    }

    /// Removes all entries.
    pub fn remove_all(&mut self) {
        while !self.added.is_empty() {
            self.remove_oldest();
        }
    }
}
