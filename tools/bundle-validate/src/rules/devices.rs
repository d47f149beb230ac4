//! Devices: config-linux.md#devices and #network-devices.

use super::Check::{Document, Structure};
use super::rules;
use super::shape::{INT64, STRING, Shape, UINT32, optional, required};
use crate::Profile::Strict;
use crate::Severity::{Error, Warning};
use crate::json::Node;
use crate::report::Sink;
use std::collections::HashSet;

pub(super) static DEVICES: Shape = Shape::Array(&Shape::Object(&[
    required("type", &Shape::Word(&["c", "b", "u", "p"]), &DEVICE),
    required("path", &STRING, &DEVICE),
    optional("major", &INT64, &DEVICE),
    optional("minor", &INT64, &DEVICE),
    optional("fileMode", &UINT32, &NODE),
    optional("uid", &UINT32, &NODE),
    optional("gid", &UINT32, &NODE),
]));

pub(super) static NET_DEVICES: Shape = Shape::Map(&Shape::Object(&[optional("name", &STRING, &NET_DEVICE)]));

rules! {
    DEVICE {
        id: "OCI-L7",
        severity: Error,
        section: "config-linux.md#devices",
        explanation: "A device needs a type (c, b, u or p) and a path, and unless it is a FIFO its numbers.",
        check: Document(devices_have_numbers),
        bad: &[
            r#"{"linux": {"devices": [{"path": "/dev/x", "type": "c", "major": 1}]}}"#,
            r#"{"linux": {"devices": [{"path": "/dev/x", "type": "a", "major": 1, "minor": 1}]}}"#,
            r#"{"linux": {"devices": [{"type": "p"}]}}"#,
        ],
        good: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "p"}, {"path": "/dev/y", "type": "b", "major": 8, "minor": 0}]}}"#],
    }
    TWICE {
        id: "OCI-L9",
        severity: Warning,
        section: "config-linux.md#devices",
        explanation: "The same type and numbers should not be used for two devices.",
        error_under: &[Strict],
        check: Document(numbers_are_unique),
        bad: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}, {"path": "/dev/y", "type": "u", "major": 1, "minor": 3}]}}"#],
        good: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "c", "major": 1, "minor": 3}, {"path": "/dev/y", "type": "b", "major": 1, "minor": 3}]}}"#],
    }
    NODE {
        id: "OCI-L10",
        severity: Error,
        section: "config-linux.md#devices",
        explanation: "fileMode, uid and gid of a device are uint32, so the mode is a decimal number.",
        check: Structure,
        bad: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "p", "fileMode": "0666"}]}}"#],
        good: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "p", "fileMode": 438, "uid": 0}]}}"#],
    }
    MODE {
        id: "OCI-L10-MODE",
        severity: Warning,
        section: "config-linux.md#devices",
        explanation: "A file mode has twelve bits; runtimes drop the others, which some engines write as the type of the file.",
        check: Document(modes_are_permissions),
        bad: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "p", "fileMode": 8630}]}}"#],
        good: &[r#"{"linux": {"devices": [{"path": "/dev/x", "type": "p", "fileMode": 4095}]}}"#],
    }
    NET_DEVICE {
        id: "OCI-L11",
        severity: Error,
        section: "config-linux.md#network-devices",
        explanation: "netDevices is a map from names on the host to objects with the name in the container.",
        check: Structure,
        bad: &[r#"{"linux": {"netDevices": ["eth0"]}}"#, r#"{"linux": {"netDevices": {"eth0": {"name": 0}}}}"#],
        good: &[r#"{"linux": {"netDevices": {"eth0": {}, "eth1": {"name": "lan%d"}}}}"#],
    }
}

pub(super) fn devices(config: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    config.at("/linux/devices").into_iter().flat_map(|devices| devices.elements())
}

pub(super) fn kind(device: Node<'_>) -> Option<&str> {
    device.get("type").and_then(|node| node.as_str())
}

fn devices_have_numbers(config: Node<'_>, sink: &mut Sink<'_>) {
    for device in devices(config).filter(|device| matches!(kind(*device), Some("c" | "b" | "u"))) {
        for number in ["major", "minor"].iter().filter(|number| device.get(number).is_none()) {
            sink.add(device, format!("`{number}` is required unless the type is p"));
        }
    }
}

fn numbers_are_unique(config: Node<'_>, sink: &mut Sink<'_>) {
    let mut seen = HashSet::new();
    for device in devices(config) {
        let kind = match kind(device) {
            Some("c" | "u") => 'c',
            Some("b") => 'b',
            _ => continue,
        };
        let number = |name| device.get(name).and_then(|node| node.as_i64());
        let (Some(major), Some(minor)) = (number("major"), number("minor")) else { continue };
        if !seen.insert((kind, major, minor)) {
            sink.add(device, format!("there is a device {kind} {major}:{minor} already"));
        }
    }
}

fn modes_are_permissions(config: Node<'_>, sink: &mut Sink<'_>) {
    for mode in devices(config).filter_map(|device| device.get("fileMode")) {
        if let Some(bits) = mode.as_u64().filter(|bits| bits & !0o7777 != 0) {
            sink.add(mode, format!("only 0{:o} of 0{bits:o} are permissions", bits & 0o7777));
        }
    }
}
