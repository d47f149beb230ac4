//! What makes a machine a Proxmox VE node, and what its CTs find there.

use super::machine::{useful, useful_program};
use super::{Check, State};
use nexcage_configuration::{Pct, Version, WithoutUserNamespace};
use rustix::fs::{StatVfsMountFlags, statvfs};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The checks; on other machines the first of them alone.
pub(super) fn checks(pct: &Pct) -> Vec<Check> {
    let pmxcfs = pmxcfs(&pct.conf_directory);
    let detail = match &pmxcfs {
        Some(_) => "containers become CTs",
        None => "no mounted pmxcfs: containers are plain LXC containers, which Proxmox VE does not show",
    };
    let mut checks = vec![useful("proxmox-ve", pmxcfs.is_some(), detail)];
    if let Some(mount) = pmxcfs {
        checks.extend([
            useful_program("pct", &pct.program),
            quorum(&mount, &pct.conf_directory),
            passthrough(pct.pve_container().as_ref()),
            privileged(pct.without_user_namespace),
            rootfs_storage(&mount),
            templates(&mount),
            bridges(Path::new("/sys/class/net")),
        ]);
    }
    checks
}

/// The mount point of the pmxcfs that a directory is in: a FUSE file system (proc(5)).
fn pmxcfs(directory: &Path) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().find_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        let point = PathBuf::from(mount.split(' ').nth(4)?);
        (file_system.starts_with("fuse") && directory.starts_with(&point)).then_some(point)
    })
}

/// Whether configurations can be written. A node that is in no cluster always has its quorum.
fn quorum(mount: &Path, directory: &Path) -> Check {
    let members: Value = read_json(&mount.join(".members"));
    let quorate = members.pointer("/cluster/quorate").is_none_or(|quorate| quorate == 1);
    let writable = statvfs(directory).is_ok_and(|stat| !stat.f_flag.contains(StatVfsMountFlags::RDONLY));
    let detail = match (quorate, writable) {
        (true, true) => "CTs can be made and removed",
        (false, _) => "none: no CT can be made or removed until pvecm status shows it again",
        (true, false) => "the configurations of CTs are read-only: none can be made or removed",
    };
    let state = if quorate && writable { State::Ok } else { State::Missing };
    Check { name: "quorum", state, detail: detail.to_owned() }
}

fn read_json(path: &Path) -> Value {
    fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn passthrough(version: Option<&Version>) -> Check {
    let found = version.is_some_and(Version::maps_root_file_systems);
    let version = version.map_or("not installed", Version::text);
    let cost = if found { "" } else { "; before 6.1.6 nexcage maps the owners of a root file system itself" };
    useful("id-mapped-rootfs", found, &format!("pve-container {version}{cost}"))
}

/// What becomes of most bundles, as far as that is for an administrator to know.
fn privileged(choice: WithoutUserNamespace) -> Check {
    let found = choice != WithoutUserNamespace::Privileged;
    let cost = if found { "" } else { ": their root is the host's, as the bundles say" };
    let detail = format!("/pct/withoutUserNamespace is {}{cost}", choice.name());
    useful("unprivileged-only", found, &detail)
}

fn storage(mount: &Path, name: &'static str, content: &str, cost: &str) -> Check {
    let text = fs::read_to_string(mount.join("storage.cfg")).unwrap_or_default();
    let of_content = pve_schema::storages(&text).into_iter().filter(|storage| storage.takes(content));
    let found: Vec<String> = of_content.map(|storage| storage.name).collect();
    let detail = if found.is_empty() { cost.to_owned() } else { found.join(", ") };
    useful(name, !found.is_empty(), &detail)
}

fn rootfs_storage(mount: &Path) -> Check {
    storage(
        mount,
        "rootfs-storage",
        "rootdir",
        "no storage has content rootdir: --rootfs-storage has nowhere to go",
    )
}

fn templates(mount: &Path) -> Check {
    storage(mount, "template-storage", "vztmpl", "no storage has content vztmpl: templates are named by path")
}

fn bridges(interfaces: &Path) -> Check {
    let entries = fs::read_dir(interfaces).into_iter().flatten().flatten();
    let is_bridge = |name: &str| interfaces.join(name).join("bridge").exists();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut found: Vec<String> = names.filter(|name| is_bridge(name)).collect();
    found.sort();
    let none = "none: CTs have no network but a given namespace or the host's".to_owned();
    let detail = if found.is_empty() { none } else { found.join(", ") };
    useful("bridge", !found.is_empty(), &detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_quorum_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let state = |members: &str| {
            fs::write(directory.path().join(".members"), members).unwrap();
            quorum(directory.path(), directory.path()).state
        };
        assert_eq!(state(r#"{"nodename": "a"}"#), State::Ok);
        assert_eq!(state(r#"{"cluster": {"quorate": 1}}"#), State::Ok);
        assert_eq!(state(r#"{"cluster": {"quorate": 0}}"#), State::Missing);
    }

    #[test]
    fn an_older_proxmox_costs_something() {
        assert_eq!(passthrough(Version::parse("6.1.10").as_ref()).state, State::Ok);
        assert_eq!(passthrough(Version::parse("6.1.5").as_ref()).state, State::No);
        assert_eq!(passthrough(None).state, State::No);
    }
}
