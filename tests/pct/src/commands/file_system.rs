//! `pct fsck` and `pct fstrim`: there are no disks, so there is little to do.

use super::{Session, check_lock};
use crate::command_line::Call;
use crate::conf::{Volume, mount_points};
use crate::failure::Failure;

pub(super) fn check(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let _lock = session.store().lock(vmid)?;
    let conf = session.store().load(vmid)?;
    check_lock(&conf.main, &[])?;
    if session.container(vmid).is_running() {
        return Err(Failure::died("cannot run fsck when container is running"));
    }
    let device = call.option("device").unwrap_or("rootfs");
    let point = super::volumes::mount_point(&conf.main, device)?;
    let path = match point.volume {
        Volume::Bind(path) => path,
        volume => return Err(Failure::died(format!("pct stand-in: fsck of '{volume}' is not covered"))),
    };
    Err(Failure::died(format!("path '{}' does not point to a block device", path.display())))
}

/// Directories of the host are left out.
pub(super) fn trim(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let _lock = session.store().lock(vmid)?;
    let conf = session.store().load(vmid)?;
    check_lock(&conf.main, &[])?;
    let points = mount_points(&conf.main)?;
    match points.into_iter().map(|(_, point)| point.volume).find(|volume| !matches!(volume, Volume::Bind(_)))
    {
        Some(volume) => Err(Failure::died(format!("pct stand-in: fstrim of '{volume}' is not covered"))),
        None => Ok(()),
    }
}
