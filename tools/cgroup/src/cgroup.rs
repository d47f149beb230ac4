//! One cgroup and the processes in it.

use crate::{Hierarchies, Hierarchy, Version};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One cgroup: its directories, one for each hierarchy.
#[derive(Debug)]
pub struct Cgroup {
    pub(crate) name: PathBuf,
    pub(crate) directories: Vec<Directory>,
}

/// Its directory in one hierarchy.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) path: PathBuf,
    pub(crate) hierarchy: Hierarchy,
}

impl Cgroup {
    /// The directories that exist for `name`, a path relative to the root of each hierarchy.
    #[must_use]
    pub fn find(name: &Path) -> Self {
        Self::find_in(&Hierarchies::mounted(), name)
    }

    /// The same, in these hierarchies.
    #[must_use]
    pub fn find_in(hierarchies: &Hierarchies, name: &Path) -> Self {
        let mut cgroup = Self::anywhere(hierarchies, name);
        cgroup.directories.retain(|directory| directory.path.is_dir());
        cgroup
    }

    /// Every directory that it could have.
    pub(crate) fn anywhere(hierarchies: &Hierarchies, name: &Path) -> Self {
        let directory = |hierarchy: &Hierarchy| Directory {
            path: hierarchy.mount().join(name),
            hierarchy: hierarchy.clone(),
        };
        Cgroup { name: name.to_owned(), directories: hierarchies.iter().map(directory).collect() }
    }

    /// Whether it exists in any hierarchy.
    #[must_use]
    pub fn exists(&self) -> bool {
        !self.directories.is_empty()
    }

    /// The processes in it and below it.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        let pids: BTreeSet<i32> = self.paths().flat_map(members).collect();
        pids.into_iter().filter_map(Pid::from_raw).collect()
    }

    /// Sends SIGKILL to every process in it, and thaws it where a frozen one would not die.
    pub fn kill(&self) {
        if let Some(directory) = self.unified() {
            // Since Linux 5.14. Nothing that is forked meanwhile escapes it.
            drop(fs::write(directory.join("cgroup.kill"), "1"));
        }
        for pid in self.processes() {
            if let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) {
                // It may have ended by itself meanwhile.
                let _ = pidfd_send_signal(pidfd, Signal::KILL);
            }
        }
        self.thaw_all();
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.directories.iter().map(|directory| &*directory.path)
    }

    /// Its directory in the hierarchy that has a controller.
    pub(crate) fn of_controller(&self, version: Version, controller: &str) -> Option<&Path> {
        self.directory(|hierarchy| hierarchy.version() == version && hierarchy.has(controller))
    }

    /// Its directory in the hierarchy of cgroup v2, with or without controllers.
    pub(crate) fn unified(&self) -> Option<&Path> {
        self.directory(|hierarchy| hierarchy.version() == Version::V2)
    }

    fn directory(&self, wanted: impl Fn(&Hierarchy) -> bool) -> Option<&Path> {
        let found = self.directories.iter().find(|directory| wanted(&directory.hierarchy));
        found.map(|directory| &*directory.path)
    }
}

/// Whether a process is in the cgroup `name` or below it, in any hierarchy (/proc/PID/cgroup).
#[must_use]
pub fn contains(name: &Path, pid: Pid) -> bool {
    let text = fs::read_to_string(format!("/proc/{}/cgroup", pid.as_raw_pid())).unwrap_or_default();
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).any(|path| {
        let path = Path::new(path);
        path.strip_prefix("/").is_ok_and(|path| path.starts_with(name))
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

/// The cgroups directly below one.
pub(crate) fn children(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path())
}
