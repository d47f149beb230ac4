//! What real engines write is valid: an error on it would be a mistake of ours.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use bundle_validate::{Options, Profile, Severity, SpecVersion, SpecVersionChoice, check};
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
    let versions = SpecVersion::ALL.iter().map(|version| SpecVersionChoice::Fixed(*version));
    let versions: Vec<_> = versions.chain([SpecVersionChoice::Auto]).collect();
    let mut count = 0;
    for file in files {
        let path = file.unwrap().path();
        // They ran with these runtimes, so the profiles find no error either.
        for profile in [None, Some(Profile::Runc), Some(Profile::Crun)] {
            for spec_version in versions.iter().copied() {
                let report = check(&path, &Options { profile, spec_version, ..Options::default() }).unwrap();
                assert!(!report.has_errors(), "{profile:?} {spec_version:?} {}", report.human());
            }
        }
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
        for profile in [None, Some(Profile::Runc), Some(Profile::Crun), Some(Profile::Strict)] {
            let report = check(bundle.path(), &Options { profile, ..Options::default() }).unwrap();
            // runc 1.1 writes ambient capabilities that are not inheritable, which have no effect.
            let others = report.findings().filter(|finding| finding.rule.id != "OCI-P11-AMBIENT");
            assert_eq!(others.count(), 0, "{profile:?} {}", report.human());
            assert!(!report.reaches(Severity::Warning), "{profile:?} {}", report.human());
        }
        fs::remove_file(bundle.path().join("config.json")).unwrap();
    }
}
