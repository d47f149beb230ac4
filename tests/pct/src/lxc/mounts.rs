//! Mounts of a CT's volumes, made by the pre-start hook in the mount namespace of LXC's monitor.

use super::UserNamespace;
use super::system::map_owners;
use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, mount_bind, mount_remount, move_mount, open_tree,
};
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

/// Binds a directory.
pub(super) fn bind(source: &Path, target: &Path) -> io::Result<()> {
    Ok(mount_bind(source, target)?)
}

/// Binds a directory with the owners that the user namespace maps its owners to.
pub(super) fn bind_mapped(source: &Path, target: &Path, users: &UserNamespace) -> io::Result<()> {
    let tree = open_tree(CWD, source, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
    map_owners(tree.as_fd(), users.as_fd())?;
    Ok(move_mount(tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

/// Makes a bind read-only.
pub(super) fn make_read_only(target: &Path) -> io::Result<()> {
    Ok(mount_remount(target, MountFlags::BIND | MountFlags::RDONLY, "")?)
}
