//! Containers of ours, which are gone after a measurement.

use super::done;
use crate::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// See the module.
#[derive(Debug)]
pub(super) struct Nexcage {
    program: PathBuf,
    root: PathBuf,
    made: Vec<String>,
}

impl Nexcage {
    pub(super) fn new(tools: &Path, directory: &Path) -> Self {
        Nexcage { program: tools.join("nexcage"), root: directory.join("nexcage"), made: Vec::new() }
    }

    /// A command about them.
    pub(super) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--root").arg(&self.root).args(words);
        command
    }

    /// Creates one and gives its id.
    pub(super) fn create(&mut self, bundle: &Path) -> Result<String, Error> {
        let id = format!("bench-{}", self.made.len());
        let mut command = self.command(&["create", &id, "--bundle"]);
        command.arg(bundle);
        done(command)?;
        self.made.push(id.clone());
        Ok(id)
    }

    /// Runs one in the background and gives the pids of its shim and of its process.
    pub(super) fn run(&mut self, bundle: &Path) -> Result<(u32, u32), Error> {
        let id = self.create(bundle)?;
        done(self.command(&["start", &id]))?;
        let path = self.root.join("default").join(&id).join("record.json");
        let text = fs::read(&path);
        let text = text.map_err(|source| Error::File { path: path.display().to_string(), source })?;
        let record: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
        let pid = |part: &str| {
            let pid = record[part]["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
            pid.ok_or_else(|| Error::Unexpected(format!("{} names no {part}", path.display())))
        };
        Ok((pid("shim")?, pid("process")?))
    }
}

impl Drop for Nexcage {
    fn drop(&mut self) {
        for id in &self.made {
            drop(done(self.command(&["delete", "--force", id])));
        }
    }
}
