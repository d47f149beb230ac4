//! What has lost its container: CTs whose containers' directories are gone, after a reboot say, and
//! empty cgroups. What may be somebody else's, or is still alive, is left alone.

use crate::backend::{self, Left};
use crate::error::Error;
use crate::wait::Deadline;
use crate::work::tear_down::TEARDOWN;
use lxc_render_config::pve;
use nexcage_cgroup::{Cgroup, Hierarchies};
use nexcage_configuration::Configuration;
use nexcage_record::{ContainerDir, ContainerId, Namespace, Root};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The beginnings of the names of plain LXC's cgroups (see `backend::lxc`).
const CGROUPS: [&str; 2] = ["lxc.payload.nexcage@", "lxc.monitor.nexcage@"];
/// How old an empty cgroup must be: LXC makes one before there is a process in it.
const OLD: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lost {
    what: What,
    namespace: Namespace,
    id: ContainerId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    /// A CT, or what Proxmox has rendered of one.
    Ct { vmid: u32, life: Life },
    /// The name of a cgroup of plain LXC.
    Cgroup(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// By this process, the first in its cgroup. pct cannot stop it: LXC wants to read the file that is
    /// gone.
    Running(i32),
    Stopped,
}

/// What came of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    Done,
    /// It runs by this process, and was left alone.
    Alive(i32),
}

/// Everything that has lost its container below a root, sorted.
pub(crate) fn find(root: &Root, configuration: &Configuration) -> Vec<Lost> {
    let paths = &configuration.pct;
    let mut vmids = numbered(&paths.conf_directory, ".conf");
    vmids.extend(numbered(&paths.lxc_directory, ""));
    let cts = vmids.into_iter().filter_map(|vmid| lost_ct(root, configuration, vmid));
    cts.chain(lost_cgroups(root, configuration)).collect()
}

/// The entries of a directory that are a number and this ending.
fn numbered(directory: &Path, ending: &str) -> BTreeSet<u32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let number = |name: &str| name.strip_suffix(ending)?.parse().ok();
    entries.filter_map(|entry| number(entry.file_name().to_str()?)).collect()
}

fn lost_ct(root: &Root, configuration: &Configuration, vmid: u32) -> Option<Lost> {
    let conf = backend::pct::conf_path(&configuration.pct, vmid);
    let rendered = configuration.pct.lxc_directory.join(vmid.to_string()).join("config");
    let text = match fs::read_to_string(conf) {
        // Without its configuration there is no CT, but there may be a trace of one.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => fs::read_to_string(rendered),
        other => other,
    };
    let text = text.ok()?;
    let include = pve::included(&text).find(|path| is_of(path, vmid))?;
    let (namespace, id) = names(include.parent()?)?;
    let dir = root.container(&namespace, &id);
    if dir.path() != include.parent()? || dir.path().exists() {
        return None;
    }
    let cgroup = backend::pct::Ct::existing(&configuration.pct, dir.path(), vmid).payload_cgroup();
    let process = Cgroup::find(&cgroup).processes().into_iter().map(rustix::process::Pid::as_raw_pid).min();
    let life = process.map_or(Life::Stopped, Life::Running);
    Some(Lost { what: What::Ct { vmid, life }, namespace, id })
}

/// Whether a file is what the CT of this id includes: the copy of a CT includes the original's.
fn is_of(include: &Path, vmid: u32) -> bool {
    include.file_name().is_some_and(|name| *name == *backend::pct::include_name(vmid))
}

/// Namespace and id of a container's directory.
fn names(directory: &Path) -> Option<(Namespace, ContainerId)> {
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    let (id, namespace) = (name(directory)?, name(directory.parent()?)?);
    Some((Namespace::new(&namespace).ok()?, ContainerId::new(&id).ok()?))
}

/// Empty cgroups of containers that are not there. Another root may have some of that name: those with
/// a process in them are none of ours, and new ones may get one.
fn lost_cgroups(root: &Root, configuration: &Configuration) -> Vec<Lost> {
    let mut found = BTreeSet::new();
    for hierarchy in Hierarchies::mounted().iter() {
        let entries = fs::read_dir(hierarchy.mount()).into_iter().flatten().flatten();
        let old = entries.filter(|entry| {
            let made = entry.metadata().and_then(|metadata| metadata.modified());
            made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age >= OLD))
        });
        found.extend(old.filter_map(|entry| entry.file_name().into_string().ok()));
    }
    let lost = found.into_iter().filter_map(|name| {
        let of_container = CGROUPS.iter().find_map(|start| name.strip_prefix(start))?;
        let (namespace, id) = of_container.split_once('@')?;
        let (namespace, id) = (Namespace::new(namespace).ok()?, ContainerId::new(id).ok()?);
        let is_gone = |root: &Root| !root.container(&namespace, &id).path().exists();
        let roots = [Some(root.clone()), Root::new(&configuration.root).ok()];
        let is_lost = roots.iter().flatten().all(is_gone);
        let is_empty = || Cgroup::find(Path::new(&name)).processes().is_empty();
        (is_lost && is_empty()).then(|| Lost { what: What::Cgroup(name.clone()), namespace, id })
    });
    lost.collect()
}

impl Lost {
    /// Removes it, unless it lives. Nobody takes its container's id meanwhile.
    pub(crate) fn remove(&self, root: &Root, configuration: &Configuration) -> Result<Removal, Error> {
        if let What::Ct { life: Life::Running(pid), .. } = self.what {
            return Ok(Removal::Alive(pid));
        }
        let dir = root.container(&self.namespace, &self.id);
        let _lock = dir.create()?;
        let removed = self.remove_from(&dir, configuration);
        dir.remove()?;
        removed.map(|()| Removal::Done)
    }

    fn remove_from(&self, dir: &ContainerDir, configuration: &Configuration) -> Result<(), Error> {
        match &self.what {
            What::Ct { vmid, .. } => {
                let mut ct = backend::pct::Ct::existing(&configuration.pct, dir.path(), *vmid);
                backend::Backend::permits_removal(&ct)?;
                backend::Backend::tear_down(&mut ct, Left::Whole, Deadline::after(TEARDOWN))
            }
            What::Cgroup(name) => nexcage_cgroup::remove([Path::new(name)], Duration::ZERO)
                .map_err(|error| Box::new(error).into()),
        }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        match &self.what {
            What::Ct { vmid, .. } => format!("CT {vmid}"),
            What::Cgroup(name) => format!("cgroup {name}"),
        }
    }

    /// All of it, for a list.
    pub(crate) fn object(&self) -> Value {
        let (kind, name, state) = match &self.what {
            What::Ct { vmid, life: Life::Running(_) } => ("ct", vmid.to_string(), "running"),
            What::Ct { vmid, life: Life::Stopped } => ("ct", vmid.to_string(), "stopped"),
            What::Cgroup(name) => ("cgroup", name.clone(), "empty"),
        };
        let (namespace, id) = (self.namespace.to_string(), self.id.to_string());
        json!({"kind": kind, "name": name, "namespace": namespace, "id": id, "state": state})
    }
}
