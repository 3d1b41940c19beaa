//! Files on disk, with dnsmasq's rules of who may have them (spec: TFTP, section 5).

use crate::failure::reason;
use crate::sys::{limits, privilege};
use crate::tftp::files::{FileId, Files, Opened, Read, Refusal};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};

/// The file system, as this process may see it.
#[derive(Debug, Default)]
pub struct DiskFiles {
    open: Vec<Option<File>>,
    free: Vec<usize>,
    /// `tftp-secure`: only files of our own user.
    pub secure: bool,
}

/// Readable for everybody.
const OTHERS_READ: u32 = 0o004;
/// A FIFO must not make us wait for its writer, nor a terminal become ours.
const OPEN_FLAGS: i32 = limits::O_NONBLOCK | limits::O_NOCTTY;

impl Files for DiskFiles {
    fn open(&mut self, path: &[u8]) -> Result<Opened, Refusal> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(OPEN_FLAGS)
            .open(OsStr::from_bytes(path))
            .map_err(|error| refusal(&error))?;
        let metadata = file.metadata().map_err(|error| refusal(&error))?;
        let allowed = if privilege::is_root() {
            metadata.mode() & OTHERS_READ != 0
        } else {
            !self.secure || metadata.uid() == privilege::own_uid()
        };
        if !allowed {
            return Err(Refusal::Denied);
        }
        let id = self.free.pop().unwrap_or(self.open.len());
        if id == self.open.len() {
            self.open.push(None);
        }
        self.open[id] = Some(file);
        Ok(Opened { file: FileId(id), size: metadata.size() })
    }

    fn read(&mut self, file: FileId, offset: u64, buffer: &mut [u8]) -> Read {
        let Some(Some(file)) = self.open.get(file.0) else {
            return Read::Failed("Bad file descriptor".to_owned());
        };
        let mut done = 0;
        loop {
            match file.read_at(&mut buffer[done..], offset + done as u64) {
                Ok(0) => return Read::Bytes(done),
                Ok(size) => done += size,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Read::Failed(reason(&error)),
            }
        }
    }

    fn close(&mut self, file: FileId) {
        if self.open.get_mut(file.0).and_then(Option::take).is_some() {
            self.free.push(file.0);
        }
    }

    fn is_directory(&self, path: &[u8]) -> bool {
        fs::metadata(OsStr::from_bytes(path)).is_ok_and(|metadata| metadata.is_dir())
    }

    fn mac_of(&self, client: IpAddr) -> Option<[u8; 6]> {
        neighbour(&fs::read_to_string("/proc/net/arp").ok()?, client)
    }
}

fn refusal(error: &io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(limits::ENOENT) => Refusal::NotFound,
        Some(limits::EACCES) => Refusal::Denied,
        _ => Refusal::Failed(reason(error)),
    }
}

/// Looks a neighbour up in the kernel's table (proc(5)): address, type, flags, hardware address, mask, device.
fn neighbour(table: &str, client: IpAddr) -> Option<[u8; 6]> {
    let line = table
        .lines()
        .skip(1)
        .find(|line| line.split_whitespace().next() == Some(&client.to_string()))?;
    let mut mac = [0; 6];
    let mut bytes = line.split_whitespace().nth(3)?.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(bytes.next()?, 16).ok()?;
    }
    (mac != [0; 6]).then_some(mac)
}

#[test]
fn a_neighbour_is_found_by_its_address() {
    let table = "IP address       HW type     Flags       HW address            Mask     Device\n\
                 10.9.0.3         0x1         0x0         00:00:00:00:00:00     *        eth0\n\
                 10.9.0.2         0x1         0x2         02:00:00:0c:00:01     *        eth0\n";
    let at = |last| neighbour(table, std::net::Ipv4Addr::new(10, 9, 0, last).into());
    assert_eq!(at(2), Some([2, 0, 0, 0xc, 0, 1]));
    assert_eq!((at(3), at(4)), (None, None));
}
