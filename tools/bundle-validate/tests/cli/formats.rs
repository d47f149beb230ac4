//! What each format makes of one bad bundle, whole.

use super::{VALID, bundle, make, stdout, tool};
use serde_json::{Value, json};
use std::process::Command;
use tempfile::TempDir;

/// Two errors and a warning; the unknown property has everything in its name that steers a
/// terminal, ends markup or ends a command.
const BAD: &str = "{\"ociVersion\": \"1.3.0\", \"root\": {\"path\": \"rootfs\"},\n\t\"process\": {\"cwd\": \"tmp\", \
    \"args\": [\"sh\"],\n\t\t\"\\n::x,\\u001b]]>%\u{202e}&\": 1}, \"hostname\": 7}";

fn bad() -> TempDir {
    let parent = tempfile::tempdir().unwrap();
    make(&parent, "a b", BAD);
    parent
}

#[track_caller]
fn check(format: &[&str], expected: &str) {
    let parent = bad();
    let assert = tool().current_dir(parent.path()).args(format).arg("a b").assert();
    assert.code(1).stdout(expected.to_owned()).stderr("");
}

#[test]
fn human() {
    let expected = r#"a b/config.json:2:21: error[OCI-P2] /process/cwd: expected an absolute path, found "tmp"
a b/config.json:3:3: warning[OCI-E1] /process/\n::x,\u{1b}]]>%\u{202e}&: `\n::x,\u{1b}]]>%\u{202e}&` is not defined by the specification
a b/config.json:3:41: error[OCI-G1] /hostname: expected a string, found 7
"#;
    check(&[], expected);
    check(&["--source", "never", "--color", "never"], expected);
}

#[test]
fn human_with_source_and_colours() {
    let expected = r#"a b/config.json:2:21: error[OCI-P2] /process/cwd: expected an absolute path, found "tmp"
  2 |     "process": {"cwd": "tmp", "args": ["sh"],
    |                        ^
a b/config.json:3:3: warning[OCI-E1] /process/\n::x,\u{1b}]]>%\u{202e}&: `\n::x,\u{1b}]]>%\u{202e}&` is not defined by the specification
  3 |         "\n::x,\u001b]]>%\u{202e}&": 1}, "hostname": 7}
    |         ^
a b/config.json:3:41: error[OCI-G1] /hostname: expected a string, found 7
  3 |         "\n::x,\u001b]]>%\u{202e}&": 1}, "hostname": 7}
    |                                                      ^
"#;
    check(&["--source", "always"], expected);
    let coloured = stdout(tool().args(["--color=always", "--source=always"]).arg(bad().path().join("a b")));
    assert!(
        coloured.contains(":2:21:\u{1b}[0m \u{1b}[1;31merror[OCI-P2]\u{1b}[0m /process/cwd: "),
        "{coloured}"
    );
    assert!(coloured.contains("\u{1b}[1;33mwarning[OCI-E1]\u{1b}[0m"), "{coloured}");
    let without = ["\u{1b}[1m", "\u{1b}[1;31m", "\u{1b}[1;33m", "\u{1b}[0m"]
        .iter()
        .fold(coloured, |text, code| text.replace(code, ""));
    assert!(without.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{202e}'), "{without:?}");
}

#[test]
fn human_on_a_terminal_has_source_colours_and_a_summary() {
    let parent = bad();
    let program = assert_cmd::cargo::cargo_bin("bundle-validate");
    let line = format!("{} 'a b'", program.display());
    let run = |no_color: &str| {
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-c", &line, "/dev/null"]).current_dir(parent.path());
        let output = script.env("NO_COLOR", no_color).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stdout).unwrap()
    };
    let shown = run("");
    assert!(shown.contains("\u{1b}[1;31m^\u{1b}[0m"), "{shown}");
    assert!(shown.ends_with("1 document checked, 2 errors, 1 warning\r\n"), "{shown}");
    let plain = run("1");
    assert!(plain.contains(" ^\r\n") && !plain.contains('\u{1b}'), "{plain}");
}

