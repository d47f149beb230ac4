//! Workers: copies of this process that do what is slow or needs much memory, and then end.
#![allow(
    unsafe_code,
    reason = "fork(2), and dup2(2) onto any number, which no library offers as safe functions"
)]

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, getppid, set_parent_process_death_signal, wait};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

/// Which of the two processes goes on.
#[derive(Debug)]
pub(crate) enum Fork {
    /// The one that was there, with the other's pid.
    Parent(Pid),
    /// The new one. It dies with its parent.
    Child,
}

/// Copies this process, which has one thread.
pub(crate) fn fork() -> io::Result<Fork> {
    let parent = rustix::process::getpid();
    match copy()? {
        Some(child) => Ok(Fork::Parent(child)),
        None => {
            let dies = set_parent_process_death_signal(Some(Signal::KILL));
            // The parent may have died before it was watched.
            if dies.is_err() || getppid() != Some(parent) {
                exit(1);
            }
            Ok(Fork::Child)
        }
    }
}

/// The same for a process that is to outlive this one.
pub(crate) fn fork_detached() -> io::Result<Fork> {
    Ok(copy()?.map_or(Fork::Child, Fork::Parent))
}

fn copy() -> io::Result<Option<Pid>> {
    // SAFETY: this process has one thread, so the child's memory, locks included, is as consistent
    // as ours.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Ends this process without running what is left of it.
pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: it does not return; what was registered to run at exit belongs to the parent.
    unsafe { libc::_exit(status) }
}

/// Makes `number` another name of a descriptor, in place of whatever has it, in a process that is about
/// to become another program: what else thinks that it owns the number must not come to use it.
pub(crate) fn put(fd: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: it takes no pointers; the caller keeps to the condition.
    match unsafe { libc::dup2(fd.as_raw_fd(), number) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Reaps children until there is none, or for so long: others may have adopted some that go on.
pub(crate) fn await_children(limit: Duration) {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        match wait(WaitOptions::NOHANG) {
            Ok(None) => std::thread::sleep(Duration::from_micros(200)),
            Ok(Some(_)) => {}
            Err(_) => return,
        }
    }
}

/// Children that have ended, each once; their pids and wait statuses.
pub(crate) fn reaped() -> impl Iterator<Item = (Pid, i32)> {
    std::iter::from_fn(|| match wait(WaitOptions::NOHANG) {
        Ok(Some((pid, status))) => Some((pid, status.as_raw())),
        Ok(None) | Err(Errno::CHILD) => None,
        Err(_) => None,
    })
}
