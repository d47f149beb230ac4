//! Pausing and going on.

use super::started;
use crate::lifecycle::{await_that, exit_status, refused, waiting};
use crate::peers::client;
use nexcage_task_api::events::topic;
use nexcage_task_api::method::{Events, State};
use nexcage_task_api::shim::EventsRequest;
use nexcage_task_api::task::{StateRequest, Status};
use nexcage_tests::{Bundle, Config, Sandbox};
use serde_json::{Value, json};
use std::fs;
use std::thread;
use std::time::Duration;

/// A process that goes on and on, and one of its children that does.
const GOING: &str =
    "go() { while :; do echo >> $1; sleep 0.001; done; }; go /root/child & echo up; go /root/own";

/// How far they have come.
fn ways(bundle: &Bundle) -> [u64; 2] {
    ["own", "child"]
        .map(|name| fs::metadata(bundle.rootfs().join("root").join(name)).map_or(0, |file| file.len()))
}

#[test]
fn nothing_goes_on_in_a_paused_container() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script(GOING));
    let container = started(&sandbox, &bundle);
    await_that("both go", || ways(&bundle).iter().all(|way| *way > 0));
    let pid = container.pid();
    for _ in 0..3 {
        container.does("pause");
        assert_eq!(container.status(), "paused");
        assert_eq!(container.pid(), pid);
        let before = ways(&bundle);
        thread::sleep(Duration::from_millis(200));
        assert_eq!(ways(&bundle), before);
        container.does("resume");
        assert_eq!(container.status(), "running");
        await_that("both go on", || (0..2).all(|one| ways(&bundle)[one] != before[one]));
    }
    container.remove();
}

#[test]
fn only_what_runs_is_paused_and_only_what_is_paused_goes_on() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.create(&sandbox.bundle(&waiting()));
    refused(container.verb("pause"), "NX-WRONG-STATE", 1);
    refused(container.verb("resume"), "NX-WRONG-STATE", 1);
    container.start();
    assert_eq!(container.line(), "up");
    refused(container.verb("resume"), "NX-WRONG-STATE", 1);
    container.does("pause");
    refused(container.verb("pause"), "NX-WRONG-STATE", 1);
    refused(container.verb("start"), "NX-WRONG-STATE", 1);
    container.does("resume");
    container.write(b"go\n");
    container.await_status("stopped");
    refused(container.verb("pause"), "NX-WRONG-STATE", 1);
    refused(container.verb("resume"), "NX-WRONG-STATE", 1);
    container.delete();
}

#[test]
fn a_pause_during_the_start_waits_for_the_process() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("echo up; sleep 1000"));
    let hold =
        json!({ "path": "/bin/sh", "args": ["sh", "-c", "until [ -e /root/go ]; do sleep 0.01; done"] });
    let mut config: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
    config["hooks"] = json!({ "startContainer": [hold] });
    fs::write(bundle.config(), config.to_string()).unwrap();
    let container = sandbox.create(&bundle);
    thread::scope(|scope| {
        let start = scope.spawn(|| container.does("start"));
        let record = sandbox.state_directory(&container.id).join("record.json");
        await_that("the start goes on", || {
            fs::read_to_string(&record).unwrap().contains("\"step\":\"start\"")
        });
        let pause = scope.spawn(|| container.does("pause"));
        thread::sleep(Duration::from_millis(100));
        assert!(!pause.is_finished());
        fs::write(bundle.rootfs().join("root/go"), "").unwrap();
        start.join().unwrap();
        pause.join().unwrap();
    });
    assert_eq!(container.status(), "paused");
    container.remove();
}

#[test]
fn a_paused_container_can_be_killed() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &sandbox.bundle(&waiting()));
    container.does("pause");
    container.kill("KILL");
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(137));
    container.delete();
    // With processes that were executed, too.
    let container = started(&sandbox, &sandbox.bundle(&waiting()));
    let mut executed = container.shell("echo in; exec sleep 1000").start();
    assert_eq!(executed.line(), "in");
    container.does("pause");
    container.verb("kill").args(["--all", "KILL"]).assert().code(0);
    assert_eq!(executed.wait().status.code(), Some(137));
    container.await_status("stopped");
    container.delete();
}

#[test]
fn other_signals_wait_until_it_goes_on() {
    let sandbox = Sandbox::new();
    let script = "trap 'echo TERM; exit 3' TERM; echo up; while :; do sleep 0.02; done";
    let mut container = started(&sandbox, &sandbox.bundle(&Config::script(script)));
    container.does("pause");
    container.kill("TERM");
    thread::sleep(Duration::from_millis(200));
    assert_eq!(container.status(), "paused");
    container.does("resume");
    assert_eq!(container.line(), "TERM");
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(3));
    container.delete();
}

#[test]
fn a_paused_container_is_removed_by_force() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script(GOING));
    let container = started(&sandbox, &bundle);
    container.does("pause");
    container.remove();
    sandbox.assert_nothing_left();
}

#[test]
fn the_task_api_says_so_and_tells_of_it() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &sandbox.bundle(&waiting()));
    container.does("pause");
    let mut shim = client(&sandbox, &container.id);
    let request = StateRequest { id: container.id.clone(), exec_id: String::new() };
    assert_eq!(shim.call::<State>(&request).unwrap().status, Status::Paused);
    container.does("resume");
    assert_eq!(shim.call::<State>(&request).unwrap().status, Status::Running);
    let request = EventsRequest { id: container.id.clone(), after: 0 };
    let events = shim.call::<Events>(&request).unwrap().events;
    let topics: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
    assert_eq!(topics, [topic::CREATE, topic::START, topic::PAUSED, topic::RESUMED]);
    drop(shim);
    container.remove();
}
