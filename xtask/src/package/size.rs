//! `cargo xtask size`: what is shipped, against a budget.

use super::{OUTPUT, Product, binaries, file_error, read, tree};
use crate::architecture::Architecture;
use crate::build::workspace;
use crate::error::Error;
use crate::step::say;
use std::fs;
use std::path::Path;

/// Builds the package and prints the sizes of it and of its binaries; one that is beyond its budget, or
/// has none, is a failure.
pub(crate) fn size(architecture: Architecture) -> Result<(), Error> {
    let binaries = Product::Package.build(workspace(), &binaries::target(), architecture)?;
    let package = Product::Package.make(&binaries, &workspace().join(OUTPUT))?;
    let budget = read(&workspace().join("packaging/sizes.txt"))?;
    let most = |name: &str| {
        let line = budget.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let column = usize::from(architecture == Architecture::Arm64);
        line.and_then(|numbers| numbers.split(' ').nth(column)?.parse::<u64>().ok()).unwrap_or(0)
    };
    let names = tree::TOOLS.iter().chain(&tree::HELPERS);
    let files = names.map(|name| (*name, binaries.directory.join(name))).chain([("nexcage.deb", package)]);
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
