//! Which findings are told: denied, allowed and known ones, and too many.

use super::{VALID, broken, bundle, make, stdout, tool};
use serde_json::Value;
use std::fs;

fn json(command: &mut assert_cmd::Command) -> Value {
    serde_json::from_str(&stdout(command.arg("--format=json"))).unwrap()
}

#[test]
fn a_denied_rule_is_an_error_and_an_allowed_one_nothing() {
    let warning = bundle(&VALID.replace("\"cwd\"", "\"nope\": 1, \"cwd\""));
    tool().arg(warning.path()).assert().success();
    let denied = tool().args(["--deny", "OCI-E1"]).arg(warning.path()).assert().code(1);
    assert!(String::from_utf8_lossy(&denied.get_output().stdout).contains(": error[OCI-E1] "));
    let broken = broken();
    tool().args(["--allow", "OCI-P2"]).arg(broken.path()).assert().success().stdout("");
    let object =
        json(tool().args(["--allow", "OCI-P2", "--allow=OCI-E1"]).arg(broken.path()).arg(warning.path()));
    assert_eq!((&object["allowed"], &object["counts"]["error"]), (&2.into(), &0.into()));
}

#[test]
fn a_rule_that_does_not_exist_is_a_usage_error_with_a_suggestion() {
    for (id, hint) in [
        ("OCI-P22", "did you mean OCI-P2?"),
        ("oci-p2", "did you mean OCI-P2?"),
        ("p2", "did you mean OCI-P2?"),
        ("OCI-JSON-DUPLCATE", "did you mean OCI-JSON-DUPLICATE?"),
        ("zz", "--list-rules prints all"),
    ] {
        for option in ["--deny", "--allow", "--explain"] {
            let assert = tool().args([option, id]).assert().code(2).stdout("");
            let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
            assert!(stderr.contains(hint), "{id}: {stderr}");
        }
    }
}

#[test]
fn a_baseline_hides_what_it_knows_as_often_as_it_knows_it() {
    let parent = tempfile::tempdir().unwrap();
    let text = VALID.replace("\"/\"", "\"tmp\"");
    make(&parent, "a", &text);
    let run = |arguments: &[&str]| {
        let mut tool = tool();
        tool.current_dir(parent.path()).args(arguments);
        tool
    };
    run(&["--write-baseline", "known", "a"]).assert().success().stdout("").stderr("");
    let known = fs::read_to_string(parent.path().join("known")).unwrap();
    let [header, line] = known.lines().collect::<Vec<_>>()[..] else { panic!("{known}") };
    assert_eq!(header, "bundle-validate-baseline 1");
    assert!(line.ends_with(" OCI-P2 \"/process/cwd\""), "{line}");
    run(&["--baseline", "known", "a"]).assert().success().stdout("");
    assert_eq!(json(&mut run(&["--baseline", "known", "a"]))["baseline"], 1);
    // The same finding in a second document is a second finding; another one is not known at all.
    make(&parent, "b", &format!("\n\n{text}"));
    let two = stdout(&mut run(&["--baseline", "known", "a", "b"]));
    assert!(two.starts_with("b/config.json:3:72: ") && two.lines().count() == 1, "{two}");
    run(&["--write-baseline", "known", "a", "b"]).assert().success();
    run(&["--baseline", "known", "b", "a"]).assert().success().stdout("");
    make(&parent, "a", &VALID.replace("\"args\"", "\"arg\""));
    run(&["--baseline", "known", "a"]).assert().code(1);
    let names: Vec<_> =
        fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
}

#[test]
fn a_baseline_that_cannot_be_used_is_an_error() {
    let broken = broken();
    let file = broken.path().join("known");
    let run = |option: &str, path: &std::path::Path| tool().arg(option).arg(path).arg(broken.path()).assert();
    run("--baseline", &file).code(3).stdout("");
    fs::write(&file, "bundle-validate-baseline 1\nfoo\n").unwrap();
    let assert = run("--baseline", &file).code(3).stdout("");
    let stderr = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(stderr.contains("NX-SYNTAX") && stderr.contains("line 2"), "{stderr}");
    let nowhere = broken.path().join("no/where");
    let assert = run("--write-baseline", &nowhere).code(1);
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("NX-OUTPUT"));
    // What was there before stays when an input cannot be read.
    let both = tool().arg("--write-baseline").arg(&file).arg(broken.path()).arg("/nowhere").assert();
    both.code(3);
    assert_eq!(fs::read_to_string(&file).unwrap(), "bundle-validate-baseline 1\nfoo\n");
}

