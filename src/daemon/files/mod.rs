//! Files on disk: the file process opens them, this module reads them.

pub mod absent_names;
pub mod io_threads;
pub mod lookups;
mod open_names;
pub mod read_ahead;

use self::io_threads::{Completion, Device, IoThreads, Job, Part};
use self::lookups::{FoundFile, LookupResult, Lookups};
use self::open_names::{OpenName, OpenNames};
use self::read_ahead::{EXTENT_SIZE, ExtentId, ReadAhead};
use super::file_process::protocol::{FileFacts, ListedDirectory, LookedUp, Lookup, Request};
use super::file_process::roots::Roots;
use crate::strerror::strerror;
use crate::sys::directory_changes::ChangeReader;
use crate::sys::file_io::{NonBlockingRead, read_nonblocking};
use crate::sys::file_version::{FileVersion, version_of};
use crate::sys::limits;
use crate::sys::neighbour::NeighbourTable;
use crate::tftp::files::{DiskLookup, FileId, Files, OpenError, OpenedFile, ReadResult};
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// The files that are open for transfers.
#[derive(Default)]
pub struct DiskFiles {
    /// A small map, which is searched for each block.
    open: BTreeMap<FileId, OpenEntry>,
    /// Open files by version: a file that has not changed is opened once.
    shared: HashMap<FileVersion, FileId>,
    names: OpenNames,
    /// The last [`FileId`].
    last_id: usize,
    read_ahead: ReadAhead,
    /// The threads that wait for disks. `None`: the calls wait.
    threads: Option<IoThreads>,
    /// Devices whose files only threads read. To close such a file may take long too.
    slow_devices: HashSet<Device>,
    in_flight: HashSet<(FileId, u64)>,
    /// Reads that failed, until the transfer that waits for them takes the error.
    failed: HashMap<(FileId, u64), String>,
    lookups: Lookups,
    /// File, offset and length that the client of the last read will need.
    next_read: Option<(FileId, u64, usize)>,
    /// The neighbour table, for `tftp-unique-root=mac`.
    pub neighbours: Option<NeighbourTable>,
}

/// An open file.
struct OpenEntry {
    file: Arc<File>,
    version: FileVersion,
    size: u64,
    /// The number of transfers.
    users: usize,
    mode: ReadMode,
    device: Device,
}

/// How a file is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ReadMode {
    /// `RWF_NOWAIT`: data in the page cache is read in the loop, other data by the threads.
    NonBlocking,
    /// A read never waits for a disk.
    InMemory,
    /// A read is an error.
    Directory,
    /// A read may wait, and the file system does not support `RWF_NOWAIT`.
    Threaded,
}

impl DiskFiles {
    /// Files below these roots, which these threads read when a read has to wait for a disk.
    pub fn new(roots: Roots, changes: Option<ChangeReader>, threads: IoThreads) -> Self {
        let lookups = Lookups::new(roots, changes);
        Self { lookups, threads: Some(threads), ..Self::default() }
    }

    /// The number of open files.
    pub fn open_files(&self) -> usize {
        self.open.len()
    }

    /// The next part of a file that the threads have read: its offset. `None`: there is no other.
    pub fn completed(&mut self) -> Option<(FileId, u64)> {
        loop {
            match self.threads.as_mut().and_then(IoThreads::next)? {
                Completion::Read { id, offset, length, result } => {
                    self.in_flight.remove(&(id, offset));
                    match result {
                        _ if !self.open.contains_key(&id) => {}
                        Ok(bytes) => self.read_ahead.take(id, offset, bytes, length),
                        Err(error) => _ = self.failed.insert((id, offset), strerror(&error)),
                    }
                    return Some((id, offset));
                }
                Completion::Closed => {}
            }
        }
    }

    /// TFTP requests were received: a file may have changed before they were sent.
    pub fn expect_changes(&mut self) {
        self.lookups.absent.expect_changes();
    }

    /// Look-ups for the file process.
    pub fn outgoing(&mut self) -> &mut VecDeque<Lookup> {
        &mut self.lookups.outgoing
    }

    /// Takes results of the file process. Returns the look-ups that have a result now. The caller must call
    /// [`DiskFiles::forget`] when all transfers have it.
    pub fn looked_up(
        &mut self,
        results: Vec<LookedUp>,
        fds: Vec<OwnedFd>,
        now: Timestamp,
    ) -> Vec<DiskLookup> {
        self.expect_changes();
        let mut fds = fds.into_iter();
        let take = |result| self.lookups.take(result, &mut fds, now);
        results.into_iter().filter_map(take).collect()
    }

    /// A request to list a directory, for the file process.
    pub fn listing_request(&mut self) -> Option<Request> {
        self.lookups.absent.take_request()
    }

