//! `pct rescan` and `pct cpusets`

use super::Session;
use crate::command_line::Call;
use crate::conf::{configured, mount_points};
use crate::failure::Failure;
use std::fs;

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    if call.is_set("dryrun") {
        session.console.say("NOTE: running in dry-run mode, won't write changes out!\n");
    }
    session.console.say("rescan volumes...\n");
    let wanted = call.option("vmid");
    for vmid in configured(session.settings)? {
        if wanted.is_some_and(|wanted| wanted != vmid.to_string()) {
            continue;
        }
        let conf = session.store().load(vmid)?;
        let known: Vec<String> =
            mount_points(&conf.main)?.into_iter().map(|(_, point)| point.volume.to_string()).collect();
        let Ok(images) = fs::read_dir(session.settings.storage.join(format!("images/{vmid}"))) else {
            continue;
        };
        for image in images {
            let volume = format!("local:{vmid}/{}", image?.file_name().to_string_lossy());
            if !known.contains(&volume) {
                return Err(Failure::died(format!(
                    "pct stand-in: the unused volume '{volume}' is not covered"
                )));
            }
        }
    }
    Ok(())
}

pub(super) fn cpusets(session: &Session<'_>) -> Result<(), Failure> {
    if configured(session.settings)?.into_iter().any(|vmid| session.container(vmid).is_running()) {
        return Err(Failure::died("pct stand-in: cpusets of running CTs are not covered"));
    }
    session.console.say("no running containers\n");
    Ok(())
}
