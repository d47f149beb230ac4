//! Findings, and how they are printed: the forms of output are a module each.

pub(crate) mod baseline;
pub(crate) mod excerpt;
pub(crate) mod form;
mod github;
pub(crate) mod human;
mod json;
mod junit;
pub(crate) mod printable;
mod sarif;
pub(crate) mod selection;

use crate::SpecVersion;
use crate::json::{Node, Position};
use crate::rules::{self, Rule};
use form::{Checked, Format, Style, Totals};
use std::fmt;
use std::path::Path;
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
    /// The version of the specification that the document was held against.
    pub version: SpecVersion,
}

impl Finding {
    /// The section of that version of the specification, as a link.
    #[must_use]
    pub fn link(&self) -> String {
        self.rule.link(self.version)
    }

    /// What stays the same when lines move or numbers in the message change: a hash (FNV-1a, 64
    /// bits, in hexadecimal) of rule, pointer and message.
    ///
    /// ```
    /// # use bundle_validate::{Bundle, Finding, Options, json, validate};
    /// # let first = |text: &str| -> Result<Finding, json::Fault> {
    /// #     let document = json::parse(text.into(), json::Limits::default())?;
    /// #     let report = validate(&Bundle::from_document(document), &Options::default());
    /// #     Ok(report.findings().next().unwrap().clone())
    /// # };
    /// let before = first(r#"{"process": {"cwd": "tmp"}, "ociVersion": "1.3.0", "root": {"path": "/"}}"#)?;
    /// let after = first("{\"ociVersion\": \"1.3.0\",\n \"process\": {\"cwd\": \"tmp\"}, \"root\": {\"path\": \"/\"}}")?;
    /// assert_ne!(before.position, after.position);
    /// assert_eq!(before.fingerprint(), after.fingerprint());
    /// # Ok::<(), json::Fault>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        self.rule.id.bytes().chain([0]).for_each(&mut add);
        self.pointer.bytes().chain([0]).for_each(&mut add);
        let mut in_number = false;
        for byte in self.message.bytes() {
            let digit = byte.is_ascii_digit();
            if !(digit && in_number) {
                add(if digit { b'#' } else { byte });
            }
            in_number = digit;
        }
        format!("{hash:016x}")
    }

    /// Whether it says that there are more findings than can be kept.
    fn ends_the_list(&self) -> bool {
        self.message == FLOOD
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { rule, severity, pointer, position, message, file, .. } = self;
        let at = if pointer.is_empty() { "" } else { " " };
        let place = printable::printable(&format!("{file}:{position}"));
        let what = printable::printable(&format!("{at}{pointer}: {message}"));
        write!(f, "{place}: {}[{}]{what}", severity.name(), rule.id)
    }
}

/// Most findings of a document that are kept, so that no document makes more of them than memory
/// holds. What comes after is told by one finding.
const MOST: usize = 20_000;
/// Most bytes of [`LONG`] pointers in them.
const MOST_POINTERS: usize = 8 << 20;
/// From how many bytes on a pointer is long.
const LONG: usize = 1 << 10;
const FLOOD: &str = "there are too many findings; more from here on are not looked for";

/// Where a rule leaves its findings.
#[derive(Debug)]
pub(crate) struct Sink<'r> {
    rule: &'static Rule,
    file: &'r Arc<str>,
    version: SpecVersion,
    findings: &'r mut Vec<Finding>,
}

impl<'r> Sink<'r> {
    pub(crate) fn new(
        rule: &'static Rule,
        version: SpecVersion,
        file: &'r Arc<str>,
        findings: &'r mut Vec<Finding>,
    ) -> Self {
        Sink { rule, file, version, findings }
    }

    /// The version of the specification that the document is held against.
    pub(crate) fn version(&self) -> SpecVersion {
        self.version
    }

