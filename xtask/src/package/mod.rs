//! What users get: packages and tarballs, made of one tree of files.

mod binaries;
mod deb;
mod release;
mod repository;
mod room;
mod size;
mod tarball;
mod tree;

pub(crate) use deb::{check_reproducible, deb};
pub(crate) use release::release;
pub(crate) use repository::apt_repository;
pub(crate) use room::test_packages;
pub(crate) use size::size;
pub(crate) use tarball::dist;

use crate::build::workspace;
use crate::error::Error;
use crate::packages::Need;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What making packages takes.
const NEEDS: [Need; 3] = [("dpkg-deb", "dpkg"), ("objdump", "binutils"), ("git", "git")];

/// Where packages and tarballs are put, below the workspace.
const OUTPUT: &str = "target/dist";

/// The version of nexcage.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The time that every file in a package has: `SOURCE_DATE_EPOCH`, or that of the last commit.
fn epoch() -> Result<String, Error> {
    match env::var("SOURCE_DATE_EPOCH") {
        Ok(epoch) => Ok(epoch),
        Err(_) => output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(workspace())),
    }
}

/// The commit that is built: `NEXCAGE_COMMIT`, or the last one.
fn commit() -> Result<String, Error> {
    match env::var("NEXCAGE_COMMIT") {
        Ok(commit) => Ok(commit),
        Err(_) => output(
            Command::new("git")
                .args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
                .current_dir(workspace()),
        ),
    }
}

/// What a program prints, without the end of its last line.
fn output(command: &mut Command) -> Result<String, Error> {
    let program = crate::step::shown(command);
    let output = command.output().map_err(|source| Error::Start { program: program.clone(), source })?;
    if !output.status.success() {
        return Err(Error::Ended { program, status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.display().to_string();
    |source| Error::File { path, source }
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(file_error(path))
}

fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    fs::write(path, content).map_err(file_error(path))
}
