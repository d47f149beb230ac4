//! `cargo xtask test-containerd`: the end-to-end tests of containerd against other versions of it, from
//! Debian's packages. These are unpacked below the target directory; the machine's own packages and the
//! sources of these stay as they are.

use crate::apt::{Apt, Source};
use crate::architecture::Architecture;
use crate::build::{cargo, release};
use crate::error::Error;
use crate::packages::{self, BUSYBOX, CONTAINERD, LXC, PODS, PROCPS, PYTHON, RUNC, UIDMAP};
use crate::step::{output, run_tests, say, step};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Debian's suites that may have another containerd than the machine.
const SUITES: [&str; 5] = ["bookworm", "trixie", "forky", "sid", "experimental"];
/// The tests: their names begin so.
const TESTS: [&str; 2] = ["containerd::", "pods::"];

/// What is to be tested.
pub(crate) struct Wanted<'a> {
    /// The beginning of a version, as `2.1`; without it the machine's own and all that Debian has.
    pub(crate) version: Option<&'a OsStr>,
    /// Only the tests whose names contain this.
    pub(crate) name: Option<&'a OsStr>,
    pub(crate) length: Length,
}

/// How long tests of endurance go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// As long as in every run of all tests.
    Short,
    /// With hundreds of containers.
    Long,
}

/// A containerd that can be tested against.
struct Found {
    version: String,
    directory: PathBuf,
}

/// Tests against each version that is wanted.
pub(crate) fn test_containerd(wanted: &Wanted<'_>) -> Result<(), Error> {
    packages::require_root()?;
    let needs = [LXC, UIDMAP, BUSYBOX, RUNC, CONTAINERD, PROCPS, PYTHON];
    packages::require(&[&needs[..], &PODS].concat())?;
    let mut tools = PathBuf::new();
    step("release build", || {
        tools = release()?;
        Ok(())
    })?;
    let mut all = Vec::new();
    step("containerd's packages", || {
        all = find(&tools.join("../containerd"), wanted.version)?;
        Ok(())
    })?;
    let mut failed = Vec::new();
    for found in &all {
        for backend in ["lxc", "pct"] {
            let what = format!("containerd {} on {backend}", found.version);
            if let Err(error) = step(&what, || test(found, backend, &tools, wanted)) {
                say(&nexcage_cli::causes(&error));
                failed.push(what);
            }
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Error::Unexpected(format!("failed: {}", failed.join(", ")))) }
}

fn test(found: &Found, backend: &str, tools: &Path, wanted: &Wanted<'_>) -> Result<(), Error> {
    let mut tests =
        cargo(["test", "--package", "nexcage-tests", "--test", "e2e", "--locked", "--quiet", "--"]);
    match wanted.name {
        Some(name) => tests.arg(name),
        None => tests.args(TESTS),
    };
    tests.env("TOOLS_BIN_DIR", tools).env("TEST_BACKEND", backend);
    tests.env("CONTAINERD_BIN_DIR", &found.directory);
    if wanted.length == Length::Long {
        tests.env("TEST_LONG", "1");
    }
    let passed = run_tests(&mut tests)?;
    say(&format!("  {passed} passed, 0 failed"));
    Ok(())
}

/// The machine's own containerd, and the newest of each suite, as far as they are wanted.
fn find(directory: &Path, wanted: Option<&OsStr>) -> Result<Vec<Found>, Error> {
    let is_wanted = |version: &str| match wanted.and_then(OsStr::to_str) {
        Some(wanted) => version == wanted || version.starts_with(&format!("{wanted}.")),
        None => true,
    };
    let own = Path::new("/usr/bin").to_owned();
    let installed =
        output(Command::new("dpkg-query").args(["--show", "--showformat=${Version}", "containerd"]))?;
    let mut all = vec![Found { version: installed, directory: own }];
    for suite in SUITES {
        if wanted.is_some() && all.iter().any(|found| is_wanted(&found.version)) {
            break;
        }
        let Some((version, apt)) = newest(directory, suite)? else { continue };
        say(&format!("  {suite} has containerd {version}"));
        if is_wanted(&version) && all.iter().all(|found| found.version != version) {
            let directory = unpack(&apt, &version, &directory.join(suite).join(&version))?;
            all.push(Found { version, directory });
        }
    }
    all.retain(|found| is_wanted(&found.version));
    if all.is_empty() {
        let wanted = wanted.unwrap_or_default().to_string_lossy();
        let suites = SUITES.join(", ");
        return Err(Error::Machine(format!("no containerd {wanted} in Debian's {suites}, for this machine")));
    }
    Ok(all)
}

/// The newest containerd of a suite, if it has one, and the apt that fetches it.
fn newest(directory: &Path, suite: &str) -> Result<Option<(String, Apt)>, Error> {
    let source = Source { label: "Debian", suites: suite, architectures: &[Architecture::own()] };
    let apt = Apt::prepare(&directory.join(suite), &[source])?;
    if !apt.has_lists() {
        apt.update()?;
    }
    let table = output(apt.command("apt-cache").args(["madison", "containerd"]))?;
    let version = table.lines().next().and_then(|line| line.split('|').nth(1));
    Ok(version.map(|version| (version.trim().to_owned(), apt)))
}

/// Fetches and unpacks a version, unless that has been done, and gives the directory of its programs.
fn unpack(apt: &Apt, version: &str, root: &Path) -> Result<PathBuf, Error> {
    if !root.exists() {
        apt.unpack(&[format!("containerd={version}")], root)?;
    }
    let root = fs::canonicalize(root);
    Ok(root.map_err(|source| Error::File { path: version.to_owned(), source })?.join("usr/bin"))
}
