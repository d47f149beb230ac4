//! The configurations that real engines wrote, with the host's paths replaced.

use crate::Case;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/engines");

/// The most that a limit may be.
const HIGHEST_LIMIT: u64 = 4096;

/// A case for each recording; none, and a line that says so, where there are no recordings.
pub(crate) fn cases() -> io::Result<Vec<Case>> {
    if !Path::new(RECORDINGS).exists() {
        eprintln(
            "NOT RUN: the configurations of real engines, since there are none in ../shared/corpus/engines",
        );
        return Ok(Vec::new());
    }
    let mut cases = Vec::new();
    for entry in fs::read_dir(RECORDINGS)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let config = serde_json::from_slice(&fs::read(&path)?)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            cases.push(case(&name, config));
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

#[expect(clippy::print_stderr, reason = "a diagnostic past the test harness")]
fn eprintln(line: &str) {
    eprintln!("{line}");
}

fn case(name: &str, mut config: Value) -> Case {
    let mut files = BTreeMap::new();
    config["root"]["path"] = json!("rootfs");
    config["linux"]["cgroupsPath"] = json!("/fidelity-@RUN@");
    // The engine's own network set-up.
    if let Some(document) = config.as_object_mut() {
        drop(document.remove("hooks"));
    }
    for mount in config["mounts"].as_array_mut().into_iter().flatten() {
        let Some(source) = mount["source"].as_str().filter(|source| source.starts_with('/')) else {
            continue;
        };
        let directory = ["/shm", "/t", "/tmp"].iter().any(|end| source.ends_with(end));
        let base = source.rsplit('/').next().unwrap_or_default().to_owned();
        let end = if directory { "/" } else { "" };
        files.insert(format!("scratch/{base}{end}"), String::new());
        mount["source"] = json!(format!("@SCRATCH@/{base}"));
    }
    // Of a read-only root the engine has made the mount points beforehand.
    for mount in config["mounts"].as_array().into_iter().flatten() {
        let source = mount["source"].as_str().unwrap_or_default().trim_start_matches("@SCRATCH@/");
        let destination = mount["destination"].as_str().unwrap_or_default();
        let file = files.contains_key(&format!("scratch/{source}"));
        if !destination.starts_with("/dev/") && !destination.starts_with("/sys/") {
            files.insert(format!("rootfs{destination}{}", if file { "" } else { "/" }), String::new());
        }
    }
    // Nodes that this host may not have, or that another host numbers differently.
    if let Some(devices) = config.pointer_mut("/linux/devices").and_then(Value::as_array_mut) {
        devices.truncate(40);
    }
    // The machine of the test may have lower ones, which it cannot raise.
    for limit in config.pointer_mut("/process/rlimits").and_then(Value::as_array_mut).into_iter().flatten() {
        for bound in ["soft", "hard"] {
            limit[bound] = json!(limit[bound].as_u64().unwrap_or(0).min(HIGHEST_LIMIT));
        }
    }
    let owner = config["linux"]["uidMappings"][0]["hostID"].as_u64().and_then(|id| u32::try_from(id).ok());
    let cgroup = [
        "cpu.shares",
        "cpu.cfs_quota_us",
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "pids.max",
    ];
    Case {
        name: format!("engine-{name}"),
        set: Value::Null,
        probe: [
            "read=/proc/kcore",
            "read=/proc/keys",
            "write=/proc/sysrq-trigger",
            "try=unshare:0x10000000",
            "try=keyctl:0,-3",
            "try=personality:8",
            "try=socket:40,1",
            "node=c:1:3",
            "node=c:1:11",
        ]
        .map(str::to_owned)
        .to_vec(),
        files,
        owner: owner.unwrap_or(0),
        cgroup: cgroup.map(str::to_owned).to_vec(),
        expect: BTreeMap::new(),
        only_expected: false,
        terminal: None,
        holder: Vec::new(),
        config: Some(config),
    }
}
