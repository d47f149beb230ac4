//! `pct list`

use super::Session;
use crate::conf::configured;
use crate::failure::Failure;

pub(super) fn run(session: &Session<'_>) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for vmid in configured(session.settings)? {
        let conf = session.store().load(vmid)?.main;
        if conf.get("memory").is_some() && conf.number("memory").is_none() {
            let memory = conf.get("memory").unwrap_or_default();
            session.console.warn(&format!(
                "Argument \"{memory}\" isn't numeric in multiplication (*) at /usr/share/perl5/PVE/LXC.pm line 316.\n"
            ));
        }
        let status = if session.container(vmid).is_running() { "running" } else { "stopped" };
        lines.push(row(&vmid.to_string(), status, conf.get("lock").unwrap_or_default(), &conf.name(vmid)));
    }
    if !lines.is_empty() {
        session.console.say(&(row("VMID", "Status", "Lock", "Name") + &lines.concat()));
    }
    Ok(())
}

fn row(vmid: &str, status: &str, lock: &str, name: &str) -> String {
    format!("{vmid:<10} {status:<10} {lock:<12} {name:<20}\n")
}
