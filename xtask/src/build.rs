//! The workspace and its release build.

use crate::error::Error;
use crate::step::run;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The top of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

/// A cargo command in the workspace.
pub(crate) fn cargo<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args).current_dir(workspace());
    command
}

/// Builds every tool in the release profile and gives the directory that they are in.
pub(crate) fn release() -> Result<PathBuf, Error> {
    run(&mut cargo(["build", "--release", "--locked"]))?;
    let program = || "cargo metadata".to_owned();
    let metadata = cargo(["metadata", "--no-deps", "--format-version=1", "--offline", "--locked"]).output();
    let metadata = metadata.map_err(|source| Error::Start { program: program(), source })?;
    let document: Option<serde_json::Value> = serde_json::from_slice(&metadata.stdout).ok();
    let directory = document.as_ref().and_then(|document| document["target_directory"].as_str());
    let Some(directory) = directory else {
        return Err(Error::Ended { program: program(), status: metadata.status });
    };
    Ok(Path::new(directory).join("release"))
}
