//! Namespaces, id mappings and clocks: config-linux.md#namespaces and what follows it.

use super::Check::{Document, Structure};
use super::forms::ABSOLUTE;
use super::platform::ZOS_NAMESPACE;
use super::rules;
use super::shape::{INT64, Shape, UINT32, optional, required};
use crate::Severity::Error;
use crate::json::Node;
use crate::report::Sink;
use std::collections::HashSet;

pub(super) static NAMESPACES: Shape =
    Shape::Array(&Shape::Object(&[required("type", &TYPES, &TYPE), optional("path", &ABSOLUTE, &PATH)]));

static TYPES: Shape = Shape::Word(&["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"]);

pub(super) static ZOS_NAMESPACES: Shape = Shape::Array(&Shape::Object(&[
    required("type", &Shape::Word(&["pid", "mount", "ipc", "uts"]), &ZOS_NAMESPACE),
    optional("path", &ABSOLUTE, &ZOS_NAMESPACE),
]));

pub(super) static MAPPINGS: Shape = Shape::Array(&Shape::Object(&[
    required("containerID", &UINT32, &MAPPING),
    required("hostID", &UINT32, &MAPPING),
    required("size", &UINT32, &MAPPING),
]));

pub(super) static TIME_OFFSETS: Shape = Shape::Map(&OFFSET);

static OFFSET: Shape =
    Shape::Object(&[optional("secs", &INT64, &CLOCK), optional("nanosecs", &UINT32, &CLOCK)]);

rules! {
    TYPE {
        id: "OCI-L1",
        severity: Error,
        section: "config-linux.md#namespaces",
        explanation: "A namespace needs one of the eight types of Linux.",
        check: Structure,
        bad: &[r#"{"linux": {"namespaces": [{}]}}"#, r#"{"linux": {"namespaces": [{"type": "net"}]}}"#, r#"{"linux": {"namespaces": {"pid": ""}}}"#],
        good: &[r#"{"linux": {"namespaces": [{"type": "network"}, {"type": "time"}]}}"#],
    }
    PATH {
        id: "OCI-L2",
        severity: Error,
        section: "config-linux.md#namespaces",
        explanation: "The path of a namespace to join has to be absolute.",
        check: Structure,
        bad: &[r#"{"linux": {"namespaces": [{"type": "pid", "path": "proc/1/ns/pid"}]}}"#],
        good: &[r#"{"linux": {"namespaces": [{"type": "pid", "path": "/proc/1/ns/pid"}]}}"#],
    }
    TWICE {
        id: "OCI-L4",
        severity: Error,
        section: "config-linux.md#namespaces",
        explanation: "There may be one namespace of each type.",
        check: Document(types_are_unique),
        bad: &[r#"{"linux": {"namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "pid"}]}}"#],
        good: &[r#"{"linux": {"namespaces": [{"type": "pid"}, {"type": "ipc"}]}}"#],
    }
    MAPPING {
        id: "OCI-L5",
        severity: Error,
        section: "config-linux.md#user-namespace-mappings",
        explanation: "An id mapping needs containerID, hostID and size, all uint32.",
        check: Structure,
        bad: &[
            r#"{"linux": {"uidMappings": [{"containerID": 0, "size": 1}]}}"#,
            r#"{"linux": {"gidMappings": [{"containerID": 0, "hostID": -1, "size": 1}]}}"#,
        ],
        good: &[r#"{"linux": {"uidMappings": [{"containerID": 0, "hostID": 100000, "size": 65536}]}}"#],
    }
    CLOCK {
        id: "OCI-L6",
        severity: Error,
        section: "config-linux.md#offset-for-time-namespace",
        explanation: "The clocks monotonic and boottime have offsets: secs, an int64, and nanosecs, a uint32.",
        check: Document(clocks_are_known),
        bad: &[
            r#"{"linux": {"timeOffsets": {"monotonic": {"secs": "1"}}}}"#,
            r#"{"linux": {"timeOffsets": {"realtime": {"secs": 1}}}}"#,
            r#"{"linux": {"timeOffsets": {"boottime": {"nanosecs": -1}}}}"#,
        ],
        good: &[r#"{"linux": {"timeOffsets": {"monotonic": {"secs": -1}, "boottime": {"nanosecs": 1}}}}"#],
    }
}

/// Whether a Linux document has a namespace of this type.
pub(super) fn has(config: Node<'_>, wanted: &str) -> bool {
    find(config, wanted).is_some()
}

/// The namespace of this type of a Linux document.
pub(super) fn find<'d>(config: Node<'d>, wanted: &str) -> Option<Node<'d>> {
    let mut namespaces = config.at("/linux/namespaces").into_iter().flat_map(|list| list.elements());
    namespaces.find(|namespace| namespace.get("type").and_then(|node| node.as_str()) == Some(wanted))
}

fn types_are_unique(config: Node<'_>, sink: &mut Sink<'_>) {
    duplicate_types(config.at("/linux/namespaces"), sink);
}

fn clocks_are_known(config: Node<'_>, sink: &mut Sink<'_>) {
    let clocks = config.at("/linux/timeOffsets").into_iter().flat_map(|clocks| clocks.members());
    for clock in clocks.filter(|clock| !matches!(clock.key, "monotonic" | "boottime")) {
        sink.add_at_key(clock.value, "time namespaces have the clocks monotonic and boottime");
    }
}

pub(super) fn duplicate_types(namespaces: Option<Node<'_>>, sink: &mut Sink<'_>) {
    let mut seen = HashSet::new();
    let entries = namespaces.into_iter().flat_map(|list| list.elements());
    let types = entries.filter_map(|entry| entry.get("type")).filter_map(|node| Some((node, node.as_str()?)));
    for (node, _) in types.filter(|(_, name)| !seen.insert(*name)) {
        sink.add(node, "there is a namespace of this type already");
    }
}
