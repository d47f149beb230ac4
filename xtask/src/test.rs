//! `cargo xtask test`: everything a checkout must pass.

use crate::build::{cargo, release};
use crate::completions;
use crate::error::Error;
use crate::fidelity::{self, Backends};
use crate::man;
use crate::memory::TIME;
use crate::packages::{
    self, BUSYBOX, CONTAINERD, FISH, LXC, MANDOC, PODS, PROCPS, PYTHON, RUNC, STRACE, UIDMAP, ZSH,
};
use crate::replay;
use crate::step::{run, run_tests, say, step};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

/// Most bytes that nexcage-init may have: it is in every container's start-up.
const INIT_LIMIT: u64 = 64 * 1024;

/// Runs all checks, or only the end-to-end tests whose names contain `name`.
pub(crate) fn test(name: Option<&OsStr>) -> Result<(), Error> {
    let mut passed = 0;
    step("packages", || {
        let needs = [LXC, UIDMAP, BUSYBOX, RUNC, CONTAINERD, MANDOC, PROCPS, PYTHON, STRACE, TIME, ZSH, FISH];
        packages::require(&[&needs[..], &PODS].concat())
    })?;
    if name.is_none() {
        step("format", || run(&mut cargo(["fmt", "--check"])))?;
        step("clippy", || {
            run(&mut cargo(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
        })?;
        step("man pages", man::check)?;
        step("completions", completions::check)?;
        step("unit tests, licences, tidiness", || {
            let tests = ["test", "--workspace", "--exclude", "nexcage-tests", "--locked", "--quiet"];
            passed += run_tests(&mut cargo(tests))?;
            Ok(())
        })?;
    }
    let mut tools = PathBuf::new();
    step("release build", || {
        tools = release()?;
        Ok(())
    })?;
    step("size of nexcage-init", || init_size(&tools))?;
    if name.is_none() {
        step("replay of pct's recordings", || replay::replay_quietly(&tools))?;
    }
    if name.is_none() {
        step("fidelity to runc", || fidelity::compare(&tools, Backends::Both, None))?;
    }
    for backend in ["lxc", "pct"] {
        step(&format!("end-to-end tests on {backend}"), || {
            let mut tests = cargo(["test", "--package", "nexcage-tests", "--locked", "--quiet", "--"]);
            tests.args(name).env("TOOLS_BIN_DIR", &tools).env("TEST_BACKEND", backend);
            passed += run_tests(&mut tests)?;
            Ok(())
        })?;
    }
    say(&format!("{passed} passed, 0 failed"));
    Ok(())
}

/// Runs the end-to-end tests, or those whose names contain `name`, against tools that are installed: in
/// `TOOLS_BIN_DIR`, or /usr/bin. They run on plain LXC, but for those about CTs; the stand-in for `pct`,
/// which is in no package, is built for them.
pub(crate) fn test_installed(name: Option<&OsStr>) -> Result<(), Error> {
    let tools = env::var_os("TOOLS_BIN_DIR").unwrap_or_else(|| "/usr/bin".into());
    let mut tests = cargo(["test", "--package", "nexcage-tests", "--locked", "--quiet", "--"]);
    tests.args(name).env("TOOLS_BIN_DIR", tools).env("TEST_BACKEND", "lxc");
    let mut passed = 0;
    step("build", || run(&mut cargo(["build", "--package", "pct-stand-in", "--locked", "--quiet"])))?;
    step("end-to-end tests of what is installed", || {
        passed = run_tests(&mut tests)?;
        Ok(())
    })?;
    say(&format!("{passed} passed, 0 failed"));
    Ok(())
}

fn init_size(tools: &Path) -> Result<(), Error> {
    let path = tools.join("nexcage-init");
    let size =
        fs::metadata(&path).map_err(|source| Error::File { path: path.display().to_string(), source })?.len();
    if size <= INIT_LIMIT {
        return Ok(());
    }
    Err(Error::Unexpected(format!("nexcage-init has {size} bytes, more than {INIT_LIMIT}")))
}
