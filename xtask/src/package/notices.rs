//! The licences of what others wrote and the binaries have in them.

use super::binaries::{Binaries, Linkage, SHIPPED};
use super::{commit, file_error, read};
use crate::architecture::Architecture;
use crate::build::{cargo, workspace};
use crate::error::Error;
use crate::step::output;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// How the names of files begin that a crate has its licences in.
const LICENCE_FILES: [&str; 5] = ["licen", "copying", "copyright", "notice", "unlicen"];

/// Where Debian has the licence of libseccomp and of its C library.
const LGPL: &str = "/usr/share/common-licenses/LGPL-2.1";

/// The line between two texts.
const RULE: &str = "------------------------------------------------------------------------";

const DYNAMIC: &str = "\
The binaries are linked with libseccomp, the GNU C Library and libgcc when they
are started. These are not in this package: they are your system's own, which
you may replace. libseccomp and the GNU C Library are under the GNU Lesser
General Public License, version 2.1: /usr/share/common-licenses/LGPL-2.1.
";

/// The crates that the binaries are made of.
struct Crate {
    /// Its name and version.
    name: String,
    /// What it is licensed under, as it says itself.
    licence: String,
    /// Where its sources are.
    directory: PathBuf,
}

/// What the file of notices says.
pub(super) fn text(binaries: &Binaries) -> Result<String, Error> {
    let crates = linked(binaries.architecture)?;
    check_copyright(&crates)?;
    let mut text = format!(
        "nexcage, commit {}, is under the Apache License, version 2.0, whose text is below.\n\n{}\n",
        commit(workspace())?,
        match binaries.linkage {
            Linkage::Dynamic => DYNAMIC.to_owned(),
            Linkage::Static => linked_statically(binaries)?,
        }
    );
    text += "The binaries have these crates in them, and the standard library of Rust (Apache-2.0\nOR MIT, the Rust Project Developers):\n\n";
    for Crate { name, licence, .. } in &crates {
        let _ = writeln!(text, "  {name}: {licence}");
    }
    let mut texts = BTreeMap::from([(read(&workspace().join("LICENSE"))?, vec!["nexcage"])]);
    for one in &crates {
        for licence in licences(one)? {
            texts.entry(licence).or_default().push(&one.name);
        }
    }
    let mut texts: Vec<_> = texts.into_iter().map(|(licence, names)| (names, licence)).collect();
    texts.sort();
    for (names, licence) in texts {
        let _ = write!(text, "\n{RULE}\n{}:\n\n{}\n", names.join(", "), licence.trim_end());
    }
    if binaries.linkage == Linkage::Static {
        let _ = write!(text, "\n{RULE}\nlibseccomp, GNU C Library:\n\n{}", read(Path::new(LGPL))?);
    }
    Ok(text)
}

/// What the LGPL asks for where its libraries are inside a binary (section 6): to say so, and that everybody
/// can have the same binary with another version of them.
fn linked_statically(binaries: &Binaries) -> Result<String, Error> {
    let described = binaries.libraries.join("pkgconfig/libseccomp.pc");
    let described = read(&described)?;
    let version = described.lines().find_map(|line| line.strip_prefix("Version: ")).unwrap_or("unknown");
    Ok(format!(
        "nexcage-shim has libseccomp {version} in it, and all but nexcage-init have the GNU C\n\
         Library, of Debian's source packages libseccomp and glibc.\n\
         Both are under the GNU Lesser General Public License, version 2.1, whose text is below,\n\
         and you may change them: the sources of everything else are in nexcage's repository,\n\
         https://github.com/nexcage/nexcage, and\n\n  \
           LIBSECCOMP_LIB_PATH=DIRECTORY cargo xtask dist --arch {}\n\n\
         links the same binaries with the libseccomp.a of a directory and the C library of the\n\
         compiler. You may reverse engineer the binaries to debug such changes. libgcc is under the\n\
         GNU General Public License, version 3, with the GCC Runtime Library Exception.\n",
        binaries.architecture.debian()
    ))
}

/// Every crate of others that is linked into a binary: those that run while it is built are not.
fn linked(architecture: Architecture) -> Result<Vec<Crate>, Error> {
    let mut tree = cargo(["tree", "--locked", "--offline", "--edges=normal,no-proc-macro", "--prefix=none"]);
    tree.args(["--format={lib} {p}", "--target", architecture.target()]);
    tree.args(SHIPPED.iter().flat_map(|package| ["--package", package]));
    let listed = output(&mut tree)?;
    let words = listed.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    // A procedural macro has no library's name; our own crates have their path behind the version.
    let foreign =
        words.filter(|words| !words[0].is_empty() && words.get(3).is_none_or(|word| *word == "(*)"));
    let names: BTreeSet<_> = foreign
        .filter_map(|words| Some(((*words.get(1)?).to_owned(), words.get(2)?.strip_prefix('v')?.to_owned())))
        .collect();
    let mut metadata = cargo(["metadata", "--format-version=1", "--locked", "--offline"]);
    metadata.args(["--filter-platform", architecture.target()]);
    let metadata: Value = serde_json::from_str(&output(&mut metadata)?).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let field = |package: &Value, name: &str| package[name].as_str().unwrap_or_default().to_owned();
    let crates: Vec<Crate> = packages
        .filter(|package| names.contains(&(field(package, "name"), field(package, "version"))))
        .map(|package| Crate {
            name: format!("{} {}", field(package, "name"), field(package, "version")),
            licence: field(package, "license"),
            directory: Path::new(&field(package, "manifest_path")).with_file_name(""),
        })
        .collect();
    if crates.len() == names.len() && !crates.is_empty() {
        return Ok(crates);
    }
    Err(Error::Unexpected(format!("cargo metadata knows {} of {names:?}", crates.len())))
}

/// The texts of all licences that a crate comes with.
fn licences(one: &Crate) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(&one.directory).map_err(file_error(&one.directory))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        path.is_file() && LICENCE_FILES.iter().any(|start| name.starts_with(start))
    });
    files.sort();
    if files.is_empty() {
        return Err(Error::Unexpected(format!("{} comes without the text of its licence", one.name)));
    }
    files.iter().map(|path| read(path)).collect()
}

/// Makes sure that the package's copyright file tells of all of them, too.
fn check_copyright(crates: &[Crate]) -> Result<(), Error> {
    let copyright = read(&workspace().join("packaging/debian/copyright"))?;
    let words: BTreeSet<&str> = copyright.split_whitespace().collect();
    let names = crates.iter().map(|one| one.name.split(' ').next().unwrap_or_default());
    match names.into_iter().find(|name| !words.contains(name)) {
        None => Ok(()),
        Some(missing) => {
            Err(Error::Unexpected(format!("packaging/debian/copyright does not tell of {missing}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a crate that comes in, either the licences are found or this fails.
    #[test]
    fn everything_that_is_linked_in_has_its_licences_in_the_notices() {
        for architecture in Architecture::ALL {
            let libraries = PathBuf::new();
            let linkage = Linkage::Dynamic;
            let binaries = Binaries { directory: PathBuf::new(), libraries, architecture, linkage };
            let text = text(&binaries).unwrap();
            for known in ["libseccomp-sys ", "rustix ", "memchr ", "lexopt "] {
                assert!(text.contains(&format!("  {known}")), "{known} is not in {text}");
            }
            assert!(!text.contains("serde_derive"), "what is not linked in");
            for begin in [
                "Apache License",
                "Copyright (c) 2015 Andrew Gallant",
                "Copyright (c) 2021 Sony Group Corporation",
            ] {
                assert!(text.contains(begin), "{begin}");
            }
        }
    }
}
