//! The hooks by which Proxmox mounts a CT's volumes and applies pending changes.

use super::unit::REBOOT;
use super::{Container, RebootRequest, fit, mounts, start};
use crate::conf::Store;
use crate::console::Console;
use crate::failure::Failure;
use crate::render::{ThisHost, render};
use crate::settings::Settings;
use crate::vmid::Vmid;
use std::fs;
use std::io;

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
    // A node keeps device nodes there; destroy leaves it behind.
    fs::create_dir_all(store.settings.lxc_home(vmid).join("passthrough"))?;
    mounts::mount_all(store.settings, vmid, &conf.main)
}

/// Applies what is pending, and starts the unit anew if a reboot is asked for. The mounts go with the
/// monitor's mount namespace. A CT whose conf has gone meanwhile is none of our business.
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
    if !RebootRequest::take(store.settings, vmid)? {
        return Ok(());
    }
    let rendered = render(vmid, &conf.main, &store.settings.lxc, &ThisHost(store.settings))?;
    fit(store.settings, vmid, &conf.main, rendered)?;
    start(&Container { settings: store.settings, vmid }, REBOOT)
}
