//! Rules on strings wherever they stand.

use super::Check::Document;
use super::rules;
use crate::Severity::Error;
use crate::json::{Kind, Node};
use crate::report::Sink;

rules! {
    NUL {
        id: "OCI-E2-NUL",
        severity: Error,
        section: "config.md#valid-values",
        explanation: "Strings become C strings of system calls, where a NUL byte ends them: what follows it would be lost.",
        check: Document(no_nul),
        bad: &[r#"{"process": {"args": ["sh", "a\u0000b"]}}"#, r#"{"linux": {"sysctl": {"a\u0000b": "1"}}}"#],
        good: &[r#"{"annotations": {"org.example.a": "\u0000"}}"#, r#"{"process": {"args": ["\\u0000"]}}"#],
    }
}

fn no_nul(root: Node<'_>, sink: &mut Sink<'_>) {
    if !root.document().has_nul() {
        return;
    }
    let annotations = root.get("annotations");
    for node in root.document().nodes() {
        if node.parent().is_some_and(|parent| Some(parent) == annotations) {
            continue;
        }
        if node.key().is_some_and(|key| key.contains('\0')) {
            sink.add_at_key(node, "NUL byte in a key");
        }
        if node.kind() == Kind::String && node.as_str().is_some_and(|text| text.contains('\0')) {
            sink.add(node, "NUL byte in a string");
        }
    }
}
