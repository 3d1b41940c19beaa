//! Remarks become notices in the log. What disks have to say about it is asked beside the loop.

use super::Daemon;
use crate::boot_file::{self, Trouble};
use crate::journal::Journal;
use crate::log_line::{Client, Line, NoticeLine};
use crate::millis::Millis;
use crate::onlooker::{Remark, Who};
use crate::proxydhcp::rival;
use crate::sight::{Refused, Rival, Sight};
use crate::sys::overhear::Overheard;
use crate::sys::privilege::Identity;
use crate::wire::option_names::printable;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Whether somebody looks at a disk for a notice: one at a time, however slow it is.
#[derive(Clone, Default)]
pub struct Looking(Arc<AtomicBool>);

/// A file that was not sent.
struct Stopped {
    client: Client,
    path: Vec<u8>,
    why: Refused,
    line: Option<String>,
}

impl Daemon {
    /// Notes something that was seen of a client.
    pub(super) fn see(&mut self, sight: Sight, now: Millis) {
        let remark = self.onlooker.see(sight, now);
        remark.into_iter().for_each(|remark| self.remark(remark));
    }

    /// Looks around for clients that have stopped.
    pub(super) fn look_after(&mut self, now: Millis) {
        self.onlooker.look(now).into_iter().for_each(|remark| self.remark(remark));
        self.teller.turn(now).iter().for_each(|line| self.journal.write(line));
    }

    /// Hears what other servers tell everybody.
    pub(super) fn overhear(&mut self, buffer: &mut [u8], now: Millis) -> bool {
        for _ in 0..super::FAIR_SHARE {
            let Some(ear) = &self.ear else { return false };
            let Some(Overheard { from, bytes }) = ear.next(buffer) else { return false };
            let is_own = self.interfaces.addresses.iter().any(|own| own.ip4() == Some(from));
            if let Some(rival) = rival::read(from, bytes).filter(|_| !is_own) {
                self.see(Sight::Rival(rival), now);
            }
        }
        true
    }

    pub(super) fn remark(&mut self, remark: Remark) {
        let notice = match remark {
            Remark::Refused { who, path, why, line } => {
                let line = line.map(|line| line.to_string());
                return self.look_at(Stopped { client: client(who), path, why, line });
            }
            Remark::NeverAsked { who, line } => {
                NoticeLine::NeverAsked { client: client(who), line: line.to_string() }
            }
            Remark::NeverLoaded { who, file, line } => NoticeLine::NeverLoaded {
                client: client(who),
                file: printable(&file),
                line: line.to_string(),
            },
            Remark::Again { who, file, times, line, is_ipxe } => {
                let (client, file, line) = (client(who), printable(&file), line.to_string());
                if is_ipxe {
                    NoticeLine::Loop { client, file, times, line }
                } else {
                    NoticeLine::Again { client, file, times, line }
                }
            }
            Remark::Unheard { who, path, times } => {
                NoticeLine::Unheard { client: client(who), path: printable(&path), times }
            }
            Remark::Rival(rival, line) => beside(rival, line.to_string()),
        };
        self.journal.write(&Line::Notice(notice));
    }

    /// Asks the disk what there is instead. If it is still asked about another file, this one is left out.
    fn look_at(&self, stopped: Stopped) {
        let Looking(busy) = self.looking.clone();
        if busy.swap(true, Ordering::AcqRel) {
            return;
        }
        let journal = self.journal.clone();
        let look = move || {
            found(stopped).into_iter().for_each(|notice| write(&journal, notice));
            busy.store(false, Ordering::Release);
        };
        if thread::Builder::new().name("notice".to_owned()).spawn(look).is_err() {
            self.looking.0.store(false, Ordering::Release);
        }
    }
}

fn write(journal: &Journal, notice: NoticeLine) {
    journal.write(&Line::Notice(notice));
}

fn client(who: Who) -> Client {
    match who {
        Who::Machine(mac) => Client::Machine(mac),
        Who::Address(ip) => Client::Address(ip),
    }
}

fn beside(rival: Rival, line: String) -> NoticeLine {
    let Rival { server, mac, is_proxy, file, next_server } = rival;
    let (client, file) = (Client::Machine(mac), printable(&file));
    if is_proxy {
        NoticeLine::RivalProxy { client, server, file, line }
    } else {
        NoticeLine::Rival { client, server, file, next_server, line }
    }
}

/// What there is to say about a file that was not sent. Of one that nobody has named and that nothing is like: nothing.
fn found(stopped: Stopped) -> Option<NoticeLine> {
    let Stopped { client, path: bytes, why, line } = stopped;
    let path = Path::new(OsStr::from_bytes(&bytes));
    match why {
        Refused::Missing => {
            let near = boot_file::near(path).map(|near| near.to_string());
            let worth_it = near.is_some() || line.is_some();
            let path = printable(&bytes);
            worth_it.then_some(NoticeLine::Missing { client, path, near, line })
        }
        Refused::Denied => {
            let outcome = boot_file::check(path, Some(&Identity::now()), false);
            let trouble = outcome.file.as_ref().err()?;
            let is_closed = matches!(trouble, Trouble::Closed(_) | Trouble::Outside);
            is_closed.then(|| NoticeLine::Denied { client, why: outcome.to_string(), line })
        }
    }
}