    /// Takes the names of a directory that the file process has listed. `None`: it was not listed.
    pub fn listed(&mut self, listed: ListedDirectory, names: Option<&[u8]>, now: Timestamp) {
        self.lookups.absent.listed(listed, names, now);
    }

    /// Drops the result of a look-up, after all transfers have it.
    pub fn forget(&mut self, lookup: &DiskLookup) {
        if let Some(LookupResult::File(Ok(FoundFile { file, facts, .. }))) =
            self.lookups.forget(lookup)
        {
            self.close_file(facts.device, file);
        }
    }

    /// Closes a file. For a file system that may make it wait, a thread does it.
    fn close_file(&mut self, device: Device, file: Arc<File>) {
        if self.slow_devices.contains(&device)
            && let Some(threads) = &mut self.threads
        {
            // Without a thread, the file is closed here.
            let _ = threads.submit(device, Job::Close(file));
        }
    }

    /// The id of a file. If the same version is open already, the descriptor is shared.
    fn register(&mut self, file: Arc<File>, facts: FileFacts) -> FileId {
        let FileFacts { device, version, size, is_regular, is_directory, is_in_memory, .. } = facts;
        if let Some(&id) = self.shared.get(&version)
            && let Some(open) = self.open.get_mut(&id)
        {
            open.users += 1;
            return id;
        }
        self.last_id += 1;
        let id = FileId(self.last_id);
        // Only regular files can be on a slow disk. To read others returns an error at once.
        let mode = if is_directory {
            ReadMode::Directory
        } else if is_in_memory || !is_regular {
            ReadMode::InMemory
        } else if read_nonblocking(&file, 0, &mut [0])
            .is_ok_and(|read| read == NonBlockingRead::Unsupported)
        {
            self.slow_devices.insert(device);
            ReadMode::Threaded
        } else {
            ReadMode::NonBlocking
        };
        self.open.insert(id, OpenEntry { file, version, size, users: 1, mode, device });
        self.shared.insert(version, id);
        id
    }

    /// The file of a path, if it is open for a transfer and the path certainly still leads to it.
    fn open_again(&mut self, path: &[u8]) -> Option<OpenedFile> {
        let OpenName { file, stamp } = self.names.get(path)?;
        let open = self.open.get_mut(&file)?;
        if !self.lookups.absent.is_unchanged(stamp) || version_of(&open.file) != Some(open.version)
        {
            self.names.forget(path);
            return None;
        }
        open.users += 1;
        self.read_ahead.add_reader();
        Some(OpenedFile { file, size: open.size })
    }

    /// Reads the data that the client of the last read needs next, while it processes what it received.
    pub fn prefetch(&mut self) {
        if let Some((id, offset, wanted)) = self.next_read.take()
            && let Some(open) = self.open.get(&id)
            && open.mode != ReadMode::Threaded
        {
            let left = usize::try_from(open.size.saturating_sub(offset)).unwrap_or(usize::MAX);
            let wanted = wanted.min(left);
            if wanted == 0 || self.read_ahead.has(id, offset, wanted) {
                return;
            }
            // After an error the read is repeated when the data is needed.
            let _ = self.fetch(id, offset, wanted);
        }
    }

    /// Reads a part of a file into [`ReadAhead`]; the extent there.
    fn fetch(
        &mut self,
        id: FileId,
        offset: u64,
        wanted: usize,
    ) -> Result<ExtentId, ReadResult<'static>> {
        if let Some(extent) = self.read_ahead.find(id, offset, wanted) {
            return Ok(extent);
        }
        let Some(open) = self.open.get_mut(&id) else {
            return Err(ReadResult::Failed("Bad file descriptor".to_owned()));
        };
        if let Some(reason) = self.failed.remove(&(id, offset)) {
            return Err(ReadResult::Failed(reason));
        }
        if open.mode != ReadMode::Threaded {
            let left = open.size.saturating_sub(offset);
            let length = self.read_ahead.length((id, offset), wanted, left);
            let mut buffer = self.read_ahead.buffer(length);
            match open.read(offset, &mut buffer[..length], wanted) {
                // Data after the wanted part may be missing: the extent has only what was read.
                Ok(Some(read)) => {
                    return Ok(self.read_ahead.keep(id, offset, buffer, read, read.max(wanted)));
                }
                Ok(None) => {}
                Err(error) => return Err(ReadResult::Failed(strerror(&error))),
            }
        }
        self.request_read(id, offset, wanted).and(Err(ReadResult::Pending))
    }

    /// Passes a read to the threads.
    fn request_read(
        &mut self,
        id: FileId,
        offset: u64,
        wanted: usize,
    ) -> Result<(), ReadResult<'static>> {
        let (Some(open), Some(threads)) = (self.open.get(&id), &mut self.threads) else {
            return Ok(());
        };
        let left = usize::try_from(open.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        if left == 0 || !self.in_flight.insert((id, offset)) {
            return Ok(());
        }
        // Whole windows: a part of a window would have to be read again.
        let length = left.min(wanted * (EXTENT_SIZE / wanted.max(1)).max(1));
        let part = Part { id, file: Arc::downgrade(&open.file), offset, length };
        threads.submit(open.device, Job::Read(part)).map_err(|error| {
            self.in_flight.remove(&(id, offset));
            // The queue of the device is full. The retransmission timer of the transfer tries again.
            let busy = error.kind() == io::ErrorKind::WouldBlock;
            if busy { ReadResult::Pending } else { ReadResult::Failed(strerror(&error)) }
        })
    }

    /// Without `RWF_NOWAIT`, reads the next extent before it is needed.
    fn look_ahead(&mut self, id: FileId, extent: ExtentId, reached: u64, wanted: usize) {
        let slow = self.open.get(&id).is_some_and(|open| open.mode == ReadMode::Threaded);
        let end = self.read_ahead.end(extent);
        if slow && reached + (EXTENT_SIZE / 2) as u64 > end && !self.read_ahead.has(id, end, 1) {
            // After an error the read is repeated when the data is needed.
            let _ = self.request_read(id, end, wanted);
        }
    }
}

