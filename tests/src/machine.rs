//! What containers leave on a machine: processes, cgroups, mounts and files.

use pct_stand_in::Node;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{Pid, Signal, kill_process};
use std::fmt;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Everything on the machine that belongs to the containers of one namespace, or that names one
/// directory. Other containers are not counted, so tests may run at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces {
    /// Pids with their command lines; a zombie has none and does not count.
    pub processes: Vec<(i32, String)>,
    /// Directories under the cgroup mounts.
    pub cgroups: Vec<PathBuf>,
    /// Mount points.
    pub mounts: Vec<PathBuf>,
    /// Records, sockets, locks.
    pub files: Vec<PathBuf>,
}

impl Traces {
    /// Looks for containers whose `NAMESPACE@ID` starts with `name`, for what names `directory`, and
    /// into the state directory `state`.
    #[must_use]
    pub fn of(name: &str, directory: &Path, state: &Path) -> Self {
        let marker = format!(".nexcage@{name}");
        let mut files = Vec::new();
        descend(state, 8, &mut |path| {
            // A namespace's empty directory is shared by its containers and stays.
            let namespace = path.file_name().is_some_and(|file| name.trim_end_matches('@') == file);
            if !namespace {
                files.push(path.to_owned());
            }
        });
        let own = directory.to_string_lossy();
        // LXC keeps a directory for each of its paths; what is in it is a container's.
        descend(&lock_directory(directory), 12, &mut |path| {
            if !path.is_dir() {
                files.push(path.to_owned());
            }
        });
        Traces {
            processes: processes(&marker, Some(&own)),
            cgroups: cgroups(&marker),
            mounts: mounts(&own),
            files,
        }
    }

    /// Adds what the CTs of a scratch node have: their cgroups with the processes in them,
    /// configurations, and what was rendered of these.
    pub(crate) fn add_cts(&mut self, node: &Node) {
        let marker = node.cgroup(0);
        let marker = marker.parent().unwrap_or(&marker).to_string_lossy();
        self.add_cgroups(&format!("/{marker}/"));
        self.add_cgroups(&format!("/{marker}.monitor/"));
        let images = node.storage_dir().join("images");
        for directory in [node.conf_dir(), node.lxc_dir(), &images] {
            descend(directory, 3, &mut |path| self.files.push(path.to_owned()));
        }
    }

    /// Adds cgroups whose paths contain `marker`, with the processes in them.
    pub(crate) fn add_cgroups(&mut self, marker: &str) {
        self.processes.extend(processes(marker, None));
        self.cgroups.extend(cgroups(marker));
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Traces::default()
    }

    /// Ends the processes, and removes mounts and cgroups; files go with their directory.
    pub(crate) fn remove(look: impl Fn() -> Traces) {
        for _ in 0..100 {
            let traces = look();
            traces.kill();
            for mount in traces.mounts.iter().rev() {
                let _ = unmount(mount, UnmountFlags::DETACH);
            }
            for cgroup in traces.cgroups.iter().rev() {
                thaw(cgroup);
                drop(fs::remove_dir(cgroup));
            }
            if traces.processes.is_empty() && traces.cgroups.is_empty() && traces.mounts.is_empty() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends SIGKILL to all processes.
    pub fn kill(&self) {
        for (pid, _) in &self.processes {
            if let Some(pid) = Pid::from_raw(*pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

impl fmt::Display for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (pid, command) in &self.processes {
            writeln!(f, "process {pid}: {command}")?;
        }
        let kinds = [("cgroup", &self.cgroups), ("mount", &self.mounts), ("file", &self.files)];
        for (kind, paths) in kinds {
            for path in paths {
                writeln!(f, "{kind} {}", path.display())?;
            }
        }
        Ok(())
    }
}

/// Thaws a cgroup of version 1, in which what is frozen does not even die.
fn thaw(cgroup: &Path) {
    let state = File::options().write(true).open(cgroup.join("freezer.state"));
    drop(state.and_then(|mut state| state.write_all(b"THAWED")));
}

/// Where LXC keeps its locks for containers whose state is below `directory`.
pub(crate) fn lock_directory(directory: &Path) -> PathBuf {
    Path::new("/run/lxc/lock").join(directory.strip_prefix("/").unwrap_or(directory))
}

/// Calls `found` for everything below a directory, parents first.
fn descend(directory: &Path, depth: u32, found: &mut impl FnMut(&Path)) {
    let Some(deeper) = depth.checked_sub(1) else { return };
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        found(&entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            descend(&entry.path(), deeper, found);
        }
    }
}

/// Those whose cgroups contain `marker`, or whose command lines a directory.
fn processes(marker: &str, directory: Option<&str>) -> Vec<(i32, String)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let cgroups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        let names = directory.is_some_and(|directory| command.contains(directory));
        let ours = !command.is_empty() && (names || cgroups.contains(marker));
        ours.then_some((pid, command))
    })
    .collect()
}

/// The lines of mountinfo, split into fields (proc_pid_mountinfo(5)).
fn mountinfo() -> Vec<Vec<String>> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

fn cgroups(marker: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for fields in mountinfo() {
        let kind = fields.iter().skip_while(|field| *field != "-").nth(1);
        if kind.is_some_and(|kind| kind.starts_with("cgroup")) {
            descend(Path::new(&fields[4]), 8, &mut |path| {
                if path.is_dir() && path.to_string_lossy().contains(marker) {
                    found.push(path.to_owned());
                }
            });
        }
    }
    found
}

fn mounts(directory: &str) -> Vec<PathBuf> {
    let ours = |fields: &Vec<String>| [&fields[3], &fields[4]].iter().any(|path| path.contains(directory));
    mountinfo().iter().filter(|fields| ours(fields)).map(|fields| PathBuf::from(&fields[4])).collect()
}
