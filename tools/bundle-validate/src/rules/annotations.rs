//! Annotations: config.md#annotations.

use super::Check::Document;
use super::rules;
use crate::Severity::{Error, Note, Warning};
use crate::json::Node;
use crate::report::Sink;

rules! {
    MAP {
        id: "OCI-A1",
        severity: Error,
        section: "config.md#annotations",
        explanation: "Annotations are a map of strings, and no key is empty.",
        check: Document(keys_are_not_empty),
        bad: &[r#"{"annotations": {"": "x"}}"#, r#"{"annotations": {"org.example.a": 1}}"#, r#"{"annotations": ["a"]}"#],
        good: &[r#"{"annotations": {"org.example.a": ""}}"#],
    }
    REVERSE_DNS {
        id: "OCI-A2",
        severity: Note,
        section: "config.md#annotations",
        explanation: "Keys should be in reverse domain notation, so that those of different parties never meet.",
        check: Document(keys_have_a_domain),
        bad: &[r#"{"annotations": {"owner": "x"}}"#],
        good: &[r#"{"annotations": {"org.example.owner": "x"}}"#],
    }
    RESERVED {
        id: "OCI-A3",
        severity: Warning,
        section: "config.md#annotations",
        explanation: "Keys below org.opencontainers are reserved, but for those that the image specification converts.",
        check: Document(reserved_keys_are_known),
        bad: &[r#"{"annotations": {"org.opencontainers.mine": "x"}}"#],
        good: &[r#"{"annotations": {"org.opencontainers.image.stopSignal": "15", "org.opencontainersx": "."}}"#],
    }
}

fn entries(config: Node<'_>) -> impl Iterator<Item = (&str, Node<'_>)> {
    let annotations = config.get("annotations").into_iter().flat_map(|map| map.members());
    annotations.map(|member| (member.key, member.value))
}

fn keys_are_not_empty(config: Node<'_>, sink: &mut Sink<'_>) {
    for (_, value) in entries(config).filter(|(key, _)| key.is_empty()) {
        sink.add_at_key(value, "the key is empty");
    }
}

fn keys_have_a_domain(config: Node<'_>, sink: &mut Sink<'_>) {
    for (_, value) in entries(config).filter(|(key, _)| !key.is_empty() && !key.contains('.')) {
        sink.add_at_key(value, "the key is not in reverse domain notation, such as org.example.key");
    }
}

/// What the specification lists below `org.opencontainers.image.`.
static CONVERTED: &[&str] =
    &["os", "os.version", "os.features", "architecture", "variant", "author", "created", "stopSignal"];

fn reserved_keys_are_known(config: Node<'_>, sink: &mut Sink<'_>) {
    for (key, value) in entries(config).filter(|(key, _)| key.starts_with("org.opencontainers.")) {
        let converted = key.strip_prefix("org.opencontainers.image.");
        if !converted.is_some_and(|name| CONVERTED.contains(&name)) {
            sink.add_at_key(value, "keys below org.opencontainers are reserved");
        }
    }
}
