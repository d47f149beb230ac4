//! Root file system and mount points: where their files are.

use super::Section;
use crate::failure::Failure;
use crate::settings::Settings;
use pve_schema::{Kind, conf_option};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// One `rootfs` or `mpN` value.
#[derive(Debug, Clone)]
pub(crate) struct MountPoint {
    /// Where it goes in the CT: `/` for the root file system.
    pub(crate) target: String,
    pub(crate) volume: Volume,
    /// The members of the value.
    pub(crate) values: BTreeMap<String, String>,
}

/// Where a mount point's files come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Volume {
    /// A directory of the host.
    Bind(PathBuf),
    /// A device of the host.
    Device(PathBuf),
    /// `storage:name`, which Proxmox owns.
    Stored { storage: String, name: String },
}

impl MountPoint {
    /// Reads the value of `rootfs` or `mpN`.
    ///
    /// # Errors
    /// Proxmox's words for a value that its parser let through under protest.
    pub(crate) fn parse(key: &str, value: &str) -> Result<MountPoint, String> {
        let family = if key == "rootfs" { "rootfs" } else { "mp0" };
        let Some(Kind::List(list)) = conf_option(family) else { return Err(format!("no such key: {key}\n")) };
        let mut values = list.parse(value, None)?;
        let volume = Volume::named(&values.remove("volume").unwrap_or_default());
        let target = if key == "rootfs" { "/".into() } else { values.remove("mp").unwrap_or_default() };
        Ok(MountPoint { target, volume, values })
    }
}

impl fmt::Display for Volume {
    /// As the conf has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Volume::Bind(path) | Volume::Device(path) => path.display().fmt(f),
            Volume::Stored { storage, name } => write!(f, "{storage}:{name}"),
        }
    }
}

impl Volume {
    pub(crate) fn named(name: &str) -> Volume {
        if name.starts_with("/dev/") {
            Volume::Device(name.into())
        } else if name.starts_with('/') {
            Volume::Bind(name.into())
        } else {
            let (storage, name) = name.split_once(':').unwrap_or((name, ""));
            Volume::Stored { storage: storage.into(), name: name.into() }
        }
    }

    /// The kind, as Proxmox names it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Volume::Bind(_) => "bind",
            Volume::Device(_) => "device",
            Volume::Stored { .. } => "volume",
        }
    }

    /// Where its files are. The storages of the stand-in keep all volumes as directories.
    ///
    /// # Errors
    /// A storage or a stored volume that does not exist.
    pub(crate) fn path(&self, settings: &Settings) -> Result<PathBuf, Failure> {
        let (storage, name) = match self {
            Volume::Bind(path) | Volume::Device(path) => return Ok(path.clone()),
            Volume::Stored { storage, name } => (storage, name),
        };
        check_storage(storage)?;
        let path = settings.storage.join("images").join(name);
        if path.exists() {
            Ok(path)
        } else {
            Err(Failure::died(format!("volume '{storage}:{name}' does not exist")))
        }
    }
}

/// # Errors
/// Others than `local`, a directory, and `local-lvm`, which stands for disks, are unknown.
pub(crate) fn check_storage(storage: &str) -> Result<(), Failure> {
    if matches!(storage, "local" | "local-lvm") {
        Ok(())
    } else {
        Err(Failure::died(format!("storage '{storage}' does not exist")))
    }
}

/// The CT's mount points with their names, the root file system first.
///
/// # Errors
/// No `rootfs`, or a value that cannot be read.
pub(crate) fn mount_points(section: &Section) -> Result<Vec<(&str, MountPoint)>, Failure> {
    let rootfs = section.get("rootfs").ok_or_else(|| Failure::died("missing 'rootfs' configuration"))?;
    let is_mount_point = |key: &str| key.strip_prefix("mp").is_some_and(|n| n.parse::<u8>().is_ok());
    let others = section.values.iter().filter(|(key, _)| is_mount_point(key));
    std::iter::once(("rootfs", rootfs))
        .chain(others.map(|(key, value)| (key.as_str(), value.as_str())))
        .map(|(key, value)| Ok((key, MountPoint::parse(key, value).map_err(Failure::died)?)))
        .collect()
}
