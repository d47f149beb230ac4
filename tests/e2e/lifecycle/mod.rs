//! The life of a container by `nexcage`: the states, the ways from one to the next, and what is refused.

mod deleting;
mod foreground;
mod full;
mod hooks;
mod ids;
mod killing;
mod listing;
mod stdio;
mod terminal;

use crate::text;
use nexcage_tests::{Config, Run, Sandbox};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

/// Runs what must fail, and gives back its one line.
#[track_caller]
pub(crate) fn refused(run: Run, code: &str, status: i32) -> String {
    let output = run.output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(status), ""), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with(&format!("nexcage: error {code}")), "no {code}: {message}");
    message
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < deadline, "not so after 20 s: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A process that says `up`, waits for a line, and ends with status 7.
pub(crate) fn waiting() -> Config {
    Config::script("echo up; read line; exit 7")
}

#[test]
fn a_container_is_created_runs_stops_and_is_gone() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let mut container = sandbox.create(&bundle);
    let created = container.state();
    let pid = container.pid();
    assert_eq!((&created["status"], &created["id"]), (&json!("created"), &json!(container.id)));
    assert_eq!((&created["bundle"], &created["rootfs"]), (&json!(bundle.path()), &json!(bundle.rootfs())));
    assert!(created["ociVersion"].as_str().is_some_and(|version| version.starts_with("1.")), "{created}");
    // The process is held: what runs is nexcage-init, and nothing was written.
    let init = fs::read(sandbox.tool_path("nexcage-init")).unwrap();
    assert!(fs::read(format!("/proc/{pid}/exe")).unwrap() == init, "another program runs");
    container.start();
    assert_eq!(container.line(), "up");
    let running = container.state();
    assert_eq!((&running["status"], &running["pid"]), (&json!("running"), &json!(pid)));
    assert!(fs::read_link(format!("/proc/{pid}/exe")).unwrap().ends_with("busybox"));
    container.write(b"go\n");
    let stopped = container.await_status("stopped");
    assert_eq!((&stopped["pid"], &stopped["created"]), (&json!(0), &created["created"]));
    assert_eq!(exit_status(&sandbox, &container.id), json!(7));
    let id = container.id.clone();
    container.delete();
    refused(sandbox.nexcage("state").arg(&id), "NX-NOT-FOUND", 1);
    sandbox.assert_nothing_left();
}

/// The exit status that the record tells. The kernel knows of an end before the shim.
pub(crate) fn exit_status(sandbox: &Sandbox, id: &str) -> Value {
    let mut status = Value::Null;
    await_that("there is an exit status", || {
        let output = sandbox.inspect().args(["--format", "json", id]).output();
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        status = list[0]["exit"]["status"].clone();
        !status.is_null()
    });
    status
}

#[test]
fn the_status_of_an_end_is_kept_however_it_ends() {
    let sandbox = Sandbox::new();
    for (script, expected) in [("exit 0", 0), ("exit 255", 255), ("exit 3", 3)] {
        let container = sandbox.start(&sandbox.bundle(&Config::script(script)));
        container.await_status("stopped");
        assert_eq!(exit_status(&sandbox, &container.id), json!(expected), "{script}");
        container.delete();
    }
    let container = sandbox.start(&sandbox.bundle(&waiting()));
    container.kill("KILL");
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(137));
    container.delete();
}

#[test]
fn a_container_is_started_once() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.start(&sandbox.bundle(&waiting()));
    assert_eq!(container.line(), "up");
    let message = refused(container.verb("start"), "NX-WRONG-STATE", 1);
    assert!(message.contains("running"), "{message}");
    assert_eq!(container.status(), "running");
    container.write(b"go\n");
    container.await_status("stopped");
    let message = refused(container.verb("start"), "NX-WRONG-STATE", 1);
    assert!(message.contains("stopped"), "{message}");
    assert_eq!(container.rest(), "", "it ran once");
    container.delete();
}

#[test]
fn only_what_has_stopped_is_deleted_without_force() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.create(&sandbox.bundle(&waiting()));
    refused(container.verb("delete"), "NX-WRONG-STATE", 1);
    assert_eq!(container.status(), "created");
    container.start();
    assert_eq!(container.line(), "up");
    refused(container.verb("delete"), "NX-WRONG-STATE", 1);
    container.does("pause");
    refused(container.verb("delete"), "NX-WRONG-STATE", 1);
    container.does("resume");
    assert_eq!(container.status(), "running");
    container.write(b"go\n");
    container.await_status("stopped");
    container.delete();
}

