//! What users get: packages and tarballs, made of one tree of files.

mod binaries;
mod deb;
mod notices;
mod release;
mod repository;
mod room;
mod size;
mod tarball;
mod tree;

pub(crate) use release::release;
pub(crate) use repository::apt_repository;
pub(crate) use room::test_packages;
pub(crate) use size::size;

use crate::architecture::Architecture;
use crate::build::workspace;
use crate::error::Error;
use crate::packages::{self, Need};
use crate::step::{output, run, say};
use binaries::{Binaries, Linkage};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What making packages takes.
const NEEDS: [Need; 3] = [("dpkg-deb", "dpkg"), ("objdump", "binutils"), ("git", "git")];

/// Where packages and tarballs are put, below the workspace.
const OUTPUT: &str = "target/dist";

/// The version of nexcage.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is made of the binaries.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Product {
    /// Debian's package.
    Package,
    /// A tarball that runs on any Linux.
    Tarball,
}

impl Product {
    /// Builds what is in it, from a checkout.
    fn build(self, checkout: &Path, target: &Path, architecture: Architecture) -> Result<Binaries, Error> {
        packages::require(&NEEDS)?;
        let linkage = match self {
            Product::Package => Linkage::Dynamic,
            Product::Tarball => Linkage::Static,
        };
        binaries::build(checkout, target, architecture, linkage)
    }

    /// Makes it, in a directory.
    fn make(self, binaries: &Binaries, directory: &Path) -> Result<PathBuf, Error> {
        match self {
            Product::Package => deb::make(binaries, &format!("{VERSION}-1"), directory),
            Product::Tarball => tarball::make(binaries, directory),
        }
    }
}

/// Makes a product for an architecture.
pub(crate) fn make(product: Product, architecture: Architecture) -> Result<PathBuf, Error> {
    let binaries = product.build(workspace(), &binaries::target(), architecture)?;
    let made = product.make(&binaries, &workspace().join(OUTPUT))?;
    say(&format!("wrote {}", made.display()));
    Ok(made)
}

/// Builds what the package for an architecture has in it, and gives the directory that it is in.
pub(crate) fn binaries_of_package(architecture: Architecture) -> Result<PathBuf, Error> {
    Ok(Product::Package.build(workspace(), &binaries::target(), architecture)?.directory)
}

/// Makes a product in this checkout and in a copy of the last commit elsewhere, and compares the bytes.
pub(crate) fn check(product: Product, architecture: Architecture) -> Result<(), Error> {
    let here = make(product, architecture)?;
    let elsewhere = tempfile::tempdir().map_err(file_error(Path::new("temporary directory")))?;
    let copy = elsewhere.path().join("a copy elsewhere");
    run(Command::new("git").args(["clone", "--quiet", "--no-hardlinks"]).arg(workspace()).arg(&copy))?;
    let binaries = product.build(&copy, &elsewhere.path().join("target"), architecture)?;
    let there = product.make(&binaries, &elsewhere.path().join("output"))?;
    let bytes = |path: &Path| fs::read(path).map_err(file_error(path));
    if bytes(&here)? != bytes(&there)? {
        return Err(Error::Unexpected(format!("{} of a copy elsewhere has other bytes", here.display())));
    }
    say(&format!("{} has the same bytes when it is built elsewhere", here.display()));
    Ok(())
}

/// The time that every file in a package has: `SOURCE_DATE_EPOCH`, or that of the last commit.
fn epoch() -> Result<String, Error> {
    match env::var("SOURCE_DATE_EPOCH") {
        Ok(epoch) => Ok(epoch),
        Err(_) => output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(workspace())),
    }
}

/// The commit that is built: `NEXCAGE_COMMIT`, or the last one of a checkout.
fn commit(checkout: &Path) -> Result<String, Error> {
    match env::var("NEXCAGE_COMMIT") {
        Ok(commit) => Ok(commit),
        Err(_) => output(
            Command::new("git")
                .args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
                .current_dir(checkout),
        ),
    }
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
