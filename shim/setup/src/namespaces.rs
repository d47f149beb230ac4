//! Which namespaces of a process are not one's own, and whose a namespace is.

use crate::kernel;
use rustix::thread::ThreadNameSpaceType as Kinds;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::fs::MetadataExt as _;

const KINDS: &[(&str, Kinds)] = &[
    ("user", Kinds::USER),
    ("mnt", Kinds::MOUNT),
    ("pid", Kinds::PROCESS_ID),
    ("net", Kinds::NETWORK),
    ("ipc", Kinds::INTER_PROCESS_COMMUNICATION),
    ("uts", Kinds::HOST_NAME_AND_NIS_DOMAIN_NAME),
    ("cgroup", Kinds::CONTROL_GROUP),
    ("time", Kinds::TIME),
];

/// Those of the process of a pidfd. One's own user namespace cannot be entered again (setns(2)).
///
/// # Errors
/// The process has gone.
pub fn differing(pidfd: BorrowedFd<'_>) -> io::Result<Kinds> {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", pidfd.as_raw_fd()))?;
    let pid = info.lines().find_map(|line| line.strip_prefix("Pid:")).map(str::trim);
    let pid = pid.ok_or(io::ErrorKind::NotFound)?;
    let mut differing = Kinds::empty();
    for (name, kind) in KINDS {
        let theirs = fs::read_link(format!("/proc/{pid}/ns/{name}"))?;
        if fs::read_link(format!("/proc/self/ns/{name}"))? != theirs {
            differing |= *kind;
        }
    }
    Ok(differing)
}

/// Whether the user namespace at one path owns the namespace at another.
///
/// # Errors
/// A path leads to no namespace, or the kernel keeps its owner to itself.
pub fn owns(users: &str, namespace: &str) -> io::Result<bool> {
    let owner = kernel::owner(File::open(namespace)?.as_fd())?;
    let (owner, users) = (File::from(owner).metadata()?, fs::metadata(users)?);
    Ok((owner.dev(), owner.ino()) == (users.dev(), users.ino()))
}
