//! What the document names on the host that would run it: `Scope::Host`.

use super::Check::Host as OnHost;
use super::forms::{excerpt, is_absolute};
use super::mounts::mounts;
use super::rules;
use crate::Bundle;
use crate::Severity::{Error, Warning};
use crate::host::{Host, Presence};
use crate::json::Node;
use crate::report::Sink;
use std::collections::HashSet;

rules! {
    NAMESPACE {
        id: "OCI-L3",
        severity: Error,
        section: "config-linux.md#namespaces",
        explanation: "The path of a namespace to join has to be a namespace of its type.",
        check: OnHost(namespaces_are_of_their_type),
        bad: &[
            r#"{"linux": {"namespaces": [{"type": "pid", "path": "/proc/self/ns/net"}]}}"#,
            r#"{"linux": {"namespaces": [{"type": "pid", "path": "/bin/tool"}]}}"#,
            r#"{"linux": {"namespaces": [{"type": "pid", "path": "/missing"}]}}"#,
        ],
        good: &[r#"{"linux": {"namespaces": [{"type": "pid", "path": "/proc/self/ns/pid"},
            {"type": "network", "path": "/proc/self/ns/net"}, {"type": "mount", "path": "/proc/self/ns/mnt"}]}}"#],
    }
    INTERFACE {
        id: "OCI-L11-HOST",
        severity: Error,
        section: "config-linux.md#network-devices",
        explanation: "A network device to be moved into the container has to be there.",
        check: OnHost(net_devices_are_there),
        bad: &[r#"{"linux": {"netDevices": {"eth7": {}}}}"#],
        good: &[r#"{"linux": {"netDevices": {"eth0": {}}}}"#],
    }
    PAGE_SIZE {
        id: "OCI-L19-HOST",
        severity: Error,
        section: "config-linux.md#huge-page-limits",
        explanation: "There is a limit only for sizes of huge pages that the kernel has.",
        check: OnHost(page_sizes_are_known),
        bad: &[r#"{"linux": {"resources": {"hugepageLimits": [{"pageSize": "3MB", "limit": 1}]}}}"#],
        good: &[r#"{"linux": {"resources": {"hugepageLimits": [{"pageSize": "2MB", "limit": 1}, {"pageSize": "1GB", "limit": 1}]}}}"#],
    }
    CONTROLLER {
        id: "OCI-L23-HOST",
        severity: Error,
        section: "config-linux.md#unified",
        explanation: "The controller of a cgroup file has to be there, and cgroup v2.",
        check: OnHost(controllers_are_there),
        bad: &[r#"{"linux": {"resources": {"unified": {"nothing.max": "1"}}}}"#],
        good: &[r#"{"linux": {"resources": {"unified": {"memory.high": "1", "cgroup.freeze": "0"}}}}"#],
    }
    RESCTRL {
        id: "OCI-L25",
        severity: Error,
        section: "config-linux.md#intelrdt",
        explanation: "intelRdt needs a mounted resctrl file system.",
        check: OnHost(resctrl_is_mounted),
        bad: &[r#"{"linux": {"intelRdt": {"closID": "a"}}}"#],
        good: &["{}"],
    }
    HOOK {
        id: "OCI-H3",
        severity: Error,
        section: "config.md#posix-platform-hooks",
        explanation: "The programs of all hooks but startContainer have to be on the host.",
        check: OnHost(hooks_are_there),
        bad: &[
            r#"{"hooks": {"createRuntime": [{"path": "/missing"}]}}"#,
            r#"{"hooks": {"poststop": [{"path": "/proc/filesystems"}]}}"#,
        ],
        good: &[r#"{"hooks": {"createRuntime": [{"path": "/bin/tool"}], "startContainer": [{"path": "/bin/sh"}]}}"#],
    }
    SOURCE {
        id: "OCI-M1-SOURCE",
        severity: Warning,
        section: "config.md#mounts",
        explanation: "What is to be bound into the container has to be there.",
        check: OnHost(sources_are_there),
        bad: &[
            r#"{"mounts": [{"destination": "/bin", "source": "/missing", "options": ["bind"]}]}"#,
            r#"{"mounts": [{"destination": "/bin", "source": "missing", "type": "bind"}]}"#,
        ],
        good: &[r#"{"mounts": [{"destination": "/bin", "source": "/bin", "options": ["rbind"]},
            {"destination": "/bin/sh", "source": "rootfs/bin/sh", "type": "bind"}, {"destination": "/etc", "type": "tmpfs", "source": "x"}]}"#],
    }
    FILE_SYSTEM {
        id: "OCI-M8-HOST",
        severity: Warning,
        section: "config.md#posix-platform-mounts",
        explanation: "A type that is not in /proc/filesystems can only be mounted if the kernel finds a module for it.",
        check: OnHost(types_are_known),
        bad: &[r#"{"mounts": [{"destination": "/bin", "type": "tempfs", "source": "x"}]}"#],
        good: &[r#"{"mounts": [{"destination": "/bin", "type": "tmpfs"}, {"destination": "/etc", "type": "bind", "source": "/bin"},
            {"destination": "/sys", "type": "cgroup"}]}"#],
    }
    SECURITY {
        id: "OCI-P16-HOST",
        severity: Warning,
        section: "config.md#linux-process",
        explanation: "An AppArmor profile has to be loaded, and an SELinux label needs SELinux.",
        check: OnHost(labels_can_be_used),
        bad: &[
            r#"{"process": {"apparmorProfile": "other"}}"#,
            r#"{"process": {"selinuxLabel": "system_u:system_r:container_t:s0"}}"#,
        ],
        good: &[r#"{"process": {"apparmorProfile": "loaded"}}"#, r#"{"process": {"apparmorProfile": "unconfined", "selinuxLabel": ""}}"#],
    }
}

fn strings<'d>(nodes: impl Iterator<Item = Node<'d>>) -> impl Iterator<Item = (Node<'d>, &'d str)> {
    nodes.filter_map(|node| Some((node, node.as_str()?))).filter(|(_, text)| !text.contains('\0'))
}

fn namespaces_are_of_their_type(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let list = bundle.document().root().at("/linux/namespaces");
    for namespace in list.into_iter().flat_map(|list| list.elements()) {
        let Some(kind) = namespace.get("type").and_then(|node| node.as_str()) else { continue };
        let wanted = match kind {
            "network" => "net",
            "mount" => "mnt",
            kind => kind,
        };
        for (node, path) in strings(namespace.get("path").into_iter()).filter(|(_, path)| is_absolute(path)) {
            match host.namespace(path) {
                Ok(Some(found)) if found == wanted => {}
                Ok(Some(found)) => {
                    sink.add(node, format!("this is a namespace of the type {}", excerpt(&found)));
                }
                Ok(None) => sink.add(node, "this is no namespace"),
                // Others' namespaces are for root to see.
                Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
                Err(error) => sink.add(node, format!("there is no namespace: {error}")),
            }
        }
    }
}

fn net_devices_are_there(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let devices = bundle.document().root().at("/linux/netDevices");
    for device in devices.into_iter().flat_map(|devices| devices.members()) {
        // What is no name breaks OCI-L11-NAME.
        let name =
            Some(device.key).filter(|name| !name.contains(['/', '\0']) && !matches!(*name, "" | "." | ".."));
        if name.is_some_and(|name| host.has(&format!("/sys/class/net/{name}")) == Presence::Absent) {
            sink.add_at_key(device.value, "there is no such device in this network namespace");
        }
    }
}

/// A size as the kernel names its directories: in KiB.
fn kibibytes(size: &str) -> Option<u64> {
    let (number, unit) = size.split_at_checked(size.len().checked_sub(2)?)?;
    let factor = match unit {
        "KB" => 1,
        "MB" => 1 << 10,
        "GB" => 1 << 20,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

fn page_sizes_are_known(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let limits = bundle.document().root().at("/linux/resources/hugepageLimits");
    for limit in limits.into_iter().flat_map(|limits| limits.elements()) {
        for (node, size) in strings(limit.get("pageSize").into_iter()) {
            let Some(size) = kibibytes(size) else { continue };
            if host.has(&format!("/sys/kernel/mm/hugepages/hugepages-{size}kB")) == Presence::Absent {
                sink.add(node, "this kernel has no pages of that size");
            }
        }
    }
}

fn controllers_are_there(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let Some(unified) = bundle.document().root().at("/linux/resources/unified") else { return };
    let Ok(controllers) = host.text("/sys/fs/cgroup/cgroup.controllers") else {
        sink.add_at_key(unified, "this host has no cgroup v2 on /sys/fs/cgroup");
        return;
    };
    let known: HashSet<&str> = controllers.split_ascii_whitespace().chain(["cgroup"]).collect();
    for file in unified.members() {
        let controller = file.key.split_once('.').map(|(controller, _)| controller);
        if let Some(controller) = controller.filter(|controller| !known.contains(controller)) {
            sink.add_at_key(file.value, format!("this host has no controller {}", excerpt(controller)));
        }
    }
}

fn resctrl_is_mounted(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let Some(rdt) = bundle.document().root().at("/linux/intelRdt") else { return };
    let Ok(mounts) = host.text("/proc/self/mountinfo") else { return };
    let is_resctrl =
        |line: &str| line.split_once(" - ").is_some_and(|(_, rest)| rest.starts_with("resctrl "));
    if !mounts.lines().any(is_resctrl) {
        sink.add_at_key(rdt, "no resctrl file system is mounted");
    }
}

fn hooks_are_there(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let Some(hooks) = bundle.document().root().get("hooks") else { return };
    let lists = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
    let lists = lists.into_iter().filter_map(|list| hooks.get(list)).flat_map(|list| list.elements());
    let paths = strings(lists.filter_map(|hook| hook.get("path")));
    for (node, path) in paths.filter(|(_, path)| is_absolute(path)) {
        if host.has_program(path) == Presence::Absent {
            sink.add(node, "there is no such program on this host");
        }
    }
}

fn sources_are_there(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let sources = mounts(bundle.document().root()).filter(|mount| mount.is_bind);
    for (node, path) in strings(sources.filter_map(|mount| mount.source)) {
        let presence = match bundle.directory() {
            _ if is_absolute(path) => host.has(path),
            Some(directory) => Presence::at(&directory.join(path)),
            None => Presence::Unknown,
        };
        if presence == Presence::Absent {
            sink.add(node, "there is nothing to bind at this path");
        }
    }
}

fn types_are_known(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let Ok(list) = host.text("/proc/filesystems") else { return };
    let known: HashSet<&str> = list.lines().filter_map(|line| line.split_ascii_whitespace().last()).collect();
    let all = mounts(bundle.document().root()).filter(|mount| !mount.is_bind);
    for (node, name) in strings(all.filter_map(|mount| mount.kind)) {
        // "none" is for changes of a mount; "cgroup" is mounted as v2 where there is no v1; of
        // "fuse.x" the kernel sees "fuse".
        let kernel = name.split('.').next().unwrap_or_default();
        if !known.contains(kernel) && !matches!(name, "" | "none" | "cgroup") {
            sink.add(node, "this kernel does not have this file system loaded");
        }
    }
}

fn labels_can_be_used(bundle: &Bundle, host: &Host, sink: &mut Sink<'_>) {
    let Some(process) = bundle.document().root().get("process") else { return };
    for (node, profile) in strings(process.get("apparmorProfile").into_iter()) {
        if matches!(profile, "" | "unconfined") {
            continue;
        }
        let enabled =
            host.text("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.trim() == "Y");
        let profiles = host.text("/sys/kernel/security/apparmor/profiles");
        let loaded = |text: &str| {
            text.lines().any(|line| line.rsplit_once(" (").is_some_and(|(name, _)| name == profile))
        };
        match profiles {
            _ if !enabled => sink.add(node, "this host has no AppArmor"),
            Ok(text) if !loaded(&text) => sink.add(node, "this profile is not loaded"),
            // The list is for root to read.
            _ => {}
        }
    }
    let label = strings(process.get("selinuxLabel").into_iter()).find(|(_, label)| !label.is_empty());
    if let Some((node, _)) = label.filter(|_| host.has("/sys/fs/selinux/enforce") == Presence::Absent) {
        sink.add(node, "this host has no SELinux");
    }
}
