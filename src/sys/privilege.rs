//! User, group and capabilities of this process (credentials(7), capabilities(7)).

use nix::errno::Errno;
use nix::sys::prctl::set_keepcaps;
use nix::unistd::{Group, Uid, User, getegid, geteuid, setgroups, setresgid, setresuid};
use std::fs::{File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

/// A capability, with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Change the owner of a file.
    Chown = 0,
    /// Read and write files regardless of their permissions.
    DacOverride = 1,
    /// Read files and list directories regardless of their permissions.
    DacReadSearch = 2,
    /// Remove a file of another user in a directory with the sticky bit.
    Fowner = 3,
    /// Change the user.
    SetUid = 7,
    /// Bind port 69 for an address that is added later.
    NetBindService = 10,
    /// Add neighbour entries.
    NetAdmin = 12,
    /// Bind a socket to an interface again.
    NetRaw = 13,
}

impl Capability {
    /// Its name without the prefix `CAP_` (capabilities(7)).
    pub fn name(self) -> &'static str {
        match self {
            Self::Chown => "CHOWN",
            Self::DacOverride => "DAC_OVERRIDE",
            Self::DacReadSearch => "DAC_READ_SEARCH",
            Self::Fowner => "FOWNER",
            Self::SetUid => "SETUID",
            Self::NetBindService => "NET_BIND_SERVICE",
            Self::NetAdmin => "NET_ADMIN",
            Self::NetRaw => "NET_RAW",
        }
    }
}

/// A user and a group. `None`: that of this process is not changed.
#[derive(Clone, Debug)]
pub struct Identity {
    user: Option<User>,
    group: Option<Group>,
}

/// A name of a user or group that does not exist.
pub struct Unknown(pub String);

impl Identity {
    /// Looks up names. Without `user`, the user is not changed. Without `group`, it is `dip` if that exists, else the primary
    /// group of the user.
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

    /// A user with its primary group.
    pub fn with_own_group(name: &str) -> Result<Self, Unknown> {
        let user = user_named(name)?;
        Ok(Self { group: Some(own_group(&user)), user: Some(user) })
    }

    /// The same user; the group is not changed.
    #[must_use]
    pub fn keeping_group(self) -> Self {
        Self { group: None, ..self }
    }

    /// Owner and group of files that are created for this user.
    pub fn owner(&self) -> Option<(u32, u32)> {
        self.user.as_ref().map(|user| (user.uid.as_raw(), user.gid.as_raw()))
    }

    /// Changes the owner of a log file to this user, before root's rights are given up. A file of root's group becomes
    /// writable for the group (docs/dnsmasq/daemon.md, section 4.3).
    pub fn own_log_file(&self, file: &File) -> io::Result<()> {
        let Some(user) = self.user.as_ref().filter(|user| is_root() && !user.uid.is_root()) else {
            return Ok(());
        };
        let metadata = file.metadata()?;
        if getegid().as_raw() == 0 && metadata.gid() == 0 && metadata.mode() & 0o020 == 0 {
            file.set_permissions(Permissions::from_mode(0o660))?;
        }
        fchown(file, Some(user.uid.as_raw()), None)
    }

    /// Whether the mode of a file allows access (`bit`: 1 search, 4 read). Root may read what all users may read, by
    /// dnsmasq's rule (docs/dnsmasq/tftp.md, section 5).
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

    /// Neither user nor group are changed.
    pub fn unchanged() -> Self {
        Self { user: None, group: None }
    }

    /// The user and group of this process.
    pub fn current() -> Self {
        Self {
            user: User::from_uid(geteuid()).ok().flatten(),
            group: Group::from_gid(getegid()).ok().flatten(),
        }
    }

    /// Whether the user owns a file.
    pub fn owns(&self, file: &Metadata) -> bool {
        file.uid() == self.user.as_ref().map_or_else(geteuid, |user| user.uid).as_raw()
    }

    /// Whether the user is root.
    pub fn is_root(&self) -> bool {
        self.user.as_ref().map_or_else(geteuid, |user| user.uid).is_root()
    }

    /// The name of the user.
    pub fn user_name(&self) -> &str {
        self.user.as_ref().map_or("the user it is started by", |user| &user.name)
    }

