//! Mounts of a CT's volumes: by the pre-start hook in the mount namespace of LXC's monitor, by `pct mount`
//! in the host's.

use super::UserNamespace;
use super::system::map_owners;
use crate::conf::{MountPoint, Section, Volume, mount_points};
use crate::failure::Failure;
use crate::settings::Settings;
use crate::vmid::Vmid;
use rustix::fs::CWD;
use rustix::mount::{
    MountFlags, MoveMountFlags, OpenTreeFlags, mount_bind, mount_remount, move_mount, open_tree,
};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

/// Mounts the root file system and the mount points below LXC's directory of the CT.
///
/// # Errors
/// A volume is not there, or cannot be mounted.
pub(crate) fn mount_all(settings: &Settings, vmid: Vmid, conf: &Section) -> Result<(), Failure> {
    let users = if conf.is_set("unprivileged") { Some(UserNamespace::new()?) } else { None };
    let root = settings.lxc_home(vmid).join("rootfs");
    for (_, point) in mount_points(conf)? {
        mount(settings, &point, &root, users.as_ref())?;
    }
    Ok(())
}

fn mount(
    settings: &Settings,
    point: &MountPoint,
    root: &Path,
    users: Option<&UserNamespace>,
) -> Result<(), Failure> {
    let source = point.volume.path(settings)?;
    let target = root.join(point.target.trim_start_matches('/'));
    if matches!(point.volume, Volume::Bind(_)) && !source.is_dir() {
        return Err(Failure::missing(format!("directory '{}' does not exist", source.display())));
    }
    fs::create_dir_all(&target)?;
    match (point.values.get("idmap").map(String::as_str), users) {
        (Some("passthrough"), Some(users)) => bind_mapped(&source, &target, users)?,
        (Some(map), Some(_)) => {
            return Err(Failure::died(format!("pct stand-in: idmap={map} is not covered")));
        }
        _ => mount_bind(&source, &target).map_err(io::Error::from)?,
    }
    if point.values.get("ro").is_some_and(|value| value == "1") {
        mount_remount(&target, MountFlags::BIND | MountFlags::RDONLY, "").map_err(io::Error::from)?;
    }
    Ok(())
}

/// Unmounts what is mounted at and below LXC's root directory of the CT, if anything is.
///
/// # Errors
/// Something is in use.
pub(crate) fn unmount_all(settings: &Settings, vmid: Vmid) -> Result<(), Failure> {
    let root = settings.lxc_home(vmid).join("rootfs");
    let is_mounted = Command::new("mountpoint").arg("-q").arg(&root).status()?.success();
    if !is_mounted {
        return Ok(());
    }
    let output = Command::new("umount").arg("--recursive").arg(&root).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::died(String::from_utf8_lossy(&output.stderr).trim_end().to_owned()))
}

/// Binds a directory with the owners that the user namespace maps its owners to.
fn bind_mapped(source: &Path, target: &Path, users: &UserNamespace) -> io::Result<()> {
    let tree = open_tree(CWD, source, OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
    map_owners(tree.as_fd(), users.as_fd())?;
    Ok(move_mount(tree, "", CWD, target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}
