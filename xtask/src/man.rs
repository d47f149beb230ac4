//! `cargo xtask man`: the manual pages that are made of tables.

use crate::build::workspace;
use crate::error::Error;
use crate::step::say;

/// Writes nexcage-mapping(7).
pub(crate) fn man() -> Result<(), Error> {
    let path = workspace().join("man/nexcage-mapping.7");
    std::fs::write(&path, nexcage_mapping::page())
        .map_err(|source| Error::File { path: path.display().to_string(), source })?;
    say(&format!("wrote {}", path.display()));
    Ok(())
}
