//! Threads that wait for disks, so that the loop never does.
//!
//! Each device has threads of its own: one that hangs keeps nobody waiting but its own readers.

use crate::tftp::files::FileId;
use mio::Waker;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A part of a file to be read.
pub struct Job {
    /// Which file it is.
    pub id: FileId,
    /// The file.
    pub file: Arc<File>,
    /// Where from.
    pub offset: u64,
    /// How much.
    pub length: usize,
}

/// What came of a job.
pub struct Done {
    device: u64,
    /// The job.
    pub job: Job,
    /// The bytes that were read; fewer only where the file ends.
    pub result: io::Result<Vec<u8>>,
}

/// The threads.
pub struct Readers {
    devices: HashMap<u64, Device>,
    finished: Receiver<Done>,
    finishes: Sender<Done>,
    waker: Arc<Waker>,
}

/// The threads that read one device.
struct Device {
    jobs: Sender<Job>,
    queue: Arc<Mutex<Receiver<Job>>>,
    threads: usize,
    under_way: usize,
}

/// Reads of one device at once. Disks like to have some to choose from.
const THREADS: usize = 4;
/// They have small tasks.
const STACK: usize = 64 * 1024;

impl Readers {
    /// No threads yet. `waker` is woken when a job is done.
    pub fn new(waker: Waker) -> Self {
        let (finishes, finished) = channel();
        Self { devices: HashMap::new(), finished, finishes, waker: Arc::new(waker) }
    }

    /// Has something read, on the threads of that device.
    pub fn read(&mut self, device: u64, job: Job) -> io::Result<()> {
        let at = self.devices.entry(device).or_insert_with(|| {
            let (jobs, queue) = channel();
            Device { jobs, queue: Arc::new(Mutex::new(queue)), threads: 0, under_way: 0 }
        });
        if at.under_way >= at.threads && at.threads < THREADS {
            let (queue, finishes, waker) =
                (at.queue.clone(), self.finishes.clone(), self.waker.clone());
            let serve = move || serve(device, &queue, &finishes, &waker);
            match thread::Builder::new().name("reader".into()).stack_size(STACK).spawn(serve) {
                Ok(_) => at.threads += 1,
                Err(error) if at.threads == 0 => return Err(error),
                Err(_) => {}
            }
        }
        at.under_way += 1;
        // The queue lives as long as we keep our end of it.
        drop(at.jobs.send(job));
        Ok(())
    }

    /// A job that is done, if there is one.
    pub fn next(&mut self) -> Option<Done> {
        let done = self.finished.try_recv().ok()?;
        if let Some(at) = self.devices.get_mut(&done.device) {
            at.under_way = at.under_way.saturating_sub(1);
        }
        Some(done)
    }

    /// No file is open: all threads may go home.
    pub fn rest(&mut self) {
        self.devices.clear();
    }
}

/// One thread's day: it ends when nobody can send it jobs any more.
fn serve(device: u64, queue: &Mutex<Receiver<Job>>, finishes: &Sender<Done>, waker: &Waker) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        let result = read(&job);
        if finishes.send(Done { device, job, result }).is_err() || waker.wake().is_err() {
            return;
        }
    }
}

fn read(job: &Job) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; job.length];
    let mut done = 0;
    while done < job.length {
        match job.file.read_at(&mut bytes[done..], job.offset + done as u64) {
            Ok(0) => break,
            Ok(size) => done += size,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(done);
    Ok(bytes)
}
