//! The command line, seen from outside.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod catalogue;
mod formats;
mod manners;
mod page;
mod selection;
mod walk;
mod workflow;

use assert_cmd::Command;
use std::fs;
use tempfile::TempDir;

const VALID: &str =
    r#"{"ociVersion": "1.3.0", "root": {"path": "rootfs"}, "process": {"cwd": "/", "args": ["sh"]}}"#;

fn tool() -> Command {
    let mut tool = Command::cargo_bin("bundle-validate").unwrap();
    tool.env_remove("NO_COLOR");
    tool
}

fn bundle(text: &str) -> TempDir {
    let bundle = tempfile::tempdir().unwrap();
    make(&bundle, ".", text);
    bundle
}

/// A bundle in a directory below another.
fn make(parent: &TempDir, name: &str, text: &str) {
    let bundle = parent.path().join(name);
    fs::create_dir_all(bundle.join("rootfs")).unwrap();
    fs::write(bundle.join("config.json"), text).unwrap();
}

/// A bundle with one error.
fn broken() -> TempDir {
    bundle(&VALID.replace("\"/\"", "\"tmp\""))
}

fn stdout(command: &mut Command) -> String {
    String::from_utf8(command.output().unwrap().stdout).unwrap()
}
