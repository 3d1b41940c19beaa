//! Details of DHCP transactions, from the lines of `log-dhcp`.

use crate::story::boot::{Boot, Offer};
use crate::story::event::Detail;
use crate::wire::client_arch::Architecture;
use std::collections::HashMap;

/// The transactions, by their ID.
#[derive(Debug, Default)]
pub struct Transactions(HashMap<u32, Transaction>);

/// A request, and the boot of its reply.
#[derive(Debug, Default)]
struct Transaction {
    is_network_boot: Option<bool>,
    architecture: Option<Architecture>,
    name: Option<String>,
    /// The boot; `None` before the reply.
    boot: Option<usize>,
}

/// Limits the memory for a log of any length.
const MAX_TRANSACTIONS: usize = 1000;

impl Transactions {
    /// Adds a detail. Returns the index of its boot, if it changes one.
    pub fn add(&mut self, xid: u32, detail: Detail, boots: &mut [Boot]) -> Option<usize> {
        if self.0.len() >= MAX_TRANSACTIONS {
            self.0.clear();
        }
        let transaction = self.0.entry(xid).or_default();
        match detail {
            // The first detail of a request. Some clients use the same ID again.
            Detail::VendorClass(is_boot, architecture) => {
                *transaction = Transaction {
                    is_network_boot: Some(is_boot),
                    architecture,
                    ..Transaction::default()
                };
                return None;
            }
            Detail::Name(name) => {
                transaction.name = Some(name);
                return None;
            }
            _ => {}
        }
        let index = transaction.boot?;
        let Offer { file, next_server, own_address, has_menu } = &mut boots[index].offer;
        match detail {
            Detail::BootFile(name) => *file = Some(name),
            Detail::NextServer(address) => *next_server = Some(address),
            Detail::OwnAddress(address) => *own_address = Some(address),
            Detail::Menu => *has_menu = true,
            Detail::VendorClass(..) | Detail::Name(_) => {}
        }
        Some(index)
    }

    /// The reply of the transaction belongs to this boot.
    pub fn bind(&mut self, xid: u32, index: usize, boot: &mut Boot) {
        let transaction = self.0.entry(xid).or_default();
        if transaction.boot != Some(index) {
            boot.architecture = boot.architecture.or(transaction.architecture);
            if transaction.is_network_boot.is_some() && boot.is_network_boot != Some(true) {
                boot.is_network_boot = transaction.is_network_boot;
            }
            boot.name = transaction.name.take().or(boot.name.take());
        }
        transaction.boot = Some(index);
    }
}
