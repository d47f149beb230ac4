//! The document as a whole: config.md.

use super::Check::Structure;
use super::forms::is_semver;
use super::shape::{Field, Form, STRING, STRING_MAP, Shape, optional, required};
use super::{annotations, hooks, linux, mounts, platform, process, root, rules, virtual_machine, windows};
use crate::Severity::{Error, Warning};
use crate::SpecVersion::{V1_1_0, V1_3_0};

/// Everything that the specification defines.
pub(super) static CONFIG: Shape = Shape::Object(FIELDS);

static FIELDS: &[Field] = &[
    required("ociVersion", &VERSION_SHAPE, &VERSION),
    optional("root", &root::ROOT, &root::OBJECT),
    optional("mounts", &mounts::MOUNTS, &mounts::LIST),
    optional("process", &process::PROCESS, &process::OBJECT),
    optional("hostname", &STRING, &NAMES),
    optional("domainname", &STRING, &NAMES).since(V1_1_0),
    optional("hooks", &hooks::HOOKS, &hooks::LIST),
    optional("annotations", &STRING_MAP, &annotations::MAP),
    optional("linux", &linux::LINUX, &platform::SECTION),
    optional("solaris", &platform::SOLARIS, &platform::SECTION),
    optional("windows", &windows::WINDOWS, &platform::SECTION),
    optional("vm", &virtual_machine::VM, &platform::SECTION),
    optional("zos", &platform::ZOS, &platform::SECTION).since(V1_1_0),
    optional("freebsd", &platform::FREEBSD, &platform::SECTION).since(V1_3_0),
];

static VERSION_SHAPE: Shape =
    Shape::Form(&Form { name: "a SemVer 2.0.0 version such as 1.3.0", accepts: is_semver });

rules! {
    VERSION {
        id: "OCI-V1",
        severity: Error,
        section: "config.md#specification-version",
        explanation: "The version of the specification is required and has to be in SemVer 2.0.0 form.",
        check: Structure,
        bad: &[r#"{"ociVersion": null}"#, r#"{"ociVersion": "1.0"}"#, r#"{"ociVersion": "v1.0.0"}"#],
        good: &[r#"{"ociVersion": "1.0.2-dev"}"#],
    }
    UNKNOWN {
        id: "OCI-E1",
        severity: Warning,
        section: "config.md#extensibility",
        explanation: "Runtimes ignore properties that the specification does not define; often such a name is a slip.",
        check: Structure,
        bad: &[r#"{"linux": {"readOnlyPath": []}}"#, r#"{"Process": {}}"#],
        good: &[r#"{"linux": {"readonlyPaths": []}}"#],
    }
    VALUES {
        id: "OCI-E2",
        severity: Error,
        section: "config.md#valid-values",
        explanation: "The document has to be an object whose values are what the specification allows.",
        check: Structure,
        // No merge patch turns an object into something else but another value.
        bad: &["[]", "1"],
        good: &["{}"],
    }
    NAMES {
        id: "OCI-G1",
        severity: Error,
        section: "config.md#hostname",
        explanation: "hostname and domainname are strings.",
        check: Structure,
        bad: &[r#"{"hostname": 1}"#, r#"{"domainname": ["a"]}"#],
        good: &[r#"{"hostname": "h", "domainname": "d"}"#],
    }
}
