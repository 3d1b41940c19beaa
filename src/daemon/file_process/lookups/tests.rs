use super::super::config_files::ConfigFiles;
use super::super::directory_lister::DirectoryLister;
use super::super::inspect::Inspector;
use super::super::protocol::LookupKind;
use super::super::roots::Roots;
use super::super::services::Tasks;
use super::*;
use crate::config::reload::file_list::ConfigFileList;
use crate::logging::SyslogConnector;
use crate::sys::privilege::Identity;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// A disk on which a look-up of `slow` waits until the test permits it to go on.
struct SlowDisk(Mutex<Receiver<()>>);

impl Disk for SlowDisk {
    fn path(&self, lookup: &Lookup) -> Option<Vec<u8>> {
        Some(lookup.name.clone())
    }

    fn look_up(&self, _: LookupKind, path: &[u8], _: Lease) -> Found {
        if path.ends_with(b"slow") {
            let permits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = permits.recv();
        }
        Found::Other(Outcome::NotFound)
    }
}

fn services(channel: &Arc<Channel>) -> Services {
    let inspector =
        Inspector { roots: Roots::default(), identity: Identity::current(), secure: false };
    let tasks = Tasks {
        log_file: None,
        syslog: SyslogConnector::new(Path::new("/nothing")).unwrap(),
        pid_file: None,
        inspector,
        lister: DirectoryLister::new(Roots::default(), None),
        config_files: ConfigFiles::new(ConfigFileList::default(), None),
        control: None,
    };
    Services::new(channel.clone(), tasks)
}

fn serve() -> (Channel, SyncSender<()>) {
    let (own, other) = Channel::pair().unwrap();
    let (permit, permits) = sync_channel(0);
    let channel = Arc::new(other);
    let services = services(&channel);
    let disk = Box::new(SlowDisk(Mutex::new(permits)));
    thread::spawn(move || Lookups::serve(channel, disk, services, || ()));
    (own, permit)
}

fn lookup(id: u32, name: &str) -> Lookup {
    Lookup { id, kind: LookupKind::File, root: 0, name: name.as_bytes().to_vec() }
}

fn request(channel: &Channel, names: &[(u32, &str)]) {
    let lookups = names.iter().map(|(id, name)| lookup(*id, name)).collect();
    channel.send(&Request::Lookups(lookups).encode()).unwrap();
}

/// The numbers of the look-ups of the next message, and whether the batch is done.
fn reply(channel: &Channel) -> (Vec<u32>, bool) {
    let mut buffer = vec![0; MAX_MESSAGE_LEN];
    let size = channel.recv_fds_blocking(&mut buffer).unwrap().size;
    match Reply::decode(&buffer[..size]) {
        Some(Reply::LookedUp { batch_done, results }) => {
            (results.iter().map(|result| result.id).collect(), batch_done)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the calls")]
fn results_of_a_batch_come_together() {
    let (channel, _permit) = serve();
    request(&channel, &[(1, "/a"), (2, "/b"), (3, "/c")]);
    assert_eq!(reply(&channel), (vec![1, 2, 3], true));
    request(&channel, &[]);
    assert_eq!(reply(&channel), (vec![], true));
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the calls")]
fn look_up_that_waits_does_not_delay_others() {
    let (channel, permit) = serve();
    // /proc is another file system, so that it does not wait for the slow one.
    request(&channel, &[(1, "/proc/a"), (2, "/slow"), (3, "/proc/b")]);
    assert_eq!(reply(&channel), (vec![1, 3], true));
    request(&channel, &[(4, "/slow"), (5, "/slow"), (6, "/proc/c")]);
    assert_eq!(reply(&channel), (vec![6], true));
    for _ in 0..3 {
        permit.send(()).unwrap();
    }
    let mut late: Vec<_> = (0..3).map(|_| reply(&channel)).collect();
    late.sort_unstable();
    assert_eq!(late, [(vec![2], false), (vec![4], false), (vec![5], false)]);
    request(&channel, &[(7, "/proc/d")]);
    assert_eq!(reply(&channel), (vec![7], true));
}

/// The watching thread may take over while the leader is between two look-ups.
#[test]
#[cfg_attr(miri, ignore = "Miri does not support the calls")]
fn replaced_leader_takes_no_further_name_of_the_batch() {
    let (own, other) = Channel::pair().unwrap();
    let channel = Arc::new(other);
    let services = services(&channel);
    let disk = Box::new(SlowDisk(Mutex::new(sync_channel(0).1)));
    let (lookups, replaced) = Lookups::new(channel, disk, services, || ()).unwrap();
    let waiting = VecDeque::from([lookup(1, "/proc/a")]);
    let current = Some(b"/proc/b".to_vec());
    lookups.state().batch = Batch { active: true, waiting, current, ..Batch::default() };
    let lead = lookups.take_over(lookups.state());
    assert!(matches!(lookups.step(replaced), Step::Replaced(Some(_))));
    assert_eq!(lookups.state().batch.waiting.len(), 1);
    lookups.state().batch.waiting.clear();
    assert!(matches!(lookups.step(replaced), Step::Replaced(None)), "it does not end the batch");
    let none = own.receive(&mut [0; 10]).unwrap_err();
    assert_eq!(none.kind(), io::ErrorKind::WouldBlock);
    assert_eq!(lookups.finish(lead), Some(()));
    assert_eq!(reply(&own), (vec![], true));
}
