//! Which commit the tools are built from: `NEXCAGE_COMMIT`, or what git says in a release build.
//! Nothing is asked while one develops, so that a commit alone rebuilds nothing.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=NEXCAGE_COMMIT");
    let given = env::var("NEXCAGE_COMMIT").ok().filter(|commit| !commit.is_empty());
    let released = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = match given {
        Some(commit) => commit,
        None if released => from_git().unwrap_or_else(|| "unknown".to_owned()),
        None => "development".to_owned(),
    };
    println!("cargo::rustc-env=NEXCAGE_COMMIT={commit}");
}

fn from_git() -> Option<String> {
    // Grows with every commit and every checkout.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim_end().to_owned())
}