    /// Changes to this user and group irrevocably, and keeps only these capabilities. If this process is not root, nothing
    /// is changed.
    pub fn assume(&self, kept: &[Capability]) -> Result<(), DropError> {
        if !geteuid().is_root() {
            return Ok(());
        }
        if let Some(Group { name, gid, .. }) = &self.group {
            let failed = |error: Errno| DropError::Group(name.clone(), error.into());
            // EPERM: a user namespace that does not allow it has no supplementary groups.
            setgroups(&[])
                .or_else(|error| if error == Errno::EPERM { Ok(()) } else { Err(error) })
                .and_then(|()| setresgid(*gid, *gid, *gid))
                .map_err(failed)?;
        }
        let Some(user) = self.user.as_ref().filter(|user| !user.uid.is_root()) else {
            return Ok(());
        };
        let failed = |error: io::Error| DropError::User(user.name.clone(), error);
        let during_change = [kept, &[Capability::SetUid]].concat();
        set_capabilities(&during_change).map_err(DropError::Capabilities)?;
        set_keepcaps(true)
            .and_then(|()| setresuid(user.uid, user.uid, user.uid))
            .map_err(|error| failed(error.into()))?;
        set_capabilities(kept).map_err(DropError::Capabilities)?;
        if setresuid(user.uid, Uid::from_raw(0), user.uid).is_ok() {
            return Err(failed(io::Error::other("the root user can still be restored")));
        }
        Ok(())
    }
}

/// The name of a user, or its number. It reads only `/etc/passwd`: the sandbox does not allow what name services of the C
/// library need.
pub fn name_of(uid: u32) -> String {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_it = |line: &&str| line.split(':').nth(2).and_then(|id| id.parse().ok()) == Some(uid);
    let found = users.lines().find(is_it).and_then(|line| line.split(':').next());
    found.map_or_else(|| uid.to_string(), str::to_owned)
}

/// Why the user could not be changed.
#[derive(Debug)]
pub enum DropError {
    /// The group of this name could not be set.
    Group(String, io::Error),
    /// The user of this name could not be set.
    User(String, io::Error),
    /// The capabilities could not be set.
    Capabilities(io::Error),
}

fn user_named(name: &str) -> Result<User, Unknown> {
    User::from_name(name).ok().flatten().ok_or_else(|| Unknown(name.to_owned()))
}

/// The primary group of a user. It need not have a name.
fn own_group(user: &User) -> Group {
    let group = Group::from_gid(user.gid).ok().flatten();
    group.unwrap_or_else(|| Group {
        name: user.gid.to_string(),
        passwd: c"".to_owned(),
        gid: user.gid,
        mem: Vec::new(),
    })
}

/// Whether the effective user is root.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// The effective user id.
pub fn own_uid() -> u32 {
    geteuid().as_raw()
}

/// Two sets of 32 capabilities.
const MAX_CAPABILITY: libc::c_ulong = 63;
/// `_LINUX_CAPABILITY_VERSION_3`: two sets of 32 capabilities each.
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

/// Whether this process has a capability in its permitted set.
pub fn is_permitted(capability: Capability) -> bool {
    let mut header = CapHeader { version: VERSION, pid: 0 };
    let mut sets = [CapSets::default(); 2];
    // SAFETY: `capget` reads one header and writes, in version 3, two sets; all live until the call returns.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, sets.as_mut_ptr()) };
    done == 0 && sets[0].permitted >> (capability as u32) & 1 != 0
}

/// Removes all capabilities of this process, except those of `kept` that it has.
pub fn limit_capabilities(kept: &[Capability]) -> io::Result<()> {
    let kept: Vec<Capability> =
        kept.iter().copied().filter(|capability| is_permitted(*capability)).collect();
    // Without an inheritable set there is no ambient set either (capabilities(7)).
    set_capabilities(&kept)
}

/// Removes all other capabilities from the bounding set, so that root does not get them by execve(2). Without `CAP_SETPCAP`
/// that is not possible; then only the sandbox prevents it.
pub fn limit_bounding_set(kept: &[Capability]) {
    for number in 0..=MAX_CAPABILITY {
        if !kept.iter().any(|capability| *capability as libc::c_ulong == number) {
            // SAFETY: the call takes numbers only. A number that the kernel does not know is an error.
            let _ = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, number, 0, 0, 0) };
        }
    }
}

fn set_capabilities(kept: &[Capability]) -> io::Result<()> {
    let bits = kept.iter().fold(0, |bits, &capability| bits | 1_u32 << (capability as u32));
    let mut header = CapHeader { version: VERSION, pid: 0 };
    let sets = [CapSets { effective: bits, permitted: bits, inheritable: 0 }, CapSets::default()];
    // SAFETY: `capset` reads one header and, in version 3, two sets; both live until the call returns.
    let result = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, sets.as_ptr()) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
