//! `cargo xtask test-packages`: the packages by lintian, and in fresh systems of both Debians.

use super::binaries;
use super::repository::{self, Signer};
use super::{Product, VERSION, deb, file_error, tree};
use crate::architecture::Architecture;
use crate::build::workspace;
use crate::error::Error;
use crate::packages::{self, Need};
use crate::step::{output, run, say, step};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NEEDS: [Need; 3] = [("mmdebstrap", "mmdebstrap"), ("lintian", "lintian"), ("gpg-agent", "gpg-agent")];

/// The systems that the package is for; Proxmox VE 8 and 9 are made of them.
const SUITES: [&str; 2] = ["bookworm", "trixie"];

/// The key of an archive that is thrown away.
const KEY: &str = "test@example.org";

/// How many commits before the last the older package is from, while there is no release.
const BEFORE: &str = "20";

/// Makes a root the root of a mount namespace, with what containers need, and runs the script there. LXC
/// needs a root that is a mount point.
const ENTER: &str = r#"set -eu
mount --bind "$1" "$1"; cd "$1"
mount --rbind /dev dev; mount --rbind /sys sys; mount -t proc proc proc; mount -t tmpfs run run
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt; exec /packages/test-install.sh "$@"' sh "/packages/$2" "$3""#;

/// Installs, upgrades, removes and purges the package there, with containers running.
pub(crate) fn test_packages() -> Result<(), Error> {
    packages::require_root()?;
    packages::require(&[&NEEDS[..], &repository::TOOLS].concat())?;
    let room = tempfile::tempdir().map_err(file_error(Path::new("temporary directory")))?;
    let packages = room.path().join("packages");
    let mut made = Vec::new();
    step("packages of both architectures", || {
        for architecture in Architecture::ALL {
            let binaries = Product::Package.build(workspace(), &binaries::target(), architecture)?;
            made.push(Product::Package.make(&binaries, &packages.join("new"))?);
        }
        Ok(())
    })?;
    step("lintian", || run(Command::new("lintian").args(["--fail-on", "error,warning"]).args(&made)))?;
    step("a signed archive", || sign(room.path(), &packages))?;
    let mut older = PathBuf::new();
    step("the package of an older version", || {
        older = make_older(&packages.join("old"))?;
        Ok(())
    })?;
    let script = workspace().join("packaging/debian/test-install.sh");
    tree::put(&script, &packages.join("test-install.sh"), 0o755)?;
    for suite in SUITES {
        step(&format!("the package in {suite}"), || test_in(suite, &packages, &older))?;
    }
    Ok(())
}

/// Makes an archive of the new packages, signed by a key of its own.
fn sign(room: &Path, packages: &Path) -> Result<(), Error> {
    let home = room.join("gnupg");
    fs::create_dir(&home).map_err(file_error(&home))?;
    let signer = Signer { key: KEY, home: Some(&home) };
    let made = run(signer.gpg().args(["--passphrase", "", "--quick-generate-key", KEY, "ed25519", "sign"]))
        .and_then(|()| repository::make(signer, &packages.join("new"), &packages.join("apt")));
    // The agent would live until its directory is gone.
    let ended = run(Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", &home));
    made.and(ended)
}

/// Makes the package of the last release before this commit, or while there is none, of some commits before:
/// with other binaries, under a lower version.
fn make_older(directory: &Path) -> Result<PathBuf, Error> {
    let git = |arguments: &[&str]| output(Command::new("git").args(arguments).current_dir(workspace()));
    let released = git(&["describe", "--tags", "--abbrev=0", "HEAD^"]);
    let revision = released.or_else(|_| git(&["rev-list", "--max-count=1", "--skip", BEFORE, "HEAD"]))?;
    say(&format!("  of {revision}"));
    let room = tempfile::tempdir().map_err(file_error(Path::new("temporary directory")))?;
    run(Command::new("git").args(["clone", "--quiet", "--no-checkout"]).arg(workspace()).arg(room.path()))?;
    run(Command::new("git").args(["checkout", "--quiet", "--detach", &revision]).current_dir(room.path()))?;
    let older = binaries::target().join("older");
    let binaries = Product::Package.build(room.path(), &older, Architecture::own())?;
    deb::make(&binaries, &format!("{VERSION}-1~before"), directory)
}

fn test_in(suite: &str, packages: &Path, older: &Path) -> Result<(), Error> {
    let image = binaries::target().join(format!("{suite}.tar"));
    if !image.exists() {
        let unfinished = image.with_extension("part.tar");
        let mut make = Command::new("mmdebstrap");
        make.args(["--variant=minbase", "--include=systemd,lxc,procps,busybox-static,libseccomp2", suite]);
        run(make.arg(&unfinished))?;
        fs::rename(&unfinished, &image).map_err(file_error(&image))?;
    }
    // In memory or on disk, as the machine has it; /tmp may be mounted without devices or set-uid bits.
    let room = tempfile::tempdir_in("/var/tmp").map_err(file_error(Path::new("/var/tmp")))?;
    run(Command::new("tar").args(["--extract", "--file"]).arg(&image).arg("--directory").arg(room.path()))?;
    run(Command::new("cp").arg("--recursive").arg(packages).arg(room.path().join("packages")))?;
    let older = Path::new("old").join(older.file_name().unwrap_or_default());
    let mut enter = Command::new("unshare");
    enter.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]).arg(room.path());
    enter.arg(older).arg(format!("{VERSION}-1"));
    enter
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8");
    run(&mut enter)
}
