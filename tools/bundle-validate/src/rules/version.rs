//! Versions of the specification: config.md#specification-version.

use super::Check::Document;
use super::rules;
use crate::Severity::{Note, Warning};
use crate::json::Node;
use crate::report::{Finding, Sink};
use crate::{Bundle, SpecVersion, SpecVersionChoice};

rules! {
    NEWER {
        id: "OCI-V2",
        severity: Note,
        section: "config.md#specification-version",
        explanation: "A field or a word that came with a later version than the document's is unknown to runtimes of that version: they ignore the field, or refuse the word.",
        check: Document(words_are_known_already),
        bad: &[
            r#"{"ociVersion": "1.0.2", "domainname": "example.org"}"#,
            r#"{"ociVersion": "1.2.0", "process": {"execCPUAffinity": {}}}"#,
            r#"{"ociVersion": "1.0.2", "linux": {"namespaces": [{"type": "time"}]}}"#,
            r#"{"ociVersion": "1.1.0", "mounts": [{"destination": "/a", "options": ["bind", "idmap"], "uidMappings": [], "gidMappings": []}]}"#,
            r#"{"ociVersion": "1.2.0", "linux": {"seccomp": {"defaultAction": "SCMP_ACT_LOG", "architectures": ["SCMP_ARCH_M68K"]}}}"#,
        ],
        good: &[
            r#"{"ociVersion": "1.1.0", "linux": {"namespaces": [{"type": "time"}]}}"#,
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

/// Words that came later than the fields they stand in: the field as a JSON pointer with `*` for each
/// entry, the version, and the words.
static WORDS: &[(&str, SpecVersion, &[&str])] = &[
    ("/linux/namespaces/*/type", SpecVersion::V1_1_0, &["time"]),
    ("/mounts/*/options/*", SpecVersion::V1_2_0, &["idmap", "ridmap"]),
    (
        "/linux/seccomp/architectures/*",
        SpecVersion::V1_2_1,
        &["SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB"],
    ),
];

fn words_are_known_already(config: Node<'_>, sink: &mut Sink<'_>) {
    let version = sink.version();
    for (field, since, words) in WORDS.iter().filter(|(_, since, _)| *since > version) {
        each(config, field, &mut |node| {
            if let Some(word) = node.as_str().filter(|word| words.contains(word)) {
                let held = format!("the document is held against {version}");
                sink.add(node, format!("`{word}` came with version {since}; {held}"));
            }
        });
    }
}

/// Visits every value that a pointer with `*` means.
fn each<'d>(node: Node<'d>, pointer: &str, visit: &mut dyn FnMut(Node<'d>)) {
    match pointer.split_once("/*") {
        None => node.at(pointer).into_iter().for_each(visit),
        Some((list, rest)) => {
            let entries = node.at(list).into_iter().flat_map(|list| list.elements());
            entries.for_each(|entry| each(entry, rest, visit));
        }
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
