//! The replay on recordings made up here, so that it is known to tell right from wrong.

use pct_stand_in::replay::{self, Error};
use std::fs;
use std::path::Path;

const PCT: &str = env!("CARGO_BIN_EXE_pct");

fn call(name: &str, stdout: &str) -> String {
    format!(
        r#"{{"name": "{name}", "setup": ["x"], "argv": ["pct", "status", "100"], "stdin": null,
            "conf_before": "arch: amd64\n", "exit": 0, "stdout": "{stdout}", "stderr": "", "conf_after": "arch: amd64\n"}}"#
    )
}

#[test]
fn what_differs_is_told_from_what_does_not() {
    let recordings = tempfile::tempdir().unwrap();
    let write = |name, text: &str| fs::write(recordings.path().join(name), text).unwrap();
    let uncovered = call("other", "").replace("status", "help");
    let calls = [call("right", "status: stopped\\n"), call("wrong", "status: running\\n"), uncovered];
    write("transcripts.json", &format!("[{}]", calls.join(",")));
    write("rendered.json", r#"[{"name": "r", "vmid": 900, "conf": "", "error": "missing 'arch'"}]"#);
    write("parsed.json", "[]");
    let report = replay::replay(recordings.path(), Path::new(PCT)).unwrap();
    let counts = |file| (report.passed(file), report.failed(file), report.not_covered(file));
    assert_eq!(counts("transcripts"), (1, 1, 1), "{report}");
    assert_eq!(counts("rendered"), (0, 1, 0), "{report}");
    assert!(!report.is_good());
    assert!(report.to_string().contains("FAILED       transcripts wrong:"), "{report}");
}

#[test]
fn absent_recordings_are_said_to_be_absent() {
    let error = replay::replay(Path::new("/nonexistent"), Path::new(PCT)).err();
    assert!(matches!(error, Some(Error::Absent(_))), "{error:?}");
}
