//! Which process a pid means.

use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Deserialize, Serialize};
use std::fs;
use std::os::fd::OwnedFd;

/// A process that cannot be confused with a later one of the same pid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The pid in the host's pid namespace.
    pub pid: i32,
    /// When it started, in clock ticks after boot (field 22 of /proc/PID/stat, proc(5)).
    pub start_time: u64,
}

impl ProcessId {
    /// The process that has this pid now; `None` if there is none.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Some(ProcessId { pid, start_time: start_time(pid)? })
    }

    /// The calling process.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::of(rustix::process::getpid().as_raw_pid())
    }

    /// A pidfd of it if it is alive (a zombie is not).
    #[must_use]
    pub fn open(self) -> Option<OwnedFd> {
        let pidfd = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        // The pidfd pins the process; what /proc says now is about that one or about a zombie.
        (start_time(self.pid)? == self.start_time && state(self.pid)? != 'Z').then_some(pidfd)
    }

    /// Whether it is alive.
    #[must_use]
    pub fn is_alive(self) -> bool {
        self.open().is_some()
    }
}

/// The fields of /proc/PID/stat after the command name, which may itself hold blanks and brackets.
fn stat(pid: i32) -> Option<String> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    Some(text.rsplit_once(") ")?.1.to_owned())
}

fn state(pid: i32) -> Option<char> {
    stat(pid)?.chars().next()
}

fn start_time(pid: i32) -> Option<u64> {
    stat(pid)?.split(' ').nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_is_alive_until_it_ends_and_its_zombie_is_not() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = ProcessId::of(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(id.is_alive());
        assert!(!ProcessId { start_time: id.start_time + 1, ..id }.is_alive());
        child.kill().unwrap();
        let pidfd = pidfd_open(Pid::from_raw(id.pid).unwrap(), PidfdFlags::empty()).unwrap();
        let mut poll = [rustix::event::PollFd::new(&pidfd, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut poll, None).unwrap();
        assert!(!id.is_alive(), "a zombie");
        child.wait().unwrap();
        assert!(!id.is_alive(), "reaped");
    }

    #[test]
    fn a_pid_that_never_was_has_no_process() {
        assert_eq!(ProcessId::of(i32::MAX), None);
        assert!(!ProcessId { pid: 0, start_time: 0 }.is_alive());
    }
}
