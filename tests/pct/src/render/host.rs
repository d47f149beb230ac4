//! What rendering asks of the host.

use crate::settings::Settings;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

/// The host, as far as a CT's configuration depends on it.
pub(crate) trait Host {
    /// The cgroup-v2 controllers that there are.
    fn controllers(&self) -> Controllers;
    /// The processors that a CT can be given; none without the cpuset controller.
    fn cpus(&self) -> Option<Vec<u32>>;
    fn bridge_exists(&self, bridge: &str) -> bool;
    /// A device as the devices cgroup names it: `c 1:3`.
    fn device(&self, path: &Path) -> Option<String>;
}

/// Whether the host has the controllers whose lines Proxmox leaves out otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Controllers {
    pub(crate) memory: Access,
    pub(crate) cpu: Access,
}

/// Whether there is something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Present,
    Absent,
}

/// The machine that this runs on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ThisHost<'a>(pub(crate) &'a Settings);

/// Where cgroup v2 is, alone or beside v1.
const UNIFIED: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

fn controller(name: &str) -> Access {
    let listed = UNIFIED.iter().any(|root| {
        let list = fs::read_to_string(format!("{root}/cgroup.controllers"));
        list.is_ok_and(|list| list.split_whitespace().any(|controller| controller == name))
    });
    if listed { Access::Present } else { Access::Absent }
}

impl Host for ThisHost<'_> {
    fn controllers(&self) -> Controllers {
        Controllers { memory: controller("memory"), cpu: controller("cpu") }
    }

    fn cpus(&self) -> Option<Vec<u32>> {
        if controller("cpuset") == Access::Absent {
            return None;
        }
        let list = fs::read_to_string("/sys/fs/cgroup/cpuset.cpus.effective").ok()?;
        let ranges = list.trim().split(',').map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some(first.parse().ok()?..=last.parse().ok()?)
        });
        ranges.collect::<Option<Vec<_>>>().map(|ranges| ranges.into_iter().flatten().collect())
    }

    fn bridge_exists(&self, bridge: &str) -> bool {
        self.0.bridges.iter().any(|known| known == bridge)
            || Path::new("/sys/class/net").join(bridge).join("bridge").exists()
    }

    fn device(&self, path: &Path) -> Option<String> {
        let data = fs::metadata(path).ok()?;
        let kind = match data.file_type() {
            kind if kind.is_char_device() => 'c',
            kind if kind.is_block_device() => 'b',
            _ => return None,
        };
        let device = data.rdev();
        Some(format!("{kind} {}:{}", rustix::fs::major(device), rustix::fs::minor(device)))
    }
}
