//! System calls that rustix does not have, and the kernel's numbers.
#![allow(unsafe_code, reason = "there is no other way to make them")]

use crate::plan::Attributes;
use rustix::fs::AtFlags;
use rustix::io::Errno;
use rustix::mount::MountFlags;
use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// `MOUNT_ATTR_*` and `MS_*` of linux/mount.h.
#[expect(missing_docs, reason = "documented in mount_setattr(2) and mount(2)")]
pub mod flags {
    pub const RDONLY: u64 = 0x1;
    pub const NOSUID: u64 = 0x2;
    pub const NODEV: u64 = 0x4;
    pub const NOEXEC: u64 = 0x8;
    pub const ATIME: u64 = 0x70;
    pub const NOATIME: u64 = 0x10;
    pub const STRICTATIME: u64 = 0x20;
    pub const NODIRATIME: u64 = 0x80;
    pub const IDMAP: u64 = 0x10_0000;
    pub const NOSYMFOLLOW: u64 = 0x20_0000;

    pub const MS_RDONLY: u32 = 0x1;
    pub const MS_NOSUID: u32 = 0x2;
    pub const MS_NODEV: u32 = 0x4;
    pub const MS_NOEXEC: u32 = 0x8;
    pub const MS_SYNCHRONOUS: u32 = 0x10;
    pub const MS_REMOUNT: u32 = 0x20;
    pub const MS_MANDLOCK: u32 = 0x40;
    pub const MS_DIRSYNC: u32 = 0x80;
    pub const MS_NOSYMFOLLOW: u32 = 0x100;
    pub const MS_NOATIME: u32 = 0x400;
    pub const MS_NODIRATIME: u32 = 0x800;
    pub const MS_BIND: u32 = 0x1000;
    pub const MS_REC: u32 = 0x4000;
    pub const MS_SILENT: u32 = 0x8000;
    pub const MS_UNBINDABLE: u32 = 1 << 17;
    pub const MS_PRIVATE: u32 = 1 << 18;
    pub const MS_SLAVE: u32 = 1 << 19;
    pub const MS_SHARED: u32 = 1 << 20;
    pub const MS_RELATIME: u32 = 1 << 21;
    pub const MS_I_VERSION: u32 = 1 << 23;
    pub const MS_STRICTATIME: u32 = 1 << 24;
    pub const MS_LAZYTIME: u32 = 1 << 25;
}

impl Attributes {
    /// What mount(2) with `MS_REMOUNT | MS_BIND` and these flags would leave of a mount's attributes:
    /// exactly the flags, but the times as they are if no flag speaks of them.
    #[must_use]
    pub fn of_flags(wanted: u32) -> Self {
        use flags::*;
        let pairs = [
            (MS_RDONLY, RDONLY),
            (MS_NOSUID, NOSUID),
            (MS_NODEV, NODEV),
            (MS_NOEXEC, NOEXEC),
            (MS_NOSYMFOLLOW, NOSYMFOLLOW),
        ];
        let held = pairs.iter().filter(|(flag, _)| wanted & flag != 0);
        let mut attributes = Attributes {
            set: held.map(|(_, attribute)| attribute).sum(),
            clear: pairs.iter().map(|(_, attribute)| attribute).sum(),
        };
        if wanted & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME) != 0 {
            attributes.clear |= ATIME | NODIRATIME;
            if wanted & MS_NODIRATIME != 0 {
                attributes.set |= NODIRATIME;
            }
            if wanted & MS_STRICTATIME != 0 {
                attributes.set |= STRICTATIME;
            } else if wanted & MS_NOATIME != 0 {
                attributes.set |= NOATIME;
            }
        }
        attributes
    }

    /// Whether they change nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Attributes::default()
    }
}

/// struct mount_attr of linux/mount.h.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

const AT_RECURSIVE: u32 = 0x8000;

/// How far a change of mounts goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    One,
    WithSubmounts,
}

/// Changes attributes of the mount that a descriptor stands for (mount_setattr(2)).
pub(crate) fn set_attributes(mount: BorrowedFd<'_>, reach: Reach, change: Attributes) -> io::Result<()> {
    // An atime that is set replaces the one that was.
    let times = if change.set & flags::ATIME != 0 { flags::ATIME } else { 0 };
    let Attributes { set, clear } = change;
    set_attr(mount, reach, &MountAttr { set, clear: clear | times, propagation: 0, user_namespace: 0 })
}

/// Changes the propagation of a mount, one of `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE`, `MS_UNBINDABLE`.
pub(crate) fn set_propagation(mount: BorrowedFd<'_>, reach: Reach, propagation: u32) -> io::Result<()> {
    set_attr(
        mount,
        reach,
        &MountAttr { set: 0, clear: 0, propagation: propagation.into(), user_namespace: 0 },
    )
}

