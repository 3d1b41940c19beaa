//! Threads that wait for disks, so that the loop never does.
//!
//! Each device has threads of its own: one that hangs keeps nobody waiting but its own readers.

use crate::strerror::strerror;
use crate::sys::{file_io, limits};
use crate::tftp::files::{DiskLookup, FileId, OpenError};
use mio::Waker;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::{io, thread};

/// Something to do that may take long.
pub enum Job {
    /// Read a part of a file.
    Read(Part),
    /// Open a file, or look whether there is a directory.
    Lookup(DiskLookup),
    /// Close a file: a remote file system may have something to do for it.
    Close(Arc<File>),
}

/// A part of a file.
pub struct Part {
    /// Which file it is.
    pub id: FileId,
    /// The file, if it is still open when its turn comes.
    pub file: Weak<File>,
    /// Where from.
    pub offset: u64,
    /// How much.
    pub length: usize,
}

/// What came of a job.
pub enum Completion {
    /// A part of a file was read: so many bytes, and fewer only where it ends.
    Read {
        /// Which file it is.
        id: FileId,
        /// Where from.
        offset: u64,
        /// How many were asked for.
        length: usize,
        /// The bytes.
        result: io::Result<Vec<u8>>,
    },
    /// What was found.
    LookedUp(DiskLookup, LookupResult),
    /// It is closed.
    Closed,
}

/// What there is of a path.
#[derive(Clone)]
pub enum LookupResult {
    /// A file, open.
    File(OpenFile),
    /// Whether there is a directory.
    Directory(bool),
}

/// A file as it was when it was opened, or why it was not.
pub type OpenFile = Result<(Arc<File>, Metadata), OpenError>;

/// The threads.
pub struct IoThreads {
    devices: HashMap<Device, DeviceThreads>,
    finished: Receiver<(Device, Completion)>,
    finishes: Sender<(Device, Completion)>,
    waker: Arc<Waker>,
}

/// What hangs together if it hangs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// A disk, by its number.
    Disk(u64),
    /// A remote file system, by the number of its mount.
    Mount(u64),
    /// Files that somebody else holds, and may give way or not.
    Leased,
}

/// The threads that work for one device.
struct DeviceThreads {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: usize,
    under_way: usize,
}

/// Mode bit: readable for all users.
pub const WORLD_READABLE: u32 = 0o004;
/// Jobs for one device at once. Disks like to have some to choose from.
const THREADS_PER_DEVICE: usize = 4;
/// Jobs that wait for a device, at most: it hangs, and so would all that is added.
const MAX_JOBS: usize = 1024;
/// They have small tasks.
const STACK_SIZE: usize = 64 * 1024;

impl IoThreads {
    /// No threads yet. `waker` is woken when a job is done.
    pub fn new(waker: Waker) -> Self {
        let (finishes, finished) = channel();
        Self { devices: HashMap::new(), finished, finishes, waker: Arc::new(waker) }
    }

    /// Has a job done, by the threads of that device.
    pub fn submit(&mut self, device: Device, job: Job) -> io::Result<()> {
        let crew = self.devices.entry(device).or_insert_with(|| {
            let (jobs, queue) = channel();
            DeviceThreads { jobs, queue: Arc::new(Mutex::new(queue)), threads: 0, under_way: 0 }
        });
        if crew.under_way >= MAX_JOBS && !matches!(job, Job::Close(_)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if crew.under_way >= crew.threads && crew.threads < THREADS_PER_DEVICE {
            let (queue, finishes, waker) =
                (crew.queue.clone(), self.finishes.clone(), self.waker.clone());
            let work = move || work(device, &queue, &finishes, &waker);
            match thread::Builder::new().name("reader".into()).stack_size(STACK_SIZE).spawn(work) {
                Ok(_) => crew.threads += 1,
                Err(error) if crew.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        crew.under_way += 1;
        // The queue lives as long as we keep our end of it.
        drop(crew.jobs.send(job));
        Ok(())
    }

    /// What is done, if anything is.
    pub fn next(&mut self) -> Option<Completion> {
        let (device, done) = self.finished.try_recv().ok()?;
        if let Some(crew) = self.devices.get_mut(&device) {
            crew.under_way = crew.under_way.saturating_sub(1);
        }
        Some(done)
    }

    /// Nobody needs a disk: threads without work go home. Those that hang stay, and are all there will be for their
    /// device.
    pub fn stop_idle(&mut self) {
        self.devices.retain(|_, crew| crew.under_way > 0);
    }
}

/// One thread's day: it ends when nobody can send it jobs any more.
fn work(
    device: Device,
    queue: &Mutex<Receiver<Job>>,
    finishes: &Sender<(Device, Completion)>,
    waker: &Waker,
) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        let done = match job {
            Job::Read(part) => {
                // The last to hold a file closes it, which may take long too: that is not left to the loop.
                let result = read(&part);
                let Part { id, offset, length, .. } = part;
                Completion::Read { id, offset, length, result }
            }
            Job::Lookup(awaited) => {
                let found = lookup_blocking(&awaited);
                Completion::LookedUp(awaited, found)
            }
            Job::Close(file) => {
                drop(file);
                Completion::Closed
            }
        };
        if finishes.send((device, done)).is_err() || waker.wake().is_err() {
            return;
        }
    }
}

fn read(part: &Part) -> io::Result<Vec<u8>> {
    let file = part.file.upgrade().ok_or(io::ErrorKind::NotFound)?;
    let mut bytes = vec![0; part.length];
    let mut done = 0;
    while done < part.length {
        match file.read_at(&mut bytes[done..], part.offset + done as u64) {
            Ok(0) => break,
            Ok(size) => done += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}

/// Looks at what there is of a path. A file that somebody holds is pending.
pub fn lookup(awaited: &DiskLookup) -> LookupResult {
    match awaited {
        DiskLookup::File(path) => LookupResult::File(open(path, file_io::open)),
        DiskLookup::Directory(path) => {
            let metadata = fs::metadata(OsStr::from_bytes(path));
            LookupResult::Directory(metadata.is_ok_and(|metadata| metadata.is_dir()))
        }
    }
}

/// The same, and waits until he who holds it gives way.
pub fn lookup_blocking(awaited: &DiskLookup) -> LookupResult {
    match (lookup(awaited), awaited) {
        (LookupResult::File(Err(OpenError::Pending)), DiskLookup::File(path)) => {
            LookupResult::File(open(path, file_io::open_blocking))
        }
        (found, _) => found,
    }
}

fn open(path: &[u8], by: impl FnOnce(&OsStr) -> io::Result<File>) -> OpenFile {
    let found = by(OsStr::from_bytes(path)).and_then(|file| {
        let metadata = file.metadata()?;
        Ok((Arc::new(file), metadata))
    });
    found.map_err(|error| match open_error(&error) {
        // It may be opened, and not read; that is found out sooner behind a wall.
        OpenError::Denied if is_open_directory(path) => {
            OpenError::Failed(strerror(&io::Error::from_raw_os_error(limits::EISDIR)))
        }
        refusal => refusal,
    })
}

fn is_open_directory(path: &[u8]) -> bool {
    let about = fs::metadata(OsStr::from_bytes(path));
    about.is_ok_and(|about| about.is_dir() && about.mode() & WORLD_READABLE != 0)
}

fn open_error(error: &io::Error) -> OpenError {
    match error.raw_os_error() {
        Some(limits::ENOENT) => OpenError::NotFound,
        Some(limits::EACCES) => OpenError::Denied,
        Some(limits::EWOULDBLOCK) => OpenError::Pending,
        _ => OpenError::Failed(strerror(error)),
    }
}
