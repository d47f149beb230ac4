//! What the replay found, by name.

use super::Outcome;
use super::reasons::Reasons;
use std::fmt;

/// The result of a replay.
#[derive(Debug, Default)]
pub struct Report {
    entries: Vec<Entry>,
    /// Names in the list of reasons that no recording has.
    unknown: Vec<String>,
}

#[derive(Debug)]
struct Entry {
    file: &'static str,
    name: String,
    outcome: Outcome,
    /// Why it may differ.
    reason: Option<&'static str>,
}

impl Report {
    pub(super) fn add(&mut self, file: &'static str, name: &str, outcome: Outcome, reasons: &Reasons) {
        let reason = reasons.differs(file, name);
        self.entries.push(Entry { file, name: name.to_owned(), outcome, reason });
    }

    pub(super) fn check_names(&mut self, reasons: &Reasons) {
        let recorded = |file: &str, name: &str| {
            self.entries.iter().any(|entry| entry.file == file && entry.name == name)
        };
        let unknown = reasons.entries().iter().filter(|entry| !recorded(entry.file, entry.name));
        self.unknown = unknown.map(|entry| format!("{} {}", entry.file, entry.name)).collect();
    }

    /// Whether everything is as recorded or differs for a listed reason.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.unknown.is_empty() && self.entries.iter().all(|entry| entry.verdict() != Verdict::Wrong)
    }

    /// How many recordings of a file (`transcripts`, `rendered`, `parsed`) passed.
    #[must_use]
    pub fn passed(&self, file: &str) -> usize {
        self.count(file, Verdict::Passed)
    }

    /// How many failed, with a listed reason or without.
    #[must_use]
    pub fn failed(&self, file: &str) -> usize {
        self.count(file, Verdict::Excused) + self.count(file, Verdict::Wrong)
    }

    /// How many were not run.
    #[must_use]
    pub fn not_covered(&self, file: &str) -> usize {
        self.count(file, Verdict::NotCovered)
    }

    /// The counts, one line a file.
    #[must_use]
    pub fn counts(&self) -> String {
        let line = |file| {
            let (passed, failed, not_covered) =
                (self.passed(file), self.failed(file), self.not_covered(file));
            format!("{file}: {passed} passed, {failed} failed, {not_covered} not covered\n")
        };
        ["transcripts", "rendered", "parsed"].map(line).concat()
    }

    fn count(&self, file: &str, verdict: Verdict) -> usize {
        self.entries.iter().filter(|entry| entry.file == file && entry.verdict() == verdict).count()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    NotCovered,
    /// It differs, for a listed reason.
    Excused,
    /// It differs without a listed reason, or passes in spite of one.
    Wrong,
}

impl Entry {
    fn verdict(&self) -> Verdict {
        match (&self.outcome, self.reason) {
            (Outcome::Passed, None) => Verdict::Passed,
            (Outcome::NotCovered(_), None) => Verdict::NotCovered,
            (Outcome::Failed(_), Some(_)) => Verdict::Excused,
            _ => Verdict::Wrong,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            let Entry { file, name, outcome, reason } = entry;
            match (entry.verdict(), outcome, reason) {
                (Verdict::Passed, ..) => writeln!(f, "passed       {file} {name}")?,
                (_, Outcome::NotCovered(why), None) => writeln!(f, "not covered  {file} {name}: {why}")?,
                (Verdict::Excused, _, Some(reason)) => {
                    writeln!(f, "failed       {file} {name}, as listed: {reason}")?;
                }
                (_, Outcome::Failed(how), _) => writeln!(f, "FAILED       {file} {name}:\n{how}")?,
                _ => writeln!(
                    f,
                    "FAILED       {file} {name}: passes, but replay-reasons.txt says that it does not"
                )?,
            }
        }
        for name in &self.unknown {
            writeln!(f, "FAILED       {name}: in replay-reasons.txt, but no such recording")?;
        }
        f.write_str(&self.counts())
    }
}
