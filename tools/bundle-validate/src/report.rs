//! Findings, and how they are printed.

use crate::json::{Node, Position};
use crate::rules::Rule;
use nexcage_cli::escape_controls;
use serde_json::{Value, json};
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// The specification advises against it, or it will likely not work.
    Warning,
    /// The specification forbids it.
    Error,
}

impl Severity {
    /// The word that is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One place where a bundle breaks a rule.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static Rule,
    /// How much it weighs here.
    pub severity: Severity,
    /// The value concerned, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Where that value, or its key, begins.
    pub position: Position,
    /// What is wrong, in one line.
    pub message: String,
    /// The document, as the user named it; `-` is standard input.
    pub file: Arc<str>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { rule, severity, pointer, position, message, file } = self;
        let at = if pointer.is_empty() { "" } else { " " };
        write!(f, "{file}:{position}: {}[{}]{at}{pointer}: {message}", severity.name(), rule.id)
    }
}

/// Where a rule leaves its findings.
#[derive(Debug)]
pub(crate) struct Sink<'r> {
    rule: &'static Rule,
    file: &'r Arc<str>,
    findings: &'r mut Vec<Finding>,
}

impl<'r> Sink<'r> {
    pub(crate) fn new(rule: &'static Rule, file: &'r Arc<str>, findings: &'r mut Vec<Finding>) -> Self {
        Sink { rule, file, findings }
    }

    /// The same place for another rule.
    pub(crate) fn of(&mut self, rule: &'static Rule) -> Sink<'_> {
        Sink { rule, file: self.file, findings: self.findings }
    }

    /// A finding at a value.
    pub(crate) fn add(&mut self, node: Node<'_>, message: impl Into<String>) {
        self.push(node, node.position(), message.into());
    }

    /// A finding at the key of a value.
    pub(crate) fn add_at_key(&mut self, node: Node<'_>, message: impl Into<String>) {
        let offset = node.key_offset().unwrap_or_else(|| node.offset());
        self.push(node, node.document().position(offset), message.into());
    }

    fn push(&mut self, node: Node<'_>, position: Position, message: String) {
        self.findings.push(Finding {
            rule: self.rule,
            severity: self.rule.severity,
            pointer: node.pointer(),
            position,
            message,
            file: Arc::clone(self.file),
        });
    }
}

/// Everything that was found, document by document, in the order of their texts.
#[derive(Debug, Clone, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

impl Report {
    /// A report on one document.
    pub(crate) fn new(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.position);
        Report { findings }
    }

    /// Appends the findings of another document.
    pub fn extend(&mut self, other: Report) {
        self.findings.extend(other.findings);
    }

    /// The findings.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter()
    }

    /// Whether the specification is broken.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.reaches(Severity::Error)
    }

    /// Whether there is a finding of this weight or more.
    #[must_use]
    pub fn reaches(&self, severity: Severity) -> bool {
        self.findings.iter().any(|finding| finding.severity >= severity)
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// For people and editors: `FILE:LINE:COLUMN: error[OCI-P2] /process/cwd: message`, one line a
    /// finding; nothing when there is none.
    #[must_use]
    pub fn human(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let _ = writeln!(text, "{}", escape_controls(&finding.to_string()));
        }
        text
    }

    /// For programs: an object with `findings` and the number of each severity in `counts`.
    #[must_use]
    pub fn json(&self) -> String {
        let findings: Vec<Value> = self.findings.iter().map(as_json).collect();
        let counts = [Severity::Error, Severity::Warning, Severity::Note]
            .map(|severity| (severity.name().to_owned(), self.count(severity).into()));
        let counts: Value = counts.into_iter().collect::<serde_json::Map<_, _>>().into();
        format!("{:#}\n", json!({ "findings": findings, "counts": counts }))
    }
}

fn as_json(finding: &Finding) -> Value {
    json!({
        "rule": finding.rule.id,
        "severity": finding.severity.name(),
        "pointer": finding.pointer,
        "line": finding.position.line,
        "column": finding.position.column,
        "message": finding.message,
        "file": &*finding.file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bundle, Options, json, validate};

    fn report(text: &str) -> Report {
        let document = json::parse(text.into(), json::Limits::default()).unwrap();
        validate(&Bundle::from_document(document), &Options::default())
    }

    #[test]
    fn a_finding_is_one_line_whatever_it_quotes() {
        let human = report("{\"ociVersion\": \"1\\n\\u001b[31m\"}").human();
        let line = human.lines().find(|line| line.contains("OCI-V1")).unwrap();
        assert!(line.starts_with("-:1:16: error[OCI-V1] /ociVersion: "), "{line}");
        assert!(human.bytes().all(|byte| byte == b'\n' || byte >= b' '), "{human}");
    }

    #[test]
    fn findings_stand_in_the_order_of_the_text() {
        let report = report("{\"process\": {\"cwd\": 1}, \"x\": 1,\n \"root\": [], \"ociVersion\": \"x\"}");
        let positions: Vec<Position> = report.findings().map(|finding| finding.position).collect();
        assert!(positions.len() >= 4 && positions.is_sorted(), "{positions:?}");
        assert!(report.has_errors() && report.reaches(Severity::Note));
    }
}
