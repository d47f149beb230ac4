//! Debian's package.

use super::binaries::Binaries;
use super::{VERSION, epoch, file_error, notices, read, tree, write};
use crate::build::workspace;
use crate::error::Error;
use crate::step::{output, run};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAINTAINER: &str = "nexcage maintainers <nexcage@example.org>";

/// Libraries that the binaries may need, with the Debian packages that have them. The version of the C
/// library's package follows from the symbols.
const LIBRARIES: [(&str, &str); 6] = [
    ("libc.so.6", ""),
    ("libm.so.6", ""),
    ("ld-linux-x86-64.so.2", ""),
    ("ld-linux-aarch64.so.1", ""),
    ("libgcc_s.so.1", "libgcc-s1 (>= 4.2)"),
    ("libseccomp.so.2", "libseccomp2 (>= 2.5.0)"),
];

/// The newest C library that Debian 12 and Proxmox VE 8 have.
const NEWEST_LIBC: (u32, u32) = (2, 36);

/// Makes the package of these binaries under a version.
pub(super) fn make(binaries: &Binaries, version: &str, directory: &Path) -> Result<PathBuf, Error> {
    let stage = tempfile::tempdir().map_err(file_error(Path::new("temporary directory")))?;
    let root = stage.path().join("root");
    tree::make(&root, binaries)?;
    documents(&root, binaries, version)?;
    control(&root, binaries, version)?;
    fs::create_dir_all(directory).map_err(file_error(directory))?;
    let package = directory.join(format!("nexcage_{version}_{}.deb", binaries.architecture.debian()));
    let mut build = Command::new("dpkg-deb");
    build.args(["-Zxz", "--root-owner-group", "--build"]).arg(&root).arg(&package);
    run(build.env("SOURCE_DATE_EPOCH", epoch()?))?;
    Ok(package)
}

fn documents(root: &Path, binaries: &Binaries, version: &str) -> Result<(), Error> {
    let debian = workspace().join("packaging/debian");
    tree::put(&debian.join("copyright"), &root.join("usr/share/doc/nexcage/copyright"), 0o644)?;
    let overrides = root.join("usr/share/lintian/overrides/nexcage");
    tree::put(&debian.join("nexcage.lintian-overrides"), &overrides, 0o644)?;
    let notices_path = root.join("usr/share/doc/nexcage/notices");
    write(&notices_path, notices::text(binaries)?)?;
    run(Command::new("gzip").args(["--best", "--no-name"]).arg(&notices_path))?;
    let date = output(Command::new("date").args(["--utc", "--rfc-email", &format!("--date=@{}", epoch()?)]))?;
    let entry = format!(
        "nexcage ({version}) unstable; urgency=medium\n\n  * Version {VERSION}; changelog.gz says what is new.\n\n -- {MAINTAINER}  {date}\n"
    );
    let path = root.join("usr/share/doc/nexcage/changelog.Debian");
    write(&path, entry)?;
    run(Command::new("gzip").args(["--best", "--no-name"]).arg(&path))
}

fn control(root: &Path, binaries: &Binaries, version: &str) -> Result<(), Error> {
    let directory = root.join("DEBIAN");
    let installed =
        output(Command::new("du").args(["--summarize", "--apparent-size", "--block-size=1024"]).arg(root))?;
    let installed = installed.split_whitespace().next().unwrap_or_default().to_owned();
    fs::create_dir_all(&directory).map_err(file_error(&directory))?;
    let debian = workspace().join("packaging/debian");
    for script in ["postinst", "postrm"] {
        tree::put(&debian.join(script), &directory.join(script), 0o755)?;
    }
    write(&directory.join("conffiles"), "/etc/nexcage/config.json\n")?;
    let description = read(&debian.join("description"))?;
    let depends = dependencies(binaries)?;
    write(
        &directory.join("control"),
        format!(
            "Package: nexcage\nVersion: {version}\nArchitecture: {}\nMaintainer: {MAINTAINER}\n\
             Installed-Size: {installed}\nDepends: {depends}, lxc (>= 1:5.0) | lxc-pve (>= 5.0)\nRecommends: procps\n\
             Suggests: containerd\nSection: admin\nPriority: optional\n\
             Homepage: https://github.com/nexcage/nexcage\nDescription: {description}",
            binaries.architecture.debian()
        ),
    )?;
    md5sums(root, &directory.join("md5sums"))
}

fn md5sums(root: &Path, path: &Path) -> Result<(), Error> {
    let list = "find . -type f -not -path './DEBIAN/*' -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 md5sum";
    write(path, output(Command::new("sh").args(["-c", list]).current_dir(root))? + "\n")
}

/// What the binaries are linked with, as packages.
fn dependencies(binaries: &Binaries) -> Result<String, Error> {
    let (mut needed, mut libc) = (BTreeSet::new(), (2, 17));
    let objdump = binaries.architecture.tool("objdump");
    // nexcage-init is linked with nothing.
    for name in tree::TOOLS.iter().chain(&["nexcage-setup"]) {
        let text = output(Command::new(&objdump).args(["-p", "-T"]).arg(binaries.directory.join(name)))?;
        for line in text.lines() {
            let mut words = line.split_whitespace();
            if words.next() == Some("NEEDED") {
                needed.extend(words.next().map(str::to_owned));
            }
            libc = libc.max(libc_version(line).unwrap_or(libc));
        }
    }
    if libc > NEWEST_LIBC {
        return Err(Error::Unexpected(format!(
            "the binaries need glibc {}.{}: build on Debian 12",
            libc.0, libc.1
        )));
    }
    let mut list = format!("libc6 (>= {}.{})", libc.0, libc.1);
    for library in needed {
        let known = LIBRARIES.iter().find(|(name, _)| *name == library);
        let (_, package) =
            known.ok_or_else(|| Error::Unexpected(format!("{library} is in no package that is known of")))?;
        if !package.is_empty() {
            let _ = write!(list, ", {package}");
        }
    }
    Ok(list)
}

/// The version of the C library that a symbol is from: `GLIBC_2.34`.
fn libc_version(line: &str) -> Option<(u32, u32)> {
    let version = line.split("GLIBC_").nth(1)?.split([')', ' ']).next()?;
    let mut numbers = version.split('.').map_while(|number| number.parse().ok());
    Some((numbers.next()?, numbers.next()?))
}
