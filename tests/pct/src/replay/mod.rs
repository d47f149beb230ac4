//! Holds the stand-in to recordings of the real `pct`.
//!
//! The recordings are three files: `transcripts.json` (calls), `rendered.json` (LXC configurations),
//! `parsed.json` (verdicts of the conf parser). `replay-reasons.txt` of this crate names those that are
//! not run or are known to differ, with the reason; one that is named there and passes is an error.

mod mask;
mod parsed;
mod reasons;
mod rendered;
mod report;
mod scene;
mod transcripts;

pub use report::Report;

use serde::de::DeserializeOwned;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The status when something differs that should not.
const DIFFERENT: u8 = 1;
/// The status of a wrong command line.
const USAGE: u8 = 2;
/// The status when the recordings are not there.
const NOT_RUN: u8 = 3;

/// Why nothing was replayed.
#[derive(Debug)]
pub enum Error {
    /// The directory of the recordings does not exist.
    Absent(PathBuf),
    /// A file cannot be read.
    Read(PathBuf, io::Error),
    /// A file is not what was recorded.
    Format(PathBuf, serde_json::Error),
    /// There is no stand-in to hold to them: it has not been built.
    NoStandIn(PathBuf),
    /// The crate's list of reasons is malformed.
    Reasons(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Absent(path) => {
                write!(f, "there are no recordings in {}: the replay was not run", path.display())
            }
            Error::Read(path, _) => write!(f, "cannot read {}", path.display()),
            Error::Format(path, _) => write!(f, "{} is no recording", path.display()),
            Error::NoStandIn(path) => write!(f, "there is no stand-in at {}", path.display()),
            Error::Reasons(line) => write!(f, "bad line in replay-reasons.txt: {line}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Read(_, source) => Some(source),
            Error::Format(_, source) => Some(source),
            Error::Absent(_) | Error::NoStandIn(_) | Error::Reasons(_) => None,
        }
    }
}

/// What became of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// It differs: how.
    Failed(String),
    /// It was not run: why.
    NotCovered(String),
}

/// Replays everything in `from` with the stand-in binary `pct`.
///
/// # Errors
/// The recordings are absent or unreadable.
pub fn replay(from: &Path, pct: &Path) -> Result<Report, Error> {
    if !from.is_dir() {
        return Err(Error::Absent(from.to_owned()));
    }
    if !pct.is_file() {
        return Err(Error::NoStandIn(pct.to_owned()));
    }
    let reasons = reasons::Reasons::read()?;
    let mut report = Report::default();
    for recording in read::<Vec<rendered::Recording>>(from, "rendered.json")? {
        report.add("rendered", &recording.name, recording.check(), &reasons);
    }
    for recording in read::<Vec<parsed::Recording>>(from, "parsed.json")? {
        report.add("parsed", &recording.name, recording.check(), &reasons);
    }
    for (name, outcome) in transcripts::check_all(&read::<Vec<_>>(from, "transcripts.json")?, pct, &reasons) {
        report.add("transcripts", &name, outcome, &reasons);
    }
    report.check_names(&reasons);
    Ok(report)
}

fn read<T: DeserializeOwned>(from: &Path, name: &str) -> Result<T, Error> {
    let path = from.join(name);
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| Error::Format(path, error)),
        Err(error) => Err(Error::Read(path, error)),
    }
}

/// The command `replay-pct [--from DIR] [--pct FILE]`. DIR is `../shared/facts/pct-transcripts` when not
/// given, FILE the `pct` beside the running program.
///
/// Status 0: all as recorded or for a listed reason; 1: something differs, or cannot be read; 3: there
/// are no recordings, and nothing was replayed.
pub fn main(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    let (mut from, mut pct) = (PathBuf::from("../shared/facts/pct-transcripts"), sibling());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let place = match word.to_str() {
            Some("--from") => &mut from,
            Some("--pct") => &mut pct,
            _ => return usage(),
        };
        let Some(value) = words.next() else {
            return usage();
        };
        *place = value.into();
    }
    match replay(&from, &pct) {
        Ok(report) => {
            // A closed stdout does not change the result.
            drop(write!(io::stdout(), "{report}"));
            if report.is_good() { 0.into() } else { DIFFERENT.into() }
        }
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            let status = if matches!(error, Error::Absent(_)) { NOT_RUN } else { DIFFERENT };
            drop(writeln!(io::stderr(), "replay-pct: {error}{cause}"));
            status.into()
        }
    }
}

fn sibling() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.with_file_name("pct")
}

fn usage() -> ExitCode {
    drop(writeln!(io::stderr(), "usage: replay-pct [--from DIR] [--pct FILE]"));
    USAGE.into()
}
