//! Files on disk, with dnsmasq's rules of who may have them (docs/dnsmasq/tftp.md, section 5).

pub mod io_threads;
pub mod read_ahead;
pub mod remote_mounts;

use self::io_threads::{
    Completion, Device, IoThreads, Job, LookupResult, Part, WORLD_READABLE, lookup, lookup_blocking,
};
use self::read_ahead::{EXTENT_SIZE, ReadAhead};
use self::remote_mounts::RemoteMounts;
use crate::strerror::strerror;
use crate::sys::file_io::{NonBlockingRead, is_ramfs, read_nonblocking};
use crate::sys::{neighbour, privilege};
use crate::tftp::files::{DiskLookup, FileId, Files, OpenError, OpenedFile, ReadResult};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, Metadata};
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

/// The file system, as this process may see it.
#[derive(Default)]
pub struct DiskFiles {
    /// They are few, and looked up for each block.
    open: BTreeMap<FileId, Open>,
    /// Files that are sent, and have not changed since they were opened.
    shared: HashMap<FileVersion, FileId>,
    opened: usize,
    read_ahead: ReadAhead,
    /// Who waits for disks. Without them we wait ourselves.
    readers: Option<IoThreads>,
    mounts: RemoteMounts,
    in_flight: HashSet<(FileId, u64)>,
    /// Reads that have failed; whoever waits for them is told.
    failed: HashMap<(FileId, u64), String>,
    /// What the readers look for, and what they have found.
    lookups: HashMap<DiskLookup, (Device, Option<LookupResult>)>,
    /// What the client that was served last will want.
    next: Option<(FileId, u64, usize)>,
    /// `tftp-secure`: only files of our own user.
    pub secure: bool,
}

/// What disks have told.
pub enum Completed {
    /// A part of a file.
    Part(FileId, u64),
    /// What there is of a path. To be forgotten when everybody was told.
    LookedUp(DiskLookup),
}

/// A file, and who it is for.
struct Open {
    file: Arc<File>,
    identity: FileVersion,
    size: u64,
    users: usize,
    disk: ReadMode,
    device: Device,
}

/// How long a read may take.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadMode {
    /// The file system says whether it would take long.
    NonBlocking,
    /// It never does.
    InMemory,
    /// It may, and does not say.
    Threaded,
}

/// What makes two names one file with the same contents: device, inode, size, and when it was changed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FileVersion([i128; 5]);

impl DiskFiles {
    /// Files that are read by threads where a disk has to be waited for.
    pub fn new(secure: bool, readers: IoThreads) -> Self {
        Self { secure, readers: Some(readers), ..Self::default() }
    }

    /// The next thing that the threads have done since.
    pub fn completed(&mut self) -> Option<Completed> {
        loop {
            match self.readers.as_mut().and_then(IoThreads::next)? {
                Completion::Read { id, offset, length, result } => {
                    self.in_flight.remove(&(id, offset));
                    match result {
                        _ if !self.open.contains_key(&id) => {}
                        Ok(bytes) => self.read_ahead.take(id, offset, bytes, length),
                        Err(error) => _ = self.failed.insert((id, offset), strerror(&error)),
                    }
                    return Some(Completed::Part(id, offset));
                }
                Completion::LookedUp(awaited, found) => {
                    if let Some((_, result)) = self.lookups.get_mut(&awaited) {
                        *result = Some(found);
                    }
                    return Some(Completed::LookedUp(awaited));
                }
                Completion::Closed => {}
            }
        }
    }

    /// Everybody was told what was found.
    pub fn forget(&mut self, awaited: &DiskLookup) {
        if let Some((device, Some(LookupResult::File(Ok((file, _)))))) =
            self.lookups.remove(awaited)
        {
            self.close_file(device, file);
        }
    }

    /// What there is of a path, and the device if it is remote; `None`: the readers look for it, or have too much to do and
    /// will when somebody asks again.
    fn lookup(&mut self, awaited: DiskLookup) -> Option<(LookupResult, Option<Device>)> {
        let (DiskLookup::File(path) | DiskLookup::Directory(path)) = &awaited;
        if let Some((device, found)) = self.lookups.get(&awaited) {
            let remote = Some(*device).filter(|device| *device != Device::Leased);
            return found.clone().map(|found| (found, remote));
        }
        let Some(readers) = &mut self.readers else {
            return Some((lookup_blocking(&awaited), None));
        };
        let device = match self.mounts.remote(path) {
            Some(mount) => Device::Mount(mount),
            None => match lookup(&awaited) {
                LookupResult::File(Err(OpenError::Pending)) => Device::Leased,
                found => return Some((found, None)),
            },
        };
        if readers.submit(device, Job::Lookup(awaited.clone())).is_ok() {
            self.lookups.insert(awaited, (device, None));
        }
        None
    }

