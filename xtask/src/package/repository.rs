//! `cargo xtask apt-repo --key KEY`: a signed archive for apt of the packages in `target/dist`.

use super::{NEEDS, OUTPUT, VERSION, epoch, file_error, write};
use crate::architecture::Architecture;
use crate::build::workspace;
use crate::error::Error;
use crate::packages::{self, Need};
use crate::step::{output, run, say};
use std::fs;
use std::path::Path;
use std::process::Command;

pub(super) const TOOLS: [Need; 2] = [("apt-ftparchive", "apt-utils"), ("gpg", "gpg")];

/// Who signs an archive.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signer<'a> {
    /// The name of the key.
    pub(super) key: &'a str,
    /// The directory of the keyring that it is in, if that is not the caller's own.
    pub(super) home: Option<&'a Path>,
}

impl Signer<'_> {
    pub(super) fn gpg(self) -> Command {
        let mut gpg = Command::new("gpg");
        gpg.args(["--batch", "--yes"]);
        if let Some(home) = self.home {
            gpg.env("GNUPGHOME", home);
        }
        gpg
    }
}

/// Where an archive has its lists.
const SUITE: &str = "dists/stable";

/// What an administrator puts into /etc/apt/sources.list.d, beside the package with the key.
const SOURCES: &str = "# /etc/apt/sources.list.d/nexcage.sources; the key comes with nexcage-archive-keyring.
Types: deb
URIs: https://example.org/nexcage
Suites: stable
Components: main
Signed-By: /usr/share/keyrings/nexcage-archive-keyring.gpg
";

/// Makes it in `target/dist/apt`, signed by a key of the caller's keyring.
pub(crate) fn apt_repository(key: &str) -> Result<(), Error> {
    packages::require(&[&NEEDS[..], &TOOLS].concat())?;
    let packages = workspace().join(OUTPUT);
    let archive = packages.join("apt");
    make(Signer { key, home: None }, &packages, &archive)?;
    say(&format!("wrote {}", archive.display()));
    Ok(())
}

/// Makes an archive of the packages in a directory.
pub(super) fn make(signer: Signer<'_>, packages: &Path, archive: &Path) -> Result<(), Error> {
    let pool = archive.join("pool");
    fs::create_dir_all(&pool).map_err(file_error(&pool))?;
    for entry in fs::read_dir(packages).map_err(file_error(packages))? {
        let path = entry.map_err(file_error(packages))?.path();
        if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|found| found == "deb"))
        {
            fs::copy(&path, pool.join(name)).map_err(file_error(&path))?;
        }
    }
    keyring(signer, &pool)?;
    for architecture in Architecture::ALL {
        list(architecture, archive)?;
    }
    sign(signer, archive)?;
    write(&archive.join("nexcage.sources"), SOURCES)
}

/// The package that has the public key in it.
fn keyring(signer: Signer<'_>, pool: &Path) -> Result<(), Error> {
    let stage = tempfile::tempdir().map_err(file_error(Path::new("temporary directory")))?;
    let (keys, control) = (stage.path().join("usr/share/keyrings"), stage.path().join("DEBIAN"));
    for directory in [&keys, &control] {
        fs::create_dir_all(directory).map_err(file_error(directory))?;
    }
    let exported = keys.join("nexcage-archive-keyring.gpg");
    run(signer.gpg().arg("--output").arg(&exported).args(["--export", signer.key]))?;
    write(
        &control.join("control"),
        format!(
            "Package: nexcage-archive-keyring\nVersion: {VERSION}\nArchitecture: all\nSection: misc\nPriority: optional\n\
             Maintainer: nexcage maintainers <nexcage@example.org>\nDescription: key of nexcage's archive\n \
             apt checks nexcage's packages by it.\n"
        ),
    )?;
    let mut build = Command::new("dpkg-deb");
    build.args(["-Zxz", "--root-owner-group", "--build"]).arg(stage.path());
    build.arg(pool.join(format!("nexcage-archive-keyring_{VERSION}_all.deb")));
    run(build.env("SOURCE_DATE_EPOCH", epoch()?))
}

/// Lists the packages for an architecture, by name and by hash.
fn list(architecture: Architecture, archive: &Path) -> Result<(), Error> {
    let name = architecture.debian();
    let lists = archive.join(SUITE).join(format!("main/binary-{name}"));
    fs::create_dir_all(&lists).map_err(file_error(&lists))?;
    let mut packages = Command::new("apt-ftparchive");
    packages.args(["--arch", name, "packages", "pool"]).current_dir(archive);
    let packages = output(&mut packages)?;
    let list = lists.join("Packages");
    write(&list, packages + "\n")?;
    run(Command::new("gzip").args(["--best", "--no-name", "--keep", "--force"]).arg(&list))?;
    for name in ["Packages", "Packages.gz"] {
        // apt asks by the strongest sum that it knows.
        for (kind, program) in [("SHA256", "sha256sum"), ("SHA512", "sha512sum")] {
            let by_hash = lists.join("by-hash").join(kind);
            fs::create_dir_all(&by_hash).map_err(file_error(&by_hash))?;
            let sum = output(Command::new(program).arg(lists.join(name)))?;
            let sum = by_hash.join(sum.split(' ').next().unwrap_or_default());
            fs::copy(lists.join(name), &sum).map_err(file_error(&sum))?;
        }
    }
    Ok(())
}

/// Sums up the lists, and signs that.
fn sign(signer: Signer<'_>, archive: &Path) -> Result<(), Error> {
    let suite = archive.join(SUITE);
    for signed in ["Release", "Release.gpg", "InRelease"] {
        drop(fs::remove_file(suite.join(signed)));
    }
    let mut release = Command::new("apt-ftparchive");
    for (field, value) in [
        ("Origin", "nexcage"),
        ("Label", "nexcage"),
        ("Suite", "stable"),
        ("Codename", "stable"),
        ("Architectures", "amd64 arm64"),
        ("Components", "main"),
        ("Acquire-By-Hash", "yes"),
    ] {
        release.arg("-o").arg(format!("APT::FTPArchive::Release::{field}={value}"));
    }
    let text = output(release.args(["release", SUITE]).current_dir(archive))?;
    write(&suite.join("Release"), text + "\n")?;
    for (form, name) in [("--clearsign", "InRelease"), ("--detach-sign", "Release.gpg")] {
        let mut sign = signer.gpg();
        sign.args(["--local-user", signer.key, "--armor", "--output"]).arg(suite.join(name));
        run(sign.arg(form).arg(suite.join("Release")))?;
    }
    Ok(())
}
