//! A view of the v1 hierarchies of cgroups: a tmpfs with a mount for each.

use crate::kernel::{self, flags};
use crate::mounts;
use crate::plan::{Attributes, Fresh};
use crate::target::{Kind, find_or_make, path_of};
use rustix::fs::{Mode, chmod, fstat};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::PathBuf;

/// Flags of the tmpfs.
const TMPFS: u32 = flags::MS_NOEXEC | flags::MS_NOSUID | flags::MS_NODEV;

/// A hierarchy as the host has mounted it.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    /// The mount point.
    place: String,
    /// Its last component: the controllers' names, or that of a hierarchy without any.
    name: String,
    /// The options that make another mount of the same hierarchy.
    data: String,
}

/// Mounts them at `target`: the container's own part of each, which is the root of its cgroup namespace
/// if it has one, and otherwise a part of the host's mounts, to be bound.
pub(crate) fn mount(root: BorrowedFd<'_>, target: &str, flags: u32) -> io::Result<()> {
    let tmpfs = Fresh {
        fs_type: "tmpfs".to_owned(),
        source: "tmpfs".to_owned(),
        flags: TMPFS,
        data: "mode=755".to_owned(),
        ..Fresh::default()
    };
    // Read before, so that nothing of the container is found.
    let hierarchies = hierarchies(&fs::read_to_string("/proc/self/mountinfo")?);
    let memberships = fs::read_to_string("/proc/self/cgroup")?;
    // As runc's, the tmpfs has the mode of what it covers.
    let covered = fstat(find_or_make(root, target, Kind::Directory)?)?.st_mode;
    mounts::fresh(root, target, &tmpfs)?;
    for hierarchy in &hierarchies {
        let place = find_or_make(root, &format!("{target}/{}", hierarchy.name), Kind::Directory)?;
        match membership(&memberships, &hierarchy.data) {
            // LXC may have made a namespace that nobody asked for. What is bound here would be the host's.
            Some("/") => {
                let flags = TMPFS | flags & flags::MS_RDONLY;
                let source = if hierarchy.name == "systemd" { "systemd" } else { "cgroup" };
                kernel::mount(source, &path_of(&place), "cgroup", flags, &hierarchy.data)?;
            }
            Some(own) => bind(&format!("{}{own}", hierarchy.place), place.as_fd(), flags)?,
            None => return Err(io::Error::other(format!("/proc/self/cgroup lacks {}", hierarchy.name))),
        }
    }
    let directory = find_or_make(root, target, Kind::Directory)?;
    for hierarchy in hierarchies.iter().filter(|hierarchy| hierarchy.name.contains(',')) {
        for controller in hierarchy.name.split(',') {
            match rustix::fs::symlinkat(&*hierarchy.name, &directory, controller) {
                Err(rustix::io::Errno::EXIST) => {}
                made => made?,
            }
        }
    }
    chmod(path_of(&directory), Mode::from_raw_mode(covered))?;
    Ok(())
}

/// The directories of the cgroups that a process is in, as the host has mounted them.
///
/// # Errors
/// The process has gone.
pub fn directories_of(pid: i32) -> io::Result<Vec<PathBuf>> {
    let mountinfo = fs::read_to_string("/proc/self/mountinfo")?;
    let memberships = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let mut places: Vec<(String, String)> =
        hierarchies(&mountinfo).into_iter().map(|hierarchy| (hierarchy.place, hierarchy.data)).collect();
    let unified = mountinfo.lines().find(|line| line.contains(" - cgroup2 "));
    places.extend(unified.and_then(|line| Some((line.split(' ').nth(4)?.to_owned(), String::new()))));
    let directory = |(place, data): (String, String)| {
        membership(&memberships, &data).map(|path| PathBuf::from(format!("{place}{path}")))
    };
    Ok(places.into_iter().filter_map(directory).collect())
}

fn bind(source: &str, target: BorrowedFd<'_>, flags: u32) -> io::Result<()> {
    let how = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    let tree = open_tree(rustix::fs::CWD, source, how)?;
    if flags != 0 {
        kernel::set_attributes(tree.as_fd(), kernel::Reach::One, Attributes::of_flags(flags))?;
    }
    let by_descriptors = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(&tree, "", target, "", by_descriptors)?)
}

/// The v1 hierarchies in a mountinfo file (proc(5)), each once.
fn hierarchies(mountinfo: &str) -> Vec<Hierarchy> {
    let mut found: Vec<Hierarchy> = Vec::new();
    for line in mountinfo.lines() {
        let Some((mount, file_system)) = line.split_once(" - ") else { continue };
        let mut words = file_system.split(' ');
        let (kind, options) = (words.next(), words.nth(1).unwrap_or_default());
        let Some(place) = mount.split(' ').nth(4).filter(|_| kind == Some("cgroup")) else { continue };
        let own = |option: &&str| !matches!(*option, "rw" | "ro" | "xattr" | "clone_children" | "noprefix");
        let own: Vec<&str> = options.split(',').filter(own).collect();
        let data: Vec<&str> =
            own.iter().copied().filter(|option| !option.starts_with("release_agent=")).collect();
        let (data, name) = (data.join(","), place.rsplit('/').next().unwrap_or_default().to_owned());
        if !found.iter().any(|hierarchy| hierarchy.data == data) {
            found.push(Hierarchy { place: place.to_owned(), name, data });
        }
    }
    found
}

/// The cgroup of a hierarchy in a /proc/PID/cgroup file (cgroups(7)).
fn membership<'m>(memberships: &'m str, data: &str) -> Option<&'m str> {
    memberships.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        (controllers == data).then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_found_with_what_mounts_them_again() {
        let mountinfo = "\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:29 /x /mnt/again rw,relatime - cgroup cgroup rw,cpu,cpuacct
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/lib/agent,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
        let found = hierarchies(mountinfo);
        let found: Vec<_> = found.iter().map(|h| (&*h.name, &*h.data)).collect();
        assert_eq!(found, [("cpu,cpuacct", "cpu,cpuacct"), ("systemd", "name=systemd")]);
        let memberships = "9:name=systemd:/a\n1:cpu,cpuacct:/b\n0::/\n";
        assert_eq!(membership(memberships, "cpu,cpuacct"), Some("/b"));
        assert_eq!(membership(memberships, "name=systemd"), Some("/a"));
        assert_eq!(membership(memberships, "cpuset"), None);
    }
}
