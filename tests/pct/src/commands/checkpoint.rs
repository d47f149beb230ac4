//! `pct suspend` and `pct resume`: CRIU's, by way of lxc-checkpoint, and no freezer.

use super::{Session, check_lock, check_running};
use crate::command_line::Call;
use crate::failure::Failure;

/// Where a node keeps the images.
const DUMP: &str = "/var/lib/vz/dump";

pub(super) fn suspend(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let container = session.container(vmid);
    check_running(&container)?;
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        check_lock(&session.store().load(vmid)?.main, &["mounted"])?;
        container.checkpoint(session.console, &["-s"], DUMP)
    })
}

pub(super) fn resume(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let container = session.container(vmid);
    if container.is_running() {
        return Err(Failure::died(format!("CT {vmid} already running")));
    }
    session.task(|| container.checkpoint(session.console, &["-r", "--foreground"], DUMP))
}
