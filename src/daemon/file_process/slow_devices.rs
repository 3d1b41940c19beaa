//! Disks that make look-ups wait: their look-ups have a queue and threads for each disk.

use super::protocol::Lookup;
use crate::sys::file_io::{cached_link, mount_by_name, mount_of};
use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Files that hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    /// A mounted file system, by mount id.
    Mount(u64),
    /// Files on which another process holds a lease.
    Leased,
    /// The kernel does not show what is mounted.
    Unknown,
}

/// All slow devices.
#[derive(Default)]
pub struct SlowDevices {
    devices: Mutex<HashMap<Device, Queue>>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Lookup>,
    threads: usize,
    /// Threads that wait for a look-up.
    idle: usize,
}

/// Threads for each device. Several requests let a disk choose their order.
const MAX_THREADS: usize = 4;
/// Look-ups that wait for a device. A device with more hangs.
const MAX_WAITING: usize = 1024;
/// A device without look-ups for this time is not slow any more.
const SLOW_TIME: Duration = Duration::from_secs(10);
/// The maximum number of symbolic links, as in the kernel (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

impl SlowDevices {
    /// Whether no device is slow.
    pub fn is_empty(&self) -> bool {
        self.devices().is_empty()
    }

    /// Whether a device is slow.
    pub fn contains(&self, device: Device) -> bool {
        self.devices().contains_key(&device)
    }

    /// A device is slow. The thread that waits for it will call [`SlowDevices::next`].
    pub fn mark(&self, device: Device) {
        self.devices().entry(device).or_default().threads += 1;
    }

    /// Queues a look-up, and starts a thread if none is idle; `false`: the queue is full, or there is no thread.
    pub fn queue(
        &self,
        device: Device,
        lookup: Lookup,
        start_thread: impl FnOnce() -> bool,
    ) -> bool {
        let mut devices = self.devices();
        let queue = devices.entry(device).or_default();
        if queue.waiting.len() >= MAX_WAITING {
            return false;
        }
        if queue.idle <= queue.waiting.len() && queue.threads < MAX_THREADS {
            if start_thread() {
                queue.threads += 1;
            } else if queue.threads == 0 {
                devices.remove(&device);
                return false;
            }
        }
        queue_of(&mut devices, device).waiting.push_back(lookup);
        drop(devices);
        self.changed.notify_all();
        true
    }

    /// The next look-up for a thread of a device. `None`: the thread must end.
    pub fn next(&self, device: Device) -> Option<Lookup> {
        let mut devices = self.devices();
        let queue = queue_of(&mut devices, device);
        // A thread that had the lead is one more than the others.
        if queue.threads > MAX_THREADS {
            queue.threads -= 1;
            return None;
        }
        queue.idle += 1;
        let is_empty = |devices: &mut HashMap<Device, Queue>| {
            devices.get(&device).is_some_and(|queue| queue.waiting.is_empty())
        };
        let waited = self.changed.wait_timeout_while(devices, SLOW_TIME, is_empty);
        let (mut devices, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let queue = queue_of(&mut devices, device);
        queue.idle = queue.idle.saturating_sub(1);
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.threads = queue.threads.saturating_sub(1);
            if queue.threads == 0 {
                devices.remove(&device);
            }
        }
        next
    }

    fn devices(&self) -> MutexGuard<'_, HashMap<Device, Queue>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn queue_of(devices: &mut HashMap<Device, Queue>, device: Device) -> &mut Queue {
    devices.entry(device).or_default()
}

/// The device that a look-up of a path would wait for: the file system of the last directory on the path that the kernel has in
/// its cache. It waits for no disk.
pub fn device_of(path: &[u8]) -> Device {
    let mut path = PathBuf::from(OsStr::from_bytes(path));
    for _ in 0..MAX_LINKS {
        let Some((mount, cached)) = innermost_mount(&path) else { break };
        let Some(next) = path.strip_prefix(cached).ok().and_then(|rest| rest.components().next())
        else {
            return Device::Mount(mount);
        };
        let next = cached.join(next);
        let Some(target) = cached_link(&next) else { return Device::Mount(mount) };
        let rest = path.strip_prefix(&next).unwrap_or(Path::new("")).to_owned();
        path = cached.join(target).join(rest);
    }
    mount_by_name(&path).ok().flatten().map_or(Device::Unknown, Device::Mount)
}

/// The mount of the deepest ancestor that the kernel has cached, and that ancestor. A client may request a deep path, so it is
/// a binary search: below a directory that is not cached, none is.
fn innermost_mount(path: &Path) -> Option<(u64, &Path)> {
    let ancestors: Vec<&Path> = path.ancestors().collect();
    let (mut cached, mut uncached) = (ancestors.len(), 0);
    let mut found = None;
    while uncached < cached {
        let middle = usize::midpoint(uncached, cached);
        match mount_of(ancestors[middle]).ok().flatten() {
            Some(mount) => (found, cached) = (Some((mount, ancestors[middle])), middle),
            None => uncached = middle + 1,
        }
    }
    found
}
