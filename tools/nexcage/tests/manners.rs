//! The tool as its users meet it, without a container, without root.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use assert_cmd::Command;
use nexcage::{COMMANDS, TOOL};
use nexcage_record::{Backend, ContainerDir, ContainerId, Namespace, ProcessId, Record, Root, Status};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::process::Stdio;

struct Fixture {
    temp: tempfile::TempDir,
    _locks: Vec<File>,
}

impl Fixture {
    fn new() -> Self {
        Fixture { temp: tempfile::tempdir().unwrap(), _locks: Vec::new() }
    }

    /// A container that this process is, and whose shim it is.
    fn add(&mut self, namespace: &str, id: &str) -> ContainerDir {
        let (namespace, id) = (Namespace::new(namespace).unwrap(), ContainerId::new(id).unwrap());
        let dir = Root::new(&self.temp.path().join("run")).unwrap().container(&namespace, &id);
        self._locks.push(dir.create().unwrap());
        let backend: Backend = serde_json::from_value(json!({"kind": "lxc", "cgroup": "no/such"})).unwrap();
        let me = ProcessId::current().unwrap();
        let mut record = Record::new(&id, &namespace, "/bundle", me, backend);
        (record.status, record.process) = (Status::Running, Some(me));
        record.annotations.insert("a".into(), "b".into());
        dir.write(&record).unwrap();
        fs::write(dir.path().join("config.json"), r#"{"root": {"path": "image"}}"#).unwrap();
        dir
    }

    fn run(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::cargo_bin("nexcage").unwrap();
        command.env_remove("NEXCAGE_CONFIG").arg("--root").arg(self.temp.path().join("run")).args(args);
        // Nothing of this machine's own configuration.
        let config = self.temp.path().join("config.json");
        if !config.exists() {
            fs::write(&config, "{}").unwrap();
        }
        let output = command.env("NEXCAGE_CONFIG", config).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

fn names() -> impl Iterator<Item = &'static str> {
    COMMANDS.iter().map(|tool| tool.name.split(' ').nth(1).unwrap())
}

#[test]
fn every_command_has_its_help() {
    let fixture = Fixture::new();
    let (status, help, errors) = fixture.run(&["--help"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    for (name, tool) in names().zip(COMMANDS) {
        assert!(help.contains(&format!("\n  {name} ")), "{name} is not in {help}");
        let (status, own, errors) = fixture.run(&[name, "--help"]);
        assert_eq!((status, errors.as_str()), (0, ""), "{name}");
        assert!(own.starts_with(&format!("nexcage {name} - ")), "{own}");
        for option in tool.all_options() {
            assert!(own.contains(&format!("--{}", option.long)), "{name}: --{}", option.long);
        }
        assert_eq!(fixture.run(&["help", name]).1, own);
    }
    assert_eq!(fixture.run(&["help"]).1, help);
}

#[test]
fn the_version_is_told_in_every_way() {
    let fixture = Fixture::new();
    let version = nexcage_cli::version_text("nexcage");
    for args in [&["--version"][..], &["-v"], &["-V"], &["list", "--version"], &["version"]] {
        assert_eq!(fixture.run(args), (0, version.clone(), String::new()), "{args:?}");
    }
    // What engines read of it, as of runc's.
    let fields: Vec<&str> = version.lines().map(|line| line.rsplit_once(' ').unwrap().0).collect();
    assert_eq!(fields, ["nexcage version", "commit:", "spec:"]);
}

#[test]
fn wrong_use_is_told_on_stderr_alone_and_points_to_the_right_help() {
    let fixture = Fixture::new();
    for name in names().filter(|name| !["checkpoint", "restore"].contains(name)) {
        let (status, out, errors) = fixture.run(&[name, "--no-such-option"]);
        assert_eq!((status, out.as_str()), (2, ""), "{name}");
        assert!(
            errors.contains("NX-USAGE") && errors.contains(&format!("'nexcage {name} --help'")),
            "{errors}"
        );
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    for args in [&[][..], &["frobnicate"], &["--no-such-option", "list"], &["state"], &["state", "a", "b"]] {
        assert_eq!(fixture.run(args).0, 2, "{args:?}");
    }
    for id in ["../x", ".", "", "a/b", "\u{e9}", &"x".repeat(300)] {
        for verb in ["state", "start", "delete", "kill", "run", "create"] {
            let (status, out, errors) = fixture.run(&[verb, id]);
            assert_eq!((status, out.as_str()), (2, ""), "{verb} {id:?}");
            assert!(errors.starts_with("nexcage: error NX-ID"), "{errors}");
        }
    }
    assert!(fs::read_dir(fixture.temp.path().join("run")).is_err(), "nothing was made");
}

#[test]
fn what_is_not_there_is_not_found() {
    let fixture = Fixture::new();
    for verb in ["state", "start", "delete", "kill", "ps", "pause", "resume", "events", "update", "logs"] {
        let (status, out, errors) = fixture.run(&[verb, "none"]);
        assert_eq!((status, out.as_str()), (1, ""), "{verb}");
        assert!(errors.contains("NX-NOT-FOUND"), "{errors}");
    }
    for args in [&["exec", "none", "true"][..], &["attach", "none"]] {
        assert_eq!(fixture.run(args).0, 125, "{args:?}");
    }
    assert_eq!(fixture.run(&["delete", "--force", "none"]), (0, String::new(), String::new()));
}

#[test]
fn state_is_a_document_with_runcs_fields() {
    let mut fixture = Fixture::new();
    fixture.add("default", "c1");
    let (status, text, errors) = fixture.run(&["state", "c1"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    let mut state: Value = serde_json::from_str(&text).unwrap();
    let (created, owner) = (state["created"].take(), state["owner"].take());
    assert!(created.as_str().unwrap().ends_with('Z') && owner.is_string());
    assert_eq!(
        state,
        json!({"ociVersion": "1.3.0", "id": "c1", "pid": std::process::id(), "status": "running",
            "bundle": "/bundle", "rootfs": "/bundle/image", "annotations": {"a": "b"},
            "created": null, "owner": null})
    );
}

#[test]
fn list_shows_one_namespace_in_three_forms() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.run(&["list", "-f", "json"]).1, "[]\n");
    for id in ["c2", "c1"] {
        fixture.add("default", id);
    }
    fixture.add("other", "c3");
    assert_eq!(fixture.run(&["list", "-q"]), (0, "c1\nc2\n".into(), String::new()));
    assert_eq!(fixture.run(&["--namespace", "other", "list", "--quiet"]).1, "c3\n");
    let (_, table, _) = fixture.run(&["list"]);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..4], ["c1", &std::process::id().to_string(), "running", "/bundle"]);
    let list: Value = serde_json::from_str(&fixture.run(&["list", "--format=json"]).1).unwrap();
    assert_eq!(list[1]["id"], "c2");
}

#[test]
fn a_broken_record_is_named_and_the_others_are_listed() {
    let mut fixture = Fixture::new();
    fixture.add("default", "good");
    let dir = fixture.add("default", "bad");
    fs::write(dir.path().join("record.json"), "{").unwrap();
    let (status, table, errors) = fixture.run(&["list"]);
    assert_eq!(status, 3);
    assert!(table.contains("good") && errors.contains("bad/record.json"), "{table}{errors}");
}

#[test]
fn logs_are_the_file_as_it_is() {
    let mut fixture = Fixture::new();
    let dir = fixture.add("default", "c1");
    assert_eq!(fixture.run(&["logs", "c1"]), (0, String::new(), String::new()));
    fs::write(dir.path().join("log"), "lxc-start: \u{1b}[1mx\n").unwrap();
    assert_eq!(fixture.run(&["logs", "c1"]).1, "lxc-start: \u{1b}[1mx\n", "not a terminal");
}

#[test]
fn a_wrong_configuration_stops_everything_but_help() {
    let fixture = Fixture::new();
    fs::write(fixture.temp.path().join("config.json"), "{\n\"rooot\": 1}").unwrap();
    let (status, out, errors) = fixture.run(&["list"]);
    assert_eq!((status, out.as_str()), (3, ""));
    assert!(errors.contains("NX-CONFIGURATION") && errors.contains("rooot"), "{errors}");
    assert_eq!(fixture.run(&["list", "--help"]).0, 0);
    assert_eq!(fixture.run(&["list", "--nope"]).0, 2);
}

#[test]
fn config_says_where_values_come_from() {
    let fixture = Fixture::new();
    fs::write(fixture.temp.path().join("config.json"), r#"{"backend": "lxc"}"#).unwrap();
    let list: Value = serde_json::from_str(&fixture.run(&["config", "--format", "json"]).1).unwrap();
    let of = |key: &str| list.as_array().unwrap().iter().find(|entry| entry["key"] == key).unwrap().clone();
    assert_eq!((&of("/backend")["value"], &of("/root")["origin"]), (&json!("lxc"), &json!("--root")));
    assert!(of("/backend")["origin"].as_str().unwrap().contains("config.json:1"));
    assert!(fixture.run(&["config"]).1.contains("/pct/program"));
}

#[test]
fn errors_go_to_the_log_file_in_its_form_and_to_stderr_for_people() {
    let fixture = Fixture::new();
    let log = fixture.temp.path().join("log");
    let args = ["--log", log.to_str().unwrap(), "--log-format", "json", "state", "none"];
    let (status, _, errors) = fixture.run(&args);
    assert_eq!(status, 1);
    assert!(errors.starts_with("nexcage: error NX-NOT-FOUND"), "{errors}");
    let line: Value = serde_json::from_str(fs::read_to_string(log).unwrap().trim()).unwrap();
    assert_eq!((&line["level"], &line["code"]), (&json!("error"), &json!("NX-NOT-FOUND")));
    let (_, _, errors) = fixture.run(&["--log-format", "json", "state", "none"]);
    assert_eq!(serde_json::from_str::<Value>(errors.trim()).unwrap()["code"], "NX-NOT-FOUND");
    let (status, _, errors) = fixture.run(&["--log", "/no/such/directory/log", "list"]);
    assert_eq!(status, 1);
    assert!(errors.contains("NX-OUTPUT"), "{errors}");
}

#[test]
fn what_nexcage_does_not_do_is_refused() {
    let fixture = Fixture::new();
    for args in [
        &["checkpoint", "c1"][..],
        &["restore", "--image-path", "x", "c1"],
        &["--systemd-cgroup", "list"],
        &["--criu", "x", "list"],
        &["--rootless", "true", "list"],
        &["exec", "--cgroup", "x", "c1", "true"],
        &["update", "--l3-cache-schema", "x", "c1"],
        &["spec", "--rootless"],
    ] {
        let (status, out, errors) = fixture.run(args);
        assert_eq!((status, out.as_str()), (4, ""), "{args:?}");
        assert!(errors.contains("NX-UNSUPPORTED"), "{errors}");
    }
}

#[test]
fn spec_writes_once() {
    let fixture = Fixture::new();
    let bundle = tempfile::tempdir().unwrap();
    let path = bundle.path().to_str().unwrap();
    assert_eq!(fixture.run(&["spec", "--bundle", path]), (0, String::new(), String::new()));
    let text = fs::read_to_string(bundle.path().join("config.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["process"]["args"], json!(["sh"]));
    assert_eq!(fixture.run(&["spec", "-b", path]).0, 1);
    assert_eq!(fs::read_to_string(bundle.path().join("config.json")).unwrap(), text);
}

#[test]
fn health_is_a_list_of_checks() {
    let fixture = Fixture::new();
    let (status, text, errors) = fixture.run(&["health", "--format", "json"]);
    let checks: Value = serde_json::from_str(&text).unwrap();
    let checks = checks.as_array().unwrap();
    let missing = checks.iter().filter(|check| check["state"] == "missing").count();
    assert_eq!((status != 0, errors.contains("NX-HOST")), (missing > 0, missing > 0), "{errors}");
    assert!(checks.iter().any(|check| check["check"] == "lxc-start"), "{text}");
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_none() {
    let mut fixture = Fixture::new();
    fixture.add("default", "c1");
    let run = |args: &[&str], stdout: Stdio| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("nexcage"));
        command.arg("--root").arg(fixture.temp.path().join("run")).args(args);
        command.stdout(stdout).stderr(Stdio::null()).status().unwrap().code()
    };
    for args in [&["list"][..], &["list", "-q"], &["state", "c1"], &["features"], &["version"], &["--help"]] {
        assert_eq!(run(args, File::create("/dev/full").unwrap().into()), Some(1), "{args:?}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        assert_eq!(run(args, writer.into()), Some(0), "{args:?}");
    }
}

#[test]
fn the_tables_say_nothing_twice() {
    let mut seen: Vec<&str> = names().collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), COMMANDS.len());
    assert_eq!(TOOL.binary(), "nexcage");
}
