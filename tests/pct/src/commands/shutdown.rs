//! `pct shutdown`

use super::{Session, check_lock, check_running};
use crate::command_line::Call;
use crate::failure::Failure;
use crate::lxc::Force;

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let container = session.container(vmid);
    check_running(&container)?;
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        let conf = session.store().load(vmid)?;
        check_lock(&conf.main, &["mounted"])?;
        let force = if call.is_set("forceStop") { Force::Kill } else { Force::Spare };
        let timeout = call.option("timeout").unwrap_or("60");
        if let Err(failure) = container.shut_down(timeout, force) {
            session.console.warn(&format!("{}\n", failure.message));
        }
        // Without a time-out there is none for the exit either.
        container.wait_stopped((timeout != "0").then_some(session.settings.exit_timeout))
    })
}
