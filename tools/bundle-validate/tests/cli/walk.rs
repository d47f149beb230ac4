//! `--recursive`.

use super::{VALID, broken, make, stdout, tool};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

/// Files that are broken in the same way, so that each that is found is one line.
fn files(parent: &Path, arguments: &[&str]) -> Vec<String> {
    let text = stdout(tool().current_dir(parent).args(["-r", "--format=jsonl"]).args(arguments));
    let of = |line| serde_json::from_str::<Value>(line).unwrap()["file"].as_str().unwrap().to_owned();
    let mut files: Vec<String> = text.lines().map(of).collect();
    files.dedup();
    files
}

#[test]
fn bundles_are_found_in_the_order_of_their_names() {
    let parent = tempfile::tempdir().unwrap();
    let text = VALID.replace("\"/\"", "\"tmp\"");
    for name in ["b/2", "b/10", "a", "b/2/rootfs/inner", "c"] {
        make(&parent, name, &text);
    }
    // No bundles: other programs' files of that name, a directory, a symbolic link.
    fs::create_dir_all(parent.path().join("d/other/config.json")).unwrap();
    fs::write(parent.path().join("d/config.json"), "{\"auths\": {}}").unwrap();
    symlink("../a/config.json", parent.path().join("d/other/config")).unwrap();
    symlink("..", parent.path().join("d/loop")).unwrap();
    fs::create_dir(parent.path().join("e")).unwrap();
    symlink("../a/config.json", parent.path().join("e/config.json")).unwrap();
    let expected = ["./a/config.json", "./b/10/config.json", "./b/2/config.json", "./c/config.json"];
    assert_eq!(files(parent.path(), &["."]), expected);
    assert_eq!(
        files(parent.path(), &["c", "b/2", "a/config.json"]),
        ["c/config.json", "b/2/config.json", "a/config.json"]
    );
    let object = stdout(tool().args(["-r", "--format=json"]).arg(parent.path()));
    assert_eq!(serde_json::from_str::<Value>(&object).unwrap()["skipped"], 1);
}

#[test]
fn what_only_looks_like_a_bundle_is_checked_as_one() {
    let parent = tempfile::tempdir().unwrap();
    make(&parent, "rootfs-beside", "{}");
    for (name, text) in [
        ("version", "{\"ociVersion\": 1}"),
        ("members", "{\"process\": {}, \"root\": {}}"),
        ("no-json", "{\"ociVersion\": '1.0.0'}"),
        ("nothing-of-it", "// x"),
    ] {
        fs::create_dir(parent.path().join(name)).unwrap();
        fs::write(parent.path().join(name).join("config.json"), text).unwrap();
    }
    let found = files(parent.path(), &["."]);
    let expected =
        ["members", "no-json", "rootfs-beside", "version"].map(|name| format!("./{name}/config.json"));
    assert_eq!(found, expected);
}

#[test]
fn a_directory_without_a_bundle_is_not_passed_over() {
    let empty = tempfile::tempdir().unwrap();
    let assert = tool().arg("-r").arg(empty.path()).assert().code(3);
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("there is no bundle below"));
    let broken = broken();
    let both = tool().arg("-r").arg(empty.path()).arg(broken.path()).assert().code(3);
    assert!(String::from_utf8_lossy(&both.get_output().stdout).contains("OCI-P2"));
}

#[test]
fn the_walk_has_a_depth() {
    let parent = tempfile::tempdir().unwrap();
    let text = VALID.replace("\"/\"", "\"tmp\"");
    make(&parent, "z", &text);
    make(&parent, &["d"; 32].join("/"), &text);
    assert_eq!(files(parent.path(), &["."]).len(), 2);
    make(&parent, &["e"; 33].join("/"), &text);
    let assert = tool().current_dir(parent.path()).args(["-r", "."]).assert().code(3);
    let output = assert.get_output();
    assert!(String::from_utf8_lossy(&output.stderr).contains("more than 32 directories deep"));
    assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 2);
}

#[test]
fn a_directory_that_cannot_be_read_does_not_end_the_walk() {
    let parent = tempfile::tempdir().unwrap();
    let text = VALID.replace("\"/\"", "\"tmp\"");
    for name in ["a", "locked/b", "c"] {
        make(&parent, name, &text);
    }
    let mode = |name: &str, mode| {
        fs::set_permissions(parent.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    // Root reads everything, so the tool runs as somebody else, who must reach it.
    let program = parent.path().join("tool");
    fs::copy(assert_cmd::cargo::cargo_bin("bundle-validate"), &program).unwrap();
    mode(".", 0o755);
    mode("locked", 0);
    let mut run = if fs::metadata("/proc/self").unwrap().uid() == 0 {
        let mut run = Command::new("setpriv");
        run.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&program);
        run
    } else {
        Command::new(&program)
    };
    let output = run.current_dir(parent.path()).args(["-r", "."]).output().unwrap();
    mode("locked", 0o755);
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("cannot look into ./locked: Permission denied"), "{stderr}");
    assert!(stdout.contains("./a/config.json:") && stdout.contains("./c/config.json:"), "{stdout}");
}
