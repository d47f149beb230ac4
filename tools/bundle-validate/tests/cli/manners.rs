//! Inputs, statuses, and what goes wrong between the tool and the system.

use super::{VALID, broken, bundle, stdout, tool};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

#[test]
fn a_clean_bundle_is_silent() {
    tool().arg(bundle(VALID).path()).assert().success().stdout("").stderr("");
}

#[test]
fn a_finding_is_a_line_with_its_place_and_status_one() {
    let broken = broken();
    let config = broken.path().join("config.json");
    let line = format!(
        "{}:1:72: error[OCI-P2] /process/cwd: expected an absolute path, found \"tmp\"\n",
        config.display()
    );
    tool().arg(broken.path()).assert().code(1).stdout(line.clone()).stderr("");
    tool().arg(&config).assert().code(1).stdout(line);
}

#[test]
fn standard_input_is_read() {
    tool().arg("-").write_stdin(VALID).assert().success();
    let assert = tool().arg("-").write_stdin("{\n \"a\" 1}").assert().code(1);
    assert.stdout("-:2:6: error[OCI-JSON-SYNTAX]: expected ':' after a key\n");
}

#[test]
fn json_output_has_the_documented_fields() {
    let broken = broken();
    let text = stdout(tool().args(["--format", "json"]).arg(broken.path()).arg(bundle(VALID).path()));
    let document: Value = serde_json::from_str(&text).unwrap();
    let [finding] = document["findings"].as_array().unwrap().as_slice() else { panic!("{text}") };
    let mut fields: Vec<&str> = finding.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    let expected = ["column", "file", "fingerprint", "line", "message", "pointer", "rule", "severity"];
    assert_eq!(fields, expected);
    assert_eq!((&finding["line"], &finding["column"]), (&1.into(), &72.into()));
    assert_eq!((&finding["rule"], &finding["pointer"]), (&"OCI-P2".into(), &"/process/cwd".into()));
    assert_eq!(finding["file"], broken.path().join("config.json").to_str().unwrap());
    assert_eq!(document["counts"]["error"], 1);
    let clean = stdout(tool().args(["--format=json", "-"]).write_stdin(VALID));
    assert_eq!(serde_json::from_str::<Value>(&clean).unwrap()["findings"], Value::Array(vec![]));
}

#[test]
fn fail_on_moves_the_threshold() {
    let warning = bundle(&VALID.replace("\"cwd\"", "\"nope\": 1, \"cwd\""));
    tool().arg(warning.path()).assert().success();
    tool().args(["--fail-on", "warning"]).arg(warning.path()).assert().code(1);
    let note = bundle(&VALID.replace("\"root\"", "\"annotations\": {\"x\": \"y\"}, \"root\""));
    tool().args(["--fail-on", "warning"]).arg(note.path()).assert().success();
    tool().args(["--fail-on=note"]).arg(note.path()).assert().code(1);
}

#[test]
fn a_wrong_command_line_is_status_two_with_an_empty_stdout() {
    for arguments in [
        &[][..],
        &["--nope", "x"],
        &["--format", "xml", "x"],
        &["--fail-on"],
        &["-", "-"],
        &["-z"],
        &["--max-findings", "-1", "x"],
        &["--spec-version", "9", "x"],
        &["--profile", "lxd", "x"],
        &["--host", "--document-only", "x"],
        &["--baseline", "a", "--write-baseline", "b", "x"],
        &["--list-rules", "x"],
        &["--explain", "OCI-P2", "--format", "sarif"],
        &["--list-rules", "--format=junit"],
        &["--allow", "OCI-P2", "--deny", "OCI-P2", "x"],
        &["--color", "yes", "x"],
    ] {
        let assert = tool().args(arguments).assert().code(2).stdout("");
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(stderr.starts_with("bundle-validate: error NX-USAGE: "), "{stderr}");
    }
}

