//! Where the tools are.

use std::env;
use std::path::PathBuf;

/// The directory of the tools under test: `TOOLS_BIN_DIR`, or the workspace's target directory that
/// the calling executable is in, this profile's first, then the release profile's.
///
/// # Errors
/// What to do when they are in neither.
pub fn tools_directory() -> Result<PathBuf, String> {
    if let Some(directory) = env::var_os("TOOLS_BIN_DIR") {
        return PathBuf::from(directory).canonicalize().map_err(|error| format!("TOOLS_BIN_DIR: {error}"));
    }
    let executable = env::current_exe().map_err(|error| error.to_string())?;
    let candidates = executable
        .ancestors()
        .skip(1)
        .flat_map(|directory| [directory.to_owned(), directory.join("release")]);
    candidates.take(6).find(|directory| directory.join("nexcage-shim").is_file()).ok_or_else(|| {
        "nexcage-shim is not built: run 'cargo build --release' first, or set TOOLS_BIN_DIR".to_owned()
    })
}
