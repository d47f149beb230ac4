//! For programs: one JSON object, or one a line.

use super::Finding;
use super::form::{Checked, Form, Totals};
use serde_json::{Value, json};

/// One object: `findings`, and what is to be told of the run.
#[derive(Debug, Default)]
pub(super) struct Json {
    begun: bool,
    left_out: Vec<Value>,
    unreadable: Vec<Value>,
}

impl Form for Json {
    fn begin(&mut self) -> String {
        "{\"findings\": [".to_owned()
    }

    fn document(&mut self, document: &Checked<'_>) -> String {
        let mut text = String::new();
        for finding in document.findings {
            let comma = if self.begun { "," } else { "" };
            self.begun = true;
            text.push_str(&format!("{comma}\n  {}", of(finding)));
        }
        self.left_out.extend(left_out(document));
        text
    }

    fn unreadable(&mut self, file: &str, reason: &str) -> String {
        self.unreadable.push(json!({"file": file, "reason": reason}));
        String::new()
    }

    fn end(&mut self, totals: &Totals) -> String {
        let counts = json!({"error": totals.errors, "warning": totals.warnings, "note": totals.notes});
        let members = [
            ("counts", counts),
            ("documents", totals.documents.into()),
            ("omitted", std::mem::take(&mut self.left_out).into()),
            ("allowed", totals.allowed.into()),
            ("baseline", totals.baseline.into()),
            ("skipped", totals.skipped.into()),
            ("unreadable", std::mem::take(&mut self.unreadable).into()),
        ];
        let members = members.map(|(name, value)| format!("\"{name}\": {value}"));
        format!("{}],\n{}}}\n", if self.begun { "\n" } else { "" }, members.join(",\n"))
    }
}

/// A line a finding, for programs that read as the tool writes.
#[derive(Debug)]
pub(super) struct JsonLines;

impl Form for JsonLines {
    fn document(&mut self, document: &Checked<'_>) -> String {
        let lines = document.findings.iter().map(of).chain(left_out(document));
        lines.map(|line| format!("{line}\n")).collect()
    }

    fn end(&mut self, _: &Totals) -> String {
        String::new()
    }
}

fn of(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.id,
        "severity": finding.severity.name(),
        "pointer": finding.pointer,
        "line": finding.position.line,
        "column": finding.position.column,
        "message": finding.message,
        "file": &*finding.file,
        "fingerprint": finding.fingerprint(),
    })
}

fn left_out(document: &Checked<'_>) -> impl Iterator<Item = Value> {
    let file = document.file();
    document.left_out.iter().map(move |of| json!({"file": file, "rule": of.rule, "omitted": of.count}))
}
