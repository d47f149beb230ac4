//! `delete --force`: from every state, as often as one likes.

use super::{await_that, refused, waiting};
use crate::text;
use nexcage_tests::{Config, Sandbox};
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn force_removes_from_every_state() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let id = |word: &str| format!("c-{word}");
    let make = |word: &str| sandbox.hold(sandbox.making_as(&id(word), "create", &bundle));
    make("created").remove();
    let mut running = make("running");
    running.start();
    assert_eq!(running.line(), "up");
    running.remove();
    let mut paused = make("paused");
    paused.start();
    assert_eq!(paused.line(), "up");
    paused.does("pause");
    assert_eq!(paused.status(), "paused");
    paused.remove();
    let mut stopped = make("stopped");
    stopped.start();
    drop(stopped.pipes.stdin.take());
    stopped.await_status("stopped");
    stopped.remove();
    for word in ["created", "running", "paused", "stopped", "never-there"] {
        sandbox.nexcage("delete").args(["--force", &id(word)]).assert().code(0).stdout("").stderr("");
        refused(sandbox.nexcage("delete").arg(id(word)), "NX-NOT-FOUND", 1);
    }
    sandbox.assert_nothing_left();
}

#[test]
fn force_ends_processes_that_ignore_signals_and_those_they_left() {
    let sandbox = Sandbox::new();
    let config = Config::script(
        "trap '' TERM INT HUP; (trap '' TERM; sleep 1000) & setsid sleep 1000 & echo up; while :; do sleep 1; done",
    );
    let mut container = sandbox.start(&sandbox.bundle(&config));
    assert_eq!(container.line(), "up");
    container.remove();
    sandbox.assert_nothing_left();
}

#[test]
fn force_ends_what_is_executed_as_well() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.start(&sandbox.bundle(&waiting()));
    assert_eq!(container.line(), "up");
    let mut executed = container.shell("echo in; sleep 1000").start();
    assert_eq!(executed.line(), "in");
    container.remove();
    let output = executed.wait();
    assert_eq!(output.status.code(), Some(137), "{}", text(&output.stderr));
    sandbox.assert_nothing_left();
}

/// A bundle with a hook that says it is there, and stays.
fn hanging(sandbox: &Sandbox, kind: &str) -> (nexcage_tests::Bundle, std::path::PathBuf) {
    let begun = sandbox.path().join("begun");
    let bundle = sandbox.bundle(&waiting());
    let mut config: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
    let script = format!("echo > {}; exec sleep 1000", begun.display());
    config["hooks"] =
        json!({kind: [{"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"]}]});
    fs::write(bundle.config(), config.to_string()).unwrap();
    (bundle, begun)
}

#[test]
fn force_cancels_a_creation() {
    let sandbox = Sandbox::new();
    let (bundle, begun) = hanging(&sandbox, "createRuntime");
    let creating = sandbox.making_as("c", "create", &bundle).start();
    await_that("the hook runs", || begun.exists());
    let state = sandbox.nexcage("state").arg("c").output();
    let state: Value = serde_json::from_slice(&state.stdout).unwrap();
    assert_eq!(state["status"], "creating");
    refused(sandbox.nexcage("start").arg("c"), "NX-WRONG-STATE", 1);
    refused(sandbox.nexcage("delete").arg("c"), "NX-WRONG-STATE", 1);
    let asked = Instant::now();
    sandbox.nexcage("delete").args(["--force", "c"]).assert().code(0).stdout("").stderr("");
    assert!(asked.elapsed() < Duration::from_secs(20));
    let output = creating.wait();
    assert_ne!(output.status.code(), Some(0), "{}", text(&output.stderr));
    sandbox.assert_nothing_left();
}

#[test]
fn a_signal_cancels_a_creation() {
    let sandbox = Sandbox::new();
    let (bundle, begun) = hanging(&sandbox, "createRuntime");
    let creating = sandbox.making_as("c", "create", &bundle).start();
    await_that("the hook runs", || begun.exists());
    creating.signal(rustix::process::Signal::TERM);
    let output = creating.wait();
    assert_eq!(output.status.code(), Some(128 + 15), "{}", text(&output.stderr));
    sandbox.assert_nothing_left();
}

#[test]
fn force_cancels_a_start() {
    let sandbox = Sandbox::new();
    let (bundle, begun) = hanging(&sandbox, "poststart");
    let container = sandbox.create(&bundle);
    let starting = container.verb("start").start();
    await_that("the hook runs", || begun.exists());
    container.remove();
    drop(starting.wait());
    sandbox.assert_nothing_left();
}

#[test]
fn two_deletions_at_once_are_one() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    for _ in 0..3 {
        let container = sandbox.start(&bundle);
        let force = || container.verb("delete").arg("--force").start();
        let all = [force(), force(), force()];
        for one in all {
            let output = one.wait();
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        }
        sandbox.assert_nothing_left();
    }
}
