//! Platforms, and the sections of the small ones: Solaris, z/OS, FreeBSD.

use super::Check::{Document, Structure};
use super::namespaces::{ZOS_NAMESPACES, duplicate_types};
use super::rules;
use super::shape::{BOOL, Field, STRING, STRINGS, Shape, UINT32, optional, required};
use crate::Severity::{Error, Warning};
use crate::SpecVersion::V1_3_0;
use crate::json::Node;
use crate::report::Sink;

/// The platform that a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Platform {
    /// Linux: also when the document does not say.
    Linux,
    /// Another POSIX system.
    Posix,
    /// Windows.
    Windows,
}

impl Platform {
    /// The platform whose section a document has. With a `linux` section it is Linux, also if a
    /// Windows host runs it.
    pub(super) fn of(config: Node<'_>) -> Self {
        let has = |name| config.get(name).is_some();
        if has("linux") {
            Platform::Linux
        } else if has("windows") {
            Platform::Windows
        } else if has("solaris") || has("freebsd") || has("zos") {
            Platform::Posix
        } else {
            Platform::Linux
        }
    }
}

pub(super) static SOLARIS: Shape = Shape::Object(&[
    optional("milestone", &STRING, &SOLARIS_FIELDS),
    optional("limitpriv", &STRING, &SOLARIS_FIELDS),
    optional("maxShmMemory", &STRING, &SOLARIS_FIELDS),
    optional("cappedCPU", &Shape::Object(&[optional("ncpus", &STRING, &SOLARIS_FIELDS)]), &SOLARIS_FIELDS),
    optional("cappedMemory", &CAPPED_MEMORY, &SOLARIS_FIELDS),
    optional("anet", &Shape::Array(&ANET), &SOLARIS_FIELDS),
]);

static CAPPED_MEMORY: Shape = Shape::Object(&[
    optional("physical", &STRING, &SOLARIS_FIELDS),
    optional("swap", &STRING, &SOLARIS_FIELDS),
]);

static ANET: Shape = Shape::Object(&[
    optional("linkname", &STRING, &SOLARIS_FIELDS),
    optional("lowerLink", &STRING, &SOLARIS_FIELDS),
    optional("allowedAddress", &STRING, &SOLARIS_FIELDS),
    optional("configureAllowedAddress", &STRING, &SOLARIS_FIELDS),
    optional("defrouter", &STRING, &SOLARIS_FIELDS),
    optional("macAddress", &STRING, &SOLARIS_FIELDS),
    optional("linkProtection", &STRING, &SOLARIS_FIELDS),
]);

pub(super) static ZOS: Shape = Shape::Object(&[optional("namespaces", &ZOS_NAMESPACES, &ZOS_NAMESPACE)]);

pub(super) static FREEBSD: Shape = Shape::Object(&[
    optional("devices", &Shape::Array(&FREEBSD_DEVICE), &FREEBSD_DEVICES),
    optional("jail", &Shape::Object(JAIL), &FREEBSD_JAIL),
]);

static FREEBSD_DEVICE: Shape = Shape::Object(&[
    required("path", &STRING, &FREEBSD_DEVICES),
    optional("mode", &UINT32, &FREEBSD_DEVICES),
]);

static OWN: Shape = Shape::Word(&["new", "inherit"]);
static SHARING: Shape = Shape::Word(&["new", "inherit", "disable"]);

static JAIL: &[Field] = &[
    optional("parent", &STRING, &FREEBSD_JAIL),
    optional("host", &OWN, &FREEBSD_JAIL),
    optional("ip4", &SHARING, &FREEBSD_JAIL),
    optional("ip6", &SHARING, &FREEBSD_JAIL),
    optional("vnet", &OWN, &FREEBSD_JAIL),
    optional("sysvmsg", &SHARING, &FREEBSD_JAIL),
    optional("sysvsem", &SHARING, &FREEBSD_JAIL),
    optional("sysvshm", &SHARING, &FREEBSD_JAIL),
    optional("enforceStatfs", &Shape::Integer(0, 2), &FREEBSD_JAIL),
    optional("allow", &JAIL_ALLOW, &FREEBSD_JAIL),
];

