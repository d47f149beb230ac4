//! For GitHub Actions: workflow commands that become annotations.

use super::form::{Checked, Form, Totals};
use super::printable;
use super::{Finding, Severity};
use std::fmt::Write as _;

/// A workflow command a finding.
#[derive(Debug)]
pub(super) struct Github;

impl Form for Github {
    fn document(&mut self, document: &Checked<'_>) -> String {
        let file = property(&document.path_in_repository().to_string_lossy());
        let mut text: String = document.findings.iter().map(|finding| of(finding, &file)).collect();
        for left_out in document.left_out {
            let _ = writeln!(text, "::notice file={file},title={}::{left_out}", left_out.rule);
        }
        text
    }

    fn unreadable(&mut self, file: &str, reason: &str) -> String {
        format!("::error file={},title=unreadable::{}\n", property(file), data(reason))
    }

    fn end(&mut self, _: &Totals) -> String {
        String::new()
    }
}

fn of(finding: &Finding, file: &str) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let Finding { rule, pointer, position, message, .. } = finding;
    let at = if pointer.is_empty() { "" } else { " " };
    let title = printable::shortened(&format!("{}{at}{pointer}", rule.id), 200);
    format!(
        "::{command} file={file},line={},col={},title={}::{}\n",
        position.line,
        position.column,
        property(&title),
        data(message)
    )
}

/// The text after `::`. A line break would end the command and let what follows be another.
fn data(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            '\r' => out.push_str("%0D"),
            '\n' => out.push_str("%0A"),
            other => printable::push(&mut out, other),
        }
    }
    out
}

/// The value of a property, which ends at a comma or at a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_its_command() {
        assert_eq!(data("50% of\r\na::b,\u{1b}"), "50%25 of%0D%0Aa::b,\\u{1b}");
        assert_eq!(property("a:b,c%\n::error::x"), "a%3Ab%2Cc%25%0A%3A%3Aerror%3A%3Ax");
    }
}
