//! What `packaging/` has for other people's checks.

use super::{VALID, make};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The step of GitHub Actions, with the variables that `action.yml` sets.
fn step(place: &Path, variables: &[(&str, &str)]) -> Output {
    let mut sh = Command::new("sh");
    sh.arg(repository().join("packaging/github/validate.sh")).current_dir(place);
    sh.env("BUNDLE_VALIDATE", assert_cmd::cargo::cargo_bin("bundle-validate"));
    sh.envs(variables.iter().copied()).output().unwrap()
}

#[test]
fn the_step_annotates_what_is_below_its_paths() {
    let place = tempfile::tempdir().unwrap();
    make(&place, "good", VALID);
    make(&place, "bad one", &VALID.replace("\"/\"", "\"tmp\""));
    let all = step(place.path(), &[]);
    let text = String::from_utf8_lossy(&all.stdout);
    assert!(text.starts_with("::error file=bad one/config.json,line=1,col=72,title=OCI-P2 "), "{text}");
    assert_eq!(all.status.code(), Some(1));
    assert_eq!(step(place.path(), &[("BUNDLE_PATHS", "good")]).status.code(), Some(0));
    let both = [("BUNDLE_PATHS", "good\nbad one\n"), ("ARGUMENTS", "--allow\nOCI-P2\n"), ("FAIL_ON", "note")];
    assert_eq!(step(place.path(), &both).status.code(), Some(0));
    // No input is a command or an option that was not meant to be one.
    let quoted = step(place.path(), &[("BUNDLE_PATHS", "$(touch x);*\n--help")]);
    assert_eq!(quoted.status.code(), Some(3));
    assert!(!place.path().join("x").exists());
}

#[test]
fn the_action_sets_the_variables_that_its_script_reads() {
    let action = fs::read_to_string(repository().join("packaging/github/action.yml")).unwrap();
    let script = fs::read_to_string(repository().join("packaging/github/validate.sh")).unwrap();
    for variable in ["BUNDLE_PATHS", "FAIL_ON", "ARGUMENTS", "BUNDLE_VALIDATE"] {
        assert!(action.contains(&format!("{variable}: ${{{{ inputs.")), "{variable}");
        assert!(script.contains(&format!("{{{variable}")), "{variable}");
    }
}

#[test]
fn the_hook_stands_where_pre_commit_looks_and_passes_files_that_are_checked() {
    let hooks = fs::read_to_string(repository().join(".pre-commit-hooks.yaml")).unwrap();
    assert!(hooks.contains("entry: bundle-validate\n") && hooks.contains("args: [--document-only]\n"));
    let place = tempfile::tempdir().unwrap();
    make(&place, "a", &VALID.replace("\"rootfs\"", "\"elsewhere\""));
    make(&place, "b", &VALID.replace("\"/\"", "\"tmp\""));
    let run = |files: &[&str]| {
        let mut tool = super::tool();
        tool.current_dir(place.path()).arg("--document-only").args(files).assert()
    };
    run(&["a/config.json"]).success();
    run(&["a/config.json", "b/config.json"]).code(1);
}
