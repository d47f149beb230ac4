//! Versions of the specification: config.md#specification-version.

use super::rules;
use crate::Severity::{Note, Warning};
use crate::report::{Finding, Sink};
use crate::{Bundle, SpecVersion, SpecVersionChoice};

rules! {
    NEWER {
        id: "OCI-V2",
        severity: Note,
        section: "config.md#specification-version",
        explanation: "A field that came with a later version than the document's is unknown to runtimes of that version, which ignore it.",
        bad: &[
            r#"{"ociVersion": "1.0.2", "domainname": "example.org"}"#,
            r#"{"ociVersion": "1.2.0", "process": {"execCPUAffinity": {}}}"#,
        ],
        good: &[
            r#"{"ociVersion": "1.0.2-dev", "domainname": "example.org"}"#,
            r#"{"ociVersion": "1.2.1", "process": {"execCPUAffinity": {}}}"#,
        ],
    }
    UNKNOWN {
        id: "OCI-V2-UNKNOWN",
        severity: Warning,
        section: "config.md#specification-version",
        explanation: "A document of a version that is not known here is held against the newest one that is.",
        bad: &[r#"{"ociVersion": "2.0.0"}"#, r#"{"ociVersion": "1.4.0-rc.1"}"#, r#"{"ociVersion": "0.5.0"}"#],
        good: &[r#"{"ociVersion": "1.0.0-rc5"}"#, r#"{"ociVersion": "1.3.0+dev"}"#],
    }
}

/// The version that a document is held against.
pub(crate) fn settle(bundle: &Bundle, choice: SpecVersionChoice, findings: &mut Vec<Finding>) -> SpecVersion {
    if let SpecVersionChoice::Fixed(version) = choice {
        return version;
    }
    // What is absent or no version breaks OCI-V1.
    let node = bundle.document().root().get("ociVersion");
    let text = node.and_then(|node| Some((node, node.as_str()?)));
    let Some((node, text)) = text.filter(|(_, text)| super::forms::is_semver(text)) else {
        return SpecVersion::NEWEST;
    };
    SpecVersion::of(text).unwrap_or_else(|| {
        let newest = SpecVersion::NEWEST;
        Sink::new(&UNKNOWN, newest, bundle.file(), findings)
            .add(node, format!("this version is not known; the rules are those of {newest}"));
        newest
    })
}
