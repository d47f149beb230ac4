//! What real engines write is valid: an error on it would be a mistake of ours.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use assert_cmd::Command;
use bundle_validate::{Options, check};
use std::fs;
use std::io::Write as _;
use std::path::Path;

#[test]
fn configurations_of_engines_give_no_error() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/engines");
    let Ok(files) = fs::read_dir(&corpus) else {
        // The corpus stands beside the repository, so a bare checkout has none. Written past the
        // test harness, which would swallow it.
        let notice = format!("NOT RUN: there is no corpus at {}\n", corpus.display());
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        return;
    };
    let mut count = 0;
    for file in files {
        let path = file.unwrap().path();
        let report = check(&path, &Options::default()).unwrap();
        assert!(!report.has_errors(), "{}", report.human());
        count += 1;
    }
    assert!(count > 0, "{} is empty", corpus.display());
}

#[test]
fn what_runc_spec_writes_is_clean() {
    let bundle = tempfile::tempdir().unwrap();
    fs::create_dir(bundle.path().join("rootfs")).unwrap();
    for arguments in [&["spec"][..], &["spec", "--rootless"]] {
        let runc = std::process::Command::new("runc").args(arguments).current_dir(bundle.path()).output();
        let runc = runc.expect("this test needs runc (Debian: apt-get install runc)");
        assert!(runc.status.success(), "{}", String::from_utf8_lossy(&runc.stderr));
        Command::cargo_bin("bundle-validate")
            .unwrap()
            .args(["--fail-on", "note"])
            .arg(bundle.path())
            .assert()
            .success()
            .stdout("");
        fs::remove_file(bundle.path().join("config.json")).unwrap();
    }
}
