//! Building for the other architecture. Debian's security suite has a compiler and the standard library for
//! arm64; they are unpacked below the target directory, once, and need no network afterwards.

use crate::apt::{Apt, Source};
use crate::architecture::Architecture;
use crate::build::target;
use crate::error::Error;
use crate::packages::{self, Need};
use crate::step::{output, say};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The C compiler and library to link with, and what Debian's rustc is linked with itself.
const NEEDS: [Need; 5] = [
    ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    ("/usr/aarch64-linux-gnu/include/stdio.h", "libc6-dev-arm64-cross"),
    ("/usr/lib/x86_64-linux-gnu/libz3.so.4", "libz3-4"),
    ("/usr/lib/x86_64-linux-gnu/libedit.so.2", "libedit2"),
    ("/usr/lib/x86_64-linux-gnu/libxml2.so.2", "libxml2"),
];

/// The compiler, and what is fetched for the other architecture.
const COMPILER: &str = "rustc-web";
const LIBRARIES: [&str; 2] = ["libseccomp-dev:arm64", "libseccomp2:arm64"];

const SOURCES: [Source<'static>; 2] = [
    Source {
        label: "Debian",
        suites: "bookworm bookworm-updates bookworm-backports",
        architectures: &Architecture::ALL,
    },
    Source { label: "Debian-Security", suites: "bookworm-security", architectures: &Architecture::ALL },
];

/// A compiler for arm64.
#[derive(Debug)]
pub(crate) struct Cross {
    root: PathBuf,
}

impl Cross {
    /// Makes sure that it is there, if it is needed to build for an architecture.
    pub(crate) fn ready(architecture: Architecture) -> Result<Option<Self>, Error> {
        if architecture == Architecture::own() {
            return Ok(None);
        }
        if architecture != Architecture::Arm64 {
            return Err(Error::Machine("for amd64 is built on amd64 only".to_owned()));
        }
        packages::require(&NEEDS)?;
        let root = directory().join("compiler");
        if !root.exists() {
            say("fetching Debian's Rust for arm64, once");
            let apt = apt()?;
            apt.unpack(&wanted(&apt)?, &root)?;
        }
        Ok(Some(Cross { root }))
    }

    /// Has a cargo command build by it.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        cargo
            .env("RUSTC", self.root.join("usr/bin/rustc"))
            .env("LD_LIBRARY_PATH", self.root.join("usr/lib/x86_64-linux-gnu"))
            .env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc")
            .env("LIBSECCOMP_LIB_PATH", self.libraries());
    }

    /// Where libseccomp is.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.root.join("usr/lib/aarch64-linux-gnu")
    }
}

/// Where everything is kept that is fetched for arm64.
pub(crate) fn directory() -> PathBuf {
    target().join("arm64")
}

/// The apt that fetches it.
pub(crate) fn apt() -> Result<Apt, Error> {
    let apt = Apt::prepare(&directory().join("apt"), &SOURCES)?;
    // Security's archive has the newest version alone.
    apt.update()?;
    Ok(apt)
}

/// The compiler with its own libraries, whose names have its version, and the libraries for arm64.
fn wanted(apt: &Apt) -> Result<Vec<String>, Error> {
    let closure = output(apt.command("apt-cache").args([
        "depends",
        "--recurse",
        "--important",
        "--no-pre-depends",
        COMPILER,
    ]))?;
    let named = |prefix: &str| closure.lines().find(|line| line.starts_with(prefix)).map(str::to_owned);
    let missing = || Error::Machine(format!("{COMPILER} of Debian 12 does not depend on what it did"));
    let standard = closure
        .lines()
        .find(|line| line.starts_with("libstd-rust-web-") && !line.ends_with("-dev"))
        .map(str::to_owned)
        .ok_or_else(missing)?;
    let llvm = named("libllvm").ok_or_else(missing)?;
    let mut wanted = vec![COMPILER.to_owned(), llvm];
    for package in [standard, "libstd-rust-web-dev".to_owned()] {
        wanted.extend([format!("{package}:arm64"), package]);
    }
    wanted.extend(LIBRARIES.map(str::to_owned));
    Ok(wanted)
}

/// Where the static libseccomp of an architecture is: in `LIBSECCOMP_LIB_PATH`, or where Debian's packages
/// have it.
pub(crate) fn static_libraries(cross: Option<&Cross>) -> PathBuf {
    let own = || Path::new("/usr/lib").join(Architecture::own().gnu());
    let named = env::var_os("LIBSECCOMP_LIB_PATH").map(PathBuf::from);
    named.unwrap_or_else(|| cross.map_or_else(own, Cross::libraries))
}