#[test]
fn a_text_that_is_not_json_has_its_source_too() {
    let text = "{\n  \"a\" 1}";
    let expected =
        "-:2:7: error[OCI-JSON-SYNTAX]: expected ':' after a key\n  2 |   \"a\" 1}\n    |       ^\n";
    tool().args(["--source=always", "-"]).write_stdin(text).assert().code(1).stdout(expected);
    let not_json = bundle(text);
    let expected = expected.replace("-:2:7", "config.json:2:7");
    let mut run = tool();
    run.current_dir(not_json.path()).args(["--source=always", "config.json"]);
    run.assert().code(1).stdout(expected);
    let shown = stdout(tool().arg("--source=always").arg(not_json.path()));
    assert!(shown.ends_with("    |       ^\n"), "{shown}");
}

#[test]
fn json() {
    let parent = bad();
    let text = stdout(tool().current_dir(parent.path()).args(["--format=json", "a b", "/nowhere"]));
    let mut object: Value = serde_json::from_str(&text).unwrap();
    for finding in object["findings"].as_array_mut().unwrap() {
        let fingerprint = finding.as_object_mut().unwrap().remove("fingerprint").unwrap();
        assert_eq!(fingerprint.as_str().unwrap().len(), 16);
    }
    let name = "\n::x,\u{1b}]]>%\u{202e}&";
    let expected = json!({
        "findings": [
            {"rule": "OCI-P2", "severity": "error", "pointer": "/process/cwd", "line": 2, "column": 21,
                "message": "expected an absolute path, found \"tmp\"", "file": "a b/config.json"},
            {"rule": "OCI-E1", "severity": "warning", "pointer": format!("/process/{name}"), "line": 3,
                "column": 3, "message": "`\\n::x,\\u{1b}]]>%\\u{202e}&` is not defined by the specification",
                "file": "a b/config.json"},
            {"rule": "OCI-G1", "severity": "error", "pointer": "/hostname", "line": 3, "column": 41,
                "message": "expected a string, found 7", "file": "a b/config.json"},
        ],
        "counts": {"error": 2, "warning": 1, "note": 0},
        "documents": 1, "omitted": [], "allowed": 0, "baseline": 0, "skipped": 0,
        "unreadable": [{"file": "/nowhere",
            "reason": "cannot open /nowhere: No such file or directory (os error 2)"}],
    });
    assert_eq!(object, expected);
}

#[test]
fn json_lines_are_the_findings_of_the_object() {
    let parent = bad();
    let lines = stdout(tool().args(["--format=jsonl"]).arg(parent.path().join("a b")));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let object = stdout(tool().args(["--format=json"]).arg(parent.path().join("a b")));
    assert_eq!(serde_json::from_str::<Value>(&object).unwrap()["findings"], Value::from(lines));
    tool().args(["--format=jsonl", "-"]).write_stdin(VALID).assert().success().stdout("");
}

#[test]
fn github() {
    check(
        &["--format", "github"],
        r#"::error file=a b/config.json,line=2,col=21,title=OCI-P2 /process/cwd::expected an absolute path, found "tmp"
::warning file=a b/config.json,line=3,col=3,title=OCI-E1 /process/%0A%3A%3Ax%2C\u{1b}]]>%25\u{202e}&::`\n::x,\u{1b}]]>%25\u{202e}&` is not defined by the specification
::error file=a b/config.json,line=3,col=41,title=OCI-G1 /hostname::expected a string, found 7
"#,
    );
}

#[test]
fn junit() {
    check(
        &["--format", "junit"],
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bundle-validate">
  <testsuite name="a b/config.json" tests="3" failures="2" errors="0">
    <testcase classname="a b/config.json" name="OCI-P2">
      <failure message="expected an absolute path, found &quot;tmp&quot;" type="OCI-P2">a b/config.json:2:21: error[OCI-P2] /process/cwd: expected an absolute path, found &quot;tmp&quot;</failure>
    </testcase>
    <testcase classname="a b/config.json" name="OCI-E1">
      <system-out>a b/config.json:3:3: warning[OCI-E1] /process/\n::x,\u{1b}]]&gt;%\u{202e}&amp;: `\n::x,\u{1b}]]&gt;%\u{202e}&amp;` is not defined by the specification</system-out>
    </testcase>
    <testcase classname="a b/config.json" name="OCI-G1">
      <failure message="expected a string, found 7" type="OCI-G1">a b/config.json:3:41: error[OCI-G1] /hostname: expected a string, found 7</failure>
    </testcase>
  </testsuite>
