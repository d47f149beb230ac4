//! `cargo xtask replay-pct`: the stand-in for `pct` is held to recordings of the real one.

use crate::build::{release, workspace};
use crate::error::Error;
use crate::packages::{self, LXC};
use crate::step::{say, step};
use pct_stand_in::replay::{Report, replay};
use std::path::{Path, PathBuf};

/// Where the recordings are, from the top of the workspace.
const RECORDINGS: &str = "../shared/facts/pct-transcripts";

/// Builds the stand-in, replays the recordings in `from` or in their usual place, and prints what
/// became of each.
pub(crate) fn replay_pct(from: Option<PathBuf>) -> Result<(), Error> {
    packages::require(&[LXC])?;
    let mut tools = PathBuf::new();
    step("release build", || {
        tools = release()?;
        Ok(())
    })?;
    let Some(report) = run(&tools, from)? else { return Ok(()) };
    say(report.to_string().trim_end());
    judge(&report)
}

/// Replays the recordings in their usual place, and prints how many passed; all of the report if
/// something is wrong.
pub(crate) fn replay_quietly(tools: &Path) -> Result<(), Error> {
    let Some(report) = run(tools, None)? else { return Ok(()) };
    let text = report.to_string();
    say(if report.is_good() { report.counts() } else { text }.trim_end());
    judge(&report)
}

/// `None`, and a line that says so, where the usual place does not exist.
fn run(tools: &Path, from: Option<PathBuf>) -> Result<Option<Report>, Error> {
    packages::require_root()?;
    let usual = workspace().join(RECORDINGS);
    if from.is_none() && !usual.exists() {
        say(&format!("NOT RUN: the replay of pct's recordings, since there are none in {RECORDINGS}"));
        return Ok(None);
    }
    replay(&from.unwrap_or(usual), &tools.join("pct")).map(Some).map_err(Error::Replay)
}

fn judge(report: &Report) -> Result<(), Error> {
    if report.is_good() {
        return Ok(());
    }
    Err(Error::Unexpected(
        "the stand-in for pct differs from the recordings without a listed reason".to_owned(),
    ))
}