static JAIL_ALLOW: Shape = Shape::Object(&[
    optional("setHostname", &BOOL, &FREEBSD_JAIL),
    optional("rawSockets", &BOOL, &FREEBSD_JAIL),
    optional("chflags", &BOOL, &FREEBSD_JAIL),
    optional("mount", &STRINGS, &FREEBSD_JAIL),
    optional("quotas", &BOOL, &FREEBSD_JAIL),
    optional("socketAf", &BOOL, &FREEBSD_JAIL),
    optional("reservedPorts", &BOOL, &FREEBSD_JAIL),
    optional("suser", &BOOL, &FREEBSD_JAIL),
]);

rules! {
    SECTION {
        id: "OCI-S1",
        severity: Error,
        section: "config.md#platform-specific-configuration",
        explanation: "The sections of the platforms are objects.",
        check: Structure,
        bad: &[r#"{"linux": []}"#, r#"{"vm": "kvm"}"#, r#"{"zos": 1}"#],
        good: &[r#"{"solaris": {}}"#],
    }
    SOLARIS_FIELDS {
        id: "OCI-So1",
        severity: Error,
        section: "config-solaris.md",
        explanation: "The properties of Solaris zones are strings, numbers too.",
        check: Structure,
        bad: &[r#"{"solaris": {"cappedCPU": {"ncpus": 8}}}"#, r#"{"solaris": {"anet": {}}}"#],
        good: &[r#"{"solaris": {"cappedCPU": {"ncpus": "8"}, "anet": [{"linkname": "net0"}]}}"#],
    }
    FREEBSD_DEVICES {
        id: "OCI-F1",
        severity: Error,
        section: "config-freebsd.md#devices",
        explanation: "A FreeBSD device needs its path below /dev; its mode is a number.",
        check: Structure,
        bad: &[r#"{"freebsd": {"devices": [{}]}}"#, r#"{"freebsd": {"devices": [{"path": "pf", "mode": "0700"}]}}"#],
        good: &[r#"{"freebsd": {"devices": [{"path": "pf", "mode": 448}]}}"#],
    }
    FREEBSD_PATH {
        id: "OCI-F1-PATH",
        severity: Warning,
        section: "config-freebsd.md#devices",
        explanation: "The path of a FreeBSD device is relative to /dev.",
        since: V1_3_0,
        check: Document(freebsd_paths_are_relative),
        bad: &[r#"{"freebsd": {"devices": [{"path": "/dev/pf"}]}}"#],
        good: &[r#"{"freebsd": {"devices": [{"path": "pf"}]}}"#],
    }
    FREEBSD_JAIL {
        id: "OCI-F2",
        severity: Error,
        section: "config-freebsd.md#jail",
        explanation: "Parameters of a FreeBSD jail have the values that jail(8) knows.",
        check: Structure,
        bad: &[r#"{"freebsd": {"jail": {"vnet": "disable"}}}"#, r#"{"freebsd": {"jail": {"enforceStatfs": 3}}}"#],
        good: &[r#"{"freebsd": {"jail": {"vnet": "new", "ip4": "disable", "allow": {"mount": ["tmpfs"]}}}}"#],
    }
    ZOS_NAMESPACE {
        id: "OCI-Z1",
        severity: Error,
        section: "config-zos.md#namespaces",
        explanation: "z/OS has pid, mount, ipc and uts namespaces, each at most once, joined by an absolute path.",
        check: Document(zos_namespaces),
        bad: &[
            r#"{"zos": {"namespaces": [{"type": "network"}]}}"#,
            r#"{"zos": {"namespaces": [{"type": "pid"}, {"type": "pid"}]}}"#,
            r#"{"zos": {"namespaces": [{"type": "pid", "path": "x"}]}}"#,
        ],
        good: &[r#"{"zos": {"namespaces": [{"type": "pid"}, {"type": "ipc", "path": "/x"}]}}"#],
    }
}

fn freebsd_paths_are_relative(config: Node<'_>, sink: &mut Sink<'_>) {
    let devices = config.at("/freebsd/devices").into_iter().flat_map(|devices| devices.elements());
    for path in devices.filter_map(|device| device.get("path")) {
        if path.as_str().is_some_and(super::forms::is_absolute) {
            sink.add(path, "expected a path relative to /dev");
        }
    }
}

fn zos_namespaces(config: Node<'_>, sink: &mut Sink<'_>) {
    duplicate_types(config.at("/zos/namespaces"), sink);
}
