//! `pct reboot`: a shutdown after which the post-stop hook starts the unit anew.

use super::{Session, check_lock};
use crate::command_line::Call;
use crate::failure::Failure;
use crate::lxc::{Force, RebootRequest};

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let container = session.container(vmid);
    if !container.is_running() {
        return Err(Failure::died(format!("VM {vmid} not running")));
    }
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        check_lock(&session.store().load(vmid)?.main, &["mounted"])?;
        let request = RebootRequest::make(session.settings, vmid)?;
        // Whoever does not stop in time is killed.
        let stopped = container.shut_down(call.option("timeout").unwrap_or("60"), Force::Kill);
        stopped.and_then(|()| request.wait_taken(session.settings.exit_timeout))
    })
}
