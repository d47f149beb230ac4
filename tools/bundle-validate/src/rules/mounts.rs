//! Mounts: config.md#mounts.

use super::Check::{Document, Mount as OfMount, Structure};
use super::platform::Platform;
use super::shape::{Field, STRING, STRINGS, Shape, UINT32, optional, required};
use super::{forms, namespaces, rules};
use crate::Profile::Strict;
use crate::Severity::{Error, Warning};
use crate::SpecVersion::{V1_1_0, V1_2_0};
use crate::json::Node;
use crate::report::Sink;

pub(super) static MOUNTS: Shape = Shape::Array(&Shape::Object(FIELDS));

static FIELDS: &[Field] = &[
    required("destination", &STRING, &LIST),
    optional("source", &STRING, &LIST),
    optional("type", &STRING, &TYPE),
    optional("options", &STRINGS, &OPTIONS),
    optional("uidMappings", &MAPPINGS, &PAIRS).since(V1_1_0),
    optional("gidMappings", &MAPPINGS, &PAIRS).since(V1_1_0),
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
        check: OfMount(destinations_are_absolute),
        bad: &[r#"{"linux": null, "zos": {}, "mounts": [{"destination": "a"}]}"#],
        good: &[
            r#"{"linux": null, "zos": {}, "mounts": [{"destination": "/a"}]}"#,
            r#"{"mounts": [{"destination": "a"}]}"#,
            r#"{"root": null, "linux": null, "windows": {"layerFolders": ["x"], "hyperv": {}}, "mounts": [{"destination": "C:\\a"}]}"#,
        ],
    }
    BEFORE_1_2 {
        id: "OCI-M2-LINUX",
        severity: Error,
        section: "config.md#mounts",
        explanation: "Before version 1.2.0 destinations had to be absolute on Linux too.",
        until: Some(V1_2_0),
        check: OfMount(destinations_should_be_absolute),
        bad: &[r#"{"ociVersion": "1.0.2", "mounts": [{"destination": "a"}]}"#],
        good: &[r#"{"ociVersion": "1.2.0", "mounts": [{"destination": "a"}]}"#],
    }
    RELATIVE {
        id: "OCI-M2-RELATIVE",
        severity: Warning,
        section: "config.md#mounts",
        explanation: "On Linux a destination should be absolute; a relative one means a path from / and is deprecated.",
        since: V1_2_0,
        error_under: &[Strict],
        check: OfMount(destinations_should_be_absolute),
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
        check: OfMount(idmap_has_mappings),
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
        check: OfMount(mappings_go_together),
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
        since: V1_2_0,
        error_under: &[Strict],
        check: OfMount(mappings_are_used),
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

/// A mount, its members looked up once for all rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mount<'d> {
    /// Of the document.
    pub(super) platform: Platform,
    /// Whether the document has a user namespace.
    pub(super) in_user_namespace: bool,
    pub(super) destination: Option<(Node<'d>, &'d str)>,
    pub(super) source: Option<Node<'d>>,
    /// The member `type`.
    pub(super) kind: Option<Node<'d>>,
    pub(super) options: Option<Node<'d>>,
    pub(super) uid_mappings: Option<Node<'d>>,
    pub(super) gid_mappings: Option<Node<'d>>,
    /// Its option idmap or ridmap.
    pub(super) idmap: Option<Node<'d>>,
    pub(super) is_bind: bool,
}

impl<'d> Mount<'d> {
    fn of(mount: Node<'d>, platform: Platform, in_user_namespace: bool) -> Self {
        let mut found = Mount {
            platform,
            in_user_namespace,
            destination: None,
            source: None,
            kind: None,
            options: None,
            uid_mappings: None,
            gid_mappings: None,
            idmap: None,
            is_bind: false,
        };
        for member in mount.members() {
            let value = Some(member.value);
            match member.key {
                "destination" => found.destination = member.value.as_str().map(|path| (member.value, path)),
                "source" => found.source = value,
                "type" => found.kind = value,
                "options" => found.options = value,
                "uidMappings" => found.uid_mappings = value,
                "gidMappings" => found.gid_mappings = value,
                _ => {}
            }
        }
        found.is_bind = found.kind.and_then(|kind| kind.as_str()) == Some("bind");
        for (node, option) in found.options() {
            match option {
                "bind" | "rbind" => found.is_bind = true,
                "idmap" | "ridmap" => found.idmap = found.idmap.or(Some(node)),
                _ => {}
            }
        }
        found
    }

    pub(super) fn options(&self) -> impl Iterator<Item = (Node<'d>, &'d str)> + use<'d> {
        strings(self.options)
    }
}

/// The strings of an array.
pub(super) fn strings(array: Option<Node<'_>>) -> impl Iterator<Item = (Node<'_>, &str)> {
    let elements = array.into_iter().flat_map(|array| array.elements());
    elements.filter_map(|element| Some((element, element.as_str()?)))
}

/// The mounts of a document.
pub(crate) fn mounts(config: Node<'_>) -> impl Iterator<Item = Mount<'_>> {
    let (platform, in_user_namespace) = (Platform::of(config), namespaces::has(config, "user"));
    elements(config).map(move |mount| Mount::of(mount, platform, in_user_namespace))
}

fn elements(config: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    config.get("mounts").into_iter().flat_map(|mounts| mounts.elements())
}

/// Their destinations alone.
pub(super) fn destinations(config: Node<'_>) -> impl Iterator<Item = (Node<'_>, &str)> {
    let destinations = elements(config).filter_map(|mount| mount.get("destination"));
    destinations.filter_map(|destination| Some((destination, destination.as_str()?)))
}

fn destinations_are_absolute(mount: &Mount<'_>, sink: &mut Sink<'_>) {
    let absolute = match mount.platform {
        Platform::Linux => return,
        Platform::Posix => forms::is_absolute,
        Platform::Windows => super::windows::is_absolute,
    };
    if let Some((node, _)) = mount.destination.filter(|(_, path)| !absolute(path)) {
        sink.add(node, "the destination has to be absolute");
    }
}

fn destinations_should_be_absolute(mount: &Mount<'_>, sink: &mut Sink<'_>) {
    let relative = mount.destination.filter(|(_, path)| !forms::is_absolute(path));
    if let Some((node, _)) = relative.filter(|_| mount.platform == Platform::Linux) {
        sink.add(node, "the destination is relative; it will be taken from /");
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

fn idmap_has_mappings(mount: &Mount<'_>, sink: &mut Sink<'_>) {
    let Some(option) = mount.idmap else { return };
    let own = mount.uid_mappings.or(mount.gid_mappings).is_some();
    if !own && !mount.in_user_namespace {
        sink.add(option, "there are no mappings: neither of this mount nor of a user namespace");
    }
}

fn mappings_go_together(mount: &Mount<'_>, sink: &mut Sink<'_>) {
    match (mount.uid_mappings, mount.gid_mappings) {
        (Some(one), None) => sink.add_at_key(one, "`gidMappings` is missing"),
        (None, Some(one)) => sink.add_at_key(one, "`uidMappings` is missing"),
        _ => {}
    }
}

fn mappings_are_used(mount: &Mount<'_>, sink: &mut Sink<'_>) {
    let mappings = mount.uid_mappings.or(mount.gid_mappings);
    if let Some(mappings) = mappings.filter(|_| mount.idmap.is_none()) {
        sink.add_at_key(mappings, "the mount has mappings but neither idmap nor ridmap among its options");
    }
}
