//! `pct set`

use super::{Session, check_lock};
use crate::command_line::Call;
use crate::conf::{Conf, Section, Volume};
use crate::failure::Failure;
use crate::lxc;
use crate::render::{Host, ThisHost, render};
use pve_schema::{Kind, conf_option};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What takes effect in a running CT at once; the rest waits for its next stop. (A node changes limits
/// and networks of a running CT too; that is not covered.)
const LIVE: &[&str] =
    &["cores", "description", "hookscript", "hostname", "lock", "onboot", "protection", "startup", "tags"];

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let own = |name: &str| matches!(name, "delete" | "revert" | "digest");
    let changes: Vec<(&str, &str)> = call.options().filter(|(name, _)| !own(name)).collect();
    let deletions = names(call, "delete");
    let reversions = names(call, "revert");
    if changes.is_empty() && deletions.is_empty() && reversions.is_empty() {
        return Err(Failure::missing("no options specified"));
    }
    check_deletions(call, &deletions, &changes)?;
    let store = session.store();
    let _lock = store.lock(vmid)?;
    let mut conf = store.load(vmid)?;
    check_lock(&conf.main, &[])?;
    if call.option("digest").is_some_and(|digest| digest != conf.digest) {
        return Err(Failure::died(
            "detected modified configuration - file changed by other user? Try again.",
        ));
    }
    for name in reversions {
        conf.pending.take(name);
    }
    let time = if session.container(vmid).is_running() { Time::NextStop } else { Time::Now };
    for name in deletions {
        delete(session, &mut conf, name, time)?;
    }
    for (name, value) in changes {
        if name == "unprivileged" {
            return Err(Failure::died("unable to modify read-only option: 'unprivileged'"));
        }
        let value = normalise(name, value)?;
        check_device(session, name, &value)?;
        target(&mut conf, name, time).put(name, value);
    }
    store.save(vmid, &conf)?;
    let rendered = render(vmid, &conf.main, &session.settings.lxc, &ThisHost(session.settings))?;
    Ok(lxc::fit(session.settings, vmid, &conf.main, rendered)?)
}

/// When a change takes effect that a running CT cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    Now,
    NextStop,
}

fn target<'c>(conf: &'c mut Conf, name: &str, time: Time) -> &'c mut Section {
    if time == Time::Now || LIVE.contains(&name) { &mut conf.main } else { &mut conf.pending }
}

fn names<'c>(call: &'c Call, option: &str) -> Vec<&'c str> {
    let list = call.option(option).unwrap_or_default();
    list.split([',', ';', ' ']).filter(|name| !name.is_empty()).collect()
}

fn check_deletions(call: &Call, deletions: &[&str], changes: &[(&str, &str)]) -> Result<(), Failure> {
    for name in deletions {
        if changes.iter().any(|(changed, _)| changed == name) {
            let message = format!("you can't use '-{name}' and -delete {name}' at the same time");
            return Err(Failure::parameter("delete", &message, &call.usage));
        }
        if conf_option(name).is_none() {
            return Err(Failure::parameter("delete", &format!("unknown option '{name}'"), &call.usage));
        }
    }
    Ok(())
}

fn delete(session: &Session<'_>, conf: &mut Conf, name: &str, time: Time) -> Result<(), Failure> {
    let is_set =
        if name == "description" { !conf.main.description.is_empty() } else { conf.main.get(name).is_some() };
    if !is_set {
        session.console.warn(&format!("cannot delete '{name}' - not set in current configuration!\n"));
    } else if name == "rootfs" {
        return Err(Failure::died("unable to delete required option 'rootfs'"));
    } else if time == Time::Now || LIVE.contains(&name) {
        conf.main.take(name);
    } else {
        let names = conf.pending.take("delete");
        let names = names.map_or_else(|| name.to_owned(), |names| format!("{names},{name}"));
        conf.pending.put("delete", names);
    }
    Ok(())
}

/// A value as Proxmox keeps it: tags sorted, lists printed anew, an address for every network.
///
/// # Errors
/// A volume that would have to be made, or no random address to be had.
pub(super) fn normalise(name: &str, value: &str) -> Result<String, Failure> {
    if name == "tags" {
        let tags: BTreeSet<&str> = value.split([',', ';', ' ']).filter(|tag| !tag.is_empty()).collect();
        return Ok(tags.into_iter().collect::<Vec<_>>().join(";"));
    }
    match conf_option(name) {
        Some(Kind::List(list)) if name != "features" && !name.starts_with("dev") => {
            let mut values = list.parse(value, Some(name)).map_err(Failure::died)?;
            if name.starts_with("net") {
                if !values.contains_key("hwaddr") {
                    values.insert("hwaddr".into(), address()?);
                }
                values.insert("type".into(), "veth".into());
            }
            refuse_allocation(values.get("volume"))?;
            Ok(list.print(&values))
        }
        _ => Ok(value.to_owned()),
    }
}

/// # Errors
/// A volume of the form `storage:size`, which Proxmox would make first.
fn refuse_allocation(volume: Option<&String>) -> Result<(), Failure> {
    match volume.map(|name| Volume::named(name)) {
        Some(Volume::Stored { name, .. }) if name.parse::<f64>().is_ok() => {
            Err(Failure::died("pct stand-in: making volumes is not covered but for the rootfs of create"))
        }
        _ => Ok(()),
    }
}

/// A random address with Proxmox's prefix.
fn address() -> Result<String, Failure> {
    let mut random = [0; 3];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let [a, b, c] = random;
    Ok(format!("BC:24:11:{a:02X}:{b:02X}:{c:02X}"))
}

fn check_device(session: &Session<'_>, name: &str, value: &str) -> Result<(), Failure> {
    let Some(Kind::List(list)) = conf_option(name).filter(|_| name.starts_with("dev")) else { return Ok(()) };
    let values = list.parse(value, Some(name)).map_err(Failure::died)?;
    match values.get("path") {
        Some(path) if ThisHost(session.settings).device(Path::new(path)).is_none() => {
            Err(Failure::missing(format!("Device {path} does not exist")))
        }
        _ => Ok(()),
    }
}
