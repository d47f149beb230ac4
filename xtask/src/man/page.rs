//! A page as mandoc shows it, section by section.

use crate::build::workspace;
use crate::error::Error;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    name: String,
    /// What is in the file.
    pub(super) source: String,
    sections: Vec<Section>,
}

/// A heading with what is below it, as it is shown.
#[derive(Debug)]
struct Section {
    name: String,
    /// Columns from the margin: more for a subsection.
    depth: usize,
    text: String,
}

impl Page {
    /// Reads a page of `man/` and has it shown.
    pub(super) fn read(name: &str) -> Result<Self, Error> {
        let path = workspace().join("man").join(name);
        let source = fs::read_to_string(&path)
            .map_err(|source| Error::File { path: path.display().to_string(), source })?;
        let mut mandoc = Command::new("mandoc");
        mandoc.args(["-T", "ascii", "-O", "width=900"]).arg(&path);
        let shown =
            mandoc.output().map_err(|source| Error::Start { program: "mandoc".to_owned(), source })?;
        let shown = without_overstrikes(&String::from_utf8_lossy(&shown.stdout));
        Ok(Page { name: name.to_owned(), source, sections: sections(&shown) })
    }

    /// Makes sure that the lists of a section, with those of its subsections, have these headings and
    /// no others. A page may order them by topic.
    pub(super) fn check_headings(
        &self,
        section: &str,
        headings: impl Iterator<Item = String>,
        wrong: &mut Vec<String>,
    ) {
        let found: BTreeSet<String> =
            self.entries(section).into_iter().map(|(heading, _)| heading.replace(" | ", "|")).collect();
        let expected: BTreeSet<String> = headings.collect();
        for heading in expected.difference(&found) {
            wrong.push(format!("{}, {section}: {heading} is missing", self.name));
        }
        for heading in found.difference(&expected) {
            wrong.push(format!("{}, {section}: {heading} is in no table", self.name));
        }
    }

    /// Makes sure that a section has these entries with these texts, in this order, and no others.
    pub(super) fn check_texts(&self, section: &str, entries: &[(String, &str)], wrong: &mut Vec<String>) {
        let found = self.entries(section);
        let texts = entries.iter().map(|(heading, text)| (heading.clone(), plain(text)));
        if !found.iter().map(|(heading, text)| (heading.clone(), plain(text))).eq(texts) {
            wrong.push(format!("{}, {section}: expected {entries:?}, found {found:?}", self.name));
        }
    }

    /// The entries of a section and of its subsections.
    fn entries(&self, section: &str) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        let mut rest = self.sections.iter().skip_while(|found| found.name != section);
        let Some(first) = rest.next() else { return entries };
        entries.extend(list(&first.text));
        for deeper in rest.take_while(|found| found.depth > first.depth) {
            entries.extend(list(&deeper.text));
        }
        entries
    }

    /// Makes sure that the subsections of COMMANDS are these.
    pub(super) fn check_subsections(&self, names: &[&str], wrong: &mut Vec<String>) {
        let commands = self.source.split(".Sh ").find_map(|section| section.strip_prefix("COMMANDS\n"));
        let lines = commands.unwrap_or_default().lines();
        let found: Vec<&str> = lines.filter_map(|line| line.strip_prefix(".Ss ")).collect();
        if found != names {
            wrong.push(format!("{}: subsections {found:?}, the table has {names:?}", self.name));
        }
    }
}

/// A page as a terminal shows it: bold is a letter over itself.
fn without_overstrikes(page: &str) -> String {
    let mut shown = String::new();
    for c in page.chars() {
        if c == '\u{8}' {
            shown.pop();
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Sections start at the margin, subsections three columns from it.
fn sections(shown: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in shown.lines() {
        let depth = line.len() - line.trim_start().len();
        if !line.is_empty() && depth < 5 {
            sections.push(Section { name: line.trim().to_owned(), depth, text: String::new() });
        } else if let Some(Section { text, .. }) = sections.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    sections
}

/// Columns of a heading that has its text beside it.
const TAG: usize = 8;

/// The entries of lists: a heading five columns from the margin, its text deeper and behind it or
/// below it.
fn list(text: &str) -> Vec<(String, String)> {
    let mut entries: Vec<(String, String)> = Vec::new();
    let mut paragraph = true;
    for line in text.lines() {
        let depth = line.len() - line.trim_start().len();
        let beside = line.trim().split_once("  ").filter(|(heading, _)| heading.len() < TAG);
        let (heading, rest) = beside.unwrap_or((line.trim(), ""));
        match entries.last_mut() {
            _ if line.is_empty() => {}
            Some((_, text)) if depth > 5 => {
                text.push(' ');
                text.push_str(line.trim());
            }
            _ if depth == 5 && paragraph => entries.push((heading.to_owned(), rest.trim().to_owned())),
            _ => {}
        }
        paragraph = line.is_empty();
    }
    // A paragraph of prose has nothing deeper below it.
    entries.retain(|(_, text)| !text.is_empty());
    entries
}

/// Words with one blank between, without quotes and sections of pages.
fn plain(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.retain(|c| !"'`\"".contains(c));
    for section in 1..=8 {
        words = words.replace(&format!("({section})"), "");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_with_their_text_beside_or_below() {
        let text = "     Prose of the section.\n\n     -x, --long X\n             Below.\n             More.\n\n     0       Beside.\n";
        let entry = |heading: &str, text: &str| (heading.to_owned(), text.to_owned());
        assert_eq!(list(text), [entry("-x, --long X", " Below. More."), entry("0", "Beside.")]);
    }
}
