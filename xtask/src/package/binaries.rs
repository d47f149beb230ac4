//! Release builds that do not tell where they were made.

use super::{commit, epoch};
use crate::architecture::Architecture;
use crate::build::cargo;
use crate::cross::{Cross, static_libraries};
use crate::error::Error;
use crate::step::run;
use std::env;
use std::path::{Path, PathBuf};

/// How the binaries find the C library and libseccomp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linkage {
    /// At run time, as a distribution has it.
    Dynamic,
    /// They have them inside, and run on any Linux.
    Static,
}

/// The packages of the workspace that are shipped.
pub(super) const SHIPPED: [&str; 7] = [
    "bundle-validate",
    "lxc-render-config",
    "nexcage",
    "nexcage-shim",
    "nexcage-init",
    "nexcage-setup",
    "state-inspect",
];

/// What is shipped, built for an architecture.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) directory: PathBuf,
    /// Where the static libseccomp is that is linked in, if one is.
    pub(super) libraries: PathBuf,
    pub(super) architecture: Architecture,
    pub(super) linkage: Linkage,
}

/// Builds what is shipped from a checkout, in a target directory.
pub(super) fn build(
    checkout: &Path,
    target: &Path,
    architecture: Architecture,
    linkage: Linkage,
) -> Result<Binaries, Error> {
    let cross = Cross::ready(architecture)?;
    let target = target.join(if linkage == Linkage::Static { "static" } else { "dynamic" });
    let libraries = static_libraries(cross.as_ref());
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")));
    let home = home.map_err(|_| Error::Machine("neither CARGO_HOME nor HOME is set".to_owned()))?;
    let mut flags = vec![
        format!("--remap-path-prefix={}=/usr/src/nexcage", checkout.display()),
        format!("--remap-path-prefix={home}=/usr/src/cargo"),
    ];
    let mut build = cargo(["build", "--release", "--locked", "--target", architecture.target()]);
    build.args(SHIPPED.iter().flat_map(|package| ["--package", package]));
    build.current_dir(checkout).env("CARGO_TARGET_DIR", &target);
    build.env("NEXCAGE_COMMIT", commit(checkout)?).env("SOURCE_DATE_EPOCH", epoch()?);
    if let Some(cross) = &cross {
        cross.apply(&mut build);
    }
    if linkage == Linkage::Static {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
        build.env("LIBSECCOMP_LINK_TYPE", "static");
        build.env("LIBSECCOMP_LIB_PATH", &libraries);
    }
    run(build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")))?;
    let directory = target.join(architecture.target()).join("release");
    Ok(Binaries { directory, libraries, architecture, linkage })
}

/// Where builds for packages are kept.
pub(super) fn target() -> PathBuf {
    crate::build::target().join("packages")
}
