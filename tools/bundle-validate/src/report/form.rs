//! What the forms of output share. A form gets the documents one after another and gives the text
//! piece by piece, so that a run over many bundles holds one of them at a time.

use super::excerpt::Text;
use super::github::Github;
use super::human::{Human, Palette, Source};
use super::json::{Json, JsonLines};
use super::junit::Junit;
use super::sarif::Sarif;
use super::{Finding, Severity};
use std::fmt;
use std::path::Path;

/// The forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Human,
    Json,
    JsonLines,
    Sarif,
    Junit,
    Github,
}

impl Format {
    /// All of them with their names.
    pub(crate) const ALL: [(&'static str, Format); 6] = [
        ("human", Format::Human),
        ("json", Format::Json),
        ("jsonl", Format::JsonLines),
        ("sarif", Format::Sarif),
        ("junit", Format::Junit),
        ("github", Format::Github),
    ];

    /// A writer of this form.
    pub(crate) fn form(self, style: Style) -> Box<dyn Form> {
        match self {
            Format::Human => Box::new(Human { palette: style.palette, source: style.source }),
            Format::Json => Box::new(Json::default()),
            Format::JsonLines => Box::new(JsonLines),
            Format::Sarif => Box::new(Sarif::default()),
            Format::Junit => Box::new(Junit { fail_on: style.fail_on }),
            Format::Github => Box::new(Github),
        }
    }
}

/// How a form looks, as far as that can be chosen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    /// Of [`Format::Human`].
    pub(crate) palette: Palette,
    /// Of [`Format::Human`].
    pub(crate) source: Source,
    /// The least severity that is a failure to [`Format::Junit`].
    pub(crate) fail_on: Severity,
}

impl Default for Style {
    fn default() -> Self {
        Style { palette: Palette::Plain, source: Source::Hidden, fail_on: Severity::Error }
    }
}

/// A form of output.
pub(crate) trait Form {
    /// What stands before the first document.
    fn begin(&mut self) -> String {
        String::new()
    }

    /// What was found in one document.
    fn document(&mut self, document: &Checked<'_>) -> String;

    /// An input that could not be read; stderr tells it as well.
    fn unreadable(&mut self, _file: &str, _reason: &str) -> String {
        String::new()
    }

    /// What stands after the last document.
    fn end(&mut self, totals: &Totals) -> String;
}

/// A document that was checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checked<'a> {
    /// Its path, `-` for standard input.
    pub(crate) path: &'a Path,
    /// The findings to print, in the order of the text.
    pub(crate) findings: &'a [Finding],
    /// Findings that are counted only.
    pub(crate) left_out: &'a [LeftOut],
    /// Its text.
    pub(crate) text: Text<'a>,
}

impl Checked<'_> {
    /// The path for messages.
    pub(super) fn file(&self) -> String {
        self.path.to_string_lossy().into_owned()
    }

    /// The path as a repository names it: what is found below `.` has no `./` there.
    pub(super) fn path_in_repository(&self) -> &Path {
        self.path.strip_prefix(".").unwrap_or(self.path)
    }
}

/// Findings of one rule in one document that are not printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Its id.
    pub(crate) rule: &'static str,
    pub(crate) count: usize,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LeftOut { rule, count } = self;
        write!(f, "and {count} more of {rule} (--max-findings 0 lists all)")
    }
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Documents checked.
    pub(crate) documents: usize,
    /// Inputs that could not be read.
    pub(crate) unreadable: usize,
    /// Findings of each severity, printed or left out.
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) notes: usize,
    /// Of these, the ones that were left out.
    pub(crate) left_out: usize,
    /// Findings of rules that are allowed to be broken.
    pub(crate) allowed: usize,
    /// Findings that the baseline knows.
    pub(crate) baseline: usize,
    /// Files named config.json that were met on a walk and are no bundle's.
    pub(crate) skipped: usize,
}

impl Totals {
    pub(crate) fn count(&mut self, severity: Severity) {
        match severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Note => self.notes += 1,
        }
    }

    /// Whether there is a finding of this weight or more.
    pub(crate) fn reaches(&self, severity: Severity) -> bool {
        match severity {
            Severity::Error => self.errors > 0,
            Severity::Warning => self.errors + self.warnings > 0,
            Severity::Note => self.errors + self.warnings + self.notes > 0,
        }
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.errors, "error", "errors"),
            (self.warnings, "warning", "warnings"),
            (self.notes, "note", "notes"),
            (self.left_out, "not listed", "not listed"),
            (self.allowed, "allowed", "allowed"),
            (self.baseline, "in the baseline", "in the baseline"),
            (self.unreadable, "input unreadable", "inputs unreadable"),
            (self.skipped, "file of no bundle skipped", "files of no bundle skipped"),
        ];
        let documents = if self.documents == 1 { "document" } else { "documents" };
        write!(f, "{} {documents} checked", self.documents)?;
        for (count, one, many) in parts.into_iter().filter(|(count, ..)| *count > 0) {
            write!(f, ", {count} {}", if count == 1 { one } else { many })?;
        }
        Ok(())
    }
}
