//! The ways in which a host starts LXC containers.
//!
//! A backend knows how to bring a configuration to life and how to remove every trace of it. It
//! knows nothing of processes, stdio or statuses: those are the same everywhere.

mod image;
mod lxc;
pub(crate) mod pct;

use crate::error::Error;
use crate::signals::Signals;
use crate::wait::Deadline;
use lxc::PlainLxc;
use lxc_render_config::{LxcConfig, Rendered, pve};
use nexcage_cgroup::{self as cgroup, Cgroup};
pub(crate) use nexcage_configuration::Backend as Choice;
use nexcage_configuration::Configuration;
use nexcage_record::{ContainerDir, ContainerId, Namespace};
use pct::Ct;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fmt;
use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// A container's place on the host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) dir: &'a ContainerDir,
    pub(crate) namespace: &'a Namespace,
    pub(crate) id: &'a ContainerId,
    /// The namespace's directory, locked shared by everyone who has a container in it.
    pub(crate) in_use: &'a File,
}

/// What a container is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) configuration: &'a Configuration,
    pub(crate) place: Place<'a>,
    /// The bundle's directory.
    pub(crate) bundle: &'a Path,
    pub(crate) rendered: &'a Rendered,
    /// What is asked of a CT; none on plain LXC.
    pub(crate) wishes: Option<&'a pve::Wishes>,
}

/// Whether containers become CTs.
pub(crate) fn is_pct(choice: Choice, configuration: &Configuration) -> bool {
    let mountinfo = || std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let on_node = || is_pmxcfs(&mountinfo(), &configuration.pct.conf_directory);
    choice == Choice::Pct || choice == Choice::Auto && on_node()
}

/// Makes a new container's backend; a CT's id is taken by that. `intend` writes down what is about
/// to be taken.
pub(crate) fn make(
    origin: &Origin<'_>,
    signals: &mut Signals,
    intend: &mut dyn FnMut(nexcage_record::Backend) -> Result<(), Error>,
) -> Result<Box<dyn Backend>, Error> {
    let &Origin { place, rendered, .. } = origin;
    if let Some(wishes) = origin.wishes {
        return Ok(Box::new(Ct::make(origin, wishes, signals, intend)?));
    }
    let cgroup =
        rendered.cgroups_path.as_ref().map_or_else(|| lxc::cgroup("lxc.payload", place), PathBuf::from);
    // Teardown ends everything in the container's cgroup: it must not be somebody else's.
    if Cgroup::find(&cgroup).exists() {
        return Err(Error::CgroupTaken { path: cgroup });
    }
    let new_parents = new_parents(&cgroup, place);
    let lxc = PlainLxc::new(place, cgroup, new_parents);
    intend(lxc.record())?;
    Ok(Box::new(lxc))
}

/// The cgroups above a container's that it removes in the end, deepest first: those that are not there yet, and
/// those that are there for the sake of another container alone, which may end before.
fn new_parents(cgroup: &Path, place: Place<'_>) -> Vec<PathBuf> {
    let mut all = cgroup::missing_parents(cgroup);
    if cgroup.parent().is_none_or(|parent| parent.as_os_str().is_empty()) {
        // As without linux.cgroupsPath: no other record needs to be read.
        return all;
    }
    let anothers = place.dir.siblings().find_map(|record| match record.backend {
        nexcage_record::Backend::Lxc { cgroup: other, new_parents } => {
            let same = Path::new(&other).parent() == cgroup.parent() && !new_parents.is_empty();
            same.then_some(new_parents)
        }
        nexcage_record::Backend::Pct { .. } => None,
    });
    all.extend(anothers.unwrap_or_default());
    // The other one may have gone between the two looks.
    all.extend(cgroup::missing_parents(cgroup));
    all.sort_by_cached_key(|path| (std::cmp::Reverse(path.components().count()), path.clone()));
    all.dedup();
    all
}

/// The backend of a container that has been made.
pub(crate) fn existing(
    record: &nexcage_record::Backend,
    configuration: &Configuration,
    place: Place<'_>,
) -> Box<dyn Backend> {
    match record {
        nexcage_record::Backend::Lxc { cgroup, new_parents } => {
            Box::new(PlainLxc::new(place, cgroup.into(), new_parents.clone()))
        }
        nexcage_record::Backend::Pct { vmid, mark, .. } => {
            Box::new(Ct::existing(&configuration.pct, place.dir.path(), *vmid).marked(mark.clone()))
        }
    }
}

