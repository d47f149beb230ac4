//! What a new cgroup of version 1 lacks before a process can enter it: processors and memory nodes.

use crate::{Hierarchies, Version};
use std::fs;
use std::path::Path;

const FILES: [&str; 2] = ["cpuset.cpus", "cpuset.mems"];

/// The files of `name`, which does not exist yet, that will be empty, with its parent's values; none if
/// the parent hands them on to its children itself (cpuset.clone_children), or does not exist either.
#[must_use]
pub fn cpuset_to_copy(hierarchies: &Hierarchies, name: &Path) -> Vec<(&'static str, String)> {
    let has_it = hierarchies.iter().find(|one| one.version() == Version::V1 && one.has("cpuset"));
    let Some((hierarchy, parent)) = has_it.zip(name.parent()) else { return Vec::new() };
    let read = |file: &str| {
        let text = fs::read_to_string(hierarchy.mount().join(parent).join(file)).ok()?;
        Some(text.trim().to_owned())
    };
    if read("cgroup.clone_children").as_deref() != Some("0") {
        return Vec::new();
    }
    let copy = |file: &&'static str| Some((*file, read(file).filter(|value| !value.is_empty())?));
    FILES.iter().filter_map(copy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_that_hands_nothing_on_is_copied() {
        let mount = tempfile::tempdir().unwrap();
        let mounted = format!("1 2 0:3 / {} rw - cgroup cgroup rw,cpuset\n", mount.path().display());
        let hierarchies = Hierarchies::in_mountinfo(&mounted);
        let parent = mount.path().join("pods");
        fs::create_dir(&parent).unwrap();
        let copied = || cpuset_to_copy(&hierarchies, Path::new("pods/c"));
        for (file, value) in
            [("cgroup.clone_children", "0\n"), ("cpuset.cpus", "0-1\n"), ("cpuset.mems", "\n")]
        {
            fs::write(parent.join(file), value).unwrap();
        }
        assert_eq!(copied(), [("cpuset.cpus", "0-1".to_owned())]);
        fs::write(parent.join("cgroup.clone_children"), "1\n").unwrap();
        assert_eq!(copied(), []);
        assert_eq!(cpuset_to_copy(&hierarchies, Path::new("none/c")), []);
    }
}