    /// The same place for another rule.
    pub(crate) fn of(&mut self, rule: &'static Rule) -> Sink<'_> {
        Sink { rule, file: self.file, version: self.version, findings: self.findings }
    }

    /// A finding at a value.
    pub(crate) fn add(&mut self, node: Node<'_>, message: impl Into<String>) {
        self.add_at(node, node.position(), message.into());
    }

    /// A finding at the key of a value.
    pub(crate) fn add_at_key(&mut self, node: Node<'_>, message: impl Into<String>) {
        let offset = node.key_offset().unwrap_or_else(|| node.offset());
        self.add_at(node, node.document().position(offset), message.into());
    }

    /// A finding about a value, at a place of its own.
    pub(crate) fn add_at(&mut self, node: Node<'_>, position: Position, message: String) {
        if self.findings.last().is_some_and(Finding::ends_the_list) {
            return;
        }
        let pointer = node.pointer();
        let finding = if self.findings.len() >= MOST || self.outgrown_by(&pointer) {
            let limit = rules::all().find(|rule| rule.id == "OCI-JSON-LIMIT").unwrap_or(self.rule);
            self.finding(limit, String::new(), position, FLOOD.to_owned())
        } else {
            self.finding(self.rule, pointer, position, message)
        };
        self.findings.push(finding);
    }

    fn finding(&self, rule: &'static Rule, pointer: String, position: Position, message: String) -> Finding {
        let (file, version) = (Arc::clone(self.file), self.version);
        Finding { rule, severity: rule.severity, pointer, position, message, file, version }
    }

    /// Whether the pointers take more memory than they may with this one. Only long ones are
    /// looked at: the others are bounded by the number of findings.
    fn outgrown_by(&self, pointer: &str) -> bool {
        let long = |pointer: &str| if pointer.len() < LONG { 0 } else { pointer.len() };
        let all = || self.findings.iter().map(|finding| long(&finding.pointer)).sum::<usize>();
        long(pointer) > 0 && !self.findings.is_empty() && all() + pointer.len() > MOST_POINTERS
    }
}

/// Everything that was found, document by document, in the order of their texts.
#[derive(Debug, Clone, Default)]
pub struct Report {
    documents: Vec<(Arc<str>, Vec<Finding>)>,
}

impl Report {
    /// A report on one document.
    pub(crate) fn new(file: &Arc<str>, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| finding.position);
        Report { documents: vec![(Arc::clone(file), findings)] }
    }

    /// Appends the findings of another document.
    pub fn extend(&mut self, other: Report) {
        self.documents.extend(other.documents);
    }

