//! A container's cgroups, read on the host while its process waits.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The process whose executable is this file and that is not a hook.
pub(crate) fn process_of(executable: &Path) -> Option<u32> {
    let wanted = fs::metadata(executable).ok()?;
    let entries = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.find(|pid| {
        let found = fs::metadata(format!("/proc/{pid}/exe"));
        let same = found.is_ok_and(|found| found.ino() == wanted.ino() && found.dev() == wanted.dev());
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        same && words.split(|byte| *byte == 0).nth(1) != Some(b"hook")
    })
}

/// The value of a cgroup's file for a process, in a v1 hierarchy or in the unified one.
pub(crate) fn value(pid: u32, file: &str) -> String {
    let controller = file.split('.').next().unwrap_or_default();
    let read = |directory: Option<PathBuf>| fs::read_to_string(directory?.join(file)).ok();
    let text = read(directory(pid, controller)).or_else(|| read(directory(pid, "")));
    text.map_or_else(|| "absent".to_owned(), |text| text.trim().replace('\n', " "))
}

/// The directory of a process's cgroup in the hierarchy of a controller; without one, in the unified
/// hierarchy. LXC keeps limits one level above a namespace's root that it makes for the container.
fn directory(pid: u32, controller: &str) -> Option<PathBuf> {
    let table = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let path = table.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        controllers.split(',').any(|name| name == controller).then(|| path.to_owned())
    })?;
    let path = path.strip_suffix("/ns").unwrap_or(&path);
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let point = mounts.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        let [_, point, kind, options, ..] = fields[..] else { return None };
        let right = if controller.is_empty() {
            kind == "cgroup2"
        } else {
            kind == "cgroup" && options.split(',').any(|option| option == controller)
        };
        right.then(|| point.to_owned())
    })?;
    Some(Path::new(&point).join(path.trim_start_matches('/')))
}

/// Directories below the cgroup mounts whose names hold a text, deepest first.
pub(crate) fn named(text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for hierarchy in fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten() {
        below(&hierarchy.path(), 3, text, &mut found);
    }
    found
}

fn below(directory: &Path, depth: u32, text: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth > 0 {
                below(&entry.path(), depth - 1, text, found);
            }
            if entry.path().to_string_lossy().contains(text) {
                found.push(entry.path());
            }
        }
    }
}
