//! The wait status of a process that is not our child.
//!
//! Two sources, each behind [`ExitWatch`]: `PIDFD_GET_INFO` on a pidfd (Linux 6.15 and later) and
//! the exit events of the kernel's proc connector (older ones). Both must be set up before the
//! process can end, and neither cares who reaps it.

mod pidfd;
mod proc_events;

use crate::error::Error;
use crate::wait::{Deadline, Watch, wait};
use nexcage_configuration::ExitSource;
use proc_events::ProcEvents;
use rustix::process::{Pid, WaitOptions, waitpid};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// How long a process may stay a zombie: its parent is LXC's monitor, or this shim as subreaper.
const REAPING: Duration = Duration::from_secs(10);
/// How often it is tried to reap the process.
const REAPING_POLL: Duration = Duration::from_millis(20);

/// A wait status, as wait(2) gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaitStatus(pub(crate) i32);

impl WaitStatus {
    /// As a shell says it: the exit status, or 128 + n after signal n.
    pub(crate) fn shell_status(self) -> u8 {
        let [low, high, ..] = self.0.to_le_bytes();
        match low & 0x7f {
            0 => high,
            signal => 128 + signal,
        }
    }
}

/// A process whose end is awaited.
#[derive(Debug)]
pub(crate) struct ExitWatch {
    pid: Pid,
    pidfd: OwnedFd,
    events: Option<ProcEvents>,
}

impl ExitWatch {
    /// Begins to watch a live process.
    pub(crate) fn new(pid: Pid, pidfd: BorrowedFd<'_>, source: ExitSource) -> Result<Self, Error> {
        let events = match source {
            ExitSource::Pidfd => None,
            ExitSource::Auto if pidfd::tells_exit() => None,
            ExitSource::Auto | ExitSource::ProcEvents => Some(ProcEvents::subscribe(pid)?),
        };
        let pidfd = pidfd.try_clone_to_owned().map_err(Error::system("duplicate a pidfd"))?;
        Ok(ExitWatch { pid, pidfd, events })
    }

    pub(crate) fn pid(&self) -> Pid {
        self.pid
    }

    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// What to poll for: the end of the process, reaped or not.
    pub(crate) fn watch(&self) -> Watch<'_> {
        Watch::Readable(self.pidfd.as_fd())
    }

    /// The status of the process, which has ended or is about to.
    pub(crate) fn status(&self) -> Result<WaitStatus, Error> {
        wait([self.watch()], Deadline::after(REAPING))?;
        let status = match &self.events {
            None => {
                self.await_reaping()?;
                pidfd::exit_status(self.pidfd.as_fd()).map_err(Error::system("read an exit status"))?
            }
            Some(events) => events.last_status(REAPING)?,
        };
        status.ok_or(Error::ExitLost { pid: self.pid.as_raw_pid() })
    }

    /// A pidfd tells the status only once the process has been reaped (it hangs up then): by its
    /// parent, or by this shim if it has inherited the process from a killed monitor.
    fn await_reaping(&self) -> Result<(), Error> {
        let deadline = Deadline::after(REAPING);
        while wait([Watch::HungUp(self.pidfd.as_fd())], Deadline::after(REAPING_POLL))? == [false] {
            // Not our child: then somebody else will do it.
            let _ = waitpid(Some(self.pid), WaitOptions::NOHANG);
            if deadline.is_over() {
                break;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{PidfdFlags, pidfd_open};
    use std::process::{Command, Stdio};

    /// The status of a shell script's process as a source tells it, though somebody else waits.
    fn observe(source: ExitSource, script: &str) -> u8 {
        let mut child = Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_child(&child);
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
        let watch = ExitWatch::new(pid, pidfd.as_fd(), source).unwrap();
        drop(child.stdin.take());
        let reaper = std::thread::spawn(move || child.wait().unwrap());
        let status = watch.status().unwrap().shell_status();
        reaper.join().unwrap();
        status
    }

    fn check(source: ExitSource) {
        for status in [0, 1, 42, 255] {
            assert_eq!(observe(source, &format!("read x; exit {status}")), status);
        }
        assert_eq!(observe(source, "read x; kill -9 $$"), 137);
        assert_eq!(observe(source, "read x; kill -TERM $$"), 143);
    }

    #[test]
    fn a_pidfd_tells_the_status_of_anybodys_child() {
        check(ExitSource::Pidfd);
    }

    #[test]
    fn process_events_tell_the_status_of_anybodys_child() {
        check(ExitSource::ProcEvents);
    }

    #[test]
    fn wait_statuses_are_said_as_a_shell_says_them() {
        for (wait_status, shell) in [(0, 0), (0x2a00, 42), (0xff00, 255), (9, 137), (0x8b, 139)] {
            assert_eq!(WaitStatus(wait_status).shell_status(), shell);
        }
    }
}
