//! `pct status`

use super::Session;
use crate::command_line::Call;
use crate::conf::{MountPoint, Section};
use crate::failure::Failure;
use crate::vmid::Vmid;
use std::collections::BTreeMap;
use std::fs;

const MIB: u64 = 1 << 20;
/// The size that a stopped CT shows when its root file system has none.
const DEFAULT_DISK: u64 = 4 << 30;

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    let conf = session.store().load(vmid)?.main;
    if call.is_set("verbose") {
        let facts = facts(session, vmid, &conf)?;
        let text: String = facts.into_iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
        session.console.say(&text);
    } else {
        let status = if session.container(vmid).is_running() { "running" } else { "stopped" };
        session.console.say(&format!("status: {status}\n"));
    }
    Ok(())
}

fn facts(
    session: &Session<'_>,
    vmid: Vmid,
    conf: &Section,
) -> Result<BTreeMap<&'static str, String>, Failure> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let cpus = conf.get("cores").or(conf.get("cpulimit")).map_or(processors, str::to_owned);
    let mib = |key, default| (conf.number(key).unwrap_or(default) * MIB).to_string();
    let mut facts = BTreeMap::from([
        ("cpus", cpus),
        ("disk", "0".into()),
        ("maxdisk", DEFAULT_DISK.to_string()),
        ("maxmem", mib("memory", 512)),
        ("maxswap", mib("swap", 0)),
        ("name", conf.name(vmid)),
        ("status", "stopped".into()),
        ("type", "lxc".into()),
        ("vmid", vmid.to_string()),
    ]);
    for zero in ["diskread", "diskwrite", "mem", "netin", "netout", "swap", "uptime"] {
        facts.insert(zero, "0".into());
    }
    for key in ["lock", "tags", "template"] {
        facts.extend(conf.get(key).map(|value| (key, value.to_owned())));
    }
    let container = session.container(vmid);
    if container.is_running() {
        let pid = container.pid(session.console)?;
        facts.insert("status", "running".into());
        facts.insert("pid", pid.to_string());
        facts.insert("uptime", uptime(pid).to_string());
        facts.extend(disk(session, conf));
        for pressure in PRESSURES {
            // A test's container is under none.
            facts.insert(pressure, "0.00".into());
        }
    }
    Ok(facts)
}

const PRESSURES: [&str; 6] = [
    "pressurecpufull",
    "pressurecpusome",
    "pressureiofull",
    "pressureiosome",
    "pressurememoryfull",
    "pressurememorysome",
];

/// Seconds since the process began.
fn uptime(pid: u32) -> u64 {
    let begin = fs::metadata(format!("/proc/{pid}")).and_then(|data| data.modified()).ok();
    begin.and_then(|begin| begin.elapsed().ok()).map_or(0, |age| age.as_secs())
}

/// Use and size of the file system below the root.
fn disk(session: &Session<'_>, conf: &Section) -> Vec<(&'static str, String)> {
    let rootfs = conf.get("rootfs").and_then(|value| MountPoint::parse("rootfs", value).ok());
    let path = rootfs.and_then(|rootfs| rootfs.volume.path(session.settings).ok());
    let data = path.and_then(|path| rustix::fs::statvfs(path).ok());
    data.map_or_else(Vec::new, |data| {
        let used = (data.f_blocks - data.f_bfree) * data.f_frsize;
        vec![("disk", used.to_string()), ("maxdisk", (data.f_blocks * data.f_frsize).to_string())]
    })
}
