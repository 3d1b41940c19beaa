//! A slow disk: a file system in user space (`linux/fuse.h`) with one directory of files.

use super::lab::files::place;
use super::lab::with_context;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// The files of the disk and its delays.
#[derive(Clone)]
pub struct SlowDisk {
    /// Contents by name.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Delay of a read.
    pub reading: Duration,
    /// Delay of a lookup and of an open.
    pub opening: Duration,
    /// Reads from this offset on fail with `EIO`.
    pub broken: Option<usize>,
}

/// Whether a disk hangs. All clones are about the same disk.
#[derive(Clone, Default)]
pub struct Hang(Arc<(Mutex<HangState>, Condvar)>);

#[derive(Default)]
struct HangState {
    kind: Option<HangKind>,
    /// The number of requests that wait, or 1 if they are not read.
    waiting: usize,
}

/// How a disk hangs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HangKind {
    /// Requests are not read. A process that waits can be killed, as with a file server (NFS).
    NotRead,
    /// Requests are read and not answered. A process that waits cannot be killed, as with a local disk.
    NotAnswered,
}

/// Until it is dropped, the disk hangs. Drop it before a process that waits for the disk, which could not be killed.
pub struct Hanging<'h>(&'h Hang);

impl Hang {
    /// The disk does not answer until the returned value is dropped.
    pub fn start(&self, kind: HangKind) -> Hanging<'_> {
        self.set(Some(kind));
        Hanging(self)
    }

    /// Whether a process waits for the disk.
    pub fn has_waiting(&self) -> bool {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).waiting > 0
    }

    fn set(&self, kind: Option<HangKind>) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = HangState { kind, waiting: 0 };
        self.0.1.notify_all();
    }

    /// Waits while `holds` is true for the kind of the hang.
    fn wait_while(&self, holds: impl Fn(HangKind) -> bool) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += usize::from(state.kind.is_some_and(&holds));
        while state.kind.is_some_and(&holds) {
            state = self.0.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Hanging<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

/// Larger than any request with its data.
const REQUEST: usize = 256 << 10;
const ROOT: u64 = 1;
const ENOENT: i32 = 2;
const EIO: i32 = 5;
const ENOSYS: i32 = 38;
const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_644;

/// Opens `/dev/fuse`. Call it before [`Lab::new`](super::lab::Lab::new): the lab has no such device.
pub fn device() -> Result<File, String> {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/fuse");
    opened.map_err(with_context("/dev/fuse"))
}

impl SlowDisk {
    /// Mounts it on a directory of the lab. The mount ends with the mount namespace.
    pub fn mount(self, device: File, path: &str) -> Result<(), String> {
        self.mount_with(device, path, Hang::default())
    }

    /// As [`mount`](Self::mount), for a disk that can hang.
    pub fn mount_with(self, device: File, path: &str, hang: Hang) -> Result<(), String> {
        let inside = place(&format!("{path}/file"));
        let directory = inside.parent().expect("it is in a directory");
        let options =
            format!("fd={},rootmode=40000,user_id=0,group_id=0,allow_other", device.as_raw_fd());
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("slow"), directory, Some("fuse"), flags, Some(&*options))
            .map_err(with_context("no file system in user space"))?;
        thread::spawn(move || self.serve(device, &hang));
        Ok(())
    }

    fn serve(self, device: File, hang: &Hang) {
        let (disk, device) = (Arc::new(self), Arc::new(device));
        let mut buffer = vec![0; REQUEST];
        loop {
            let mut readable = [PollFd::new(device.as_fd(), PollFlags::POLLIN)];
            // An error is one of `read` too.
            let _ = poll(&mut readable, PollTimeout::NONE);
            hang.wait_while(|kind| kind == HangKind::NotRead);
            let Ok(size) = (&*device).read(&mut buffer) else { return };
            let request = buffer[..size].to_vec();
            let (disk, device, hang) = (disk.clone(), device.clone(), hang.clone());
            // A thread per request: a slow read does not delay other requests.
            thread::spawn(move || {
                hang.wait_while(|kind| kind == HangKind::NotAnswered);
                disk.answer(&request, &device);
            });
        }
    }

    /// Answers a request. Its header: length, opcode, number, node, user, group, process.
    fn answer(&self, request: &[u8], device: &File) {
        let (opcode, number, node) = (u32_at(request, 4), u64_at(request, 8), u64_at(request, 16));
        let body = &request[40..];
        let result = match opcode {
            1 => wait(self.opening, || self.look_up(body)),
            // GETATTR and SETATTR.
            3 | 4 => Ok([&words(&[0, 0]), &self.attributes(node)[..]].concat()),
            14 | 27 => wait(self.opening, || Ok(words(&[0, 0]))),
            15 => wait(self.reading, || self.read(node, body)),
            // WRITE: the data is lost.
            16 => Ok(words(&[u64::from(u32_at(body, 16))])),
            // FORGET and INTERRUPT have no reply.
            2 | 36 | 42 => return,
            17 => Ok(vec![0; 80]),
            18 | 25 | 28 | 29 | 34 => Ok(Vec::new()),
            26 => Ok(init_reply(body)),
            _ => Err(ENOSYS),
        };
        let (error, body) = result.map_or_else(|error| (-error, Vec::new()), |body| (0, body));
        let length = u32::try_from(16 + body.len()).expect("answers are short");
        let head =
            [&length.to_ne_bytes()[..], &error.to_ne_bytes(), &number.to_ne_bytes()].concat();
        // The write fails if the request was interrupted.
        drop((&*device).write(&[head, body].concat()));
    }

    fn look_up(&self, body: &[u8]) -> Result<Vec<u8>, i32> {
        let name = body.split(|&byte| byte == 0).next().unwrap_or_default();
        let at = self.files.keys().position(|file| file.as_bytes() == name).ok_or(ENOENT)?;
        let node = ROOT + 1 + at as u64;
        // Node, generation, and the validity of names and attributes: 0, so that they are not cached.
        Ok([&words(&[node, 0, 0, 0, 0]), &self.attributes(node)[..]].concat())
    }

    fn contents(&self, node: u64) -> Option<&[u8]> {
        let at = usize::try_from(node.checked_sub(ROOT + 1)?).ok()?;
        self.files.values().nth(at).map(|contents| &contents[..])
    }

    /// `struct fuse_attr`.
    fn attributes(&self, node: u64) -> Vec<u8> {
        let contents = self.contents(node);
        let size = contents.map_or(0, <[u8]>::len) as u64;
        let mode = if contents.is_some() { FILE } else { DIRECTORY };
        let mut attributes = words(&[node, size, size.div_ceil(512), 0, 0, 0]);
        for half in [0, 0, 0, mode, 1, 0, 0, 0, 4096, 0] {
            attributes.extend(half.to_ne_bytes());
        }
        attributes
    }

    /// Handle, offset, size.
    fn read(&self, node: u64, body: &[u8]) -> Result<Vec<u8>, i32> {
        let from = usize::try_from(u64_at(body, 8)).map_err(|_| EIO)?;
        if self.broken.is_some_and(|at| at <= from) {
            return Err(EIO);
        }
        let contents = self.contents(node).and_then(|all| all.get(from..)).unwrap_or_default();
        Ok(contents[..contents.len().min(u32_at(body, 16) as usize)].to_vec())
    }
}

fn wait<T>(time: Duration, then: impl FnOnce() -> T) -> T {
    thread::sleep(time);
    then()
}

/// `struct fuse_init_out` of protocol 7.31.
fn init_reply(body: &[u8]) -> Vec<u8> {
    let read_ahead = u32_at(body, 8);
    let mut reply = Vec::new();
    // Version, read-ahead, flags, background requests, largest write; fields of later versions are zero.
    for part in [7, 31, read_ahead, 0, 0x0010_0010, 64 << 10] {
        reply.extend(u32::to_ne_bytes(part));
    }
    reply.resize(64, 0);
    reply
}

fn words(all: &[u64]) -> Vec<u8> {
    all.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}