#[test]
fn what_cannot_be_read_wins_but_the_rest_is_reported() {
    let broken = broken();
    let assert = tool().args(["/nowhere/a", "/nowhere/b"]).arg(broken.path()).assert().code(3);
    let output = assert.get_output();
    assert!(String::from_utf8_lossy(&output.stdout).contains("OCI-P2"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("NX-INPUT") && stderr.contains("/nowhere/a") && stderr.contains("/nowhere/b"));
    fs::remove_file(broken.path().join("config.json")).unwrap();
    tool().arg(broken.path()).assert().code(3).stdout("");
}

#[test]
fn a_fifo_in_place_of_the_configuration_does_not_hang() {
    let bundle = tempfile::tempdir().unwrap();
    let fifo = bundle.path().join("config.json");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    tool().arg(bundle.path()).timeout(std::time::Duration::from_secs(10)).assert().code(3);
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = stdout(tool().arg("--help"));
    for needle in [
        "bundle-validate [OPTIONS] BUNDLE|CONFIG|-...",
        "--format human|json|jsonl|sarif|junit|github",
        "-r, --recursive",
        "--list-rules",
        "--fail-on error|warning|note",
        "--log-format text|json",
        "-h, --help",
        "-V, --version",
        "Exit status:",
    ] {
        assert!(help.contains(needle), "{needle} is not in:\n{help}");
    }
    assert!(stdout(tool().arg("--version")).starts_with("bundle-validate "));
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_not() {
    let broken = broken();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = |stdout: Stdio, format: &str| {
        let program = assert_cmd::cargo::cargo_bin("bundle-validate");
        let arguments = [OsStr::new("--format"), OsStr::new(format), broken.path().as_os_str()];
        let mut command = std::process::Command::new(program);
        let child = command.args(arguments).stdout(stdout).stderr(Stdio::piped()).spawn();
        child.unwrap().wait_with_output().unwrap()
    };
    let output = run(full.into(), "human");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("NX-OUTPUT"));
    let (reader, writer) = UnixStream::pair().unwrap();
    drop(reader);
    let output = run(OwnedFd::from(writer).into(), "json");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(1), &b""[..]));
}

#[test]
fn paths_need_not_be_utf8() {
    let parent = tempfile::tempdir().unwrap();
    let bundle: PathBuf = parent.path().join(OsStr::from_bytes(b"b\xFF"));
    fs::create_dir_all(bundle.join("rootfs")).unwrap();
    fs::write(bundle.join("config.json"), VALID).unwrap();
    tool().arg(&bundle).assert().success();
    fs::write(bundle.join("config.json"), "{}").unwrap();
    let text = stdout(tool().args(["--format", "json"]).arg(&bundle));
    assert!(serde_json::from_str::<Value>(&text).unwrap()["counts"]["error"].as_u64() > Some(0));
    for (format, name) in
        [("human", "b\u{FFFD}/"), ("sarif", "b%FF/"), ("junit", "b\u{FFFD}/"), ("github", "b\u{FFFD}/")]
    {
        for recursive in [None, Some("--recursive")] {
            let text = stdout(tool().args(["--format", format]).args(recursive).arg(&bundle));
            assert!(text.contains(&format!("{name}config.json")), "{format}: {text}");
        }
    }
}

#[test]
fn a_relative_root_is_looked_for_in_the_bundle() {
    let bundle = bundle(VALID);
    tool().current_dir(bundle.path()).arg("config.json").assert().success();
    tool().current_dir("/").arg(bundle.path()).assert().success();
    fs::remove_dir(bundle.path().join("rootfs")).unwrap();
    let text = stdout(tool().arg(bundle.path()));
    assert!(text.contains("error[OCI-R3] /root/path: there is no directory at root.path"), "{text}");
    File::create(bundle.path().join("rootfs")).unwrap();
    assert!(stdout(tool().arg(Path::new(bundle.path()))).contains("is not a directory"));
}