    /// Closes a file of a device that may take its time for it.
    fn close_file(&mut self, device: Device, file: Arc<File>) {
        if let (Device::Mount(_), Some(readers)) = (device, &mut self.readers) {
            // If there is no thread for it, it is closed at once.
            drop(readers.submit(device, Job::Close(file)));
        }
    }

    /// Whoever opens a file that is already sent, and has not changed, shares its descriptor.
    fn register(&mut self, file: Arc<File>, metadata: &Metadata, remote: Option<Device>) -> FileId {
        let identity = FileVersion::of_metadata(metadata);
        if let Some(&id) = self.shared.get(&identity)
            && let Some(open) = self.open.get_mut(&id)
        {
            open.users += 1;
            return id;
        }
        self.opened += 1;
        let id = FileId(self.opened);
        // Only files have a disk behind them that can be slow; all else answers with an error.
        let disk = match remote {
            _ if !metadata.is_file() => ReadMode::InMemory,
            None => ReadMode::NonBlocking,
            Some(_) => ReadMode::Threaded,
        };
        let device = remote.unwrap_or(Device::Disk(metadata.dev()));
        let size = metadata.size();
        self.open.insert(id, Open { file, identity, size, users: 1, disk, device });
        self.shared.insert(identity, id);
        id
    }

    /// Reads what will be wanted next, while the client that was served last takes in what it got.
    pub fn prefetch(&mut self) {
        if let Some((id, offset, wanted)) = self.next.take()
            && let Some(open) = self.open.get(&id)
            && open.disk != ReadMode::Threaded
        {
            let left = usize::try_from(open.size.saturating_sub(offset)).unwrap_or(usize::MAX);
            let wanted = wanted.min(left);
            if wanted == 0 || self.read_ahead.has(id, offset, wanted) {
                return;
            }
            // What cannot be had now is asked for when it is wanted.
            drop(self.fetch(id, offset, wanted));
        }
    }

    /// Makes a part of a file known: where in [`ReadAhead`] it is, or why not.
    fn fetch(
        &mut self,
        id: FileId,
        offset: u64,
        wanted: usize,
    ) -> Result<usize, ReadResult<'static>> {
        if let Some(place) = self.read_ahead.find(id, offset, wanted) {
            return Ok(place);
        }
        let Some(open) = self.open.get_mut(&id) else {
            return Err(ReadResult::Failed("Bad file descriptor".to_owned()));
        };
        if let Some(reason) = self.failed.remove(&(id, offset)) {
            return Err(ReadResult::Failed(reason));
        }
        if open.disk != ReadMode::Threaded {
            let length = self.read_ahead.length(wanted, open.size.saturating_sub(offset));
            let mut buffer = self.read_ahead.buffer(length);
            match open.read(offset, &mut buffer[..length], wanted) {
                // A part of what is beyond may be missing: only what is there is known.
                Ok(Some(read)) => {
                    return Ok(self.read_ahead.keep(id, offset, buffer, read, read.max(wanted)));
                }
                Ok(None) => {}
                Err(error) => return Err(ReadResult::Failed(strerror(&error))),
            }
        }
        self.request_read(id, offset, wanted).and(Err(ReadResult::Pending))
    }

    /// Has a part of a file read by the threads.
    fn request_read(
        &mut self,
        id: FileId,
        offset: u64,
        wanted: usize,
    ) -> Result<(), ReadResult<'static>> {
        let (Some(open), Some(readers)) = (self.open.get(&id), &mut self.readers) else {
            return Ok(());
        };
        let left = usize::try_from(open.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        if left == 0 || !self.in_flight.insert((id, offset)) {
            return Ok(());
        }
        // Whole windows: one that was cut would have to be read again.
        let length = left.min(wanted * (EXTENT_SIZE / wanted.max(1)).max(1));
        let part = Part { id, file: Arc::downgrade(&open.file), offset, length };
        readers.submit(open.device, Job::Read(part)).map_err(|error| {
            self.in_flight.remove(&(id, offset));
            // Too much is asked of that disk already: whoever repeats what he has sent asks again.
            let busy = error.kind() == io::ErrorKind::WouldBlock;
            if busy { ReadResult::Pending } else { ReadResult::Failed(strerror(&error)) }
        })
    }

    /// A disk that does not say how long it takes is asked in time for what comes next.
    fn look_ahead(&mut self, id: FileId, place: usize, reached: u64, wanted: usize) {
        let slow = self.open.get(&id).is_some_and(|open| open.disk == ReadMode::Threaded);
        let end = self.read_ahead.end(place);
        if slow && reached + (EXTENT_SIZE / 2) as u64 > end && !self.read_ahead.has(id, end, 1) {
            // If it fails, whoever comes there will hear of it.
            drop(self.request_read(id, end, wanted));
        }
    }
}

