//! The hierarchies that are mounted.

use std::fs;
use std::path::{Path, PathBuf};

/// A version of cgroups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy for one or several controllers.
    V1,
    /// The one hierarchy for all others.
    V2,
}

/// One hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    mount: PathBuf,
    version: Version,
    controllers: Vec<String>,
}

/// All hierarchies, in the order of their mounts.
#[derive(Debug, Clone, Default)]
pub struct Hierarchies(Vec<Hierarchy>);

impl Hierarchies {
    /// Those that this process sees; none if it cannot see its mounts.
    #[must_use]
    pub fn mounted() -> Self {
        Self::in_mountinfo(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Those in a mountinfo file (proc(5)). A path with an escaped blank is none of a hierarchy.
    #[must_use]
    pub fn in_mountinfo(mountinfo: &str) -> Self {
        Hierarchies(mountinfo.lines().filter_map(Hierarchy::in_line).collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Hierarchy> {
        self.0.iter()
    }
}

impl Hierarchy {
    fn in_line(line: &str) -> Option<Self> {
        let (mount, file_system) = line.split_once(" - ")?;
        let mut words = file_system.split(' ');
        let version = match words.next()? {
            "cgroup" => Version::V1,
            "cgroup2" => Version::V2,
            _ => return None,
        };
        let mount = PathBuf::from(mount.split(' ').nth(4)?);
        // Options that are no controllers' names do no harm: nobody asks for them.
        let controllers = match version {
            Version::V1 => words.nth(1).unwrap_or_default().split(',').map(str::to_owned).collect(),
            Version::V2 => {
                let list = fs::read_to_string(mount.join("cgroup.controllers")).unwrap_or_default();
                list.split_whitespace().map(str::to_owned).collect()
            }
        };
        Some(Hierarchy { mount, version, controllers })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn mount(&self) -> &Path {
        &self.mount
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Whether the controller of this name is in it.
    #[must_use]
    pub fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_hierarchies_are_found_and_nothing_else() {
        let unified = tempfile::tempdir().unwrap();
        fs::write(unified.path().join("cgroup.controllers"), "io memory\n").unwrap();
        let unified = unified.path().to_str().unwrap();
        let found = Hierarchies::in_mountinfo(&format!(
            "30 29 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
             31 30 0:27 / /none/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
             32 30 0:28 / {unified} rw - cgroup2 cgroup2 rw\n"
        ));
        let found: Vec<_> = found.iter().collect();
        let places: Vec<_> = found.iter().map(|h| (h.mount().to_str().unwrap(), h.version())).collect();
        assert_eq!(places, [("/none/cpu", Version::V1), (unified, Version::V2)]);
        let has = |controller| found.iter().map(|h| h.has(controller)).collect::<Vec<_>>();
        assert_eq!(has("cpuacct"), [true, false]);
        assert_eq!(has("memory"), [false, true]);
        assert_eq!(has("pids"), [false, false]);
    }
}
