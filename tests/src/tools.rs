//! Where the tools are.

use std::env;
use std::path::{Path, PathBuf};

/// The directory of the tools under test: `TOOLS_BIN_DIR`, or the workspace's target directory that
/// the calling executable is in, this profile's first, then the release profile's.
///
/// # Errors
/// What to do when they are in neither.
pub fn tools_directory() -> Result<PathBuf, String> {
    if let Some(directory) = env::var_os("TOOLS_BIN_DIR") {
        return PathBuf::from(directory).canonicalize().map_err(|error| format!("TOOLS_BIN_DIR: {error}"));
    }
    built("nexcage-shim")
}

/// The stand-in for `pct`: beside the tools, or, if these are installed, where it was built.
///
/// # Errors
/// What to do when it is in neither.
pub(crate) fn stand_in(tools: &Path) -> Result<PathBuf, String> {
    let beside = tools.join("pct");
    if beside.is_file() { Ok(beside) } else { Ok(built("pct")?.join("pct")) }
}

/// The directory that a program was built into, as far as the calling executable tells.
fn built(program: &str) -> Result<PathBuf, String> {
    let executable = env::current_exe().map_err(|error| error.to_string())?;
    let candidates = executable
        .ancestors()
        .skip(1)
        .flat_map(|directory| [directory.to_owned(), directory.join("release")]);
    candidates.take(6).find(|directory| directory.join(program).is_file()).ok_or_else(|| {
        format!("{program} is not built: run 'cargo build --release' first, or set TOOLS_BIN_DIR")
    })
}
