//! `pct template`. The volumes are not made immutable here, as a node's are.

use super::{Session, check_lock};
use crate::command_line::Call;
use crate::conf::{Volume, mount_points};
use crate::failure::Failure;

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let _lock = session.store().lock(vmid)?;
    let mut conf = session.store().load(vmid)?;
    check_lock(&conf.main, &[])?;
    if session.container(vmid).is_running() {
        return Err(Failure::died("you can't convert a CT to template if the CT is running"));
    }
    let points = mount_points(&conf.main)?;
    if let Some((_, point)) = points.iter().find(|(_, point)| !matches!(point.volume, Volume::Stored { .. }))
    {
        // It is said, but no failure.
        session.console.fail(&format!("Template feature is not available for '{}'\n", point.volume));
        return Ok(());
    }
    conf.main.put("template", "1".into());
    session.store().save(vmid, &conf)
}
