//! `cargo xtask fidelity`: bundles by runc and by nexcage, compared fact by fact.

use crate::build::{cargo, release};
use crate::error::Error;
use crate::packages::{self, BUSYBOX, LXC, RUNC};
use crate::step::{run, shown, step};
use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// What is compared.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Backends {
    Lxc,
    Pct,
    #[default]
    Both,
}

impl Backends {
    /// What `--backend` says.
    pub(crate) fn parse(name: &OsStr) -> Option<Self> {
        match name.to_str()? {
            "lxc" => Some(Backends::Lxc),
            "pct" => Some(Backends::Pct),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Backends::Lxc => "lxc",
            Backends::Pct => "pct",
            Backends::Both => "both",
        }
    }
}

/// Builds the tools and compares all bundles, or those whose names contain `name`.
pub(crate) fn fidelity(backends: Backends, name: Option<&OsStr>) -> Result<(), Error> {
    packages::require(&[LXC, BUSYBOX, RUNC])?;
    let mut tools = PathBuf::new();
    step("release build", || {
        tools = release()?;
        Ok(())
    })?;
    compare(&tools, backends, name)
}

/// Compares with the tools in a directory, and prints what differs for no listed reason, and the score.
pub(crate) fn compare(tools: &Path, backends: Backends, name: Option<&OsStr>) -> Result<(), Error> {
    packages::require_root()?;
    let probe = probe(tools)?;
    let mut test = cargo(["run", "--quiet", "--locked", "--package", "nexcage-fidelity", "--"]);
    test.arg(probe).arg(backends.name()).args(name).env("TOOLS_BIN_DIR", tools);
    let program = shown(&test);
    let output = test.stdin(Stdio::null()).stdout(Stdio::inherit()).stderr(Stdio::piped()).output();
    let output = output.map_err(|source| Error::Start { program: program.clone(), source })?;
    drop(io::stderr().write_all(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(Error::Ended { program, status: output.status }) }
}

/// The probe: it must run in any root file system, so it is linked statically, in a target directory of
/// its own, where cargo does not take it for the other tools' build.
fn probe(tools: &Path) -> Result<PathBuf, Error> {
    let target = tools.parent().unwrap_or(tools).join("probe");
    let mut build = cargo(["rustc", "--release", "--locked", "--package", "fidelity-probe", "--target-dir"]);
    build.arg(&target).args(["--", "-C", "target-feature=+crt-static"]);
    run(&mut build)?;
    Ok(target.join("release/fidelity-probe"))
}