impl OpenEntry {
    /// Reads without waiting for a disk; `None`: a part of the wanted data is not in the page cache.
    fn read(&mut self, offset: u64, buffer: &mut [u8], wanted: usize) -> io::Result<Option<usize>> {
        if self.mode == ReadMode::Directory {
            return Err(io::Error::from_raw_os_error(limits::EISDIR));
        }
        if self.mode == ReadMode::NonBlocking {
            match read_nonblocking(&self.file, offset, buffer)? {
                NonBlockingRead::Read(read) => return Ok((read >= wanted).then_some(read)),
                NonBlockingRead::WouldBlock => return Ok(None),
                NonBlockingRead::Unsupported => {
                    self.mode = ReadMode::Threaded;
                    return Ok(None);
                }
            }
        }
        self.file.read_at(buffer, offset).map(Some)
    }
}

impl Files for DiskFiles {
    fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError> {
        if let Some(opened) = self.open_again(path) {
            return Ok(opened);
        }
        let found = match self.lookups.get(DiskLookup::File(path.to_vec())) {
            Some(LookupResult::File(found)) => found?,
            Some(LookupResult::Directory(_)) | None => return Err(OpenError::Pending),
        };
        self.read_ahead.add_reader();
        let FoundFile { file, facts, stamp } = found;
        let file = self.register(file, facts);
        if let Some(stamp) = stamp {
            self.names.insert(path, OpenName { file, stamp });
        }
        Ok(OpenedFile { file, size: facts.size })
    }

    fn read(&mut self, id: FileId, offset: u64, wanted: usize) -> ReadResult<'_> {
        // No byte needs to be read, except to get the error of a directory or a device.
        let has_error = |mode| matches!(mode, ReadMode::InMemory | ReadMode::Directory);
        if wanted == 0 && self.open.get(&id).is_some_and(|open| !has_error(open.mode)) {
            return ReadResult::Bytes(&[]);
        }
        let extent = match self.fetch(id, offset, wanted) {
            Ok(extent) => extent,
            Err(read) => return read,
        };
        self.look_ahead(id, extent, offset + wanted as u64, wanted);
        self.next_read = Some((id, offset + wanted as u64, wanted));
        ReadResult::Bytes(self.read_ahead.bytes(extent, offset, wanted))
    }

    fn close(&mut self, id: FileId) {
        let Some(open) = self.open.get_mut(&id) else { return };
        open.users -= 1;
        self.read_ahead.remove_reader();
        if open.users > 0 {
            return;
        }
        if let Some(open) = self.open.remove(&id) {
            self.shared.remove(&open.version);
            self.names.forget_file(id);
            self.close_file(open.device, open.file);
        }
        self.read_ahead.forget(id);
        self.failed.retain(|(file, _), _| *file != id);
        if self.open.is_empty()
            && let Some(threads) = &mut self.threads
        {
            threads.stop_idle();
        }
    }

    fn is_directory(&mut self, path: &[u8]) -> Option<bool> {
        let found = self.lookups.get(DiskLookup::Directory(path.to_vec()))?;
        Some(matches!(found, LookupResult::Directory(true)))
    }

    fn mac_of(&self, client: IpAddr) -> Option<[u8; 6]> {
        self.neighbours.as_ref()?.find(client)?.try_into().ok()
    }
}
