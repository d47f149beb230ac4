//! `cargo xtask apt-repo --key KEY`: a signed archive for apt of the packages in `target/dist`.

use super::{NEEDS, OUTPUT, VERSION, epoch, file_error, write};
use crate::build::workspace;
use crate::error::Error;
use crate::packages::{self, Need};
use crate::step::{output, run, say};
use std::fs;
use std::path::Path;
use std::process::Command;

const TOOLS: [Need; 2] = [("apt-ftparchive", "apt-utils"), ("gpg", "gpg")];

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
    let output_directory = workspace().join(OUTPUT);
    let archive = output_directory.join("apt");
    let pool = archive.join("pool");
    fs::create_dir_all(&pool).map_err(file_error(&pool))?;
    for entry in fs::read_dir(&output_directory).map_err(file_error(&output_directory))? {
        let path = entry.map_err(file_error(&output_directory))?.path();
        if let Some(name) = path.file_name().filter(|_| path.extension().is_some_and(|found| found == "deb"))
        {
            fs::copy(&path, pool.join(name)).map_err(file_error(&path))?;
        }
    }
    keyring(key, &pool)?;
    index(key, &archive)?;
    write(&archive.join("nexcage.sources"), SOURCES)?;
    say(&format!("wrote {}", archive.display()));
    Ok(())
}

/// The package that has the public key in it.
fn keyring(key: &str, pool: &Path) -> Result<(), Error> {
    let stage = tempfile::tempdir().map_err(file_error(Path::new("temporary directory")))?;
    let (keys, control) = (stage.path().join("usr/share/keyrings"), stage.path().join("DEBIAN"));
    for directory in [&keys, &control] {
        fs::create_dir_all(directory).map_err(file_error(directory))?;
    }
    let exported = keys.join("nexcage-archive-keyring.gpg");
    run(Command::new("gpg").args(["--batch", "--yes", "--output"]).arg(&exported).args(["--export", key]))?;
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

/// Lists the packages, by name and by hash, and signs the lists.
fn index(key: &str, archive: &Path) -> Result<(), Error> {
    let suite = archive.join("dists/stable");
    let lists = suite.join("main/binary-amd64");
    let by_hash = lists.join("by-hash/SHA256");
    fs::create_dir_all(&by_hash).map_err(file_error(&by_hash))?;
    let packages = output(Command::new("apt-ftparchive").args(["packages", "pool"]).current_dir(archive))?;
    let list = lists.join("Packages");
    write(&list, packages + "\n")?;
    run(Command::new("gzip").args(["--best", "--no-name", "--keep", "--force"]).arg(&list))?;
    for name in ["Packages", "Packages.gz"] {
        let sum = output(Command::new("sha256sum").arg(lists.join(name)))?;
        let sum = by_hash.join(sum.split(' ').next().unwrap_or_default());
        fs::copy(lists.join(name), &sum).map_err(file_error(&sum))?;
    }
    for signed in ["Release", "Release.gpg", "InRelease"] {
        drop(fs::remove_file(suite.join(signed)));
    }
    let mut release = Command::new("apt-ftparchive");
    for (field, value) in [
        ("Origin", "nexcage"),
        ("Label", "nexcage"),
        ("Suite", "stable"),
        ("Codename", "stable"),
        ("Architectures", "amd64"),
        ("Components", "main"),
        ("Acquire-By-Hash", "yes"),
    ] {
        release.arg("-o").arg(format!("APT::FTPArchive::Release::{field}={value}"));
    }
    let text = output(release.args(["release", "dists/stable"]).current_dir(archive))?;
    write(&suite.join("Release"), text + "\n")?;
    for (form, name) in [("--clearsign", "InRelease"), ("--detach-sign", "Release.gpg")] {
        let mut sign = Command::new("gpg");
        sign.args(["--batch", "--yes", "--local-user", key, "--armor", "--output"]).arg(suite.join(name));
        run(sign.arg(form).arg(suite.join("Release")))?;
    }
    Ok(())
}