#[test]
fn of_many_findings_some_are_printed_and_all_counted() {
    let paths = ["1"; 250].join(",");
    let many = VALID.replace("\"args\"", &format!("\"env\": [{paths}], \"args\""));
    let many = bundle(&many);
    let human = stdout(tool().arg(many.path()));
    let lines: Vec<&str> = human.lines().collect();
    assert_eq!(lines.len(), 101, "{human}");
    let file = many.path().join("config.json");
    let last = format!("{}: and 150 more of ", file.display());
    assert!(lines[100].starts_with(&last) && lines[100].ends_with("(--max-findings 0 lists all)"), "{human}");
    assert_eq!(stdout(tool().args(["--max-findings", "0"]).arg(many.path())).lines().count(), 250);
    assert_eq!(stdout(tool().args(["--max-findings", "3"]).arg(many.path())).lines().count(), 4);
    let object = json(tool().arg("--max-findings=10").arg(many.path()));
    assert_eq!(object["findings"].as_array().unwrap().len(), 10);
    assert_eq!((&object["counts"]["error"], &object["omitted"][0]["omitted"]), (&250.into(), &240.into()));
    for (format, needle) in [
        ("jsonl", "\"omitted\":150"),
        ("sarif", "and 150 more of"),
        ("junit", "and 150 more of"),
        ("github", "and 150 more of"),
    ] {
        let text = stdout(tool().args(["--format", format]).arg(many.path()));
        assert!(text.contains(needle), "{format}: {text}");
    }
}

#[test]
fn no_document_makes_more_output_than_can_be_read() {
    let key = "k".repeat(300_000);
    let elements = ["1"; 100_000].join(",");
    let hostile = format!(
        "{{\"linux\": {{\"sysctl\": {{\"{key}\": {{}}}}, \"maskedPaths\": [{elements}]}},
        \"annotations\": {{\"{key}\": 1}}, \"x\": {{}}}}"
    );
    for (format, most) in [("human", 50_000), ("json", 2_000_000), ("sarif", 2_000_000), ("github", 50_000)] {
        let text = stdout(tool().args(["--format", format, "-"]).write_stdin(hostile.clone()));
        assert!(text.len() < most, "{format}: {} bytes", text.len());
        assert!(text.contains("OCI-JSON-LIMIT") && text.contains("too many findings"), "{format}");
    }
    let assert = tool().args(["--allow", "OCI-JSON-LIMIT", "-"]).write_stdin(hostile).assert().code(1);
    assert!(String::from_utf8_lossy(&assert.get_output().stdout).contains("too many findings"));
}

#[test]
fn the_version_the_profile_and_the_scope_reach_the_rules() {
    let newer = bundle(
        &VALID
            .replace("1.3.0", "1.0.2")
            .replace("{\"cwd\"", "{\"scheduler\": {\"policy\": \"SCHED_OTHER\"}, \"cwd\""),
    );
    let note = stdout(tool().arg(newer.path()));
    assert!(note.contains("/process/scheduler"), "{note}");
    tool().args(["--spec-version", "1.3.0"]).arg(newer.path()).assert().success().stdout("");
    let elsewhere = bundle(&VALID.replace("\"rootfs\"", "\"/nowhere\""));
    tool().arg(elsewhere.path()).assert().code(1);
    tool().arg("--document-only").arg(elsewhere.path()).assert().success().stdout("");
    for profile in ["runc", "crun", "lxc", "pve", "strict"] {
        tool().args(["--profile", profile, "-"]).write_stdin(VALID).assert().stderr("");
    }
}