#[test]
fn what_does_not_exist_is_not_found() {
    let sandbox = Sandbox::new();
    for verb in ["state", "start", "kill", "delete", "ps", "pause", "resume", "update", "events", "logs"] {
        refused(sandbox.nexcage(verb).arg("none"), "NX-NOT-FOUND", 1);
    }
    refused(sandbox.nexcage("exec").args(["none", "true"]), "NX-NOT-FOUND", 125);
    refused(sandbox.nexcage("attach").arg("none"), "NX-NOT-FOUND", 125);
    sandbox.assert_nothing_left();
}

#[test]
fn an_id_is_taken_until_its_container_is_deleted() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let mut container = sandbox.create(&bundle);
    let id = container.id.clone();
    let again = || sandbox.making_as(&id, "create", &bundle);
    refused(again(), "NX-EXISTS", 1);
    refused(sandbox.making_as(&container.id, "run", &bundle).arg("-d"), "NX-EXISTS", 125);
    let output = sandbox.making_as(&container.id, "run", &bundle).output();
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).contains("error NX-EXISTS"), "{}", text(&output.stderr));
    assert_eq!(container.status(), "created", "it is not touched");
    container.start();
    assert_eq!(container.line(), "up");
    refused(again(), "NX-EXISTS", 1);
    container.write(b"go\n");
    container.await_status("stopped");
    refused(again(), "NX-EXISTS", 1);
    container.delete();
    sandbox.hold(sandbox.making_as(&id, "create", &bundle)).remove();
}

#[test]
fn what_cannot_be_created_leaves_nothing() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    fs::write(bundle.config(), "{").unwrap();
    let output = sandbox.making("create", &bundle).output();
    assert!(!output.status.success());
    sandbox.assert_nothing_left();
    let nowhere = sandbox.nexcage("create").arg("c").arg("--bundle").arg(sandbox.path().join("no"));
    assert!(!nowhere.output().status.success());
    sandbox.assert_nothing_left();
    // Only the start shows what the container's file system has.
    let container = sandbox.create(&sandbox.bundle(&Config::new(["/bin/nothing"])));
    let output = container.verb("start").output();
    assert!(!output.status.success() && text(&output.stderr).contains("/bin/nothing"), "{output:?}");
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(127));
    container.delete();
}

#[test]
fn a_pid_file_names_the_process() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let file = sandbox.path().join("pid");
    for verb in [&["create"][..], &["run", "-d"]] {
        let run = sandbox.making(verb[0], &bundle).args(&verb[1..]).arg("--pid-file").arg(&file);
        let container = sandbox.hold(run);
        // As runc writes it: no newline.
        assert_eq!(fs::read_to_string(&file).unwrap(), container.pid().to_string());
        let pidfd = pidfd_open(Pid::from_raw(container.pid()).unwrap(), PidfdFlags::empty());
        assert!(pidfd.is_ok());
        container.remove();
    }
    let nowhere = sandbox.path().join("no/pid");
    let output = sandbox.making("create", &bundle).arg("--pid-file").arg(nowhere).output();
    assert!(!output.status.success());
    sandbox.assert_nothing_left();
}

#[test]
fn annotations_are_in_the_state() {
    let sandbox = Sandbox::new();
    let config = waiting().edit(|spec| {
        spec.set_annotations(Some([("org.example.key".to_owned(), "va\u{1b}l\u{e4}ue".to_owned())].into()));
    });
    let container = sandbox.create(&sandbox.bundle(&config));
    assert_eq!(container.state()["annotations"], json!({"org.example.key": "va\u{1b}l\u{e4}ue"}));
    container.remove();
}

#[test]
fn many_containers_live_at_once() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let mut containers: Vec<_> = (0..5).map(|_| sandbox.create(&bundle)).collect();
    for container in &containers {
        container.start();
    }
    for container in &mut containers {
        assert_eq!(container.line(), "up");
        container.write(b"go\n");
    }
    for container in containers {
        container.await_status("stopped");
        assert_eq!(exit_status(&sandbox, &container.id), json!(7));
        container.delete();
    }
}