impl Open {
    /// Reads without waiting for a disk; `None`: at least some of what is wanted has to be waited for.
    fn read(&mut self, offset: u64, buffer: &mut [u8], wanted: usize) -> io::Result<Option<usize>> {
        if self.disk == ReadMode::NonBlocking {
            match read_nonblocking(&self.file, offset, buffer)? {
                NonBlockingRead::Read(read) => return Ok((read >= wanted).then_some(read)),
                NonBlockingRead::WouldBlock => return Ok(None),
                NonBlockingRead::Unsupported if is_ramfs(&self.file) => {
                    self.disk = ReadMode::InMemory;
                }
                NonBlockingRead::Unsupported => {
                    self.disk = ReadMode::Threaded;
                    return Ok(None);
                }
            }
        }
        self.file.read_at(buffer, offset).map(Some)
    }
}

impl FileVersion {
    fn of_metadata(metadata: &Metadata) -> Self {
        let time =
            |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self([
            metadata.dev().into(),
            metadata.ino().into(),
            metadata.size().into(),
            time(metadata.mtime(), metadata.mtime_nsec()),
            time(metadata.ctime(), metadata.ctime_nsec()),
        ])
    }
}

impl Files for DiskFiles {
    fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError> {
        let (file, metadata, remote) = match self.lookup(DiskLookup::File(path.to_vec())) {
            Some((LookupResult::File(found), remote)) => {
                found.map(|(file, about)| (file, about, remote))?
            }
            Some((LookupResult::Directory(_), _)) | None => return Err(OpenError::Pending),
        };
        let allowed = if privilege::is_root() {
            metadata.mode() & WORLD_READABLE != 0
        } else {
            !self.secure || metadata.uid() == privilege::own_uid()
        };
        if !allowed {
            return Err(OpenError::Denied);
        }
        let size = metadata.size();
        Ok(OpenedFile { file: self.register(file, &metadata, remote), size })
    }

    fn read(&mut self, id: FileId, offset: u64, wanted: usize) -> ReadResult<'_> {
        // Nothing is nothing on any disk. What is no file has an error to tell.
        if wanted == 0 && self.open.get(&id).is_some_and(|open| open.disk != ReadMode::InMemory) {
            return ReadResult::Bytes(&[]);
        }
        let place = match self.fetch(id, offset, wanted) {
            Ok(place) => place,
            Err(read) => return read,
        };
        self.look_ahead(id, place, offset + wanted as u64, wanted);
        self.next = Some((id, offset + wanted as u64, wanted));
        ReadResult::Bytes(self.read_ahead.bytes(place, offset, wanted))
    }

    fn close(&mut self, id: FileId) {
        let Some(open) = self.open.get_mut(&id) else { return };
        open.users -= 1;
        if open.users > 0 {
            return;
        }
        if let Some(open) = self.open.remove(&id) {
            self.shared.remove(&open.identity);
            self.close_file(open.device, open.file);
        }
        self.read_ahead.forget(id);
        self.failed.retain(|(file, _), _| *file != id);
        if self.open.is_empty() && self.lookups.is_empty() {
            self.readers.iter_mut().for_each(IoThreads::stop_idle);
        }
    }

    fn is_directory(&mut self, path: &[u8]) -> Option<bool> {
        self.lookup(DiskLookup::Directory(path.to_vec()))
            .map(|(found, _)| matches!(found, LookupResult::Directory(true)))
    }

    fn mac_of(&self, client: IpAddr) -> Option<[u8; 6]> {
        neighbour::find(client)?.try_into().ok()
    }
}
