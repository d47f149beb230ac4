//! A tarball of static binaries, which run on any Linux.

use super::binaries::Binaries;
use super::{VERSION, epoch, file_error, notices, tree, write};
use crate::build::workspace;
use crate::error::Error;
use crate::step::{output, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes it of these binaries, in a directory.
pub(super) fn make(binaries: &Binaries, directory: &Path) -> Result<PathBuf, Error> {
    let objdump = binaries.architecture.tool("objdump");
    for name in tree::TOOLS.iter().chain(&tree::HELPERS) {
        let headers = output(Command::new(&objdump).arg("-p").arg(binaries.directory.join(name)))?;
        if headers.contains("NEEDED") || headers.contains("INTERP") {
            return Err(Error::Unexpected(format!("{name} is not static")));
        }
    }
    let name = format!("nexcage-{VERSION}-{}-linux", binaries.architecture.kernel());
    let stage = tempfile::tempdir().map_err(file_error(Path::new("temporary directory")))?;
    let root = stage.path().join(&name);
    tree::make(&root, binaries)?;
    tree::put(&workspace().join("LICENSE"), &root.join("LICENSE"), 0o644)?;
    write(&root.join("NOTICES"), notices::text(binaries)?)?;
    fs::create_dir_all(directory).map_err(file_error(directory))?;
    let tarball = directory.join(format!("{name}.tar.xz"));
    let mut tar = Command::new("tar");
    tar.args([
        "--sort=name",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
        "--mode=go-w",
        "--format=gnu",
        "--xz",
    ]);
    tar.arg(format!("--mtime=@{}", epoch()?)).arg("--create").arg("--file").arg(&tarball);
    run(tar.arg("--directory").arg(stage.path()).arg(&name))?;
    Ok(tarball)
}
