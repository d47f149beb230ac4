//! `pct pending`

use super::Session;
use crate::command_line::Call;
use crate::conf::{Section, encode};
use crate::failure::Failure;
use std::collections::BTreeSet;

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let conf = session.store().load(call.vmid()?)?;
    let deleted = conf.pending.get("delete").unwrap_or_default();
    let keys: BTreeSet<&str> =
        keys(&conf.main).chain(keys(&conf.pending)).filter(|key| *key != "delete").collect();
    for key in keys {
        let now = value(&conf.main, key);
        let is_deleted = deleted.split(',').any(|name| name == key);
        if let Some(now) = &now {
            session.console.say(&format!("{} {key}: {now}\n", if is_deleted { "del" } else { "cur" }));
        }
        if let Some(next) = value(&conf.pending, key).filter(|_| now.is_none() || !is_deleted) {
            session.console.say(&format!("new {key}: {next}\n"));
        }
    }
    Ok(())
}

fn keys(section: &Section) -> impl Iterator<Item = &str> {
    let description = (!section.description.is_empty()).then_some("description");
    section.values.keys().map(String::as_str).chain(description)
}

fn value(section: &Section, key: &str) -> Option<String> {
    if key == "description" {
        return (!section.description.is_empty()).then(|| encode(&section.description));
    }
    section.get(key).map(str::to_owned)
}
