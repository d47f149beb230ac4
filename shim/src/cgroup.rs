//! The container's cgroups, in every hierarchy that the host has mounted (cgroups(7)).

use crate::error::Error;
use crate::wait::Deadline;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for a killed process to leave its cgroup.
const BUSY: Duration = Duration::from_millis(5);

/// One cgroup's directories, one per hierarchy.
#[derive(Debug)]
pub(crate) struct Cgroup(Vec<PathBuf>);

impl Cgroup {
    /// The directories that exist for `name`, a path relative to the root of each hierarchy.
    pub(crate) fn find(name: &Path) -> Self {
        let mountinfo = read_mountinfo();
        let directories = hierarchies(&mountinfo).map(|hierarchy| hierarchy.join(name));
        Cgroup(directories.filter(|directory| directory.is_dir()).collect())
    }

    /// Whether it exists in any hierarchy.
    pub(crate) fn exists(&self) -> bool {
        !self.0.is_empty()
    }

    /// The processes in it and below it.
    pub(crate) fn processes(&self) -> Vec<Pid> {
        let pids: BTreeSet<i32> = self.0.iter().flat_map(|directory| members(directory)).collect();
        pids.into_iter().filter_map(Pid::from_raw).collect()
    }

    /// Sends SIGKILL to every process in it.
    pub(crate) fn kill(&self) {
        for pid in self.processes() {
            if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
                // It may have ended by itself meanwhile.
                let _ = pidfd_send_signal(pidfd, Signal::KILL);
            }
        }
    }

    /// Removes the directories with all below them; says which one is still busy.
    fn remove(&self) -> Result<(), (PathBuf, io::Error)> {
        self.0.iter().try_for_each(|directory| remove_tree(directory))
    }
}

/// Removes cgroups that LXC has left, busy ones as soon as their last process has been killed.
pub(crate) fn remove<const N: usize>(names: [&Path; N], deadline: Deadline) -> Result<(), Error> {
    let mountinfo = read_mountinfo();
    let hierarchies: Vec<PathBuf> = hierarchies(&mountinfo).collect();
    for name in names {
        let cgroup = Cgroup(hierarchies.iter().map(|hierarchy| hierarchy.join(name)).collect());
        while let Err((path, error)) = cgroup.remove() {
            if deadline.is_over() {
                return Err(Error::system(format!("remove {}", path.display()))(error));
            }
            cgroup.kill();
            std::thread::sleep(BUSY);
        }
    }
    Ok(())
}

fn read_mountinfo() -> String {
    fs::read_to_string("/proc/self/mountinfo").unwrap_or_default()
}

/// The mount points of the hierarchies, from a mountinfo file (proc(5)). A path with an escaped
/// blank is none of a cgroup hierarchy.
fn hierarchies(mountinfo: &str) -> impl Iterator<Item = PathBuf> {
    mountinfo.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let kind = file_system.split(' ').next()?;
        matches!(kind, "cgroup" | "cgroup2").then(|| mount.split(' ').nth(4).map(PathBuf::from))?
    })
}

fn members(directory: &Path) -> Vec<i32> {
    let mut pids: Vec<i32> = fs::read_to_string(directory.join("cgroup.procs"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.parse().ok())
        .collect();
    for child in children(directory) {
        pids.extend(members(&child));
    }
    pids
}

fn children(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}

fn remove_tree(directory: &Path) -> Result<(), (PathBuf, io::Error)> {
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {}
        _ => return Ok(()),
    }
    for child in children(directory) {
        remove_tree(&child)?;
    }
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err((directory.to_owned(), error)),
        _ => Ok(()),
    }
}

/// The directories above the cgroup `name` that do not exist yet, deepest first.
pub(crate) fn missing_parents(name: &Path) -> Vec<PathBuf> {
    let parents = || name.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
    if parents().next().is_none() {
        return Vec::new();
    }
    let mountinfo = read_mountinfo();
    let all =
        hierarchies(&mountinfo).flat_map(|hierarchy| parents().map(move |parent| hierarchy.join(parent)));
    all.filter(|directory| !directory.exists()).collect()
}

/// Whether a process is in the cgroup `name` or below it, in any hierarchy (/proc/PID/cgroup).
pub(crate) fn contains(name: &Path, pid: Pid) -> bool {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_pid())).unwrap_or_default();
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).any(|path| {
        let path = Path::new(path);
        path.strip_prefix("/").is_ok_and(|path| path.starts_with(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_hierarchies_are_found_and_nothing_else() {
        let mountinfo = "\
            30 29 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            31 30 0:27 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu\n\
            32 30 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let found: Vec<_> = hierarchies(mountinfo).collect();
        assert_eq!(found, [PathBuf::from("/sys/fs/cgroup/cpu"), PathBuf::from("/sys/fs/cgroup/unified")]);
    }
}
