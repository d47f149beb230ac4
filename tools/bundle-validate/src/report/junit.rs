//! For test reports: JUnit's XML, a suite a document and a case a rule that was broken.

use super::form::{Checked, Form, Totals};
use super::printable::printable;
use super::{Finding, Severity};
use std::fmt::Write as _;

/// The form, and from where on a finding is a failure. Less severe ones are output of a case that
/// passed.
#[derive(Debug)]
pub(super) struct Junit {
    pub(super) fail_on: Severity,
}

impl Form for Junit {
    fn begin(&mut self) -> String {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"bundle-validate\">\n".to_owned()
    }

    fn document(&mut self, document: &Checked<'_>) -> String {
        let file = escaped(&document.file());
        let rules = rules(document);
        let failures = rules.iter().filter(|rule| self.fails(document, rule)).count();
        let mut text = String::new();
        let tests = rules.len().max(1);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{file}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">"
        );
        if rules.is_empty() {
            let _ = writeln!(text, "    <testcase classname=\"{file}\" name=\"valid\"/>");
        }
        for rule in rules {
            let _ = writeln!(text, "    <testcase classname=\"{file}\" name=\"{rule}\">");
            let (open, close) = if self.fails(document, rule) {
                let first = document.findings.iter().find(|finding| finding.rule.id == rule);
                let message = first.map_or(String::new(), |finding| escaped(&finding.message));
                (format!("<failure message=\"{message}\" type=\"{rule}\">"), "</failure>")
            } else {
                ("<system-out>".to_owned(), "</system-out>")
            };
            let _ = writeln!(text, "      {open}{}{close}\n    </testcase>", lines(document, rule));
        }
        text.push_str("  </testsuite>\n");
        text
    }

    fn unreadable(&mut self, file: &str, reason: &str) -> String {
        let (file, reason) = (escaped(file), escaped(reason));
        format!(
            "  <testsuite name=\"{file}\" tests=\"1\" failures=\"0\" errors=\"1\">\n    \
             <testcase classname=\"{file}\" name=\"readable\">\n      \
             <error message=\"{reason}\"/>\n    </testcase>\n  </testsuite>\n"
        )
    }

    fn end(&mut self, _: &Totals) -> String {
        "</testsuites>\n".to_owned()
    }
}

impl Junit {
    fn fails(&self, document: &Checked<'_>, rule: &str) -> bool {
        document.findings.iter().any(|finding| finding.rule.id == rule && finding.severity >= self.fail_on)
    }
}

/// The rules that were broken, in the order of their first findings.
fn rules<'a>(document: &Checked<'a>) -> Vec<&'a str> {
    let mut rules: Vec<&str> = vec![];
    for finding in document.findings {
        if !rules.contains(&finding.rule.id) {
            rules.push(finding.rule.id);
        }
    }
    rules
}

/// The findings of a rule as they are printed for people.
fn lines(document: &Checked<'_>, rule: &str) -> String {
    let findings = document.findings.iter().filter(|finding| finding.rule.id == rule);
    let left_out = document.left_out.iter().filter(|left_out| left_out.rule == rule);
    let lines: Vec<String> =
        findings.map(Finding::to_string).chain(left_out.map(ToString::to_string)).collect();
    lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\n")
}

/// Text as content or attribute. XML 1.0 has no way to write most control characters, so they are
/// made visible first; then U+FFFE and U+FFFF are the only ones left that it forbids.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup_or_forbidden() {
        assert_eq!(
            escaped("<a b=\"c\">]]>&\0\n\u{FFFF}"),
            "&lt;a b=&quot;c&quot;&gt;]]&gt;&amp;\\u{0}\\n\u{FFFD}"
        );
    }
}
