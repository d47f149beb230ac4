//! Joining a container: its namespaces, and what must not come along.

use super::{Errno, Fd, Result, call};
use linux_raw_sys::errno::ENOSYS;
use linux_raw_sys::general::{__NR_clone, __NR_keyctl, __NR_setns, CLONE_PARENT, SIGCHLD};

/// Takes the namespaces, `CLONE_NEW*` each, of the process that a pidfd stands for. That of pids is
/// its children's only.
pub(crate) fn join_namespaces(pidfd: &Fd, namespaces: u32) -> Result {
    // SAFETY: touches no memory. Where a mount namespace is joined, its root is the working directory.
    unsafe { call(__NR_setns, [pidfd.argument(), namespaces as usize]) }.map(drop)
}

/// Leaves the session keyring of whoever started this process for an empty one.
pub(crate) fn leave_session_keyring() -> Result {
    const KEYCTL_JOIN_SESSION_KEYRING: usize = 1;
    // SAFETY: the null pointer says that the keyring needs no name.
    match unsafe { call(__NR_keyctl, [KEYCTL_JOIN_SESSION_KEYRING, 0]) } {
        // A kernel without keys.
        Err(Errno(ENOSYS)) => Ok(()),
        result => result.map(drop),
    }
}

/// Copies this process; the copy has the same parent. Gives the copy's pid to the original.
pub(crate) fn split() -> Result<Option<u32>> {
    // SAFETY: nothing is shared: the copy goes on with memory, stack and descriptors of its own.
    let pid = unsafe { call(__NR_clone, [(CLONE_PARENT | SIGCHLD) as usize, 0, 0, 0, 0]) }?;
    Ok(u32::try_from(pid).ok().filter(|&pid| pid != 0))
}
