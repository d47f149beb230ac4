//! Rules on the text: JSON as RFC 8259 has it, in UTF-8, without ambiguity.

use super::{Check::Structure, Rule, rules};
use crate::Severity::{Error, Warning};
use crate::json::{Fault, FaultKind, Node};
use crate::report::{Finding, Report, Sink};
use crate::{Bundle, SpecVersion};
use std::path::Path;
use std::sync::Arc;

rules! {
    SYNTAX {
        id: "OCI-JSON-SYNTAX",
        severity: Error,
        section: "config.md",
        explanation: "The document has to be JSON (RFC 8259); nothing else can be checked before it is.",
        check: Structure,
        bad: &["", "{", "{\"a\": 1,}", "{'a': 1}", "[01]", "nul", "// x\n{}", "{\"a\": \"\\x\"}"],
        good: &["{}"],
    }
    UTF8 {
        id: "OCI-JSON-UTF8",
        severity: Error,
        section: "config.md",
        explanation: "JSON is exchanged in UTF-8 without a byte order mark, and a surrogate alone is no character.",
        check: Structure,
        bad: &["\u{FEFF}{}", "{\"annotations\": {\"a\": \"\\ud800\"}}"],
        good: &["{\"annotations\": {\"a\": \"\\ud834\\udd1e ä\"}}"],
    }
    DUPLICATE {
        id: "OCI-JSON-DUPLICATE",
        severity: Error,
        section: "config.md",
        explanation: "A key must not be in an object twice: programs disagree on which value counts.",
        check: Structure,
        bad: &[r#"{"a": 1, "a": 1}"#, r#"{"linux": {"sysctl": {"a": "1", "\u0061": "2"}}}"#],
        good: &[r#"{"a": 1, "A": 1}"#],
    }
    TRAILING {
        id: "OCI-JSON-TRAILING",
        severity: Error,
        section: "config.md",
        explanation: "Nothing may follow the document: some programs read only what stands before it.",
        check: Structure,
        bad: &["{} {}", "{}x"],
        good: &["{} \n"],
    }
    LIMIT {
        id: "OCI-JSON-LIMIT",
        severity: Error,
        section: "config.md",
        explanation: "A document of more than 256 MiB, 128 levels or 33554432 values is refused: no runtime is asked to read it.",
        check: Structure,
        bad: &["[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["],
        good: &["[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"],
    }
    INTEGRAL {
        id: "OCI-JSON-INTEGER",
        severity: Warning,
        section: "config.md",
        explanation: "An integer written with a fraction or an exponent is the same number, but runtimes written in Go or Rust refuse it.",
        check: super::Check::Document(integers_are_plain),
        bad: &[r#"{"process": {"oomScoreAdj": 1e2}}"#, r#"{"process": {"user": {"uid": 0.0}}}"#],
        good: &[r#"{"process": {"oomScoreAdj": 100}}"#],
    }
}

fn integers_are_plain(root: Node<'_>, sink: &mut Sink<'_>) {
    if !root.document().has_fractions() {
        return;
    }
    for node in root.document().nodes() {
        let Some(text) = node.number_text().filter(|text| is_fancy(text)) else { continue };
        if let Some(value) = node.as_i128() {
            sink.add(node, format!("write {value} instead of {}", super::forms::excerpt(text)));
        }
    }
}

fn is_fancy(number: &str) -> bool {
    number.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E'))
}

fn rule(kind: &FaultKind) -> &'static Rule {
    match kind {
        FaultKind::TooLarge(_) | FaultKind::TooDeep(_) | FaultKind::TooMany(_) => &LIMIT,
        FaultKind::Utf8 | FaultKind::LoneSurrogate(_) | FaultKind::ByteOrderMark => &UTF8,
        FaultKind::DuplicateKey(_) => &DUPLICATE,
        FaultKind::TrailingData => &TRAILING,
        FaultKind::Empty
        | FaultKind::Expected(_)
        | FaultKind::UnterminatedString
        | FaultKind::ControlCharacter(_)
        | FaultKind::Escape
        | FaultKind::Number => &SYNTAX,
    }
}

/// The finding for a fault that the reader stepped over.
pub(crate) fn report(fault: &Fault, bundle: &Bundle, version: SpecVersion, findings: &mut Vec<Finding>) {
    let document = bundle.document();
    let node = fault.node.and_then(|id| document.node(id)).unwrap_or_else(|| document.root());
    let mut sink = Sink::new(rule(&fault.kind), version, bundle.file(), findings);
    sink.add_at(node, fault.position, fault.kind.to_string());
}

/// The report on a document whose reading a fault ended: this one finding.
pub(crate) fn fatal(fault: &Fault, path: &Path) -> Report {
    let file: Arc<str> = path.to_string_lossy().into();
    let rule = rule(&fault.kind);
    let finding = Finding {
        rule,
        severity: rule.severity,
        pointer: String::new(),
        position: fault.position,
        message: fault.kind.to_string(),
        file: Arc::clone(&file),
        version: SpecVersion::NEWEST,
    };
    Report::new(&file, vec![finding])
}
