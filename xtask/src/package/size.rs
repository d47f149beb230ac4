//! `cargo xtask size`: what is shipped, against a budget.

use super::{OUTPUT, VERSION, deb, file_error, read, tree};
use crate::build::workspace;
use crate::error::Error;
use crate::step::say;
use std::fs;
use std::path::Path;

/// Builds the package and prints the sizes of it and of its binaries; one that is beyond its budget, or
/// has none, is a failure.
pub(crate) fn size() -> Result<(), Error> {
    let binaries = deb::build()?;
    let package = deb::make(&binaries, &format!("{VERSION}-1"), &workspace().join(OUTPUT))?;
    let budget = read(&workspace().join("packaging/sizes.txt"))?;
    let most = |name: &str| {
        let line = budget.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
    };
    let names = tree::TOOLS.iter().chain(&tree::HELPERS);
    let files = names.map(|name| (*name, binaries.join(name))).chain([("nexcage.deb", package)]);
    let mut beyond = Vec::new();
    for (name, path) in files {
        let (size, most) = (bytes(&path)?, most(name));
        say(&format!("{name:20}{size:>9} of {most:>9} bytes"));
        if size > most {
            beyond.push(name);
        }
    }
    if beyond.is_empty() {
        return Ok(());
    }
    Err(Error::Unexpected(format!("beyond packaging/sizes.txt: {}", beyond.join(", "))))
}

fn bytes(path: &Path) -> Result<u64, Error> {
    Ok(fs::metadata(path).map_err(file_error(path))?.len())
}
