//! Mounts: config.md#mounts.

use super::Check::{Document, Structure};
use super::platform::Platform;
use super::shape::{Field, STRING, STRINGS, Shape, UINT32, optional, required};
use super::{forms, namespaces, rules};
use crate::Severity::{Error, Warning};
use crate::json::Node;
use crate::report::Sink;

pub(super) static MOUNTS: Shape = Shape::Array(&Shape::Object(FIELDS));

static FIELDS: &[Field] = &[
    required("destination", &STRING, &LIST),
    optional("source", &STRING, &LIST),
    optional("type", &STRING, &TYPE),
    optional("options", &STRINGS, &OPTIONS),
    optional("uidMappings", &MAPPINGS, &PAIRS),
    optional("gidMappings", &MAPPINGS, &PAIRS),
];

static MAPPINGS: Shape = Shape::Array(&Shape::Object(&[
    required("containerID", &UINT32, &PAIRS),
    required("hostID", &UINT32, &PAIRS),
    required("size", &UINT32, &PAIRS),
]));

rules! {
    LIST {
        id: "OCI-M1",
        severity: Error,
        section: "config.md#mounts",
        explanation: "mounts is an array of objects, each with a destination.",
        check: Structure,
        bad: &[r#"{"mounts": {}}"#, r#"{"mounts": [{"source": "a"}]}"#, r#"{"mounts": [{"destination": 1}]}"#],
        good: &[r#"{"mounts": [{"destination": "/a"}]}"#],
    }
    DESTINATION {
        id: "OCI-M2",
        severity: Error,
        section: "config.md#mounts",
        explanation: "Destinations have to be absolute on every platform but Linux.",
        check: Document(destinations_are_absolute),
        bad: &[r#"{"linux": null, "zos": {}, "mounts": [{"destination": "a"}]}"#],
        good: &[
            r#"{"linux": null, "zos": {}, "mounts": [{"destination": "/a"}]}"#,
            r#"{"mounts": [{"destination": "a"}]}"#,
            r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}}, "mounts": [{"destination": "C:\\a"}]}"#,
        ],
    }
    RELATIVE {
        id: "OCI-M2-RELATIVE",
        severity: Warning,
        section: "config.md#mounts",
        explanation: "On Linux a destination should be absolute; a relative one means a path from / and is deprecated.",
        check: Document(destinations_should_be_absolute),
        bad: &[r#"{"mounts": [{"destination": "a"}]}"#],
        good: &[r#"{"mounts": [{"destination": "/a"}]}"#],
    }
    NESTED {
        id: "OCI-M3",
        severity: Error,
        section: "config.md#mounts",
        explanation: "On Windows no destination may lie within another.",
        check: Document(windows_destinations_are_apart),
        bad: &[r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}},
            "mounts": [{"destination": "C:\\a\\b"}, {"destination": "c:/a"}]}"#],
        good: &[r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}},
            "mounts": [{"destination": "C:\\a"}, {"destination": "C:\\ab"}]}"#],
    }
    OPTIONS {
        id: "OCI-M4",
        severity: Error,
        section: "config.md#linux-mount-options",
        explanation: "Mount options are an array of strings.",
        check: Structure,
        bad: &[r#"{"mounts": [{"destination": "/a", "options": "ro,nosuid"}]}"#],
        good: &[r#"{"mounts": [{"destination": "/a", "options": ["ro", "nosuid"]}]}"#],
    }
    IDMAP {
        id: "OCI-M5",
        severity: Error,
        section: "config.md#linux-mount-options",
        explanation: "idmap and ridmap need mappings, of the mount itself or of a user namespace.",
        check: Document(idmap_has_mappings),
        bad: &[r#"{"mounts": [{"destination": "/a", "options": ["bind", "idmap"]}]}"#],
        good: &[
            r#"{"mounts": [{"destination": "/a", "options": ["bind", "ridmap"],
                "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
                "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]}"#,
            r#"{"mounts": [{"destination": "/a", "options": ["idmap"]}], "linux": {"namespaces": [{"type": "user"}]}}"#,
        ],
    }
    PAIRS {
        id: "OCI-M6",
        severity: Error,
        section: "config.md#posix-platform-mounts",
        explanation: "uidMappings and gidMappings of a mount go together; an entry has containerID, hostID and size.",
        check: Document(mappings_go_together),
        bad: &[
            r#"{"mounts": [{"destination": "/a", "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]}"#,
            r#"{"mounts": [{"destination": "/a", "uidMappings": [{"containerID": 0}], "gidMappings": []}]}"#,
        ],
        good: &[r#"{"mounts": [{"destination": "/a", "options": ["idmap"],
            "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
            "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]}"#],
    }
    UNUSED {
        id: "OCI-M7",
        severity: Warning,
        section: "config.md#posix-platform-mounts",
        explanation: "A mount with mappings should have the option idmap or ridmap.",
        check: Document(mappings_are_used),
        bad: &[r#"{"mounts": [{"destination": "/a", "uidMappings": [], "gidMappings": []}]}"#],
        good: &[r#"{"mounts": [{"destination": "/a", "uidMappings": [], "gidMappings": [], "options": ["idmap"]}]}"#],
    }
    TYPE {
        id: "OCI-M8",
        severity: Error,
        section: "config.md#posix-platform-mounts",
        explanation: "The type of a mount is a string.",
        check: Structure,
        bad: &[r#"{"mounts": [{"destination": "/a", "type": 1}]}"#],
        good: &[r#"{"mounts": [{"destination": "/a", "type": "tmpfs"}]}"#],
    }
}

fn mounts(config: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    config.get("mounts").into_iter().flat_map(|mounts| mounts.elements())
}

fn destinations(config: Node<'_>) -> impl Iterator<Item = (Node<'_>, &str)> {
    mounts(config)
        .filter_map(|mount| mount.get("destination"))
        .filter_map(|destination| Some((destination, destination.as_str()?)))
}

fn destinations_are_absolute(config: Node<'_>, sink: &mut Sink<'_>) {
    let absolute = match Platform::of(config) {
        Platform::Linux => return,
        Platform::Posix => forms::is_absolute,
        Platform::Windows => super::windows::is_absolute,
    };
    for (node, _) in destinations(config).filter(|(_, path)| !absolute(path)) {
        sink.add(node, "the destination has to be absolute");
    }
}

fn destinations_should_be_absolute(config: Node<'_>, sink: &mut Sink<'_>) {
    if Platform::of(config) == Platform::Linux {
        for (node, _) in destinations(config).filter(|(_, path)| !forms::is_absolute(path)) {
            sink.add(node, "the destination is relative; it will be taken from /");
        }
    }
}

fn windows_destinations_are_apart(config: Node<'_>, sink: &mut Sink<'_>) {
    if Platform::of(config) != Platform::Windows {
        return;
    }
    let mut sorted: Vec<(String, Node<'_>)> = destinations(config)
        .map(|(node, path)| (path.to_lowercase().replace('/', "\\").trim_end_matches('\\').to_owned(), node))
        .collect();
    // A path sorts right before what lies within it, if '\' sorts before all other characters.
    sorted.sort_by_cached_key(|(path, node)| (path.replace('\\', "\0"), node.id()));
    let mut outer: Option<String> = None;
    for (path, node) in sorted {
        let within = outer.as_ref().and_then(|outer| path.strip_prefix(outer.as_str()));
        if within.is_some_and(|rest| rest.is_empty() || rest.starts_with('\\')) {
            sink.add(node, "the destination lies within that of another mount");
        } else {
            outer = Some(path);
        }
    }
}

fn maps_ids(mount: Node<'_>) -> Option<Node<'_>> {
    let options = mount.get("options")?;
    options.elements().find(|option| matches!(option.as_str(), Some("idmap" | "ridmap")))
}

fn idmap_has_mappings(config: Node<'_>, sink: &mut Sink<'_>) {
    if namespaces::has(config, "user") {
        return;
    }
    for mount in mounts(config)
        .filter(|mount| mount.get("uidMappings").is_none() && mount.get("gidMappings").is_none())
    {
        if let Some(option) = maps_ids(mount) {
            sink.add(option, "there are no mappings: neither of this mount nor of a user namespace");
        }
    }
}

fn mappings_go_together(config: Node<'_>, sink: &mut Sink<'_>) {
    for mount in mounts(config) {
        match (mount.get("uidMappings"), mount.get("gidMappings")) {
            (Some(one), None) => sink.add_at_key(one, "`gidMappings` is missing"),
            (None, Some(one)) => sink.add_at_key(one, "`uidMappings` is missing"),
            _ => {}
        }
    }
}

fn mappings_are_used(config: Node<'_>, sink: &mut Sink<'_>) {
    for mount in mounts(config).filter(|mount| maps_ids(*mount).is_none()) {
        if let Some(mappings) = mount.get("uidMappings").or_else(|| mount.get("gidMappings")) {
            sink.add_at_key(
                mappings,
                "the mount has mappings but neither idmap nor ridmap among its options",
            );
        }
    }
}