/// Whether a directory is in a mounted pmxcfs, which is a FUSE file system, by a mountinfo file
/// (proc(5)).
fn is_pmxcfs(mountinfo: &str, directory: &Path) -> bool {
    mountinfo.lines().any(|line| {
        let Some((mount, file_system)) = line.split_once(" - ") else { return false };
        let mount_point = mount.split(' ').nth(4).map(Path::new);
        file_system.starts_with("fuse") && mount_point.is_some_and(|point| directory.starts_with(point))
    })
}

/// Removes the lock file that LXC, run by root, leaves for a container, and gives its directory.
fn remove_lxc_lock(lxc_path: &Path, name: &str) -> PathBuf {
    let directory = Path::new("/run/lxc/lock").join(lxc_path.strip_prefix("/").unwrap_or(lxc_path));
    drop(std::fs::remove_file(directory.join(format!(".{name}"))));
    directory
}

/// How far a launch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Launch {
    /// The starter still works; *go* must wait for it.
    Pending,
    /// The container counts as started on this host; *go* may be sent.
    Started,
}

/// What is to be torn down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// A container whose creation did not come to its end: its starter may still work.
    HalfMade,
    /// A container that was started.
    Whole,
}

/// The variable by which what starts a container is found again; its value is the container's
/// directory.
const MARK: &str = "NEXCAGE_STARTER";

/// Processes that were started for a container, by a shim that may be dead by now.
fn marked(directory: &Path) -> Vec<OwnedFd> {
    let mut mark = format!("{MARK}=").into_bytes();
    mark.extend(directory.as_os_str().as_bytes());
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    let found = pids.filter_map(|pid| {
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let environ = std::fs::read(format!("/proc/{}/environ", pid.as_raw_pid())).ok()?;
        environ.split(|byte| *byte == 0).any(|entry| entry == mark).then_some(pidfd)
    });
    found.collect()
}

/// A container as the host's tools start it.
pub(crate) trait Backend: fmt::Debug {
    /// What the record says of it.
    fn record(&self) -> nexcage_record::Backend;

    /// Adds the lines that this host needs, writes the configuration, and sets off the start.
    fn launch(&mut self, config: LxcConfig) -> Result<(), Error>;

    /// A descriptor that becomes readable when [`Backend::launched`] has news; `None` if it never
    /// will again.
    fn starter(&self) -> Option<BorrowedFd<'_>>;

    /// How far the launch is.
    ///
    /// # Errors
    /// The start has failed; the error has LXC's own words.
    fn launched(&mut self) -> Result<Launch, Error>;

    /// LXC's monitor, once the container is started: when it ends before the container, nobody is
    /// left to tear the container down.
    fn monitor(&self) -> Option<OwnedFd>;

    /// Takes over a monitor that another process has found.
    fn adopt(&mut self, monitor: OwnedFd);

    /// LXC's own words so far, for an error that is not LXC's.
    fn words(&self) -> String;

    /// Whether a process is in the container.
    fn contains(&self, pid: Pid) -> bool;

    /// Whether nobody keeps the container from being removed.
    ///
    /// # Errors
    /// Somebody does; nothing has been done.
    fn permits_removal(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The policy, in LXC's format, of the filter that the host has put on the container's init beside the
    /// bundle's own.
    fn filter(&self) -> Option<PathBuf>;

    /// Ends every process that is left in the container, waits for LXC's own teardown, and removes
    /// what LXC leaves. Works from any state and can be repeated.
    fn tear_down(&mut self, what: Left, deadline: Deadline) -> Result<(), Error>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_known_by_its_mounted_pmxcfs() {
        let conf = Path::new("/etc/pve/lxc");
        let node = "44 27 0:38 / /etc/pve rw,nosuid,nodev,relatime shared:21 - fuse /dev/fuse rw,user_id=0\n";
        assert!(is_pmxcfs(node, conf));
        assert!(!is_pmxcfs(&node.replace("/etc/pve", "/mnt/pve"), conf));
        assert!(!is_pmxcfs(&node.replace("- fuse", "- ext4"), conf));
        assert!(!is_pmxcfs("", conf));
    }
}
