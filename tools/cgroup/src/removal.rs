//! Removing cgroups, and knowing which of them were made for one.

use crate::cgroup::children;
use crate::deadline::Deadline;
use crate::{Cgroup, Error, Hierarchies};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

/// How long to wait for a killed process to leave its cgroup.
const BUSY: Duration = Duration::from_millis(5);

/// Removes cgroups with all below them, busy ones as soon as their last process has been killed.
/// `Duration::MAX` waits for ever.
///
/// # Errors
/// One is still busy when the time is over.
pub fn remove<const N: usize>(names: [&Path; N], limit: Duration) -> Result<(), Error> {
    let (hierarchies, deadline) = (Hierarchies::mounted(), Deadline::after(limit));
    for name in names {
        let cgroup = Cgroup::anywhere(&hierarchies, name);
        while let Err((path, error)) = cgroup.paths().try_for_each(remove_tree) {
            if deadline.is_over() {
                return Err(Error::system(format!("remove {}", path.display()))(error));
            }
            cgroup.kill();
            sleep(BUSY);
        }
    }
    Ok(())
}

fn remove_tree(directory: &Path) -> Result<(), (PathBuf, io::Error)> {
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {}
        _ => return Ok(()),
    }
    for child in children(directory) {
        remove_tree(&child)?;
    }
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err((directory.to_owned(), error)),
        _ => Ok(()),
    }
}

/// The directories above the cgroup `name` that do not exist yet, deepest first.
#[must_use]
pub fn missing_parents(name: &Path) -> Vec<PathBuf> {
    let parents = || name.ancestors().skip(1).filter(|parent| !parent.as_os_str().is_empty());
    if parents().next().is_none() {
        return Vec::new();
    }
    let hierarchies = Hierarchies::mounted();
    let all = hierarchies.iter().flat_map(|hierarchy| parents().map(|parent| hierarchy.mount().join(parent)));
    all.filter(|directory| !directory.exists()).collect()
}
