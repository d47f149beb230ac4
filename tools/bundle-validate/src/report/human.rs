//! For people, editors and grep.

use super::excerpt::Excerpts;
use super::form::{Checked, Form, Totals};
use super::printable::{printable, shortened};
use super::{Finding, Severity};
use std::fmt::Write as _;

/// Most characters of a pointer that are printed: keys may be megabytes.
const POINTER: usize = 200;

/// Whether colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Palette {
    /// None.
    Plain,
    /// ECMA-48 colours.
    Coloured,
}

/// Whether the line of the document is shown under a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// With a caret under the place.
    Shown,
    /// A finding is one line.
    Hidden,
}

/// A line a finding, and its source.
#[derive(Debug)]
pub(super) struct Human {
    pub(super) palette: Palette,
    pub(super) source: Source,
}

impl Form for Human {
    fn document(&mut self, document: &Checked<'_>) -> String {
        let mut text = String::new();
        let mut excerpts = Excerpts::new(document.text);
        for finding in document.findings {
            self.finding(finding, &mut text);
            let excerpt = (self.source == Source::Shown).then(|| excerpts.at(finding.position)).flatten();
            if let Some((source, caret)) = excerpt {
                let caret = format!("{caret}{}", self.paint(colour(finding.severity), "^"));
                let _ = writeln!(text, "  {source}\n  {caret}");
            }
        }
        for left_out in document.left_out {
            let _ = writeln!(text, "{}: {left_out}", printable(&document.file()));
        }
        text
    }

    fn end(&mut self, _: &Totals) -> String {
        String::new()
    }
}

impl Human {
    fn finding(&self, finding: &Finding, text: &mut String) {
        let Finding { rule, severity, pointer, position, message, file, .. } = finding;
        let place = self.paint("1", &printable(&format!("{file}:{position}:")));
        let kind = self.paint(colour(*severity), &format!("{}[{}]", severity.name(), rule.id));
        let at = if pointer.is_empty() { "" } else { " " };
        let what = printable(&format!("{at}{}: {message}", shortened(pointer, POINTER)));
        let _ = writeln!(text, "{place} {kind}{what}");
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        match self.palette {
            Palette::Plain => text.to_owned(),
            Palette::Coloured => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
        }
    }
}

/// Bold red, yellow and cyan.
fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;33",
        Severity::Note => "1;36",
    }
}
