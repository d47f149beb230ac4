//! `cargo xtask test-packages`: the package in fresh systems of both Debians.

use super::binaries::{self, Binaries};
use super::{Product, VERSION, deb, file_error};
use crate::architecture::Architecture;
use crate::build::workspace;
use crate::error::Error;
use crate::packages::{self, Need};
use crate::step::{run, step};
use std::fs;
use std::path::Path;
use std::process::Command;

const NEEDS: [Need; 1] = [("mmdebstrap", "mmdebstrap")];

/// The systems that the package is for; Proxmox VE 8 and 9 are made of them.
const SUITES: [&str; 2] = ["bookworm", "trixie"];

/// Makes a root the root of a mount namespace, with what containers need, and runs the script there. LXC
/// needs a root that is a mount point.
const ENTER: &str = r#"set -eu
mount --bind "$1" "$1"; cd "$1"
mount --rbind /dev dev; mount --rbind /sys sys; mount -t proc proc proc; mount -t tmpfs run run
pivot_root . mnt
exec chroot . sh -c 'umount -l /mnt; exec /packages/test-install.sh "$@"' sh "/packages/$2" "/packages/$3""#;

/// Installs, upgrades, removes and purges the package there, with containers running.
pub(crate) fn test_packages() -> Result<(), Error> {
    packages::require_root()?;
    packages::require(&NEEDS)?;
    let built = Product::Package.build(workspace(), &binaries::target(), Architecture::own())?;
    for suite in SUITES {
        step(&format!("the package in {suite}"), || test_in(suite, &built))?;
    }
    Ok(())
}

fn test_in(suite: &str, built: &Binaries) -> Result<(), Error> {
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
    let directory = room.path().join("packages");
    fs::create_dir(&directory).map_err(file_error(&directory))?;
    let mut names = Vec::new();
    for version in [format!("{VERSION}-1~before"), format!("{VERSION}-1")] {
        let package = deb::make(built, &version, &directory)?;
        names.extend(package.file_name().map(ToOwned::to_owned));
    }
    let script = workspace().join("packaging/debian/test-install.sh");
    super::tree::put(&script, &directory.join("test-install.sh"), 0o755)?;
    let mut enter = Command::new("unshare");
    enter.args(["--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]).arg(room.path()).args(names);
    enter
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8");
    run(&mut enter)
}
