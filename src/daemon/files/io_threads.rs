//! Threads that wait for disks, so that the loop does not.
//!
//! Each device has its own threads: a device that hangs delays only the transfers that read from it.

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

/// An operation that may take long.
pub enum Job {
    /// Read a part of a file.
    Read(Part),
    /// Open a file, or check whether a directory exists.
    Lookup(DiskLookup),
    /// Close a file. On a remote file system this may take long.
    Close(Arc<File>),
}

/// A part of a file to read.
pub struct Part {
    /// The file.
    pub id: FileId,
    /// The descriptor, if it is still open when the job is run.
    pub file: Weak<File>,
    /// The offset of the first byte.
    pub offset: u64,
    /// The number of bytes.
    pub length: usize,
}

/// The result of a job.
pub enum Completion {
    /// A part of a file was read. It is shorter than `length` only at the end of the file.
    Read {
        /// The file.
        id: FileId,
        /// The offset of the first byte.
        offset: u64,
        /// The requested number of bytes.
        length: usize,
        /// The bytes.
        result: io::Result<Vec<u8>>,
    },
    /// A path was looked up.
    LookedUp(DiskLookup, LookupResult),
    /// A file was closed.
    Closed,
}

/// The result of a look-up.
#[derive(Clone)]
pub enum LookupResult {
    /// The open file, or the error.
    File(OpenFile),
    /// Whether the path is a directory.
    Directory(bool),
}

/// A file with its metadata at the time of opening, or the error.
pub type OpenFile = Result<(Arc<File>, Metadata), OpenError>;

/// The threads of all devices.
pub struct IoThreads {
    devices: HashMap<Device, DeviceThreads>,
    finished: Receiver<(Device, Completion)>,
    finishes: Sender<(Device, Completion)>,
    waker: Arc<Waker>,
}

/// Files that have the same threads, because they hang together.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// A disk, by device number.
    Disk(u64),
    /// A remote file system, by mount id.
    Mount(u64),
    /// Files on which another process holds a lease.
    Leased,
}

/// The threads of one device.
struct DeviceThreads {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: usize,
    pending: usize,
}

/// Mode bit: readable for all users.
pub const WORLD_READABLE: u32 = 0o004;
/// Concurrent jobs per device. Several requests let a disk choose their order.
const THREADS_PER_DEVICE: usize = 4;
/// Pending jobs per device. A device with more hangs.
const MAX_JOBS: usize = 1024;
/// The stack of a thread, which has no deep calls.
const STACK_SIZE: usize = 64 * 1024;

impl IoThreads {
    /// No threads are started yet. `waker` is woken when a job is done.
    pub fn new(waker: Arc<Waker>) -> Self {
        let (finishes, finished) = channel();
        Self { devices: HashMap::new(), finished, finishes, waker }
    }

    /// Queues a job for the threads of a device. `WouldBlock`: the device has [`MAX_JOBS`] pending jobs.
    pub fn submit(&mut self, device: Device, job: Job) -> io::Result<()> {
        let threads_of_device = self.devices.entry(device).or_insert_with(|| {
            let (jobs, queue) = channel();
            DeviceThreads { jobs, queue: Arc::new(Mutex::new(queue)), threads: 0, pending: 0 }
        });
        if threads_of_device.pending >= MAX_JOBS && !matches!(job, Job::Close(_)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if threads_of_device.pending >= threads_of_device.threads
            && threads_of_device.threads < THREADS_PER_DEVICE
        {
            let (queue, finishes, waker) =
                (threads_of_device.queue.clone(), self.finishes.clone(), self.waker.clone());
            let work = move || run_jobs(device, &queue, &finishes, &waker);
            match thread::Builder::new().name("reader".into()).stack_size(STACK_SIZE).spawn(work) {
                Ok(_) => threads_of_device.threads += 1,
                Err(error) if threads_of_device.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        threads_of_device.pending += 1;
        // It cannot fail: this object holds the receiver too.
        let _ = threads_of_device.jobs.send(job);
        Ok(())
    }

    /// The next result; `None`: there is no other.
    pub fn next(&mut self) -> Option<Completion> {
        let (device, done) = self.finished.try_recv().ok()?;
        if let Some(threads_of_device) = self.devices.get_mut(&device) {
            threads_of_device.pending = threads_of_device.pending.saturating_sub(1);
        }
        Some(done)
    }

    /// Ends the threads of devices without pending jobs. A thread that hangs stays, and counts for its device.
    pub fn stop_idle(&mut self) {
        self.devices.retain(|_, threads_of_device| threads_of_device.pending > 0);
    }
}

/// The loop of a thread. It ends when the sender of the jobs is dropped.
fn run_jobs(
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
                // If the transfer has ended meanwhile, the file is closed here, not in the loop.
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

/// Looks up a path without waiting. A file with a lease of another process is [`OpenError::Pending`].
pub fn lookup(awaited: &DiskLookup) -> LookupResult {
    match awaited {
        DiskLookup::File(path) => LookupResult::File(open(path, file_io::open)),
        DiskLookup::Directory(path) => {
            let metadata = fs::metadata(OsStr::from_bytes(path));
            LookupResult::Directory(metadata.is_ok_and(|metadata| metadata.is_dir()))
        }
    }
}

/// Looks up a path, and waits until no other process holds a lease.
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
        // dnsmasq can open a directory, and fails when it reads it. Landlock denies to open it.
        OpenError::Denied if is_open_directory(path) => {
            OpenError::Failed(strerror(&io::Error::from_raw_os_error(limits::EISDIR)))
        }
        refusal => refusal,
    })
}

fn is_open_directory(path: &[u8]) -> bool {
    let metadata = fs::metadata(OsStr::from_bytes(path));
    metadata.is_ok_and(|metadata| metadata.is_dir() && metadata.mode() & WORLD_READABLE != 0)
}

fn open_error(error: &io::Error) -> OpenError {
    match error.raw_os_error() {
        Some(limits::ENOENT) => OpenError::NotFound,
        Some(limits::EACCES) => OpenError::Denied,
        Some(limits::EWOULDBLOCK) => OpenError::Pending,
        _ => OpenError::Failed(strerror(error)),
    }
}
