//! States that come from elsewhere: the recordings of runc, and what scripts pipe in.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

/// Exit status, stdout and stderr of the tool with this on stdin.
fn inspect(args: &[&str], stdin: &str) -> (i32, String, String) {
    let mut command = Command::cargo_bin("state-inspect").unwrap();
    let output = command.args(args).write_stdin(stdin).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn state(id: &str, status: &str) -> Value {
    json!({"ociVersion": "1.0.2", "id": id, "status": status, "bundle": "/b", "pid": 0, "owner": "root"})
}

/// The states that runc 1.1.5 wrote, if the recordings are beside the checkout.
fn recordings() -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/state");
    if path.is_dir() {
        return Some(path);
    }
    // Past the harness, which would keep it to itself.
    drop(writeln!(std::io::stderr(), "NOT RUN: there are no recordings at {}", path.display()));
    None
}

#[test]
fn every_recording_of_runc_is_read_and_kept_whole() {
    let Some(path) = recordings() else { return };
    let mut files = 0;
    for entry in fs::read_dir(path).unwrap() {
        let file = entry.unwrap().path();
        let (status, text, errors) = inspect(&["--from", file.to_str().unwrap(), "--format", "json"], "");
        assert_eq!((status, errors.as_str()), (0, ""), "{}", file.display());
        let original: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let original = if original.is_array() { original } else { json!([original]) };
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), original);
        let (status, oci, _) = inspect(&["--from", file.to_str().unwrap(), "--format", "oci"], "");
        let oci: Value = serde_json::from_str(&oci).unwrap();
        assert_eq!((status, oci.get("owner"), &oci["id"]), (0, None, &original[0]["id"]));
        files += 1;
    }
    assert!(files > 0);
}

#[test]
fn a_status_filters_and_answers_like_grep() {
    let stream = format!("{}\n[{}, {}]", state("a", "running"), state("b", "stopped"), state("c", "paused"));
    let ids = |statuses: &str| {
        let (status, text, _) = inspect(&["--from", "-", "--status", statuses, "--pointer", "/id"], &stream);
        (status, text)
    };
    assert_eq!(ids("running"), (0, "a\n".to_owned()));
    assert_eq!(ids("stopped,paused"), (0, "b\nc\n".to_owned()));
    assert_eq!(ids("creating"), (1, String::new()));
    assert_eq!(inspect(&["--from", "-"], "null").0, 0, "runc's empty list");
    assert_eq!(inspect(&["--from", "-", "b"], &stream).1.lines().count(), 2, "an id selects");
    assert_eq!(inspect(&["--from", "-", "z"], &stream).0, 1);
}

#[test]
fn a_value_that_is_not_there_is_named_and_the_others_are_printed() {
    let stream = format!("{}{}", state("a", "running"), json!({"id": "b\u{1b}[2J"}));
    let (status, text, errors) = inspect(&["--from", "-", "--pointer", "/owner"], &stream);
    assert_eq!((status, text.as_str()), (1, "root\n"));
    assert!(errors.contains("/owner") && errors.contains("-#2"), "{errors}");
    assert_eq!(inspect(&["--from", "-", "--pointer", "/id"], &stream).1, "a\nb\\u{1b}[2J\n");
}

#[test]
fn a_broken_stream_shows_what_came_before_and_says_where() {
    let stream = format!("{}\n17", state("a", "running"));
    let (status, text, errors) = inspect(&["--from", "-", "--format", "tsv"], &stream);
    assert_eq!((status, text.as_str()), (3, "\ta\trunning\t\t\t\t/b\n"));
    assert!(errors.contains("after line 1"), "{errors}");
    assert_eq!(inspect(&["--from", "/nowhere/at/all"], "").0, 3);
    assert_eq!(inspect(&["--from", "-"], "{").0, 3);
}

#[test]
fn check_tells_everything_that_does_not_hold() {
    let (status, text, _) = inspect(&["--from", "-", "--check"], &json!({"id": 1, "pid": -1}).to_string());
    assert_eq!(status, 1);
    for needle in ["`ociVersion` is required", "`status` is required", "/id: expected", "/pid: expected"] {
        assert!(text.contains(needle), "{needle} is not in {text}");
    }
    let bundle = tempfile::tempdir().unwrap();
    fs::write(bundle.path().join("config.json"), "{}").unwrap();
    let mut good = state("a", "stopped");
    good["bundle"] = json!(bundle.path());
    assert_eq!(inspect(&["--from", "-", "--check", "--format", "json"], &good.to_string()).1, "[]\n");
    assert_eq!(inspect(&["--from", "-", "--check"], &good.to_string()), (0, String::new(), String::new()));
}

#[test]
fn the_textfile_collector_gets_one_gauge_a_fact_with_escaped_labels() {
    let mut tricky = state("a", "running");
    tricky["bundle"] = json!("/x\"\\\n");
    tricky["created"] = json!("1970-01-01T00:00:10.5Z");
    let (status, text, _) = inspect(&["--from", "-", "--format", "prometheus"], &tricky.to_string());
    assert_eq!(status, 0);
    let info = r#"oci_container_info{namespace="",id="a",status="running",bundle="/x\"\\\n"} 1"#;
    for line in [
        info,
        r#"oci_container_running{namespace="",id="a"} 1"#,
        r#"oci_container_created_timestamp_seconds{namespace="",id="a"} 10.5"#,
        "# TYPE oci_container_exit_status gauge",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
    }
    assert!(!text.contains("oci_container_exit_status{"), "{text}");
}
