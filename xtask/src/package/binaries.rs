//! Release builds that do not tell where they were made.

use super::{commit, epoch};
use crate::build::{cargo, workspace};
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

/// The target that packages are built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The packages of the workspace that are shipped.
const SHIPPED: [&str; 7] = [
    "bundle-validate",
    "lxc-render-config",
    "nexcage",
    "nexcage-shim",
    "nexcage-init",
    "nexcage-setup",
    "state-inspect",
];

/// Builds what is shipped from a checkout, in a target directory, and gives the directory that it is in.
pub(super) fn build(checkout: &Path, target: &Path, linkage: Linkage) -> Result<PathBuf, Error> {
    let target = target.join(if linkage == Linkage::Static { "static" } else { "dynamic" });
    let home = env::var("CARGO_HOME").or_else(|_| env::var("HOME").map(|home| format!("{home}/.cargo")));
    let home = home.map_err(|_| Error::Machine("neither CARGO_HOME nor HOME is set".to_owned()))?;
    let mut flags = vec![
        format!("--remap-path-prefix={}=/usr/src/nexcage", checkout.display()),
        format!("--remap-path-prefix={home}=/usr/src/cargo"),
    ];
    let mut build = cargo(["build", "--release", "--locked", "--target", TARGET]);
    build.args(SHIPPED.iter().flat_map(|package| ["--package", package]));
    build.current_dir(checkout).env("CARGO_TARGET_DIR", &target);
    build.env("NEXCAGE_COMMIT", commit()?).env("SOURCE_DATE_EPOCH", epoch()?);
    if linkage == Linkage::Static {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
        // Where Debian's libseccomp-dev has the archive.
        build.env("LIBSECCOMP_LINK_TYPE", "static").env("LIBSECCOMP_LIB_PATH", "/usr/lib/x86_64-linux-gnu");
    }
    run(build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}")))?;
    Ok(target.join(TARGET).join("release"))
}

/// Where builds for packages are kept.
pub(super) fn target() -> PathBuf {
    let own = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    own.join("packages")
}
