//! The root file system of an unprivileged CT: an image of the host's root is seen with its owners mapped,
//! by Proxmox where that can, else by a mount of our own.

use crate::error::Error;
use crate::setup;
use lxc_render_config::{Rendered, pve};
use nexcage_configuration::{Pct, Version};
use nexcage_record::ContainerDir;
use nexcage_setup::plan::IdMap;
use nexcage_setup::tree;
use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, move_mount};
use std::fs;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// A root file system as a CT's configuration names it.
#[derive(Debug)]
pub(super) struct Image {
    path: PathBuf,
    owners: Owners,
}

/// To whom its files belong.
#[derive(Debug, Clone, Copy)]
enum Owners {
    /// To the container's root, as whom it is on the host.
    Container,
    /// To the host's root; Proxmox maps them.
    Host,
}

impl Image {
    /// As a CT's configuration has it.
    pub(super) fn rootfs(&self) -> pve::Rootfs<'_> {
        match self.owners {
            Owners::Container => pve::Rootfs::ContainerRoot(&self.path),
            Owners::Host => pve::Rootfs::HostRoot(&self.path),
        }
    }

    /// Finds out whose the root file system is, and mounts it with its owners mapped if nobody else will.
    /// With an id map that is not Proxmox's own, an image that is not shifted stays as it is.
    ///
    /// # Errors
    /// The file system has no ID-mapped mounts.
    pub(super) fn of(rendered: &Rendered, pct: &Pct, dir: &ContainerDir) -> Result<Self, Error> {
        let path = rendered.rootfs.clone();
        let is_proxmoxs = rendered.config.values("lxc.idmap").eq(pve::PROXMOX_ID_MAP);
        let is_host_s = fs::metadata(&path).is_ok_and(|root| root.uid() == 0);
        if !is_proxmoxs || !is_host_s {
            return Ok(Image { path, owners: Owners::Container });
        }
        let (container, host, size) = pve::ID_RANGE;
        let line = format!("{container} {host} {size}\n");
        let map = IdMap { users: line.clone(), groups: line, recursive: false };
        let refused = |source: io::Error| match source.raw_os_error() {
            Some(libc::EINVAL | libc::EPERM | libc::EOPNOTSUPP) => {
                Error::Owners { rootfs: path.clone(), source }
            }
            _ => Error::System { doing: format!("map the owners of {}", path.display()), source },
        };
        let users = tree::users(&map, &setup::program()?).map_err(Error::system("make a user namespace"))?;
        // Proxmox would find out too, but not say so.
        let mapped = tree::with_owners(&path, users.as_fd()).map_err(refused)?;
        if pct.pve_container().is_some_and(|version: Version| version.maps_root_file_systems()) {
            return Ok(Image { path, owners: Owners::Host });
        }
        let target = dir.image();
        let put = fs::create_dir(&target).and_then(|()| {
            let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
            Ok(move_mount(mapped.as_fd(), "", CWD, &target, flags)?)
        });
        put.map_err(Error::system(format!("mount {} on {}", path.display(), target.display())))?;
        Ok(Image { path: target, owners: Owners::Container })
    }
}
