//! Threads that wait for disks, so that the loop does not.
//!
//! Each device has its own threads: a device that hangs delays only the transfers that read from it.

use crate::tftp::files::FileId;
use mio::Waker;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::{io, thread};

/// An operation that may take long.
pub enum Job {
    /// Read a part of a file.
    Read(Part),
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
    /// A file was closed.
    Closed,
}

/// The threads of all devices.
pub struct IoThreads {
    devices: HashMap<Device, DeviceThreads>,
    finished: Receiver<(Device, Completion)>,
    finishes: Sender<(Device, Completion)>,
    waker: Arc<Waker>,
}

/// A file system, by its number (`st_dev`, stat(2)). Its files have the same threads, because they hang together.
pub type Device = u64;

/// The threads of one device.
struct DeviceThreads {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: usize,
    pending: usize,
}

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
