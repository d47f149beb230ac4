//! For code scanning: SARIF 2.1.0 (OASIS).

use super::Finding;
use super::form::{Checked, Form, Totals};
use crate::SpecVersion;
use crate::rules::{self, Rule};
use serde_json::{Value, json};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// One log of one run.
#[derive(Debug, Default)]
pub(super) struct Sarif {
    begun: bool,
    notifications: Vec<Value>,
}

impl Form for Sarif {
    fn begin(&mut self) -> String {
        let rules: Vec<Value> = rules::all().map(descriptor).collect();
        let driver = json!({
            "name": "bundle-validate",
            "semanticVersion": nexcage_cli::VERSION,
            "rules": rules,
        });
        // Columns count Unicode scalar values: see `json::Position`.
        format!(
            "{{\"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\",\n\"version\": \"2.1.0\",\n\"runs\": [{{\n\
             \"tool\": {{\"driver\": {driver}}},\n\"columnKind\": \"unicodeCodePoints\",\n\"results\": ["
        )
    }

    fn document(&mut self, document: &Checked<'_>) -> String {
        let uri = uri(document.path_in_repository());
        let mut text = String::new();
        for finding in document.findings {
            let comma = if self.begun { "," } else { "" };
            self.begun = true;
            text.push_str(&format!("{comma}\n  {}", result(finding, &uri)));
        }
        for left_out in document.left_out {
            self.notify("warning", &format!("{}: {left_out}", document.file()));
        }
        text
    }

    fn unreadable(&mut self, _: &str, reason: &str) -> String {
        self.notify("error", reason);
        String::new()
    }

    fn end(&mut self, totals: &Totals) -> String {
        let invocation = json!({
            "executionSuccessful": totals.unreadable == 0,
            "toolExecutionNotifications": std::mem::take(&mut self.notifications),
        });
        let properties = json!({
            "documents": totals.documents,
            "omitted": totals.left_out,
            "allowed": totals.allowed,
            "baseline": totals.baseline,
            "skipped": totals.skipped,
        });
        let line = if self.begun { "\n" } else { "" };
        format!("{line}],\n\"invocations\": [{invocation}],\n\"properties\": {properties}}}]}}\n")
    }
}

impl Sarif {
    fn notify(&mut self, level: &str, text: &str) {
        self.notifications.push(json!({"level": level, "message": {"text": text}}));
    }
}

fn descriptor(rule: &'static Rule) -> Value {
    let sentence = rule.explanation.split_inclusive(". ").next().unwrap_or_default().trim_end();
    json!({
        "id": rule.id,
        "shortDescription": {"text": sentence},
        "fullDescription": {"text": rule.explanation},
        "helpUri": rule.link(SpecVersion::NEWEST),
        "defaultConfiguration": {"level": rule.severity.name()},
    })
}

fn result(finding: &Finding, uri: &str) -> Value {
    let mut location = json!({"physicalLocation": {
        "artifactLocation": {"uri": uri},
        "region": {"startLine": finding.position.line, "startColumn": finding.position.column},
    }});
    if !finding.pointer.is_empty() {
        location["logicalLocations"] = json!([{"fullyQualifiedName": finding.pointer, "kind": "value"}]);
    }
    json!({
        "ruleId": finding.rule.id,
        "ruleIndex": rules::all().position(|rule| rule.id == finding.rule.id),
        "level": finding.severity.name(),
        "message": {"text": finding.message},
        "locations": [location],
        "partialFingerprints": {"ruleAndPointer/v1": finding.fingerprint()},
    })
}

/// A path as a URI reference (RFC 3986): absolute ones get the scheme `file`.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    for &byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn paths_are_uri_references() {
        for (path, expected) in [
            (&b"a b/config.json"[..], "a%20b/config.json"),
            (b"/srv/\xC3\xA4\xFF%", "file:///srv/%C3%A4%FF%25"),
            (b"c:x?y#z", "c%3Ax%3Fy%23z"),
            (b"-", "-"),
        ] {
            assert_eq!(uri(Path::new(OsStr::from_bytes(path))), expected);
        }
    }
}
