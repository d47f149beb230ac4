//! The Linux section: config-linux.md, but for its larger parts, which have files of their own.

use super::Check::{Document, Structure};
use super::forms::ABSOLUTES;
use super::shape::{Field, STRING, STRING_MAP, STRINGS, Shape, optional, required};
use super::{devices, memory_policy, namespaces, rdt, resources, rules, seccomp};
use crate::Severity::{Error, Warning};
use crate::SpecVersion::{V1_1_0, V1_3_0};
use crate::json::Node;
use crate::report::Sink;

pub(super) static LINUX: Shape = Shape::Object(FIELDS);

static FIELDS: &[Field] = &[
    optional("namespaces", &namespaces::NAMESPACES, &namespaces::TYPE),
    optional("uidMappings", &namespaces::MAPPINGS, &namespaces::MAPPING),
    optional("gidMappings", &namespaces::MAPPINGS, &namespaces::MAPPING),
    optional("timeOffsets", &namespaces::TIME_OFFSETS, &namespaces::CLOCK).since(V1_1_0),
    optional("devices", &devices::DEVICES, &devices::DEVICE),
    optional("netDevices", &devices::NET_DEVICES, &devices::NET_DEVICE).since(V1_3_0),
    optional("cgroupsPath", &STRING, &CGROUPS_PATH),
    optional("resources", &resources::RESOURCES, &resources::OBJECT),
    optional("intelRdt", &rdt::INTEL_RDT, &rdt::SCHEMA),
    optional("memoryPolicy", &memory_policy::MEMORY_POLICY, &memory_policy::POLICY).since(V1_3_0),
    optional("sysctl", &STRING_MAP, &SYSCTL),
    optional("seccomp", &seccomp::SECCOMP, &seccomp::DEFAULT),
    optional("rootfsPropagation", &PROPAGATIONS, &PROPAGATION),
    optional("maskedPaths", &ABSOLUTES, &PATHS),
    optional("readonlyPaths", &ABSOLUTES, &PATHS),
    optional("mountLabel", &STRING, &MOUNT_LABEL),
    optional("personality", &PERSONALITY_SHAPE, &PERSONALITY),
];

static PROPAGATIONS: Shape = Shape::Word(&[
    "shared",
    "slave",
    "private",
    "unbindable",
    "rshared",
    "rslave",
    "rprivate",
    "runbindable",
]);

static PERSONALITY_SHAPE: Shape = Shape::Object(&[
    required("domain", &Shape::Word(&["LINUX", "LINUX32"]), &PERSONALITY),
    optional("flags", &STRINGS, &PERSONALITY),
]);

rules! {
    CGROUPS_PATH {
        id: "OCI-L12",
        severity: Error,
        section: "config-linux.md#cgroups-path",
        explanation: "cgroupsPath is a string.",
        check: Structure,
        bad: &[r#"{"linux": {"cgroupsPath": ["a"]}}"#],
        good: &[r#"{"linux": {"cgroupsPath": "a.slice:b:c"}}"#],
    }
    SYSCTL {
        id: "OCI-L28",
        severity: Error,
        section: "config-linux.md#sysctl",
        explanation: "sysctl is a map of strings, numbers too.",
        check: Structure,
        bad: &[r#"{"linux": {"sysctl": {"net.ipv4.ip_forward": 1}}}"#],
        good: &[r#"{"linux": {"sysctl": {"net.ipv4.ip_forward": "1"}}}"#],
    }
    PROPAGATION {
        id: "OCI-L35",
        severity: Error,
        section: "config-linux.md#rootfs-mount-propagation",
        explanation: "The root is propagated as shared, slave, private or unbindable.",
        check: Structure,
        bad: &[r#"{"linux": {"rootfsPropagation": "none"}}"#],
        good: &[r#"{"linux": {"rootfsPropagation": "slave"}}"#],
    }
    RECURSIVE {
        id: "OCI-L35-RECURSIVE",
        severity: Warning,
        section: "config-linux.md#rootfs-mount-propagation",
        explanation: "The recursive forms (rslave and so on) are in use, but the specification does not list them.",
        check: Document(propagation_is_listed),
        bad: &[r#"{"linux": {"rootfsPropagation": "rslave"}}"#],
        good: &[r#"{"linux": {"rootfsPropagation": "slave"}}"#],
    }
    PATHS {
        id: "OCI-L36",
        severity: Error,
        section: "config-linux.md#masked-paths",
        explanation: "Paths to mask or to make read-only have to be absolute.",
        check: Structure,
        bad: &[r#"{"linux": {"maskedPaths": ["proc/kcore"]}}"#, r#"{"linux": {"readonlyPaths": ["/proc/sys", ""]}}"#],
        good: &[r#"{"linux": {"maskedPaths": ["/proc/kcore"], "readonlyPaths": []}}"#],
    }
    MOUNT_LABEL {
        id: "OCI-L37",
        severity: Error,
        section: "config-linux.md#mount-label",
        explanation: "mountLabel is a string.",
        check: Structure,
        bad: &[r#"{"linux": {"mountLabel": 1}}"#],
        good: &[r#"{"linux": {"mountLabel": "system_u:object_r:t:s0"}}"#],
    }
    PERSONALITY {
        id: "OCI-L38",
        severity: Error,
        section: "config-linux.md#personality",
        explanation: "A personality needs the domain LINUX or LINUX32; no flags are defined.",
        check: Document(personality_has_no_flags),
        bad: &[
            r#"{"linux": {"personality": {}}}"#,
            r#"{"linux": {"personality": {"domain": "BSD"}}}"#,
            r#"{"linux": {"personality": {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}}}"#,
        ],
        good: &[r#"{"linux": {"personality": {"domain": "LINUX32", "flags": []}}}"#],
    }
}

fn propagation_is_listed(config: Node<'_>, sink: &mut Sink<'_>) {
    let Some(node) = config.at("/linux/rootfsPropagation") else { return };
    if let Some("rshared" | "rslave" | "rprivate" | "runbindable") = node.as_str() {
        sink.add(node, "the specification lists shared, slave, private and unbindable");
    }
}

fn personality_has_no_flags(config: Node<'_>, sink: &mut Sink<'_>) {
    for flag in config.at("/linux/personality/flags").into_iter().flat_map(|flags| flags.elements()) {
        sink.add(flag, "no flags are defined");
    }
}
