//! The files of an installation, as one table.

use super::binaries::Binaries;
use super::{file_error, read, write};
use crate::build::workspace;
use crate::error::Error;
use crate::man;
use crate::step::run;
use crate::tools::programs;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

/// The tools that people and engines call.
pub(super) const TOOLS: [&str; 5] =
    ["bundle-validate", "lxc-render-config", "nexcage", "nexcage-shim", "state-inspect"];

/// What the shim calls.
pub(super) const HELPERS: [&str; 2] = ["nexcage-init", "nexcage-setup"];

/// Files of the checkout with their places.
const FILES: [(&str, &str); 10] = [
    ("packaging/config.json", "etc/nexcage/config.json"),
    ("packaging/systemd/nexcage-recover.service", "usr/lib/systemd/system/nexcage-recover.service"),
    ("packaging/systemd/nexcage.tmpfiles", "usr/lib/tmpfiles.d/nexcage.conf"),
    ("packaging/containerd/config-v2.toml", "usr/share/doc/nexcage/examples/containerd/config-v2.toml"),
    ("packaging/containerd/config-v3.toml", "usr/share/doc/nexcage/examples/containerd/config-v3.toml"),
    ("packaging/containerd/runtimeclass.yaml", "usr/share/doc/nexcage/examples/containerd/runtimeclass.yaml"),
    ("packaging/github/action.yml", "usr/share/doc/nexcage/examples/github/action.yml"),
    ("packaging/github/validate.sh", "usr/share/doc/nexcage/examples/github/validate.sh"),
    (
        "packaging/pre-commit/pre-commit-config.yaml",
        "usr/share/doc/nexcage/examples/pre-commit/pre-commit-config.yaml",
    ),
    ("README.md", "usr/share/doc/nexcage/README.md"),
];

/// Links, with what is in them.
const LINKS: [(&str, &str); 2] = [
    ("usr/bin/containerd-shim-nexcage-v2", "nexcage-shim"),
    ("usr/share/man/man1/containerd-shim-nexcage-v2.1.gz", "nexcage-shim.1.gz"),
];

/// Makes the tree of an installation of these binaries.
pub(super) fn make(root: &Path, binaries: &Binaries) -> Result<(), Error> {
    let strip = binaries.architecture.tool("strip");
    for (directory, names) in [("usr/bin", &TOOLS[..]), ("usr/libexec/nexcage", &HELPERS)] {
        for name in names {
            let to = root.join(directory).join(name);
            put(&binaries.directory.join(name), &to, 0o755)?;
            // A profile for one package keeps cargo from stripping it.
            run(Command::new(&strip).arg("--strip-all").arg(to))?;
        }
    }
    for (from, to) in FILES {
        put(&workspace().join(from), &root.join(to), if from.ends_with(".sh") { 0o755 } else { 0o644 })?;
    }
    for page in man::pages()? {
        let name = page.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let section = name.rsplit('.').next().unwrap_or_default().to_owned();
        compressed(&page, &root.join(format!("usr/share/man/man{section}")).join(name))?;
    }
    for (link, to) in LINKS {
        let link = root.join(link);
        symlink(to, &link).map_err(file_error(&link))?;
    }
    completions(root)?;
    compressed(&workspace().join("CHANGELOG.md"), &root.join("usr/share/doc/nexcage/changelog"))
}

fn completions(root: &Path) -> Result<(), Error> {
    let from = workspace().join("packaging/completions");
    for name in programs().map(|program| program.tool.name) {
        for (file, to) in [
            (format!("bash/{name}"), format!("usr/share/bash-completion/completions/{name}")),
            (format!("zsh/_{name}"), format!("usr/share/zsh/vendor-completions/_{name}")),
            (format!("fish/{name}.fish"), format!("usr/share/fish/vendor_completions.d/{name}.fish")),
        ] {
            put(&from.join(file), &root.join(to), 0o644)?;
        }
    }
    Ok(())
}

/// Copies a file with a mode.
pub(super) fn put(from: &Path, to: &Path, mode: u32) -> Result<(), Error> {
    directory_of(to)?;
    fs::copy(from, to).map_err(file_error(from))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).map_err(file_error(to))
}

/// Copies a file compressed, with `.gz` behind its name.
pub(super) fn compressed(from: &Path, to: &Path) -> Result<(), Error> {
    directory_of(to)?;
    write(to, read(from)?)?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o644)).map_err(file_error(to))?;
    run(Command::new("gzip").args(["--best", "--no-name"]).arg(to))
}

fn directory_of(path: &Path) -> Result<(), Error> {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory).map_err(file_error(directory))
}
