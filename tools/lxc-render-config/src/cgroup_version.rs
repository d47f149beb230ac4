//! Which version of cgroups the configuration is for.

use rustix::fs::statfs;
use std::collections::HashSet;
use std::fs;

/// The type of the file system at /sys/fs/cgroup on a host with cgroup v2 alone.
const CGROUP2_MAGIC: i64 = 0x6367_7270;

/// A version of cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupVersion {
    /// Controllers in hierarchies of their own; also when v2 is mounted beside them.
    V1,
    /// One hierarchy.
    V2,
}

/// What a user chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CgroupChoice {
    /// The host's.
    #[default]
    Auto,
    /// This one.
    Fixed(CgroupVersion),
}

impl CgroupVersion {
    /// LXC's key of a cgroup file.
    pub(crate) fn key(self, file: &str) -> String {
        match self {
            CgroupVersion::V1 => format!("lxc.cgroup.{file}"),
            CgroupVersion::V2 => format!("lxc.cgroup2.{file}"),
        }
    }
}

impl CgroupChoice {
    /// The version chosen; the host's is read from /sys/fs/cgroup, v2 if nothing is there.
    #[must_use]
    pub fn version(self) -> CgroupVersion {
        match self {
            CgroupChoice::Fixed(version) => version,
            CgroupChoice::Auto => {
                let hierarchies = statfs("/sys/fs/cgroup").is_ok_and(|fs| fs.f_type != CGROUP2_MAGIC);
                if hierarchies { CgroupVersion::V1 } else { CgroupVersion::V2 }
            }
        }
    }

    /// The host's controllers, if it is this host that the configuration is for.
    pub(crate) fn controllers(self) -> Option<Controllers> {
        if self != CgroupChoice::Auto {
            return None;
        }
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Some(match self.version() {
            CgroupVersion::V1 => {
                let unified = read("/sys/fs/cgroup/unified/cgroup.controllers");
                Controllers::of_hierarchies(&read("/proc/self/cgroup"), &unified)
            }
            CgroupVersion::V2 => Controllers::of_unified(&read("/sys/fs/cgroup/cgroup.controllers")),
        })
    }
}

/// The controllers that LXC can limit something with on a host.
#[derive(Debug)]
pub(crate) struct Controllers {
    usable: HashSet<String>,
    /// Those of cgroup v2 beside v1.
    unusable: HashSet<String>,
}

impl Controllers {
    /// Of /proc/self/cgroup with hierarchies, and of the cgroup.controllers beside them.
    fn of_hierarchies(memberships: &str, unified: &str) -> Self {
        let names = memberships.lines().filter_map(|line| line.split(':').nth(1));
        let usable = names.flat_map(|names| names.split(',')).map(ToOwned::to_owned).collect();
        Controllers { usable, unusable: words(unified) }
    }

    fn of_unified(controllers: &str) -> Self {
        Controllers { usable: words(controllers), unusable: HashSet::new() }
    }

    /// Why the files of a controller cannot be written, if so.
    pub(crate) fn lack(&self, controller: &str) -> Option<String> {
        // The core's own files are everywhere.
        if controller == "cgroup" || self.usable.contains(controller) {
            None
        } else if self.unusable.contains(controller) {
            Some(format!(
                "the host has {controller} as a controller of cgroup v2 beside v1, where LXC limits nothing"
            ))
        } else {
            Some(format!("the host has no cgroup controller {controller}"))
        }
    }
}

fn words(text: &str) -> HashSet<String> {
    text.split_whitespace().map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::Controllers;

    #[test]
    fn limits_need_a_controller_that_lxc_can_use() {
        let hybrid =
            Controllers::of_hierarchies("8:pids:/\n2:cpu,cpuacct:/a\n1:name=systemd:/\n0::/b\n", "hugetlb\n");
        for controller in ["pids", "cpu", "cpuacct", "cgroup"] {
            assert_eq!(hybrid.lack(controller), None);
        }
        assert!(hybrid.lack("hugetlb").unwrap().contains("beside v1"));
        assert_eq!(hybrid.lack("rdma").unwrap(), "the host has no cgroup controller rdma");
        let unified = Controllers::of_unified("cpu io memory\n");
        assert_eq!((unified.lack("io"), unified.lack("pids").is_some()), (None, true));
    }
}
