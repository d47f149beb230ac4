//! How long the tools take to start.

use super::{heading, row};
use crate::error::Error;
use crate::timing::{Subject, measure};
use std::path::Path;
use std::process::Command;

const TOOLS: [&str; 4] = ["bundle-validate", "lxc-render-config", "state-inspect", "nexcage-shim"];

/// Most that a tool's start-up may take, against /bin/true.
const START_UP_GOAL: f64 = 2.0;

pub(super) fn start_up(tools: &Path, runs: usize) -> Result<(), Error> {
    let mut subjects = vec![Subject::new("/bin/true", Command::new("/bin/true"))];
    for tool in TOOLS {
        let mut command = Command::new(tools.join(tool));
        command.arg("--version");
        subjects.push(Subject::new(tool, command));
    }
    measure(&mut subjects, runs)?;
    heading(&format!("start-up (--version), {runs} runs by turns"));
    let floor = subjects[0].median();
    for subject in &subjects {
        let ratio = subject.median() / floor;
        row(subject, &format!("{ratio:.2}x true, goal {START_UP_GOAL}x"));
    }
    Ok(())
}
