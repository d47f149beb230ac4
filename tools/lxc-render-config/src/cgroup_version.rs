//! Which version of cgroups the configuration is for.

use rustix::fs::statfs;

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
}
