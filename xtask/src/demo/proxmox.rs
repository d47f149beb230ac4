//! The Proxmox VE of the demo: this machine if it is a node, else the stand-in on a scratch node.

use super::file_error;
use crate::error::Error;
use crate::step::say;
use nexcage_tests::Traces;
use pct_stand_in::Node;
use rustix::fs::statfs;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PCT: &str = "/usr/sbin/pct";
/// Where a node has pmxcfs, which is a FUSE file system.
const PMXCFS: &str = "/etc/pve";
/// `f_type` of FUSE file systems (statfs(2)).
const FUSE_SUPER_MAGIC: i64 = 0x6573_5546;

const HIERARCHIES: &str = "/sys/fs/cgroup";

/// Where CTs run.
pub(super) struct Proxmox {
    stand_in: Option<StandIn>,
    /// What was there before the demo, in the directories that get an entry for each CT.
    before: BTreeSet<PathBuf>,
}

struct StandIn {
    node: Node,
    /// nexcage's configuration, which names the node's places.
    configuration: PathBuf,
}

impl Proxmox {
    /// This machine, or a scratch node whose `pct` is the one among the tools; nexcage's configuration
    /// for that goes into `directory`.
    pub(super) fn find(tools: &Path, directory: &Path) -> Result<Self, Error> {
        let stand_in = if is_node() { None } else { Some(StandIn::make(tools, directory)?) };
        let mut proxmox = Proxmox { stand_in, before: BTreeSet::new() };
        proxmox.before = proxmox.entries();
        Ok(proxmox)
    }

    /// Says what starts the container.
    pub(super) fn introduce(&self) {
        say(match self.stand_in {
            None => "\nProxmox VE: this machine is a node, pct is its own",
            Some(_) => {
                "\nProxmox VE: this machine is no node, so pct is a STAND-IN made for tests, with real LXC underneath"
            }
        });
    }

    /// Tells a nexcage-shim of this Proxmox VE, and gives what one would type before its name.
    pub(super) fn configure(&self, shim: &mut Command) -> String {
        let Some(StandIn { configuration, .. }) = &self.stand_in else { return String::new() };
        shim.env("NEXCAGE_CONFIG", configuration);
        format!("NEXCAGE_CONFIG={} ", configuration.display())
    }

    /// A call of `pct`.
    pub(super) fn pct(&self) -> Command {
        let program = self.stand_in.as_ref().map_or_else(|| PCT.into(), |stand_in| stand_in.node.pct());
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        command
    }

    /// Checks that nexcage has called `pct` once, to start the container; the demo's own calls are
    /// those of an inspection. A real node does not count.
    pub(super) fn check_calls(&self, inspected: bool) -> Result<(), Error> {
        let Some(StandIn { node, .. }) = &self.stand_in else { return Ok(()) };
        let calls = node.calls().map_err(|source| file_error(node.run_dir(), source))?;
        let vmid = calls.first().and_then(|call| call.strip_prefix("start\t")).unwrap_or_default();
        let mut expected = vec![format!("start\t{vmid}")];
        if inspected {
            expected.extend(["list".to_owned(), format!("config\t{vmid}")]);
        }
        if calls != expected {
            return Err(Error::Unexpected(format!("expected the calls of pct {expected:?}, saw {calls:?}")));
        }
        say(&format!("nexcage has called pct once: pct start {vmid}"));
        Ok(())
    }

    /// What CTs have left, one per line.
    pub(super) fn left(&self) -> String {
        let entries = self.entries();
        let new = entries.difference(&self.before).map(|path| format!("{}\n", path.display()));
        let mut left: String = new.collect();
        if let Some(StandIn { node, .. }) = &self.stand_in {
            // Monitors and mounts; an unused name and place, since records are not kept here.
            let nowhere = node.root().join("nowhere");
            left.push_str(&Traces::of("nobody@", node.root(), &nowhere).to_string());
        }
        left
    }

    /// The entries of the directories of confs, of what was rendered, and of cgroups.
    fn entries(&self) -> BTreeSet<PathBuf> {
        let (conf, lxc, cgroup) = match &self.stand_in {
            None => (Path::new("/etc/pve/lxc"), Path::new("/var/lib/lxc"), PathBuf::from("lxc/VMID")),
            Some(StandIn { node, .. }) => (node.conf_dir(), node.lxc_dir(), node.cgroup(0)),
        };
        let mut entries: BTreeSet<PathBuf> = listed(conf).chain(listed(lxc)).collect();
        let payloads = cgroup.parent().unwrap_or(&cgroup);
        // Either the one hierarchy, or one in each directory below.
        let hierarchies = Path::new(HIERARCHIES);
        for root in listed(hierarchies).chain([hierarchies.to_owned()]) {
            for directory in [root.join(payloads), root.join(payloads.with_extension("monitor"))] {
                // The files are the directory's own.
                entries.extend(listed(&directory).filter(|entry| entry.is_dir()));
            }
        }
        entries
    }
}

impl StandIn {
    fn make(tools: &Path, directory: &Path) -> Result<Self, Error> {
        let pct = tools.join("pct");
        let node = Node::new(&pct).map_err(|source| file_error(&pct, source))?;
        let text = json!({ "pct": {
            "program": node.pct(),
            "confDirectory": node.conf_dir(),
            "lxcDirectory": node.lxc_dir(),
            "lockDirectory": node.run_dir().join("lock/lxc"),
        }});
        let configuration = directory.join("config.json");
        fs::write(&configuration, format!("{text:#}\n"))
            .map_err(|source| file_error(&configuration, source))?;
        Ok(StandIn { node, configuration })
    }
}

/// Whether this machine is a node: pmxcfs is mounted and `pct` is there.
fn is_node() -> bool {
    let fuse = statfs(PMXCFS).is_ok_and(|statfs| statfs.f_type == FUSE_SUPER_MAGIC);
    fuse && Path::new(PCT).exists()
}

/// What is in a directory; nothing if there is none.
fn listed(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}
