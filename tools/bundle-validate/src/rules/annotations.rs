//! Annotations: config.md#annotations.

use super::Check::Document;
use super::rules;
use crate::Profile::Strict;
use crate::Severity::{Error, Note, Warning};
use crate::SpecVersion::V1_2_0;
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
        error_under: &[Strict],
        check: Document(keys_have_a_domain),
        bad: &[r#"{"annotations": {"owner": "x"}}"#],
        good: &[r#"{"annotations": {"org.example.owner": "x"}}"#],
    }
    RESERVED {
        id: "OCI-A3",
        severity: Warning,
        section: "config.md#annotations",
        explanation: "Keys below org.opencontainers are reserved, but for those that the image specification converts.",
        error_under: &[Strict],
        check: Document(reserved_keys_are_known),
        bad: &[r#"{"annotations": {"org.opencontainers.mine": "x"}}"#],
        good: &[r#"{"annotations": {"org.opencontainers.image.stopSignal": "15", "org.opencontainersx": "."}}"#],
    }
    VALUE {
        id: "OCI-A3-VALUE",
        severity: Warning,
        section: "config.md#annotations",
        explanation: "Values below org.opencontainers.image are those of the image specification: created is an RFC 3339 time, os, architecture and stopSignal are single words.",
        since: V1_2_0,
        error_under: &[Strict],
        check: Document(converted_values_are_valid),
        bad: &[
            r#"{"annotations": {"org.opencontainers.image.created": "yesterday"}}"#,
            r#"{"annotations": {"org.opencontainers.image.os": ""}}"#,
        ],
        good: &[r#"{"annotations": {"org.opencontainers.image.created": "2026-01-31T23:59:60.5+01:00", "org.opencontainers.image.os": "linux",
            "org.opencontainers.image.stopSignal": "SIGRTMIN+3", "org.opencontainers.image.author": ""}}"#],
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

fn converted_values_are_valid(config: Node<'_>, sink: &mut Sink<'_>) {
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    for (key, value) in entries(config) {
        let Some(text) = value.as_str() else { continue };
        match key.strip_prefix("org.opencontainers.image.") {
            Some("created") if !is_time(text) => {
                sink.add(value, "expected a time such as 2026-01-31T12:00:00Z");
            }
            Some("os" | "architecture" | "stopSignal") if !is_word(text) => {
                sink.add(value, "expected a word");
            }
            _ => {}
        }
    }
}

/// Whether a text looks like a time of RFC 3339; the calendar is not consulted.
fn is_time(text: &str) -> bool {
    const PATTERN: &[u8] = b"0000-00-00T00:00:00";
    let like = |text: &[u8], pattern: &[u8]| {
        text.len() == pattern.len()
            && text.iter().zip(pattern).all(|(byte, like)| match like {
                b'0' => byte.is_ascii_digit(),
                like => byte.eq_ignore_ascii_case(like),
            })
    };
    let Some((time, rest)) = text.as_bytes().split_at_checked(PATTERN.len()) else { return false };
    let digits = |rest: &[u8]| rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let zone = match rest.strip_prefix(b".") {
        Some(fraction) if digits(fraction) > 0 => &fraction[digits(fraction)..],
        Some(_) => return false,
        None => rest,
    };
    like(time, PATTERN) && (like(zone, b"Z") || like(zone, b"+00:00") || like(zone, b"-00:00"))
}
