//! What the compiler and clippy do not check in the sources.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// Most lines that a source file may have.
const LIMIT: usize = 700;

/// Names that say nothing about what is in a file.
const NAMELESS: [&str; 5] = ["utils.rs", "util.rs", "helpers.rs", "common.rs", "misc.rs"];

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Every file that is ours, by extension.
fn files(extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![workspace().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
            let skipped = name == "target" || name.to_string_lossy().starts_with('.');
            if path.is_dir() && !path.is_symlink() && !skipped {
                directories.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty(), "no .{extension} file");
    found
}

/// Lists the sources that `wrong` has something to say about.
#[track_caller]
fn check(wrong: impl Fn(&Path, &str) -> Option<String>) {
    let complaints: Vec<String> = files("rs")
        .iter()
        .filter_map(|path| {
            let complaint = wrong(path, &fs::read_to_string(path).unwrap())?;
            Some(format!("{}: {complaint}", path.strip_prefix(workspace()).unwrap().display()))
        })
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    check(|_, text| {
        let lines = text.lines().count();
        (lines > LIMIT).then(|| format!("{lines} lines, more than {LIMIT}"))
    });
}

#[test]
fn every_file_is_named_for_what_is_in_it() {
    check(|path, _| {
        let name = path.file_name()?.to_str()?;
        NAMELESS.contains(&name).then(|| "a name that says nothing".to_owned())
    });
}

#[test]
fn nothing_is_unfinished() {
    // Put together here, so that this file passes itself.
    let marks =
        [["FIX", "ME"], ["TO", "DO"], ["unimpl", "emented!"], ["#[ign", "ore"]].map(|halves| halves.concat());
    check(|_, text| {
        let mark = marks.iter().find(|mark| text.contains(mark.as_str()))?;
        Some(format!("{mark} in it"))
    });
}

#[test]
fn every_file_says_what_it_is() {
    check(|_, text| (!text.starts_with("//!")).then(|| "does not start with //!".to_owned()));
}

#[test]
fn the_readme_names_both_commands() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    for command in ["cargo xtask demo", "cargo xtask test"] {
        assert!(readme.contains(command), "README.md lacks {command}");
    }
}

#[test]
fn every_shared_dependency_says_why_it_is_there() {
    let manifest = fs::read_to_string(workspace().join("Cargo.toml")).unwrap();
    let section = manifest.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    // A comment may speak for two crates that belong together.
    let mut explained = 0;
    for line in section.lines().filter(|line| !line.is_empty() && !line.contains("path = ")) {
        let comment = line.starts_with('#');
        assert!(comment || explained > 0, "no comment above: {line}");
        explained = if comment { 2 } else { explained - 1 };
    }
}

#[test]
fn members_take_their_dependencies_from_the_workspace() {
    for manifest in files("toml").iter().filter(|path| path.ends_with("Cargo.toml")) {
        let text = fs::read_to_string(manifest).unwrap();
        for line in text.lines().filter(|_| !text.contains("[workspace]")) {
            let version = line.contains("version = \"")
                || line
                    .split_once(" = \"")
                    .is_some_and(|(_, value)| value.starts_with(|c: char| c.is_ascii_digit()));
            assert!(!version, "{}: {line}", manifest.display());
        }
    }
}
