//! Namespaces, id maps, devices and sysctls, beyond the specification.

use crate::Profile::{Crun, Runc};
use crate::Severity::Warning;
use crate::json::Node;
use crate::report::Sink;
use crate::rules::Check::Document;
use crate::rules::devices::{devices, kind};
use crate::rules::forms::{excerpt, is_normal};
use crate::rules::{namespaces, rules};

rules! {
    USER {
        id: "OCI-L5-NAMESPACE",
        severity: Warning,
        section: "config-linux.md#user-namespace-mappings",
        explanation: "Id mappings are of a user namespace; without one they are not used.",
        check: Document(mappings_have_a_namespace),
        bad: &[r#"{"linux": {"uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}}"#],
        good: &[r#"{"linux": {"namespaces": [{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}],
            "gidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}}"#],
    }
    MAPPINGS {
        id: "OCI-L5-MAPPINGS",
        severity: Warning,
        section: "config-linux.md#user-namespace-mappings",
        explanation: "A new user namespace is of no use without id mappings.",
        error_under: &[Runc],
        check: Document(namespaces_have_mappings),
        bad: &[r#"{"linux": {"namespaces": [{"type": "user"}]}}"#],
        good: &[
            r#"{"linux": {"namespaces": [{"type": "user", "path": "/proc/1/ns/user"}]}}"#,
            r#"{"linux": {"namespaces": [{"type": "user"}], "uidMappings": [{"containerID": 0, "hostID": 0, "size": 1}],
                "gidMappings": [{"containerID": 0, "hostID": 0, "size": 1}]}}"#,
        ],
    }
    RANGES {
        id: "OCI-L5-RANGE",
        severity: Warning,
        section: "config-linux.md#user-namespace-mappings",
        explanation: "The kernel takes at most 340 ranges of ids, none of them empty, beyond the last id or across another.",
        error_under: &[Runc, Crun],
        check: Document(ranges_are_apart),
        bad: &[
            r#"{"linux": {"uidMappings": [{"containerID": 0, "hostID": 0, "size": 0}]}}"#,
            r#"{"linux": {"uidMappings": [{"containerID": 0, "hostID": 4294967295, "size": 2}]}}"#,
            r#"{"linux": {"gidMappings": [{"containerID": 0, "hostID": 10, "size": 2}, {"containerID": 1, "hostID": 20, "size": 2}]}}"#,
            r#"{"linux": {"gidMappings": [{"containerID": 0, "hostID": 10, "size": 2}, {"containerID": 5, "hostID": 9, "size": 2}]}}"#,
        ],
        good: &[r#"{"linux": {"uidMappings": [{"containerID": 0, "hostID": 10, "size": 2}, {"containerID": 2, "hostID": 8, "size": 2}]}}"#],
    }
    NANOSECONDS {
        id: "OCI-L6-RANGE",
        severity: Warning,
        section: "config-linux.md#offset-for-time-namespace",
        explanation: "The nanoseconds of an offset are less than a second; the kernel refuses more.",
        error_under: &[Runc, Crun],
        check: Document(nanoseconds_are_less_than_a_second),
        bad: &[r#"{"linux": {"timeOffsets": {"boottime": {"nanosecs": 1000000000}}}}"#],
        good: &[r#"{"linux": {"timeOffsets": {"boottime": {"nanosecs": 999999999}}}}"#],
    }
    TIME {
        id: "OCI-L6-NAMESPACE",
        severity: Warning,
        section: "config-linux.md#offset-for-time-namespace",
        explanation: "Offsets are of a new time namespace.",
        error_under: &[Runc],
        check: Document(offsets_have_a_namespace),
        bad: &[
            r#"{"linux": {"timeOffsets": {"boottime": {"secs": 1}}}}"#,
            r#"{"linux": {"namespaces": [{"type": "time", "path": "/proc/1/ns/time"}], "timeOffsets": {"boottime": {"secs": 1}}}}"#,
        ],
        good: &[r#"{"linux": {"namespaces": [{"type": "time"}], "timeOffsets": {"boottime": {"secs": 1}}}}"#],
    }
    DEVICE_PATH {
        id: "OCI-L7-PATH",
        severity: Warning,
        section: "config-linux.md#devices",
        explanation: "The path of a device is absolute and normal, in the container.",
        check: Document(device_paths_are_normal),
        bad: &[
            r#"{"linux": {"devices": [{"path": "dev/x", "type": "p"}]}}"#,
            r#"{"linux": {"devices": [{"path": "/dev/../x", "type": "p"}]}}"#,
        ],
        good: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "p"}]}}"#],
    }
    DEVICE_NUMBER {
        id: "OCI-L7-RANGE",
        severity: Warning,
        section: "config-linux.md#devices",
        explanation: "Linux has major numbers up to 4095 and minor numbers up to 1048575.",
        check: Document(device_numbers_fit),
        bad: &[
            r#"{"linux": {"devices": [{"path": "/dev/x", "type": "c", "major": 4096, "minor": 0}]}}"#,
            r#"{"linux": {"devices": [{"path": "/dev/x", "type": "b", "major": 8, "minor": -1}]}}"#,
        ],
        good: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "c", "major": 0, "minor": 1048575}]}}"#],
    }
    INTERFACE {
        id: "OCI-L11-NAME",
        severity: Warning,
        section: "config-linux.md#network-devices",
        explanation: "The kernel names interfaces with 1 to 15 bytes, without slash, colon or blank.",
        error_under: &[Runc],
        check: Document(interfaces_have_names),
        bad: &[
            r#"{"linux": {"netDevices": {"sixteen-bytes-xx": {}}}}"#,
            r#"{"linux": {"netDevices": {"eth0": {"name": "a/b"}}}}"#,
            r#"{"linux": {"netDevices": {"..": {}}}}"#,
        ],
        good: &[r#"{"linux": {"netDevices": {"fifteen-bytes-x": {"name": "lan%d"}}}}"#],
    }
    NETWORK {
        id: "OCI-L11-NAMESPACE",
        severity: Warning,
        section: "config-linux.md#network-devices",
        explanation: "Network devices are moved into a network namespace of the container.",
        error_under: &[Runc],
        check: Document(net_devices_have_a_namespace),
        bad: &[r#"{"linux": {"netDevices": {"eth0": {}}}}"#],
        good: &[r#"{"linux": {"namespaces": [{"type": "network"}], "netDevices": {"eth0": {}}}}"#],
    }
    GROUP {
        id: "OCI-L24-CLOSID",
        severity: Warning,
        section: "config-linux.md#intelrdt",
        explanation: "closID becomes the name of a directory.",
        error_under: &[Runc],
        check: Document(group_is_a_name),
        bad: &[r#"{"linux": {"intelRdt": {"closID": "a/b"}}}"#, r#"{"linux": {"intelRdt": {"closID": ".."}}}"#],
        good: &[r#"{"linux": {"intelRdt": {"closID": "a.b"}}}"#],
    }
    SYSCTL {
        id: "OCI-L28-NAMESPACE",
        severity: Warning,
        section: "config-linux.md#sysctl",
        explanation: "A sysctl that no namespace of the container has of its own would be changed for the whole host.",
        error_under: &[Runc, Crun],
        check: Document(sysctls_have_a_namespace),
        bad: &[
            r#"{"linux": {"sysctl": {"vm.swappiness": "1"}, "namespaces": [{"type": "ipc"}]}}"#,
            r#"{"linux": {"sysctl": {"net.ipv4.ip_forward": "1"}}}"#,
        ],
        good: &[r#"{"linux": {"sysctl": {"net.ipv4.ip_forward": "1", "kernel.shm_rmid_forced": "1", "fs/mqueue/msg_max": "1"},
            "namespaces": [{"type": "network"}, {"type": "ipc"}]}}"#],
    }
    PATHS {
        id: "OCI-L36-NAMESPACE",
        severity: Warning,
        section: "config-linux.md#masked-paths",
        explanation: "Without a mount namespace of the container's own the host's paths would be masked.",
        error_under: &[Runc],
        check: Document(paths_have_a_namespace),
        bad: &[r#"{"linux": {"maskedPaths": ["/proc/kcore"]}}"#],
        good: &[r#"{"linux": {"maskedPaths": ["/proc/kcore"], "readonlyPaths": ["/proc/sys"], "namespaces": [{"type": "mount"}]}}"#],
    }
}

fn mappings(config: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let lists = ["/linux/uidMappings", "/linux/gidMappings"].into_iter();
    lists.filter_map(move |list| config.at(list)).filter(|list| list.len() > 0)
}

fn mappings_have_a_namespace(config: Node<'_>, sink: &mut Sink<'_>) {
    if !namespaces::has(config, "user") {
        mappings(config).for_each(|list| sink.add_at_key(list, "there is no `user` namespace"));
    }
}

fn namespaces_have_mappings(config: Node<'_>, sink: &mut Sink<'_>) {
    let new = namespaces::find(config, "user").filter(|user| user.get("path").is_none());
    if let Some(user) = new.filter(|_| mappings(config).next().is_none()) {
        sink.add(user, "there are no `uidMappings` and `gidMappings` for it");
    }
}

fn ranges_are_apart(config: Node<'_>, sink: &mut Sink<'_>) {
    let own = ["/linux/uidMappings", "/linux/gidMappings"].map(|list| config.at(list));
    let mounts = config.get("mounts").into_iter().flat_map(|mounts| mounts.elements());
    let of_mounts = mounts.flat_map(|mount| ["uidMappings", "gidMappings"].map(|list| mount.get(list)));
    for list in own.into_iter().chain(of_mounts).flatten() {
        if list.len() > 340 {
            sink.add_at_key(list, format!("{} ranges, the kernel takes 340", list.len()));
        }
        for side in ["containerID", "hostID"] {
            side_is_apart(list, side, sink);
        }
        for size in list.elements().filter_map(|range| range.get("size")) {
            if size.as_u64() == Some(0) {
                sink.add(size, "the range is empty");
            }
        }
    }
}

/// The ranges of a list on one side of the map.
fn side_is_apart(list: Node<'_>, side: &str, sink: &mut Sink<'_>) {
    let mut ranges: Vec<(u64, u64, Node<'_>)> = vec![];
    for range in list.elements() {
        let number =
            |name| range.get(name).and_then(|node| node.as_u64()).filter(|number| *number <= u32::MAX.into());
        let (Some(first), Some(size)) = (number(side), number("size")) else { continue };
        let end = first + size;
        if end > 1 << 32 {
            sink.add(range, format!("the range goes beyond the last `{side}`"));
        }
        ranges.push((first, end, range));
    }
    ranges.sort_by_key(|(first, _, node)| (*first, node.id()));
    let mut reached = 0;
    for (first, end, range) in ranges.into_iter().filter(|(first, end, _)| end > first) {
        if first < reached {
            sink.add(range, format!("`{side}` lies within another range"));
        }
        reached = reached.max(end);
    }
}

fn clocks(config: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    config.at("/linux/timeOffsets").into_iter().flat_map(Node::children)
}

fn nanoseconds_are_less_than_a_second(config: Node<'_>, sink: &mut Sink<'_>) {
    for node in clocks(config).filter_map(|clock| clock.get("nanosecs")) {
        if node.as_u64().is_some_and(|nanoseconds| nanoseconds >= 1_000_000_000) {
            sink.add(node, "this is a second or more");
        }
    }
}

fn offsets_have_a_namespace(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(offsets) = config.at("/linux/timeOffsets").filter(|offsets| offsets.len() > 0) else { return };
    match namespaces::find(config, "time") {
        None => sink.add_at_key(offsets, "there is no `time` namespace"),
        Some(time) if time.get("path").is_some() => {
            sink.add_at_key(offsets, "the `time` namespace is not new: its clocks are set already");
        }
        Some(_) => {}
    }
}

fn device_paths_are_normal(config: Node<'_>, sink: &mut Sink<'_>) {
    for path in devices(config).filter_map(|device| device.get("path")) {
        if path.as_str().is_some_and(|text| !is_normal(text) || text == "/") {
            sink.add(path, "expected an absolute path without empty, '.' and '..' parts");
        }
    }
}

fn device_numbers_fit(config: Node<'_>, sink: &mut Sink<'_>) {
    for device in devices(config).filter(|device| matches!(kind(*device), Some("c" | "b" | "u"))) {
        for (name, most) in [("major", 4095), ("minor", 1_048_575)] {
            let number = device.get(name).and_then(|node| Some((node, node.as_i64()?)));
            if let Some((node, _)) = number.filter(|(_, number)| !(0..=most).contains(number)) {
                sink.add(node, format!("expected a {name} number from 0 to {most}"));
            }
        }
    }
}

fn interfaces_have_names(config: Node<'_>, sink: &mut Sink<'_>) {
    let wrong = |name: &str| {
        !(1..=15).contains(&name.len())
            || matches!(name, "." | "..")
            || name.contains(|c: char| c == '/' || c == ':' || c.is_ascii_whitespace())
    };
    for device in config.at("/linux/netDevices").into_iter().flat_map(|devices| devices.members()) {
        if wrong(device.key) {
            sink.add_at_key(device.value, format!("{} is no name of an interface", excerpt(device.key)));
        }
        let name = device.value.get("name").and_then(|node| Some((node, node.as_str()?)));
        if let Some((node, _)) = name.filter(|(_, name)| !name.is_empty() && wrong(name)) {
            sink.add(node, format!("{} is no name of an interface", excerpt(node.raw())));
        }
    }
}

fn net_devices_have_a_namespace(config: Node<'_>, sink: &mut Sink<'_>) {
    let devices = config.at("/linux/netDevices").filter(|devices| devices.len() > 0);
    if let Some(devices) = devices.filter(|_| !namespaces::has(config, "network")) {
        sink.add_at_key(devices, "there is no `network` namespace");
    }
}

fn group_is_a_name(config: Node<'_>, sink: &mut Sink<'_>) {
    let group = config.at("/linux/intelRdt/closID").and_then(|node| Some((node, node.as_str()?)));
    if let Some((node, _)) =
        group.filter(|(_, name)| matches!(*name, "." | "..") || name.contains(['/', '\n']))
    {
        sink.add(node, "expected the name of a directory");
    }
}

/// The type of the namespace that has a sysctl of its own.
fn namespace_of(sysctl: &str) -> Option<&'static str> {
    let mut parts = sysctl.split(['.', '/']);
    match (parts.next()?, parts.next().unwrap_or_default()) {
        ("net", _) => Some("network"),
        ("user", _) => Some("user"),
        ("fs", "mqueue") => Some("ipc"),
        ("kernel", "domainname" | "hostname") => Some("uts"),
        ("kernel", "auto_msgmni" | "sem") => Some("ipc"),
        ("kernel", name) if name.starts_with("msg") || name.starts_with("shm") => Some("ipc"),
        _ => None,
    }
}

fn sysctls_have_a_namespace(config: Node<'_>, sink: &mut Sink<'_>) {
    let own = ["network", "user", "ipc", "uts"].map(|kind| (kind, namespaces::has(config, kind)));
    for sysctl in config.at("/linux/sysctl").into_iter().flat_map(|sysctls| sysctls.members()) {
        match namespace_of(sysctl.key) {
            None => sink.add_at_key(sysctl.value, "no namespace has this sysctl of its own"),
            Some(kind) if !own.contains(&(kind, true)) => {
                sink.add_at_key(
                    sysctl.value,
                    format!("there is no `{kind}` namespace, which has this sysctl"),
                );
            }
            Some(_) => {}
        }
    }
}

fn paths_have_a_namespace(config: Node<'_>, sink: &mut Sink<'_>) {
    if namespaces::has(config, "mount") {
        return;
    }
    let lists = ["/linux/maskedPaths", "/linux/readonlyPaths"].into_iter().filter_map(|list| config.at(list));
    for list in lists.filter(|list| list.len() > 0) {
        sink.add_at_key(list, "there is no `mount` namespace");
    }
}
