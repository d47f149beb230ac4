//! `pct unlock`, and locks that a conf keeps.

use super::Session;
use crate::command_line::Call;
use crate::failure::Failure;
use crate::vmid::Vmid;

pub(super) fn unlock(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let _lock = session.store().lock(vmid)?;
    remove(session, vmid, None)
}

/// Takes the lock out of the conf, whichever it is or this one alone.
///
/// # Errors
/// There is none, or another.
pub(super) fn remove(session: &Session<'_>, vmid: Vmid, lock: Option<&str>) -> Result<(), Failure> {
    let mut conf = session.store().load(vmid)?;
    match (conf.main.take("lock"), lock) {
        (None, None) => Err(Failure::died("no lock found trying to remove any lock")),
        (None, Some(lock)) => Err(Failure::died(format!("no lock found trying to remove '{lock}'  lock"))),
        (Some(found), Some(lock)) if found != lock => {
            Err(Failure::died(format!("found lock '{found}' trying to remove '{lock}' lock")))
        }
        (Some(_), _) => session.store().save(vmid, &conf),
    }
}
