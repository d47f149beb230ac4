//! The hooks by which Proxmox mounts a CT's volumes and applies pending changes.

use super::{UserNamespace, mounts};
use crate::conf::{MountPoint, Store, Volume, mount_points};
use crate::console::Console;
use crate::failure::Failure;
use crate::settings::Settings;
use crate::vmid::Vmid;
use std::fs;
use std::io;
use std::path::Path;

/// The word that makes `pct` run as a hook.
pub(crate) const NAME: &str = "@hook";

/// Runs as LXC calls a hook: container, section, hook.
///
/// # Errors
/// The hook fails, and so does the start.
pub(crate) fn run(settings: &Settings, words: &[String]) -> Result<(), Failure> {
    let [name, _, hook] = words else { return Err(Failure::died("pct stand-in: not called by LXC")) };
    let vmid = name.parse().map_err(|_| Failure::died(format!("pct stand-in: no VMID: {name}")))?;
    let console = Console::new();
    let store = Store { settings, console: &console };
    match hook.as_str() {
        "pre-start" => pre_start(&store, vmid),
        _ => post_stop(&store, vmid),
    }
}

/// Mounts the root file system and the mount points.
fn pre_start(store: &Store<'_>, vmid: Vmid) -> Result<(), Failure> {
    // Tells the waiting pct that LXC has read its configuration.
    fs::write(store.settings.run_file(vmid, "starting"), "")?;
    let conf = store.load(vmid)?;
    let users = if conf.main.is_set("unprivileged") { Some(UserNamespace::new()?) } else { None };
    let home = store.settings.lxc_home(vmid);
    // A node keeps device nodes there; destroy leaves it behind.
    fs::create_dir_all(home.join("passthrough"))?;
    let root = home.join("rootfs");
    for point in mount_points(&conf.main)? {
        mount(store.settings, &point, &root, users.as_ref())?;
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
        (Some("passthrough"), Some(users)) => mounts::bind_mapped(&source, &target, users)?,
        (Some(map), Some(_)) => {
            return Err(Failure::died(format!("pct stand-in: idmap={map} is not covered")));
        }
        _ => mounts::bind(&source, &target)?,
    }
    if point.values.get("ro").is_some_and(|value| value == "1") {
        mounts::make_read_only(&target)?;
    }
    Ok(())
}

/// Applies what is pending. The mounts go with the monitor's mount namespace. A CT whose conf has gone
/// meanwhile is none of our business.
fn post_stop(store: &Store<'_>, vmid: Vmid) -> Result<(), Failure> {
    match fs::metadata(store.settings.conf_file(vmid)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    let mut conf = store.load(vmid)?;
    if !conf.pending.values.is_empty() {
        conf.apply_pending();
        store.save(vmid, &conf)?;
    }
    Ok(())
}
