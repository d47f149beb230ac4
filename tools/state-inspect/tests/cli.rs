//! The tool as its users meet it.
#![allow(clippy::unwrap_used)]

use assert_cmd::Command;
use nexcage_record::{Backend, ContainerDir, ContainerId, Exit, Namespace, ProcessId, Record, Root, Status};
use serde_json::{Value, json};
use std::fs::File;

struct Fixture {
    temp: tempfile::TempDir,
    _locks: Vec<File>,
}

impl Fixture {
    fn new() -> Self {
        Fixture { temp: tempfile::tempdir().unwrap(), _locks: Vec::new() }
    }

    fn add(&mut self, id: &str, change: impl FnOnce(&mut Record)) -> ContainerDir {
        let (namespace, id) = (Namespace::default(), ContainerId::new(id).unwrap());
        let dir = Root::new(self.temp.path()).unwrap().container(&namespace, &id);
        self._locks.push(dir.create().unwrap());
        let backend = Backend::Lxc { cgroup: "lxc.payload.x".into(), new_parents: vec![] };
        let mut record = Record::new(&id, &namespace, "/bundle", ProcessId::current().unwrap(), backend);
        change(&mut record);
        dir.write(&record).unwrap();
        dir
    }

    fn inspect(&self, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::cargo_bin("state-inspect").unwrap();
        let output = command.arg("--root").arg(self.temp.path()).args(args).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

fn running(record: &mut Record) {
    (record.status, record.process) = (Status::Running, ProcessId::current());
}

#[test]
fn a_running_container_is_shown_with_its_pid_in_every_format() {
    let mut fixture = Fixture::new();
    fixture.add("c1", running);
    let pid = std::process::id();
    let (status, table, _) = fixture.inspect(&[]);
    assert_eq!(status, 0);
    let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!(row[..4], ["default", "c1", "running", &pid.to_string()]);
    let (_, text, _) = fixture.inspect(&["--format", "json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list[0]["pid"], pid);
    assert_eq!(list[0]["stale"], false);
    let (_, text, _) = fixture.inspect(&["--format", "oci", "c1"]);
    let state: Value = serde_json::from_str(&text).unwrap();
    let expected =
        json!({"ociVersion": "1.3.0", "id": "c1", "status": "running", "pid": pid, "bundle": "/bundle"});
    assert_eq!(state, expected);
}

#[test]
fn an_ended_container_keeps_its_exit_status_and_has_no_pid() {
    let mut fixture = Fixture::new();
    fixture.add("c1", |record| {
        running(record);
        record.status = Status::Stopped;
        record.process = record.process.map(|p| ProcessId { start_time: p.start_time + 1, ..p });
        record.exit = Some(Exit::learned(42));
    });
    let (_, text, _) = fixture.inspect(&["--format", "json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list[0]["status"], &list[0]["exit"]["status"]), (&json!("stopped"), &json!(42)));
    assert_eq!(list[0].get("pid"), None);
    assert!(fixture.inspect(&[]).1.contains("stopped (42)"));
}

#[test]
fn a_record_that_nobody_could_update_is_shown_as_stale() {
    let mut fixture = Fixture::new();
    fixture.add("c1", |record| {
        running(record);
        let gone = record.process.map(|p| ProcessId { start_time: p.start_time + 1, ..p });
        (record.process, record.shim) = (gone, gone.unwrap());
    });
    let (_, text, _) = fixture.inspect(&["--format", "json"]);
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list[0]["status"], &list[0]["stale"]), (&json!("stopped"), &json!(true)));
    assert!(fixture.inspect(&[]).1.contains("stopped (stale)"));
}

#[test]
fn nothing_to_show_is_an_empty_list() {
    let fixture = Fixture::new();
    assert_eq!(fixture.inspect(&["--format", "json"]), (0, "[]\n".into(), String::new()));
    assert_eq!(fixture.inspect(&[]).1.lines().count(), 1, "the heading");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let mut fixture = Fixture::new();
    fixture.add("c1", |record| record.bundle = "/x\u{1b}[2J\n/y".into());
    let (_, table, _) = fixture.inspect(&[]);
    assert!(table.ends_with("/x\\u{1b}[2J\\n/y\n"), "{table}");
}

#[test]
fn a_broken_record_is_named_and_the_others_are_shown() {
    let mut fixture = Fixture::new();
    fixture.add("good", running);
    let dir = fixture.add("bad", running);
    std::fs::write(dir.path().join("record.json"), "{").unwrap();
    let (status, table, errors) = fixture.inspect(&[]);
    assert_eq!(status, 3);
    assert!(table.contains("good"));
    assert!(errors.contains("bad/record.json"), "{errors}");
}

#[test]
fn wrong_use_says_so_on_stderr_alone() {
    let fixture = Fixture::new();
    for args in [
        &["--format", "xml"][..],
        &["--from", "-", "--from", "-"],
        &["--check", "--pointer", "/id"],
        &["--pointer", "id"],
        &["../x"],
        &["--nonsense"],
    ] {
        let (status, out, errors) = fixture.inspect(args);
        assert_eq!((status, out.as_str()), (2, ""), "{args:?}");
        assert!(errors.starts_with("state-inspect: error NX-"), "{errors}");
    }
    let (status, out, errors) = fixture.inspect(&["none"]);
    assert_eq!((status, out.as_str()), (1, ""));
    assert!(errors.contains("NX-NOT-FOUND"), "{errors}");
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_not() {
    let fixture = Fixture::new();
    let run = |stdout: std::process::Stdio| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("state-inspect"));
        command.arg("--root").arg(fixture.temp.path()).stdout(stdout).output().unwrap().status.code()
    };
    assert_eq!(run(File::create("/dev/full").unwrap().into()), Some(1));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    assert_eq!(run(writer.into()), Some(0));
}

#[test]
fn help_and_version_go_to_stdout() {
    let fixture = Fixture::new();
    let (status, help, errors) = fixture.inspect(&["--help"]);
    assert_eq!((status, errors.as_str()), (0, ""));
    for option in state_inspect::TOOL.all_options() {
        assert!(help.contains(&format!("--{}", option.long)), "{}", option.long);
    }
    assert_eq!(fixture.inspect(&["--version"]).1, nexcage_cli::version_text("state-inspect"));
}
