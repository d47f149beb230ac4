//! Which namespaces of a process are not one's own.

use rustix::thread::ThreadNameSpaceType as Kinds;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};

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
