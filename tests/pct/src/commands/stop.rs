//! `pct stop`

use super::{Session, check_lock, check_running};
use crate::command_line::Call;
use crate::failure::Failure;

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let container = session.container(vmid);
    check_running(&container)?;
    session.task(|| {
        let _lock = session.store().lock(vmid)?;
        let conf = session.store().load(vmid)?;
        if !call.is_set("skiplock") {
            check_lock(&conf.main, &["mounted"])?;
        }
        container.kill()?;
        container.wait_stopped(None)
    })
}
