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
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queues: HashMap<Device, Queue>,
    /// The number of the last queue.
    last: u64,
}

/// A slow device, for the threads that look up names on it. It is not the same after the device was fast for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowDevice {
    device: Device,
    number: u64,
}

#[derive(Default)]
struct Queue {
    number: u64,
    waiting: VecDeque<Lookup>,
    threads: usize,
    /// Threads that wait for a look-up.
    idle: usize,
    /// Look-ups since the last one that took long.
    fast: u32,
}

/// Threads for each device. Several requests let a disk choose their order.
const MAX_THREADS: usize = 4;
/// Look-ups that wait for a device. A device with more hangs.
const MAX_WAITING: usize = 1024;
/// A device without look-ups for this time is not slow any more.
const SLOW_TIME: Duration = Duration::from_secs(10);
/// A device is not slow any more after so many look-ups that took no time.
const MIN_FAST: u32 = 16;
/// The maximum number of symbolic links, as in the kernel (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

impl SlowDevices {
    /// Whether no device is slow.
    pub fn is_empty(&self) -> bool {
        self.state().queues.is_empty()
    }

    /// Whether a device is slow.
    pub fn contains(&self, device: Device) -> bool {
        self.state().queues.contains_key(&device)
    }

    /// A device is slow. The thread that waits for it will call [`SlowDevices::next`].
    pub fn mark(&self, device: Device) -> SlowDevice {
        let mut state = self.state();
        let queue = state.queue(device);
        queue.threads += 1;
        SlowDevice { device, number: queue.number }
    }

    /// Queues a look-up, and starts a thread if none is idle; `false`: the queue is full, or there is no thread.
    pub fn queue(
        &self,
        device: Device,
        lookup: Lookup,
        start_thread: impl FnOnce(SlowDevice) -> bool,
    ) -> bool {
        let mut state = self.state();
        let queue = state.queue(device);
        if queue.waiting.len() >= MAX_WAITING {
            return false;
        }
        if queue.idle <= queue.waiting.len() && queue.threads < MAX_THREADS {
            if start_thread(SlowDevice { device, number: queue.number }) {
                queue.threads += 1;
            } else if queue.threads == 0 {
                state.queues.remove(&device);
                return false;
            }
        }
        state.queue(device).waiting.push_back(lookup);
        drop(state);
        self.changed.notify_all();
        true
    }

    /// The next look-up for a thread of a device. `None`: the thread must end.
    pub fn next(&self, slow: SlowDevice) -> Option<Lookup> {
        let mut state = self.state();
        let queue = state.existing(slow)?;
        // A thread that had the lead is one more than the others.
        if queue.threads > MAX_THREADS {
            queue.threads -= 1;
            return None;
        }
        queue.idle += 1;
        let is_empty =
            |state: &mut State| state.existing(slow).is_some_and(|queue| queue.waiting.is_empty());
        let waited = self.changed.wait_timeout_while(state, SLOW_TIME, is_empty);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let queue = state.existing(slow)?;
        queue.idle -= 1;
        let next = queue.waiting.pop_front();
        if next.is_none() {
            queue.threads -= 1;
            if queue.threads == 0 {
                state.queues.remove(&slow.device);
            }
        }
        next
    }

    /// A look-up of a thread took this time. If the device is not slow any more, the look-ups that wait for it: the thread
    /// must do them.
    pub fn completed(&self, slow: SlowDevice, took: Duration, limit: Duration) -> VecDeque<Lookup> {
        let mut state = self.state();
        let Some(queue) = state.existing(slow) else { return VecDeque::new() };
        queue.fast = if took < limit { queue.fast + 1 } else { 0 };
        if queue.fast < MIN_FAST {
            return VecDeque::new();
        }
        let waiting = std::mem::take(&mut queue.waiting);
        state.queues.remove(&slow.device);
        drop(state);
        // Idle threads end.
        self.changed.notify_all();
        waiting
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn queue(&mut self, device: Device) -> &mut Queue {
        let Self { queues, last } = self;
        queues.entry(device).or_insert_with(|| {
            *last += 1;
            Queue { number: *last, ..Queue::default() }
        })
    }

    /// `None`: the device is not slow any more.
    fn existing(&mut self, slow: SlowDevice) -> Option<&mut Queue> {
        self.queues.get_mut(&slow.device).filter(|queue| queue.number == slow.number)
    }
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

#[cfg(test)]
mod tests {
    use super::super::protocol::LookupKind;
    use super::*;

    fn lookup(id: u32) -> Lookup {
        Lookup { id, kind: LookupKind::File, root: 0, name: Vec::new() }
    }

    #[test]
    fn device_is_not_slow_after_16_fast_look_ups() {
        let (devices, limit) = (SlowDevices::default(), Duration::from_millis(2));
        let slow = devices.mark(Device::Unknown);
        for id in 0..20 {
            assert!(devices.queue(Device::Unknown, lookup(id), |_| true));
        }
        let mut left = VecDeque::new();
        for nth in 0..=MIN_FAST {
            assert!(devices.contains(Device::Unknown), "{nth}");
            assert_eq!(devices.next(slow), Some(lookup(nth)));
            let took = if nth == 0 { limit } else { Duration::ZERO };
            left = devices.completed(slow, took, limit);
        }
        assert_eq!(left, (MIN_FAST + 1..20).map(lookup).collect::<Vec<_>>());
        assert!(devices.is_empty());
        assert_eq!(devices.next(slow), None, "the thread ends");
        let again = devices.mark(Device::Unknown);
        assert_ne!(again, slow);
        assert_eq!(devices.next(slow), None, "a thread that has waited since then ends too");
    }

    #[test]
    fn look_ups_that_wait_for_a_device_are_limited() {
        let devices = SlowDevices::default();
        let mut threads = 0;
        let mut accepted = 0;
        for id in 0..2 * u32::try_from(MAX_WAITING).unwrap() {
            let start = |_| {
                threads += 1;
                true
            };
            accepted += usize::from(devices.queue(Device::Mount(7), lookup(id), start));
        }
        assert_eq!((accepted, threads), (MAX_WAITING, MAX_THREADS));
        assert!(!devices.queue(Device::Leased, lookup(0), |_| false), "there is no thread");
        assert!(!devices.contains(Device::Leased));
    }
}
