//! `cargo xtask dist`: a tarball of static binaries, which run on any Linux.

use super::binaries::{self, Linkage};
use super::{NEEDS, OUTPUT, VERSION, epoch, file_error, output, tree};
use crate::build::workspace;
use crate::error::Error;
use crate::packages;
use crate::step::{run, say};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Builds it.
pub(crate) fn dist() -> Result<(), Error> {
    packages::require(&NEEDS)?;
    let binaries = binaries::build(workspace(), &binaries::target(), Linkage::Static)?;
    for name in tree::TOOLS.iter().chain(&tree::HELPERS) {
        let headers = output(Command::new("objdump").arg("-p").arg(binaries.join(name)))?;
        if headers.contains("NEEDED") || headers.contains("INTERP") {
            return Err(Error::Unexpected(format!("{name} is not static")));
        }
    }
    let name = format!("nexcage-{VERSION}-x86_64-linux");
    let stage = tempfile::tempdir().map_err(file_error(Path::new("temporary directory")))?;
    tree::make(&stage.path().join(&name), &binaries)?;
    tree::put(&workspace().join("LICENSE"), &stage.path().join(&name).join("LICENSE"), 0o644)?;
    let directory = workspace().join(OUTPUT);
    fs::create_dir_all(&directory).map_err(file_error(&directory))?;
    let tarball = directory.join(format!("{name}.tar.xz"));
    let mut tar = Command::new("tar");
    tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu", "--xz"]);
    tar.arg(format!("--mtime=@{}", epoch()?)).arg("--create").arg("--file").arg(&tarball);
    run(tar.arg("--directory").arg(stage.path()).arg(&name))?;
    say(&format!("wrote {}", tarball.display()));
    Ok(())
}
