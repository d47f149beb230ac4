//! The ways in which a host starts LXC containers.
//!
//! A backend knows how to bring a configuration to life and how to remove every trace of it. It
//! knows nothing of processes, stdio or statuses: those are the same everywhere.

mod lxc;
mod pct;

use crate::cgroup::Cgroup;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::wait::Deadline;
use lxc::PlainLxc;
use lxc_render_config::{LxcConfig, Rendered};
use nexcage_record::{ContainerDir, ContainerId, Namespace};
use pct::Ct;
use rustix::process::Pid;
use std::fmt;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// Which backend to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    /// `pct` on a Proxmox VE node, else plain LXC.
    Auto,
    /// Plain LXC.
    Lxc,
    /// Proxmox VE.
    Pct,
}

/// Makes a new container's backend; a CT's id is taken by that.
pub(crate) fn make(
    choice: Choice,
    configuration: &Configuration,
    dir: &ContainerDir,
    (namespace, id): (&Namespace, &ContainerId),
    rendered: &Rendered,
) -> Result<Box<dyn Backend>, Error> {
    let pct = &configuration.pct;
    let mountinfo = || std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let on_node = || is_pmxcfs(&mountinfo(), &pct.conf_directory);
    if choice == Choice::Pct || choice == Choice::Auto && on_node() {
        return Ok(Box::new(Ct::take(pct, dir.path(), id.as_str(), rendered)?));
    }
    let cgroup = match &rendered.cgroups_path {
        None => lxc::cgroup("lxc.payload", namespace, id),
        // Teardown ends everything in the container's cgroup: it must not be somebody else's.
        Some(path) if Cgroup::find(Path::new(path)).exists() => {
            return Err(Error::CgroupTaken { path: path.into() });
        }
        Some(path) => path.into(),
    };
    Ok(Box::new(PlainLxc::new(dir.path(), namespace, id, cgroup)))
}

/// The backend of a container that an earlier shim has made.
pub(crate) fn existing(
    record: &nexcage_record::Backend,
    configuration: &Configuration,
    dir: &ContainerDir,
    (namespace, id): (&Namespace, &ContainerId),
) -> Box<dyn Backend> {
    match record {
        nexcage_record::Backend::Lxc { cgroup } => {
            Box::new(PlainLxc::new(dir.path(), namespace, id, cgroup.into()))
        }
        nexcage_record::Backend::Pct { vmid } => {
            Box::new(Ct::existing(&configuration.pct, dir.path(), *vmid))
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
    fn monitor(&self) -> Option<BorrowedFd<'_>>;

    /// LXC's own words so far, for an error that is not LXC's.
    fn words(&self) -> String;

    /// Whether a process is in the container.
    fn contains(&self, pid: Pid) -> bool;

    /// Ends every process that is left in the container, waits for LXC's own teardown, and removes
    /// what LXC leaves. Works from any state and can be repeated.
    fn tear_down(&mut self, deadline: Deadline) -> Result<(), Error>;
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
