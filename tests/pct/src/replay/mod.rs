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
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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
