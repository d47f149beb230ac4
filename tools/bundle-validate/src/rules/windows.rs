//! Windows: config-windows.md.

use super::Check::Structure;
use super::rules;
use super::shape::{BOOL, Field, STRING, STRINGS, Shape, UINT16, UINT32, UINT64, optional, required};
use crate::Severity::Error;
use crate::SpecVersion::V1_2_1;

pub(super) static WINDOWS: Shape = Shape::Object(FIELDS);

static FIELDS: &[Field] = &[
    required("layerFolders", &Shape::NonEmptyArray(&STRING), &LAYERS),
    optional("devices", &Shape::Array(&DEVICE), &DEVICES),
    optional("resources", &RESOURCES, &LIMITS),
    optional("network", &NETWORK, &OTHERS),
    optional("credentialSpec", &super::shape::ANY_OBJECT, &OTHERS),
    optional("servicing", &BOOL, &OTHERS),
    optional("ignoreFlushesDuringBoot", &BOOL, &OTHERS),
    optional("hyperv", &Shape::Object(&[optional("utilityVMPath", &STRING, &OTHERS)]), &OTHERS),
];

static DEVICE: Shape = Shape::Object(&[
    required("id", &STRING, &DEVICES),
    required("idType", &Shape::Word(&["class"]), &DEVICES),
]);

static RESOURCES: Shape = Shape::Object(&[
    optional("memory", &Shape::Object(&[optional("limit", &UINT64, &LIMITS)]), &LIMITS),
    optional("cpu", &CPU, &LIMITS),
    optional("storage", &STORAGE, &LIMITS),
]);

static CPU: Shape = Shape::Object(&[
    optional("count", &UINT64, &LIMITS),
    optional("shares", &UINT16, &LIMITS),
    optional("maximum", &UINT16, &LIMITS),
    optional("affinity", &Shape::Array(&AFFINITY), &DEVICES).since(V1_2_1),
]);

static AFFINITY: Shape =
    Shape::Object(&[required("mask", &UINT64, &DEVICES), required("group", &UINT32, &DEVICES)]);

static STORAGE: Shape = Shape::Object(&[
    optional("iops", &UINT64, &LIMITS),
    optional("bps", &UINT64, &LIMITS),
    optional("sandboxSize", &UINT64, &LIMITS),
]);

static NETWORK: Shape = Shape::Object(&[
    optional("endpointList", &STRINGS, &OTHERS),
    optional("allowUnqualifiedDNSQuery", &BOOL, &OTHERS),
    optional("DNSSearchList", &STRINGS, &OTHERS),
    optional("networkSharedContainerName", &STRING, &OTHERS),
    optional("networkNamespace", &STRING, &OTHERS),
]);

rules! {
    LAYERS {
        id: "OCI-Wi1",
        severity: Error,
        section: "config-windows.md#layerfolders",
        explanation: "A Windows container needs at least one layer folder.",
        check: Structure,
        bad: &[r#"{"windows": {}}"#, r#"{"windows": {"layerFolders": []}}"#, r#"{"windows": {"layerFolders": "C:\\l"}}"#],
        good: &[r#"{"windows": {"layerFolders": ["C:\\l"]}}"#],
    }
    DEVICES {
        id: "OCI-Wi2",
        severity: Error,
        section: "config-windows.md#devices",
        explanation: "A device needs an id and the idType class; a CPU affinity a mask and a group.",
        check: Structure,
        bad: &[
            r#"{"windows": {"layerFolders": ["x"], "devices": [{"id": "24E552D7-6523-47F7-A647-D3465BF1F5CA"}]}}"#,
            r#"{"windows": {"layerFolders": ["x"], "resources": {"cpu": {"affinity": [{"mask": 1}]}}}}"#,
        ],
        good: &[r#"{"windows": {"layerFolders": ["x"], "devices": [{"id": "24E5", "idType": "class"}]}}"#],
    }
    LIMITS {
        id: "OCI-Wi3",
        severity: Error,
        section: "config-windows.md#resources",
        explanation: "Resource limits are numbers of the types given.",
        check: Structure,
        bad: &[r#"{"windows": {"layerFolders": ["x"], "resources": {"cpu": {"shares": 65536}}}}"#],
        good: &[r#"{"windows": {"layerFolders": ["x"], "resources": {"cpu": {"shares": 10000}, "memory": {"limit": 1}}}}"#],
    }
    OTHERS {
        id: "OCI-Wi4",
        severity: Error,
        section: "config-windows.md#network",
        explanation: "The other properties of a Windows container are of the types given.",
        check: Structure,
        bad: &[
            r#"{"windows": {"layerFolders": ["x"], "servicing": 1}}"#,
            r#"{"windows": {"layerFolders": ["x"], "credentialSpec": "file://x"}}"#,
        ],
        good: &[r#"{"windows": {"layerFolders": ["x"], "servicing": true, "credentialSpec": {"a": [1]}}}"#],
    }
}

/// Absolute as Windows has it: with a drive or as a UNC or device path, or from the current drive.
pub(super) fn is_absolute(path: &str) -> bool {
    let separator = |byte: &u8| matches!(byte, b'\\' | b'/');
    let bytes = path.as_bytes();
    let drive = bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1) == Some(&b':');
    bytes.first().is_some_and(separator) || drive && bytes.get(2).is_some_and(separator)
}
