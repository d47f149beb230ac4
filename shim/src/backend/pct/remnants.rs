//! What runs on the host for a CT, found by what it is.

use crate::backend::marked;
use crate::error::Error;
use crate::wait::{Deadline, Watch, wait};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::Duration;

/// Ends what a killed `pct` leaves: its worker goes on without it and would start the container
/// later. It has become a child of this process, a subreaper, or bears the container's mark; one that
/// just becomes another program bears none for a moment, but still has its stderr.
pub(super) fn end_workers(directory: &Path, errors: &Path, patience: Duration) -> Result<(), Error> {
    for signal in [Signal::TERM, Signal::KILL] {
        let deadline = Deadline::after(patience);
        let mut workers = marked(directory);
        workers.extend(children().into_iter().filter_map(|pid| pidfd_open(pid, PidfdFlags::empty()).ok()));
        workers.extend(processes_with(|process| {
            fs::read_link(process.join("fd/2")).is_ok_and(|stderr| stderr == errors)
        }));
        for worker in &workers {
            // It may have ended meanwhile.
            let _ = pidfd_send_signal(worker, signal);
        }
        for worker in workers {
            wait([Watch::Readable(worker.as_fd())], deadline)?;
        }
    }
    Ok(())
}

/// The `lxc-start` of a CT, wherever it is: systemd's unit runs `lxc-start -F -n VMID`.
pub(super) fn lxc_start(lxc_directory: &Path, vmid: u32) -> Option<OwnedFd> {
    let is_it = |process: &Path| {
        let line = fs::read_to_string(process.join("cmdline"));
        line.is_ok_and(|line| is_lxc_start(&line, lxc_directory, vmid))
    };
    processes_with(is_it).into_iter().next()
}

/// The processes about whose directories in /proc something is true.
fn processes_with(is_so: impl Fn(&Path) -> bool) -> Vec<OwnedFd> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
        // What is read after it was opened is about the same process, or a dead one.
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        is_so(&entry.path()).then_some(pidfd)
    });
    found.collect()
}

/// Whether a command line, its words ended by NUL, is that of a CT's `lxc-start`.
fn is_lxc_start(line: &str, lxc_directory: &Path, vmid: u32) -> bool {
    let words: Vec<&str> = line.split('\0').collect();
    let after = |option: &str| words.windows(2).find(|pair| pair[0] == option).map(|pair| pair[1]);
    let program = words.first().and_then(|word| Path::new(word).file_name());
    program.is_some_and(|name| name == "lxc-start")
        && after("-n") == Some(vmid.to_string().as_str())
        && Path::new(after("-P").unwrap_or("/var/lib/lxc")) == lxc_directory
}

/// The children of this process, which has one thread (proc(5), /proc/PID/task/TID/children).
fn children() -> Vec<Pid> {
    let own = rustix::process::getpid().as_raw_pid();
    let list = fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_ct_is_known_by_its_command_line() {
        let own = |words: &[&str], directory: &str| {
            let line: String = words.iter().map(|word| format!("{word}\0")).collect();
            is_lxc_start(&line, Path::new(directory), 100)
        };
        assert!(own(&["/usr/bin/lxc-start", "-F", "-n", "100"], "/var/lib/lxc"));
        assert!(own(&["lxc-start", "-F", "-P", "/x", "-n", "100"], "/x"));
        for (words, directory) in [
            (&["lxc-start", "-F", "-n", "1000"][..], "/var/lib/lxc"),
            (&["lxc-start", "-F", "-n", "100"], "/x"),
            (&["lxc-start", "-F", "-P", "/x", "-n", "100"], "/var/lib/lxc"),
            (&["vi", "lxc-start", "-n", "100"], "/var/lib/lxc"),
            (&[], "/var/lib/lxc"),
        ] {
            assert!(!own(words, directory), "{words:?} {directory}");
        }
    }
}
