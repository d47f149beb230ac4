//! The list of recordings that are not run or known to differ.

use super::Error;

/// `FILE NAME not-run|differs REASON` per line.
const LIST: &str = include_str!("../../replay-reasons.txt");

#[derive(Debug)]
pub(super) struct Reasons(Vec<Entry>);

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) file: &'static str,
    pub(super) name: &'static str,
    kind: Kind,
    reason: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NotRun,
    Differs,
}

impl Reasons {
    pub(super) fn read() -> Result<Reasons, Error> {
        let lines = LIST.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        let entries = lines.map(|line| Entry::parse(line).ok_or_else(|| Error::Reasons(line.to_owned())));
        entries.collect::<Result<_, _>>().map(Reasons)
    }

    pub(super) fn not_run(&self, file: &str, name: &str) -> Option<&'static str> {
        self.find(file, name, Kind::NotRun)
    }

    pub(super) fn differs(&self, file: &str, name: &str) -> Option<&'static str> {
        self.find(file, name, Kind::Differs)
    }

    fn find(&self, file: &str, name: &str, kind: Kind) -> Option<&'static str> {
        let entry =
            self.0.iter().find(|entry| entry.file == file && entry.name == name && entry.kind == kind);
        entry.map(|entry| entry.reason)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }
}

impl Entry {
    fn parse(line: &'static str) -> Option<Entry> {
        let mut words = line.splitn(4, ' ');
        let (file, name) = (words.next()?, words.next()?);
        let kind = match words.next()? {
            "not-run" => Kind::NotRun,
            "differs" => Kind::Differs,
            _ => return None,
        };
        Some(Entry { file, name, kind, reason: words.next()? })
    }
}
