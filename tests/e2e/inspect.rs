//! state-inspect tells what is so now.

use crate::text;
use nexcage_tests::{Config, Sandbox};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// The list of containers.
fn list(sandbox: &Sandbox) -> Vec<Value> {
    let output = sandbox.inspect().args(["--format", "json"]).output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The one container there is.
pub(crate) fn only(sandbox: &Sandbox) -> Value {
    let mut list = list(sandbox);
    assert_eq!(list.len(), 1, "{list:?}");
    list.remove(0)
}

/// Waits until the one container has this status.
pub(crate) fn await_status(sandbox: &Sandbox, status: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let shown = only(sandbox);
        if shown["status"] == status {
            return shown;
        }
        assert!(Instant::now() < deadline, "not {status}: {shown}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The state of a container as the specification has it.
fn state(sandbox: &Sandbox, id: &str) -> Value {
    let output = sandbox.inspect().args(["--format", "oci", id]).output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The pid of a container's process on the host.
pub(crate) fn pid(sandbox: &Sandbox, id: &str) -> i32 {
    i32::try_from(state(sandbox, id)["pid"].as_i64().unwrap()).unwrap()
}

/// Kills a container's process from the host.
pub(crate) fn kill(sandbox: &Sandbox, id: &str) {
    kill_process(Pid::from_raw(pid(sandbox, id)).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn a_running_container_is_shown_in_every_form() {
    let sandbox = Sandbox::new();
    let config = Config::script("echo up; read line").edit(|spec| {
        spec.set_annotations(Some([("org.example.key".to_owned(), "va\u{1b}lue".to_owned())].into()));
    });
    let bundle = sandbox.bundle(&config);
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "up");

    // The process may be quicker than the shim, which writes down that it runs.
    await_status(&sandbox, "running");
    let state = state(&sandbox, &running.id);
    let real = bundle.path().canonicalize().unwrap();
    assert_eq!((&state["id"], &state["status"]), (&running.id.as_str().into(), &"running".into()));
    assert_eq!(state["bundle"], real.to_str().unwrap());
    assert_eq!(state["annotations"]["org.example.key"], "va\u{1b}lue");
    assert!(state["ociVersion"].as_str().unwrap().starts_with('1'), "{state}");
    let pid = state["pid"].as_i64().unwrap();
    assert_eq!(fs::read(format!("/proc/{pid}/cmdline")).unwrap(), b"/bin/sh\0-c\0echo up; read line\0");

    let shown = only(&sandbox);
    assert_eq!((&shown["id"], &shown["pid"]), (&state["id"], &state["pid"]), "{shown}");
    assert_eq!((&shown["status"], &shown["stale"]), (&"running".into(), &false.into()), "{shown}");

    let table = text(&sandbox.inspect().args(["--format", "table"]).output().stdout);
    let row = table.lines().nth(1).unwrap_or_default();
    for part in [running.id.as_str(), "running", &pid.to_string()] {
        assert!(row.split_whitespace().any(|word| word == part), "no {part} in {table}");
    }
    assert!(!table.contains('\u{1b}'));
    running.wait();
    assert_eq!(list(&sandbox), [] as [Value; 0]);
}

#[test]
fn several_containers_are_listed_in_order() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo up; read line"));
    let mut all = ["b", "a", "c"].map(|id| sandbox.run_as(id, &bundle).start());
    for running in &mut all {
        assert_eq!(running.line(), "up");
    }
    let ids: Vec<Value> = list(&sandbox).into_iter().map(|container| container["id"].clone()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
    for running in all {
        running.wait();
    }
}

#[test]
fn what_is_not_there_is_said() {
    let sandbox = Sandbox::new();
    assert_eq!(list(&sandbox), [] as [Value; 0], "no state directory: no containers");
    for format in ["oci", "json", "table"] {
        let output = sandbox.inspect().args(["--format", format, "nobody"]).output();
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{format}");
        let message = text(&output.stderr);
        assert!(message.contains("NX-NOT-FOUND") && message.contains("nobody"), "{message}");
    }
}

#[test]
fn a_broken_record_is_reported_and_the_others_are_shown() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo up; read line"));
    let mut running = sandbox.run_as("good", &bundle).start();
    assert_eq!(running.line(), "up");
    let broken = sandbox.root().join(sandbox.namespace()).join("broken");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join("record.json"), "{\"version\":").unwrap();
    let output = sandbox.inspect().args(["--format", "json"]).output();
    let (shown, message) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{message}");
    assert!(shown.contains("good") && message.contains("broken"), "{shown}{message}");
    running.wait();
    fs::remove_dir_all(broken).unwrap();
}
