//! Mounts with other owners than their file system has: how containerd from 2.0 on gives an image to a user
//! namespace.

use super::{Options, mount_as_is};
use nexcage_setup::plan::IdMap;
use nexcage_setup::tree;
use nexcage_task_api::task::Mount;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, UnmountFlags, move_mount, open_tree, unmount};
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::Path;

pub(super) const OVERLAY: &str = "overlay";

/// Has an overlay of layers that belong to the host's root seen by a map, unless it has one. What is
/// written goes to the upper directory, which must belong to the mapped root then (pct.md, section 5).
pub(super) fn shift(mut options: Options, map: &IdMap) -> io::Result<Options> {
    let layers = options.layers();
    let is_host_s = |path: &Path| fs::metadata(path).map(|metadata| metadata.uid() == 0);
    let Some(top) = layers.first().filter(|_| options.owners.is_none()) else { return Ok(options) };
    if !is_host_s(top)? {
        return Ok(options);
    }
    if let Some(upper) = options.upper().filter(|upper| is_host_s(upper).unwrap_or_default()) {
        let root = |lines: &str| lines.split(' ').nth(1).and_then(|id| id.parse().ok());
        chown(upper, root(&map.users), root(&map.groups))?;
    }
    options.owners = Some(map.clone());
    Ok(options)
}

/// Makes such a mount. An overlay has none of its own: its layers are mapped. What is mounted on the way
/// is on the target, where a tear-down finds it. `program` is nexcage-setup.
pub(super) fn mount(program: &Path, one: &Mount, mut options: Options, target: &Path) -> io::Result<()> {
    let users = tree::users(&options.owners.take().unwrap_or_default(), program)?;
    if one.kind != OVERLAY {
        mount_as_is(one, options, target)?;
        let mapped = tree::with_owners(target, users.as_fd())?;
        take_down(target, 1)?;
        return put(mapped.as_fd(), target);
    }
    let layers: io::Result<Vec<OwnedFd>> =
        options.layers().iter().map(|layer| lay(layer, users.as_fd(), target)).collect();
    let layers = layers?;
    let names: Vec<String> = layers.iter().map(|fd| format!("/proc/self/fd/{}", fd.as_raw_fd())).collect();
    options.set_layers(&names);
    mount_as_is(one, options, target)?;
    let overlay = open_tree(CWD, target, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
    take_down(target, layers.len() + 1)?;
    put(overlay.as_fd(), target)
}

/// Puts a layer on the target, over what is there, and opens it: an overlay takes no layer that is
/// mounted nowhere.
fn lay(layer: &Path, users: BorrowedFd<'_>, target: &Path) -> io::Result<OwnedFd> {
    let mapped = tree::with_owners(layer, users)?;
    put(mapped.as_fd(), target)?;
    Ok(openat(CWD, target, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

fn put(tree: BorrowedFd<'_>, target: &Path) -> io::Result<()> {
    Ok(move_mount(tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

fn take_down(target: &Path, count: usize) -> io::Result<()> {
    (0..count).try_for_each(|_| Ok(unmount(target, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW)?))
}
