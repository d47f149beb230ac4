//! The cgroup of a pod, which kubelet makes before the pod and removes after it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const MOUNTS: &str = "/sys/fs/cgroup";
/// What a new cgroup of version 1 has to be told before anything can be in it.
const SETS: [&str; 2] = ["cpuset.cpus", "cpuset.mems"];

/// The places of a cgroup in every hierarchy.
fn places(path: &str) -> Vec<PathBuf> {
    let path = path.trim_matches('/');
    if Path::new(MOUNTS).join("cgroup.procs").exists() {
        return vec![Path::new(MOUNTS).join(path)];
    }
    let hierarchies = fs::read_dir(MOUNTS).into_iter().flatten().flatten().map(|entry| entry.path());
    let own = hierarchies.filter(|path| path.is_dir() && !path.is_symlink());
    own.map(|hierarchy| hierarchy.join(path)).collect()
}

/// Makes a cgroup, with those above it.
pub(super) fn make(path: &str) -> io::Result<()> {
    for place in places(path) {
        let above: Vec<&Path> = place.ancestors().take_while(|above| *above != Path::new(MOUNTS)).collect();
        for directory in above.into_iter().rev() {
            let parent = directory.parent().unwrap_or(directory);
            match fs::create_dir(directory) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            for set in SETS.iter().filter(|set| directory.join(set).exists()) {
                // The root's is what there is, and cannot be written.
                drop(fs::read(parent.join(set)).and_then(|value| fs::write(directory.join(set), value)));
            }
        }
    }
    Ok(())
}

/// Removes a cgroup, and those above it that are empty.
pub(super) fn remove(path: &str) {
    for place in places(path) {
        for directory in place.ancestors().take(path.trim_matches('/').split('/').count()) {
            drop(fs::remove_dir(directory));
        }
    }
}
