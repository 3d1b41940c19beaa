//! Threads that wait for disks, so that the loop never does.
//!
//! Each device has threads of its own: one that hangs keeps nobody waiting but its own readers.

use super::files::OTHERS_READ;
use crate::reason::strerror;
use crate::sys::{disk, limits};
use crate::tftp::files::{DiskLookup, FileId, OpenError};
use mio::Waker;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;

/// Something to do that may take long.
pub enum Job {
    /// Read a part of a file.
    Read(Part),
    /// Open a file, or look whether there is a directory.
    Look(DiskLookup),
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
pub enum Done {
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
    Looked(DiskLookup, Found),
    /// It is closed.
    Closed,
}

/// What there is of a path.
#[derive(Clone)]
pub enum Found {
    /// A file, open.
    File(OpenFile),
    /// Whether there is a directory.
    Directory(bool),
}

/// A file as it was when it was opened, or why it was not.
pub type OpenFile = Result<(Arc<File>, Metadata), OpenError>;

/// The threads.
pub struct Readers {
    devices: HashMap<Device, Crew>,
    finished: Receiver<(Device, Done)>,
    finishes: Sender<(Device, Done)>,
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
    Held,
}

/// The threads that work for one device.
struct Crew {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: usize,
    under_way: usize,
}

/// Jobs for one device at once. Disks like to have some to choose from.
const THREADS: usize = 4;
/// Jobs that wait for a device, at most: it hangs, and so would all that is added.
const MOST_JOBS: usize = 1024;
/// They have small tasks.
const STACK: usize = 64 * 1024;

impl Readers {
    /// No threads yet. `waker` is woken when a job is done.
    pub fn new(waker: Waker) -> Self {
        let (finishes, finished) = channel();
        Self { devices: HashMap::new(), finished, finishes, waker: Arc::new(waker) }
    }

    /// Has a job done, by the threads of that device.
    pub fn take(&mut self, device: Device, job: Job) -> io::Result<()> {
        let crew = self.devices.entry(device).or_insert_with(|| {
            let (jobs, queue) = channel();
            Crew { jobs, queue: Arc::new(Mutex::new(queue)), threads: 0, under_way: 0 }
        });
        if crew.under_way >= MOST_JOBS && !matches!(job, Job::Close(_)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        if crew.under_way >= crew.threads && crew.threads < THREADS {
            let (queue, finishes, waker) =
                (crew.queue.clone(), self.finishes.clone(), self.waker.clone());
            let work = move || work(device, &queue, &finishes, &waker);
            match thread::Builder::new().name("reader".into()).stack_size(STACK).spawn(work) {
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
    pub fn next(&mut self) -> Option<Done> {
        let (device, done) = self.finished.try_recv().ok()?;
        if let Some(crew) = self.devices.get_mut(&device) {
            crew.under_way = crew.under_way.saturating_sub(1);
        }
        Some(done)
    }

    /// Nobody needs a disk: threads without work go home. Those that hang stay, and are all there will be for their
    /// device.
    pub fn rest(&mut self) {
        self.devices.retain(|_, crew| crew.under_way > 0);
    }
}

/// One thread's day: it ends when nobody can send it jobs any more.
fn work(
    device: Device,
    queue: &Mutex<Receiver<Job>>,
    finishes: &Sender<(Device, Done)>,
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
                Done::Read { id, offset, length, result }
            }
            Job::Look(awaited) => {
                let found = look_patiently(&awaited);
                Done::Looked(awaited, found)
            }
            Job::Close(file) => {
                drop(file);
                Done::Closed
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
pub fn look(awaited: &DiskLookup) -> Found {
    match awaited {
        DiskLookup::File(path) => Found::File(open(path, disk::open)),
        DiskLookup::Directory(path) => {
            let metadata = fs::metadata(OsStr::from_bytes(path));
            Found::Directory(metadata.is_ok_and(|metadata| metadata.is_dir()))
        }
    }
}

/// The same, and waits until he who holds it gives way.
pub fn look_patiently(awaited: &DiskLookup) -> Found {
    match (look(awaited), awaited) {
        (Found::File(Err(OpenError::Pending)), DiskLookup::File(path)) => {
            Found::File(open(path, disk::open_held))
        }
        (found, _) => found,
    }
}

fn open(path: &[u8], by: impl FnOnce(&OsStr) -> io::Result<File>) -> OpenFile {
    let found = by(OsStr::from_bytes(path)).and_then(|file| {
        let metadata = file.metadata()?;
        Ok((Arc::new(file), metadata))
    });
    found.map_err(|error| match refusal(&error) {
        // It may be opened, and not read; that is found out sooner behind a wall.
        OpenError::Denied if is_open_directory(path) => {
            OpenError::Failed(strerror(&io::Error::from_raw_os_error(limits::EISDIR)))
        }
        refusal => refusal,
    })
}

fn is_open_directory(path: &[u8]) -> bool {
    let about = fs::metadata(OsStr::from_bytes(path));
    about.is_ok_and(|about| about.is_dir() && about.mode() & OTHERS_READ != 0)
}

fn refusal(error: &io::Error) -> OpenError {
    match error.raw_os_error() {
        Some(limits::ENOENT) => OpenError::NotFound,
        Some(limits::EACCES) => OpenError::Denied,
        Some(limits::EWOULDBLOCK) => OpenError::Pending,
        _ => OpenError::Failed(strerror(error)),
    }
}