    /// The findings.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.documents.iter().flat_map(|(_, findings)| findings)
    }

    pub(crate) fn into_findings(self) -> impl Iterator<Item = Finding> {
        self.documents.into_iter().flat_map(|(_, findings)| findings)
    }

    /// Whether the specification is broken.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.reaches(Severity::Error)
    }

    /// Whether there is a finding of this weight or more.
    #[must_use]
    pub fn reaches(&self, severity: Severity) -> bool {
        self.findings().any(|finding| finding.severity >= severity)
    }

    /// For people and editors: `FILE:LINE:COLUMN: error[OCI-P2] /process/cwd: message`, one line a
    /// finding; nothing when there is none.
    ///
    /// ```
    /// # use bundle_validate::{Bundle, Options, json, validate};
    /// # let text = r#"{"ociVersion": "1.3.0", "root": {"path": "/"}, "process": {"cwd": "tmp", "args": ["sh"]}}"#;
    /// # let document = json::parse(text.into(), json::Limits::default())?;
    /// # let report = validate(&Bundle::from_document(document), &Options::default());
    /// assert!(report.human().starts_with("-:1:67: error[OCI-P2] /process/cwd: expected an absolute path"));
    /// # Ok::<(), json::Fault>(())
    /// ```
    #[must_use]
    pub fn human(&self) -> String {
        self.print(Format::Human)
    }

    /// For programs: an object with `findings` and the number of each severity in `counts`.
    ///
    /// ```
    /// # use bundle_validate::{Bundle, Options, json, validate};
    /// # let document = json::parse(b"[]".to_vec(), json::Limits::default())?;
    /// # let report = validate(&Bundle::from_document(document), &Options::default());
    /// let object: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
    /// assert_eq!(object["findings"].as_array().unwrap().len(), report.findings().count());
    /// # Ok::<(), json::Fault>(())
    /// ```
    #[must_use]
    pub fn json(&self) -> String {
        self.print(Format::Json)
    }

    /// As [`Report::json`], an object a line for each finding and nothing else.
    ///
    /// ```
    /// # use bundle_validate::{Bundle, Options, json, validate};
    /// # let document = json::parse(b"[]".to_vec(), json::Limits::default())?;
    /// # let report = validate(&Bundle::from_document(document), &Options::default());
    /// assert_eq!(report.jsonl().lines().count(), report.findings().count());
    /// # Ok::<(), json::Fault>(())
    /// ```
    #[must_use]
    pub fn jsonl(&self) -> String {
        self.print(Format::JsonLines)
    }

    /// A SARIF 2.1.0 log, with every rule and its description.
    ///
    /// ```
    /// # use bundle_validate::{Bundle, Options, json, validate};
    /// # let document = json::parse(b"[]".to_vec(), json::Limits::default())?;
    /// # let report = validate(&Bundle::from_document(document), &Options::default());
    /// let log: serde_json::Value = serde_json::from_str(&report.sarif()).unwrap();
    /// assert_eq!(log["runs"][0]["results"].as_array().unwrap().len(), report.findings().count());
    /// # Ok::<(), json::Fault>(())
    /// ```
    #[must_use]
    pub fn sarif(&self) -> String {
        self.print(Format::Sarif)
    }

    /// JUnit's XML: a suite a document, a case a rule that was broken, or one that passed; errors are
    /// failures.
    ///
    /// ```
    /// # use bundle_validate::{Bundle, Options, json, validate};
    /// # let document = json::parse(b"[]".to_vec(), json::Limits::default())?;
    /// # let report = validate(&Bundle::from_document(document), &Options::default());
    /// assert_eq!(report.junit().matches("<testsuite ").count(), 1);
    /// # Ok::<(), json::Fault>(())
    /// ```
    #[must_use]
    pub fn junit(&self) -> String {
        self.print(Format::Junit)
    }

    /// Workflow commands of GitHub Actions, a line a finding.
    ///
    /// ```
    /// # use bundle_validate::{Bundle, Options, json, validate};
    /// # let document = json::parse(b"[]".to_vec(), json::Limits::default())?;
    /// # let report = validate(&Bundle::from_document(document), &Options::default());
    /// assert!(report.github().starts_with("::error file=-,line=1,col=1,title="));
    /// # Ok::<(), json::Fault>(())
    /// ```
    #[must_use]
    pub fn github(&self) -> String {
        self.print(Format::Github)
    }

    fn print(&self, format: Format) -> String {
        let mut form = format.form(Style::default());
        let mut totals = Totals::default();
        let mut text = form.begin();
        for (file, findings) in &self.documents {
            let path = Path::new(&**file);
            findings.iter().for_each(|finding| totals.count(finding.severity));
            totals.documents += 1;
            text += &form.document(&Checked { path, findings, left_out: &[], text: excerpt::Text::Absent });
        }
        text + &form.end(&totals)
    }
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
    fn a_document_without_findings_is_a_suite() {
        let good = r#"{"ociVersion": "1.3.0", "root": {"path": "/srv"},
            "process": {"cwd": "/", "args": ["sh"], "user": {"uid": 0, "gid": 0}}}"#;
        let mut both = report(good);
        both.extend(report("[]"));
        assert_eq!((report(good).human().as_str(), both.junit().matches("<testsuite ").count()), ("", 2));
        assert!(report(good).junit().contains("name=\"valid\""));
    }

    #[test]
    fn findings_are_not_more_than_memory_holds() {
        let members = "\"a\n\": 1,".replace('\n', "\\n").repeat(30_000);
        let report = report(&format!("{{{members} \"b\": 1}}"));
        assert_eq!(report.findings().count(), MOST + 1);
        assert!(report.findings().all(|finding| !finding.message.contains(char::is_control)));
    }

    #[test]
    fn findings_stand_in_the_order_of_the_text() {
        let report = report("{\"process\": {\"cwd\": 1}, \"x\": 1,\n \"root\": [], \"ociVersion\": \"x\"}");
        let positions: Vec<Position> = report.findings().map(|finding| finding.position).collect();
        assert!(positions.len() >= 4 && positions.is_sorted(), "{positions:?}");
        assert!(report.has_errors() && report.reaches(Severity::Note));
    }
}
