//! `pct config`

use super::Session;
use crate::command_line::Call;
use crate::conf::{Section, encode};
use crate::failure::Failure;
use pve_schema::conf_option;

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let mut conf = session.store().load(call.vmid()?)?;
    if let Some(name) = call.option("snapshot") {
        let snapshot = conf.snapshots.remove(name);
        conf.main = snapshot.ok_or_else(|| Failure::died(format!("snapshot '{name}' does not exist")))?;
    } else if !call.is_set("current") {
        conf.apply_pending();
    }
    check_result(&conf.main, &call.usage)?;
    session.console.say(&shown(conf.main));
    Ok(())
}

fn shown(mut section: Section) -> String {
    if !section.description.is_empty() {
        section.values.insert("description".into(), encode(&section.description));
    }
    let values = section.values.iter().map(|(key, value)| format!("{key}: {value}\n"));
    let raw = section.raw.iter().map(|(key, value)| format!("{key}: {value}\n"));
    values.chain(raw).collect()
}

/// Proxmox checks what it returns as well: a value that the parser only warned of is an error here.
fn check_result(section: &Section, usage: &str) -> Result<(), Failure> {
    for (key, value) in &section.values {
        let Some(Err(why)) = conf_option(key).map(|kind| kind.check_type(value)) else { continue };
        return Err(Failure::died(format!("400 Result verification failed\n{key}: {why}{usage}")));
    }
    Ok(())
}
