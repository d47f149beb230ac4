//! What this build is.

/// The version of nexcage.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from; `development` in a debug build.
pub const COMMIT: &str = env!("NEXCAGE_COMMIT");

/// The version of the runtime specification that nexcage follows, and writes into what it writes.
pub const SPECIFICATION: &str = "1.3.0";

/// What a binary says of its version: a line for each, as runc does, so that engines can read it.
#[must_use]
pub fn version_text(binary: &str) -> String {
    format!("{binary} version {VERSION}\ncommit: {COMMIT}\nspec: {SPECIFICATION}\n")
}
