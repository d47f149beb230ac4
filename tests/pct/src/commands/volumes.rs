//! `pct resize` and `pct move-volume`: for directories, refusals.

use super::{Session, check_lock};
use crate::command_line::Call;
use crate::conf::{MountPoint, Section, Volume};
use crate::failure::Failure;

pub(super) fn resize(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    stored(session, call)?;
    // It is said, but no failure.
    session.console.fail("can't resize this image format\n");
    Ok(())
}

pub(super) fn relocate(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    stored(session, call)?;
    Err(Failure::died("pct stand-in: moving volumes is not covered"))
}

/// # Errors
/// The volume that the second argument names is none of a storage.
fn stored(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let conf = session.store().load(call.vmid()?)?;
    check_lock(&conf.main, &[])?;
    match mount_point(&conf.main, &call.text(1))?.volume {
        Volume::Stored { .. } => Ok(()),
        volume => Err(Failure::died(format!("unable to parse volume ID '{volume}'"))),
    }
}

/// The mount point of that name.
///
/// # Errors
/// The CT has none.
pub(super) fn mount_point(conf: &Section, name: &str) -> Result<MountPoint, Failure> {
    match conf.get(name) {
        Some(value) => MountPoint::parse(name, value).map_err(Failure::died),
        None => Err(Failure::died(format!("pct stand-in: a CT without '{name}' is not covered"))),
    }
}
