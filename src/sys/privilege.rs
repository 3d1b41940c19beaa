//! Becoming nobody: user, group, capabilities (capabilities(7)).

use nix::errno::Errno;
use nix::sys::prctl::set_keepcaps;
use nix::unistd::{Group, Uid, User, getegid, geteuid, setgroups, setresgid, setresuid};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

/// A capability that matters to us, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// To give files away.
    Chown = 0,
    /// To become somebody else.
    SetUid = 7,
    /// To open port 69 for an address that comes later.
    NetBindService = 10,
    /// To enter neighbours.
    NetAdmin = 12,
    /// To bind a socket to an interface once more.
    NetRaw = 13,
}

/// Who to become.
#[derive(Clone, Debug)]
pub struct Identity {
    user: Option<User>,
    group: Option<Group>,
}

/// A name that no user, or no group, has.
pub struct Unknown(pub String);

impl Identity {
    /// Looks names up. `user` none: stay who we are. `group` none: `dip` if it exists, else the user's own.
    pub fn find(user: Option<&str>, group: Option<&str>) -> Result<Self, Unknown> {
        let user = user.map(user_named).transpose()?;
        let group = match group {
            Some(name) => Some(
                Group::from_name(name).ok().flatten().ok_or_else(|| Unknown(name.to_owned()))?,
            ),
            None => Group::from_name("dip").ok().flatten().or(user.as_ref().map(own_group)),
        };
        Ok(Self { user, group })
    }

    /// A user with nothing but its own group.
    pub fn with_own_group(name: &str) -> Result<Self, Unknown> {
        let user = user_named(name)?;
        Ok(Self { group: Some(own_group(&user)), user: Some(user) })
    }

    /// The same, keeping the group we are.
    #[must_use]
    pub fn keeping_group(self) -> Self {
        Self { group: None, ..self }
    }

    /// User and group that files made for it belong to.
    pub fn owner(&self) -> Option<(u32, u32)> {
        self.user.as_ref().map(|user| (user.uid.as_raw(), user.gid.as_raw()))
    }

    /// Makes a log file its own, before root goes. A group that root's group shares it with may write it too (docs/dnsmasq/daemon.md, section 4.3).
    pub fn own_log_file(&self, file: &File) -> io::Result<()> {
        let Some(user) = self.user.as_ref().filter(|user| is_root() && !user.uid.is_root()) else {
            return Ok(());
        };
        let found = file.metadata()?;
        if getegid().as_raw() == 0 && found.gid() == 0 && found.mode() & 0o020 == 0 {
            file.set_permissions(Permissions::from_mode(0o660))?;
        }
        fchown(file, Some(user.uid.as_raw()), None)
    }

    /// Whether it may do to a file what `bit` says (1 enter, 4 read), by its mode and owners. Root may what all may:
    /// that is dnsmasq's rule for it (docs/dnsmasq/tftp.md, section 5).
    pub fn may_access(&self, bit: u32, file: &Metadata) -> bool {
        let user = self.user.as_ref().map_or_else(geteuid, |user| user.uid);
        let shift = if user.is_root() {
            0
        } else if file.uid() == user.as_raw() {
            6
        } else if self.group.as_ref().is_some_and(|group| file.gid() == group.gid.as_raw()) {
            3
        } else {
            0
        };
        (user.is_root() && file.is_dir()) || file.mode() >> shift & bit != 0
    }

    /// Who we are, and stay.
    pub fn unchanged() -> Self {
        Self { user: None, group: None }
    }

    /// Who we have become.
    pub fn current() -> Self {
        Self {
            user: User::from_uid(geteuid()).ok().flatten(),
            group: Group::from_gid(getegid()).ok().flatten(),
        }
    }

    /// Whether files of `uid` are its own.
    pub fn owns(&self, file: &Metadata) -> bool {
        file.uid() == self.user.as_ref().map_or_else(geteuid, |user| user.uid).as_raw()
    }

    /// Whether it is root, for which other rules hold.
    pub fn is_root(&self) -> bool {
        self.user.as_ref().map_or_else(geteuid, |user| user.uid).is_root()
    }

