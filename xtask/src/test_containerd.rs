//! `cargo xtask test-containerd`: the end-to-end tests of containerd against other versions of it, from
//! Debian's packages. These are unpacked below the target directory; the machine's own packages and the
//! sources of these stay as they are.

use crate::build::{cargo, release};
use crate::error::Error;
use crate::packages::{self, BUSYBOX, CONTAINERD, LXC, PODS, PROCPS, PYTHON, RUNC, UIDMAP};
use crate::step::{run, run_tests, say, shown, step};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
        let Some(version) = Suite::prepare(directory, suite)?.newest()? else { continue };
        say(&format!("  {suite} has containerd {version}"));
        if is_wanted(&version) && all.iter().all(|found| found.version != version) {
            let directory = Suite::prepare(directory, suite)?.unpack(&version)?;
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

/// One of Debian's suites, with an apt of its own.
struct Suite {
    directory: PathBuf,
}

impl Suite {
    /// Writes what apt needs, and fetches the lists unless they are there.
    fn prepare(directory: &Path, name: &str) -> Result<Self, Error> {
        let suite = Suite { directory: directory.join(name) };
        let lists = suite.directory.join("state/lists");
        let file = |source| Error::File { path: suite.directory.display().to_string(), source };
        for needed in ["state/lists/partial", "cache/archives/partial", "sources", "empty"] {
            fs::create_dir_all(suite.directory.join(needed)).map_err(file)?;
        }
        let directory = fs::canonicalize(&suite.directory).map_err(file)?;
        let shown = directory.display();
        let configuration = format!(
            "Dir::State \"{shown}/state\";\nDir::State::status \"/var/lib/dpkg/status\";\n\
             Dir::Cache \"{shown}/cache\";\nDir::Etc::sourcelist \"/dev/null\";\n\
             Dir::Etc::sourceparts \"{shown}/sources\";\nDir::Etc::preferences \"/dev/null\";\n\
             Dir::Etc::preferencesparts \"{shown}/empty\";\nAcquire::Languages \"none\";\n\
             APT::Sandbox::User \"root\";\n"
        );
        fs::write(suite.directory.join("apt.conf"), configuration).map_err(file)?;
        let source = format!(
            "Types: deb\nURIs: {}\nSuites: {name}\nComponents: main\n\
             Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
            mirror()?
        );
        fs::write(suite.directory.join("sources/debian.sources"), source).map_err(file)?;
        let is_fetched = fs::read_dir(&lists)
            .map_err(file)?
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().ends_with("_Packages"));
        if !is_fetched {
            run(suite.apt("apt-get").arg("update"))?;
        }
        Ok(suite)
    }

    fn apt(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.directory.join("apt.conf")).current_dir(&self.directory);
        command
    }

    fn newest(&self) -> Result<Option<String>, Error> {
        let table = output(self.apt("apt-cache").args(["madison", "containerd"]))?;
        let version = table.lines().next().and_then(|line| line.split('|').nth(1));
        Ok(version.map(|version| version.trim().to_owned()))
    }

    /// Fetches and unpacks a version, unless that has been done, and gives the directory of its programs.
    fn unpack(&self, version: &str) -> Result<PathBuf, Error> {
        let root = self.directory.join(version);
        if !root.exists() {
            run(self.apt("apt-get").args(["download", &format!("containerd={version}")]))?;
            let entries = fs::read_dir(&self.directory);
            let entries = entries
                .map_err(|source| Error::File { path: self.directory.display().to_string(), source })?;
            let packages = entries.flatten().map(|entry| entry.path());
            for package in packages.filter(|path| path.extension().is_some_and(|end| end == "deb")) {
                run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&root))?;
            }
        }
        Ok(root.join("usr/bin"))
    }
}

/// Where the machine gets Debian's packages from.
fn mirror() -> Result<String, Error> {
    let targets = [
        "indextargets",
        "--format",
        "$(REPO_URI)",
        "Created-By: Packages",
        "Origin: Debian",
        "Label: Debian",
    ];
    let list = output(Command::new("apt-get").args(targets))?;
    let first = list.lines().next().map(str::to_owned);
    first.ok_or_else(|| Error::Machine("apt has no lists of Debian's: run apt-get update".to_owned()))
}

fn output(command: &mut Command) -> Result<String, Error> {
    let program = shown(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| Error::Start { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(Error::Ended { program, status: output.status })
}
