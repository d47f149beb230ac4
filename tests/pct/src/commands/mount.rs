//! `pct mount` and `pct unmount`: the CT's volumes in the host's own mount namespace.

use super::{Session, check_lock, lock};
use crate::command_line::Call;
use crate::conf::Section;
use crate::failure::Failure;
use crate::lxc;
use crate::vmid::Vmid;
use std::path::Path;

/// The lock that a mounted CT's conf bears.
const LOCK: &str = "mounted";

pub(super) fn mount(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let _lock = session.store().lock(vmid)?;
    attach(session, vmid)?;
    let place = session.settings.lxc_home(vmid).join("rootfs");
    session.console.say(&format!("mounted CT {vmid} in '{}'\n", place.display()));
    Ok(())
}

pub(super) fn unmount(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let _lock = session.store().lock(vmid)?;
    session.store().load(vmid)?;
    detach(session, vmid)
}

/// Does something with the volumes of a stopped CT, which are mounted for it.
///
/// # Errors
/// They cannot be mounted or unmounted, or the work fails.
pub(super) fn mounted<T>(
    session: &Session<'_>,
    vmid: Vmid,
    work: impl FnOnce(&Section, &Path) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let conf = attach(session, vmid)?;
    let result = work(&conf, &session.settings.lxc_home(vmid).join("rootfs"));
    detach(session, vmid)?;
    result
}

fn attach(session: &Session<'_>, vmid: Vmid) -> Result<Section, Failure> {
    let mut conf = session.store().load(vmid)?;
    check_lock(&conf.main, &[])?;
    conf.main.put("lock", LOCK.into());
    session.store().save(vmid, &conf)?;
    lxc::mount_all(session.settings, vmid, &conf.main)?;
    Ok(conf.main)
}

fn detach(session: &Session<'_>, vmid: Vmid) -> Result<(), Failure> {
    lxc::unmount_all(session.settings, vmid)?;
    lock::remove(session, vmid, Some(LOCK))
}