    /// Its name.
    pub fn user_name(&self) -> &str {
        self.user.as_ref().map_or("the user it is started by", |user| &user.name)
    }

    /// Becomes it, for good, with these capabilities and no others. Without root there is nothing to give up.
    pub fn assume(&self, kept: &[Capability]) -> Result<(), DropError> {
        if !geteuid().is_root() {
            return Ok(());
        }
        if let Some(Group { name, gid, .. }) = &self.group {
            let failed = |error: Errno| DropError::Group(name.clone(), error.into());
            // A user namespace may forbid this, and then has no groups to give up.
            setgroups(&[])
                .or_else(|error| if error == Errno::EPERM { Ok(()) } else { Err(error) })
                .and_then(|()| setresgid(*gid, *gid, *gid))
                .map_err(failed)?;
        }
        let Some(user) = self.user.as_ref().filter(|user| !user.uid.is_root()) else {
            return Ok(());
        };
        let failed = |error: io::Error| DropError::User(user.name.clone(), error);
        let until_then = [kept, &[Capability::SetUid]].concat();
        set_capabilities(&until_then).map_err(DropError::Capabilities)?;
        set_keepcaps(true)
            .and_then(|()| setresuid(user.uid, user.uid, user.uid))
            .map_err(|error| failed(error.into()))?;
        set_capabilities(kept).map_err(DropError::Capabilities)?;
        if setresuid(user.uid, Uid::from_raw(0), user.uid).is_ok() {
            return Err(failed(io::Error::other("root came back after it was given up")));
        }
        Ok(())
    }
}

/// The name of a user of this machine, or its number. Asks nobody but the file (passwd(5)): what libraries do for names
/// is not for a process that may do little.
pub fn name_of(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_it = |line: &&str| line.split(':').nth(2).and_then(|id| id.parse().ok()) == Some(uid);
    let found = users.lines().find(is_it).and_then(|line| line.split(':').next());
    found.map_or_else(|| uid.to_string(), str::to_owned)
}

/// What kept us from becoming somebody else.
#[derive(Debug)]
pub enum DropError {
    /// The group of that name.
    Group(String, io::Error),
    /// The user.
    User(String, io::Error),
    /// What is kept of root's rights.
    Capabilities(io::Error),
}

fn user_named(name: &str) -> Result<User, Unknown> {
    User::from_name(name).ok().flatten().ok_or_else(|| Unknown(name.to_owned()))
}

/// The group a user has of itself; nobody needs to have named it.
fn own_group(user: &User) -> Group {
    let named = Group::from_gid(user.gid).ok().flatten();
    named.unwrap_or_else(|| Group {
        name: user.gid.to_string(),
        passwd: c"".to_owned(),
        gid: user.gid,
        mem: Vec::new(),
    })
}

/// Whether we are root, effectively.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Our user, effectively.
pub fn own_uid() -> u32 {
    geteuid().as_raw()
}

/// Version 3 of the interface: two words of 32 capabilities each.
const VERSION: u32 = 0x2008_0522;

#[repr(C)]
struct CapHeader {
    version: u32,
    pid: i32,
}

#[repr(C)]
#[derive(Clone, Copy, Default)]
struct CapSets {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Whether we may use a capability.
pub fn is_permitted(capability: Capability) -> bool {
    let mut head = CapHeader { version: VERSION, pid: 0 };
    let mut sets = [CapSets::default(); 2];
    // SAFETY: `capget` reads one head and writes, in version 3, two sets; all live through the call.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut head, sets.as_mut_ptr()) };
    done == 0 && sets[0].permitted >> (capability as u32) & 1 != 0
}

fn set_capabilities(kept: &[Capability]) -> io::Result<()> {
    let bits = kept.iter().fold(0, |bits, &capability| bits | 1_u32 << (capability as u32));
    let mut head = CapHeader { version: VERSION, pid: 0 };
    let sets = [CapSets { effective: bits, permitted: bits, inheritable: 0 }, CapSets::default()];
    // SAFETY: `capset` reads one head and, in version 3, two sets; both live through the call.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut head, sets.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