/// Maps the owners in a detached mount through a user namespace.
pub(crate) fn map_owners(mount: BorrowedFd<'_>, reach: Reach, users: BorrowedFd<'_>) -> io::Result<()> {
    let user_namespace = u64::try_from(users.as_raw_fd()).map_err(io::Error::other)?;
    set_attr(mount, reach, &MountAttr { set: flags::IDMAP, clear: 0, propagation: 0, user_namespace })
}

fn set_attr(mount: BorrowedFd<'_>, reach: Reach, attr: &MountAttr) -> io::Result<()> {
    let at = AtFlags::EMPTY_PATH.bits() | if reach == Reach::WithSubmounts { AT_RECURSIVE } else { 0 };
    let raw: RawFd = mount.as_raw_fd();
    // SAFETY: the descriptors are open, the path is a NUL-terminated literal, and the structure lives
    // through the call and is as long as we say.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            raw,
            c"".as_ptr(),
            at,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The user namespace that owns a namespace (ioctl_nsfs(2), `NS_GET_USERNS`).
pub(crate) fn owner(namespace: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    const NS_GET_USERNS: libc::Ioctl = 0xb701;
    // SAFETY: the call takes no argument.
    match unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_USERNS) } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: the descriptor is new, and nobody else has it.
        fd => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
    }
}

/// mount(2) with all flags that it knows.
pub(crate) fn mount(source: &str, target: &str, fs_type: &str, flags: u32, data: &str) -> io::Result<()> {
    let data = std::ffi::CString::new(data)?;
    let flags = MountFlags::from_bits_retain(flags);
    Ok(rustix::mount::mount(source, target, fs_type, flags, data.as_c_str())?)
}

/// Loads a seccomp filter for this thread and what it will start (seccomp(2)). The descriptor of a
/// listener is closed.
///
/// # Errors
/// The kernel does not take it.
pub fn load_filter(flags: u32, program: &[u8]) -> io::Result<()> {
    let instructions: Vec<libc::sock_filter> = program
        .chunks_exact(8)
        .map(|bytes| libc::sock_filter {
            code: u16::from_ne_bytes([bytes[0], bytes[1]]),
            jt: bytes[2],
            jf: bytes[3],
            k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
        })
        .collect();
    let len = u16::try_from(instructions.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len, filter: instructions.as_ptr().cast_mut() };
    // SAFETY: the program and its instructions live through the call, which only reads them.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if result >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has exec close every descriptor but stdin, stdout and stderr that is open now: what a caller has
/// left open is the host's, and neither a container's nor a hook's (CVE-2024-21626).
///
/// # Errors
/// The kernel is older than Linux 5.11.
pub(crate) fn close_inherited_at_exec() -> io::Result<()> {
    const FIRST: libc::c_uint = 3;
    // SAFETY: no descriptor is closed while anybody uses it here.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, FIRST, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes the descriptors from 3 on, `count` of them, that the caller means to hand on, and closes all
/// others but stdin, stdout and stderr. To be called before anything else is opened.
///
/// # Errors
/// One of them is not open, or the kernel is older than Linux 5.9.
pub fn keep_inherited(count: u32) -> io::Result<Vec<OwnedFd>> {
    const FIRST: libc::c_uint = 3;
    let end = FIRST.checked_add(count).ok_or(io::ErrorKind::InvalidInput)?;
    // SAFETY: nothing is open yet that anybody here owns.
    if unsafe { libc::syscall(libc::SYS_close_range, end, libc::c_uint::MAX, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut kept = Vec::new();
    for number in FIRST..end {
        let number = RawFd::try_from(number).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: touches no memory.
        if unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: it is open, as was just seen, and nobody here owns it.
        kept.push(unsafe { OwnedFd::from_raw_fd(number) });
    }
    Ok(kept)
}

/// Has what a command starts die with this process, also when that is killed.
pub(crate) fn dies_with_us(command: &mut Command) {
    let parent = getpid();
    let dies = move || match set_parent_process_death_signal(Some(Signal::KILL)) {
        // The parent may have died before it was watched; from another pid namespace it is not seen.
        Ok(()) if getppid().is_some_and(|now| now != parent) => Err(Errno::CHILD.into()),
        result => Ok(result?),
    };
    // SAFETY: between fork and exec two system calls are made, and nothing is allocated.
    unsafe { command.pre_exec(dies) };
}

/// Gives this process, which has one thread, a user namespace of its own (unshare(2)).
pub(crate) fn new_user_namespace() -> io::Result<()> {
    // SAFETY: only the sharing of descriptors between threads could be unsound, and it stays.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWUSER) }.map_err(Into::into)
}
