//! `pct clone`: of directories of the host, a refusal.

use super::Session;
use crate::command_line::Call;
use crate::conf::{Volume, mount_points};
use crate::failure::Failure;
use crate::vmid::{NotVmid, Vmid};

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let target: Vmid =
        call.text(1).parse().map_err(|NotVmid| Failure::usage("400 not enough arguments", &call.usage))?;
    // Unlike create's, this look leaves no errno behind.
    session.store().check_free(target).map_err(|failure| Failure::died(failure.message))?;
    let conf = session.store().load(vmid)?;
    super::check_lock(&conf.main, &["disk"])?;
    for (name, point) in mount_points(&conf.main)? {
        if !matches!(point.volume, Volume::Stored { .. }) {
            let kind = point.volume.kind();
            return Err(Failure::missing(format!("unable to clone mountpoint '{name}' (type {kind})")));
        }
    }
    Err(Failure::died("pct stand-in: copies of volumes are rsync's, and not covered"))
}
