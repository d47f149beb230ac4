//! Hooks through create, start and delete: when they run, what they see, what their failures do.

use super::{exit_status, refused};
use crate::text;
use nexcage_tests::{Bundle, Config, Sandbox};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

const KINDS: [&str; 6] =
    ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// A sandbox with a file that hooks and process write to.
struct Ground {
    sandbox: Sandbox,
    log: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let log = sandbox.path().join("log");
        fs::write(&log, "").unwrap();
        Ground { sandbox, log }
    }

    /// A hook that runs `script`, which has the log as `$1`.
    fn hook(&self, kind: &str, script: &str) -> Value {
        let log = if kind == "startContainer" { Path::new("/log") } else { &self.log };
        let args = ["sh", "-c", script, "sh", log.to_str().unwrap()];
        json!({"path": "/bin/sh", "args": args, "env": ["PATH=/bin:/usr/bin"]})
    }

    /// A bundle with hooks, whose process says that it runs and waits for a line.
    fn bundle(&self, hooks: &Value) -> Bundle {
        let config = Config::script("echo process >> /log; read line; exit 7").bind(&self.log, "/log");
        let bundle = self.sandbox.bundle(&config);
        let mut text: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
        text["hooks"] = hooks.clone();
        fs::write(bundle.config(), text.to_string()).unwrap();
        bundle
    }

    /// What was noted since the last call.
    fn noted(&self) -> Vec<String> {
        let lines = fs::read_to_string(&self.log).unwrap().lines().map(str::to_owned).collect();
        fs::write(&self.log, "").unwrap();
        lines
    }
}

#[test]
fn each_kind_runs_with_its_verb_and_sees_its_status() {
    let ground = Ground::new();
    // The status that the hook is told, and the one that `nexcage state` tells meanwhile.
    let nexcage = format!(
        "{} --root {} --namespace {} --config {} state",
        nexcage_tests::tools_directory().unwrap().join("nexcage").display(),
        ground.sandbox.root().display(),
        ground.sandbox.namespace(),
        ground.sandbox.configuration().display()
    );
    let hooks: Value = KINDS
        .iter()
        .map(|kind| {
            let status = "sed 's/.*\"status\": *\"\\([a-z]*\\)\".*/\\1/'";
            let asked = match *kind {
                "createContainer" | "startContainer" => String::new(),
                _ => format!("$({nexcage} c | grep '\"status\"' | {status})"),
            };
            // The shim notes that the process runs while the first hook after that begins.
            let wait = if *kind == "poststart" {
                format!("until {nexcage} c | grep -q running; do :; done;")
            } else {
                String::new()
            };
            let script = format!("{wait} told=$(tr -d '\\n' | {status}); echo {kind} $told {asked} >> $1");
            (kind.to_string(), json!([ground.hook(kind, &script)]))
        })
        .collect();
    let bundle = ground.bundle(&hooks);
    let mut container = ground.sandbox.hold(ground.sandbox.making_as("c", "create", &bundle));
    assert_eq!(
        ground.noted(),
        ["prestart creating creating", "createRuntime creating creating", "createContainer creating"]
    );
    container.start();
    let mut noted = ground.noted();
    // The process runs beside the hook after it.
    super::await_that("the process runs", || {
        noted.extend(ground.noted());
        noted.iter().any(|line| line == "process")
    });
    noted.retain(|line| line != "process");
    assert_eq!(noted, ["startContainer created", "poststart running running"]);
    drop(container.pipes.stdin.take());
    container.await_status("stopped");
    assert_eq!(ground.noted(), [""; 0], "poststop comes with the deletion");
    container.delete();
    assert_eq!(ground.noted(), ["poststop stopped stopped"]);
}

#[test]
fn those_of_a_kind_run_in_their_order() {
    let ground = Ground::new();
    let hooks: Value = KINDS
        .iter()
        .map(|kind| {
            let note = |n: u32| ground.hook(kind, &format!("echo {kind} {n} >> $1"));
            (kind.to_string(), json!([note(1), note(2), note(3)]))
        })
        .collect();
    let container = ground.sandbox.start(&ground.bundle(&hooks));
    container.remove();
    let mut noted = ground.noted();
    noted.retain(|line| line != "process");
    let expected: Vec<String> =
        KINDS.iter().flat_map(|kind| (1..4).map(move |n| format!("{kind} {n}"))).collect();
    assert_eq!(noted, expected);
}

#[test]
fn one_that_fails_at_create_undoes_it_and_poststop_still_runs() {
    for kind in ["prestart", "createRuntime", "createContainer"] {
        let ground = Ground::new();
        let hooks = json!({
            kind: [ground.hook(kind, "exit 9"), ground.hook(kind, "echo second >> $1")],
            "poststop": [ground.hook("poststop", "echo poststop >> $1")],
        });
        let message = refused(ground.sandbox.making("create", &ground.bundle(&hooks)), "NX-HOOK", 1);
        assert!(message.contains(&format!("/hooks/{kind}/0")), "{message}");
        assert_eq!(ground.noted(), ["poststop"], "{kind}");
        ground.sandbox.assert_nothing_left();
    }
}

#[test]
fn one_that_fails_before_the_process_begins_stops_the_container() {
    let ground = Ground::new();
    let hooks = json!({
        "startContainer": [ground.hook("startContainer", "exit 9")],
        "poststop": [ground.hook("poststop", "echo poststop >> $1")],
    });
    let container = ground.sandbox.create(&ground.bundle(&hooks));
    let message = refused(container.verb("start"), "NX-HOOK", 1);
    assert!(message.contains("/hooks/startContainer/0"), "{message}");
    container.await_status("stopped");
    container.verb("delete").assert().code(0);
    assert_eq!(ground.noted(), ["poststop"], "no process");
    ground.sandbox.assert_nothing_left();
}

#[test]
fn one_that_fails_after_the_process_has_begun_is_only_told() {
    let ground = Ground::new();
    let hooks = json!({
        "poststart": [ground.hook("poststart", "exit 9"), ground.hook("poststart", "echo second >> $1")],
        "poststop": [ground.hook("poststop", "exit 9"), ground.hook("poststop", "echo poststop >> $1")],
    });
    let mut container = ground.sandbox.create(&ground.bundle(&hooks));
    assert_eq!(container.verb("start").output().status.code(), Some(0));
    assert_eq!(container.status(), "running");
    super::await_that("the process runs", || fs::read_to_string(&ground.log).unwrap().contains("process"));
    drop(container.pipes.stdin.take());
    container.await_status("stopped");
    assert_eq!(exit_status(&ground.sandbox, &container.id), json!(7));
    let logs = text(&container.verb("logs").output().stdout);
    assert!(logs.contains("/hooks/poststart/0"), "{logs}");
    assert_eq!(container.verb("delete").output().status.code(), Some(0));
    let noted = ground.noted();
    assert!(noted.contains(&"second".to_owned()), "the next one runs: {noted:?}");
    assert_eq!(noted.last().map(String::as_str), Some("poststop"), "{noted:?}");
    ground.sandbox.assert_nothing_left();
}

#[test]
fn hooks_of_a_container_that_was_never_started_are_those_of_its_end() {
    let ground = Ground::new();
    let hooks: Value = KINDS
        .iter()
        .map(|kind| (kind.to_string(), json!([ground.hook(kind, &format!("echo {kind} >> $1"))])))
        .collect();
    ground.sandbox.create(&ground.bundle(&hooks)).remove();
    assert_eq!(ground.noted(), ["prestart", "createRuntime", "createContainer", "poststop"]);
}
