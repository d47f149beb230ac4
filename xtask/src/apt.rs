//! An apt of its own, below a directory: packages of other suites and architectures are fetched and unpacked
//! there, and the machine's own packages and sources stay as they are.

use crate::architecture::Architecture;
use crate::error::Error;
use crate::step::{output, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An archive of Debian's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// What it calls itself: `Debian`, `Debian-Security`. The machine knows where it is.
    pub(crate) label: &'a str,
    /// Its suites.
    pub(crate) suites: &'a str,
    pub(crate) architectures: &'a [Architecture],
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Apt {
    directory: PathBuf,
}

impl Apt {
    /// Writes what apt needs.
    pub(crate) fn prepare(directory: &Path, sources: &[Source<'_>]) -> Result<Self, Error> {
        let file = |source| Error::File { path: directory.display().to_string(), source };
        for needed in ["state/lists/partial", "cache/archives/partial", "sources", "empty"] {
            fs::create_dir_all(directory.join(needed)).map_err(file)?;
        }
        let directory = fs::canonicalize(directory).map_err(file)?;
        let shown = directory.display();
        let configuration = format!(
            "APT::Architectures {{ \"{}\"; \"{}\"; }};\n\
             Dir::State \"{shown}/state\";\nDir::State::status \"/var/lib/dpkg/status\";\n\
             Dir::Cache \"{shown}/cache\";\nDir::Etc::sourcelist \"/dev/null\";\n\
             Dir::Etc::sourceparts \"{shown}/sources\";\nDir::Etc::preferences \"/dev/null\";\n\
             Dir::Etc::preferencesparts \"{shown}/empty\";\nAcquire::Languages \"none\";\n\
             APT::Sandbox::User \"root\";\n",
            Architecture::own().debian(),
            Architecture::Arm64.debian(),
        );
        fs::write(directory.join("apt.conf"), configuration).map_err(file)?;
        let mut text = String::new();
        for Source { label, suites, architectures } in sources {
            let architectures: Vec<_> = architectures.iter().map(|one| one.debian()).collect();
            text += &format!(
                "Types: deb\nURIs: {}\nSuites: {suites}\nComponents: main\nArchitectures: {}\n\
                 Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n",
                mirror(label)?,
                architectures.join(" "),
            );
        }
        fs::write(directory.join("sources/debian.sources"), text).map_err(file)?;
        Ok(Apt { directory })
    }

    /// Whether lists of packages have been fetched.
    pub(crate) fn has_lists(&self) -> bool {
        let lists = fs::read_dir(self.directory.join("state/lists")).into_iter().flatten().flatten();
        lists.into_iter().any(|entry| entry.file_name().to_string_lossy().ends_with("_Packages"))
    }

    /// Fetches the lists.
    pub(crate) fn update(&self) -> Result<(), Error> {
        run(self.command("apt-get").arg("update"))
    }

    /// One of apt's programs.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.directory.join("apt.conf")).current_dir(&self.directory);
        command
    }

    /// Fetches packages, named as apt-get(8) takes them, and unpacks them below `root`. This appears as a
    /// whole or not at all.
    pub(crate) fn unpack(&self, packages: &[String], root: &Path) -> Result<(), Error> {
        let file = |source| Error::File { path: root.display().to_string(), source };
        let room = tempfile::tempdir_in(&self.directory).map_err(file)?;
        let (fetched, unpacked) = (room.path().join("packages"), room.path().join("root"));
        fs::create_dir(&fetched).map_err(file)?;
        run(self.command("apt-get").arg("download").args(packages).current_dir(&fetched))?;
        for package in fs::read_dir(&fetched).map_err(file)?.flatten() {
            run(Command::new("dpkg-deb").arg("-x").arg(package.path()).arg(&unpacked))?;
        }
        fs::rename(&unpacked, root).map_err(file)
    }
}

/// Where the machine gets packages of an archive from.
fn mirror(label: &str) -> Result<String, Error> {
    let label_filter = format!("Label: {label}");
    let filters = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"];
    let list = output(Command::new("apt-get").args(filters).arg(label_filter))?;
    let first = list.lines().next().map(str::to_owned);
    first.ok_or_else(|| Error::Machine(format!("apt has no lists of {label}: run apt-get update")))
}