</testsuites>
"#,
    );
    let parent = bad();
    let strict = stdout(tool().args(["--format=junit", "--fail-on=warning"]).arg(parent.path().join("a b")));
    assert!(strict.contains("failures=\"3\"") && !strict.contains("system-out"), "{strict}");
}

#[test]
fn junit_has_a_case_for_what_is_valid_and_an_error_for_what_cannot_be_read() {
    let text = stdout(tool().args(["--format=junit", "-", "/nowhere"]).write_stdin(VALID));
    let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bundle-validate">
  <testsuite name="-" tests="1" failures="0" errors="0">
    <testcase classname="-" name="valid"/>
  </testsuite>
  <testsuite name="/nowhere" tests="1" failures="0" errors="1">
    <testcase classname="/nowhere" name="readable">
      <error message="cannot open /nowhere: No such file or directory (os error 2)"/>
    </testcase>
  </testsuite>
</testsuites>
"#;
    assert_eq!(text, expected);
}

#[test]
fn sarif() {
    let parent = bad();
    let text = stdout(tool().current_dir(parent.path()).args(["--format=sarif", "a b", "/nowhere"]));
    let log: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let [run] = log["runs"].as_array().unwrap().as_slice() else { panic!("{text}") };
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        for member in ["id", "helpUri"] {
            assert!(rule[member].is_string(), "{rule}");
        }
        for member in ["shortDescription", "fullDescription"] {
            assert!(rule[member]["text"].as_str().is_some_and(|text| text.ends_with('.')), "{rule}");
        }
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(["error", "warning", "note"].contains(&level), "{rule}");
    }
    let results = run["results"].as_array().unwrap();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert_eq!(result["partialFingerprints"]["ruleAndPointer/v1"].as_str().unwrap().len(), 16);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/config.json");
    }
    let [first, second, _] = results.as_slice() else { panic!("{text}") };
    assert_eq!((&first["ruleId"], &first["level"]), (&"OCI-P2".into(), &"error".into()));
    assert_eq!(first["message"]["text"], "expected an absolute path, found \"tmp\"");
    let location = &second["locations"][0];
    assert_eq!(location["physicalLocation"]["region"], json!({"startLine": 3, "startColumn": 3}));
    let logical = json!([{"fullyQualifiedName": "/process/\n::x,\u{1b}]]>%\u{202e}&", "kind": "value"}]);
    assert_eq!(location["logicalLocations"], logical);
    let [invocation] = run["invocations"].as_array().unwrap().as_slice() else { panic!("{text}") };
    assert_eq!(invocation["executionSuccessful"], false);
    let told = &invocation["toolExecutionNotifications"][0]["message"]["text"];
    assert_eq!(told, "cannot open /nowhere: No such file or directory (os error 2)");
    let clean = stdout(tool().args(["--format=sarif", "-"]).write_stdin(VALID));
    let clean: Value = serde_json::from_str(&clean).unwrap();
    assert_eq!(clean["runs"][0]["results"], json!([]));
    assert_eq!(clean["runs"][0]["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn fingerprints_survive_what_moves_lines() {
    let moved = BAD.replace("{\"cwd\"", "{\n\n \"cwd\"");
    let fingerprints = |text: &str| {
        let bundle = bundle(text);
        let lines = stdout(tool().args(["--format=jsonl"]).arg(bundle.path()));
        let of =
            |line| serde_json::from_str::<Value>(line).unwrap()["fingerprint"].as_str().unwrap().to_owned();
        lines.lines().map(of).collect::<Vec<String>>()
    };
    let before = fingerprints(BAD);
    assert_eq!(before, fingerprints(&moved));
    assert!(before.len() == 3 && before[0] != before[1] && before[1] != before[2]);
}
