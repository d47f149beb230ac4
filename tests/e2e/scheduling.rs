//! Scheduler, I/O priority and execution domain, as the process and its children see them.

use crate::text;
use nexcage_tests::{Config, Sandbox};
use serde_json::{Value, json};
use std::fs;

/// What `script` says in a container whose config.json has `value` at a pointer's place.
fn said(script: &str, place: [&str; 2], value: &Value) -> Result<String, String> {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script(script));
    let mut document: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
    document[place[0]][place[1]] = value.clone();
    document["ociVersion"] = json!("1.2.1");
    fs::write(bundle.config(), document.to_string()).unwrap();
    let output = sandbox.run(&bundle).output();
    match output.status.code() {
        Some(0) => Ok(text(&output.stdout)),
        _ => Err(text(&output.stderr)),
    }
}

#[track_caller]
fn check(script: &str, place: [&str; 2], value: &Value, expected: &str) {
    assert_eq!(said(script, place, value).as_deref(), Ok(expected), "{value}");
}

/// Nice, real-time priority and policy of a child and of the process (proc_pid_stat(5)).
const STAT: &str = "cut -d' ' -f19,40,41 /proc/self/stat; cut -d' ' -f19,40,41 /proc/1/stat; exit 0";

#[test]
fn every_policy_is_set() {
    let place = ["process", "scheduler"];
    check(STAT, place, &json!({"policy": "SCHED_OTHER", "nice": 5}), "5 0 0\n5 0 0\n");
    check(STAT, place, &json!({"policy": "SCHED_OTHER", "nice": -3}), "-3 0 0\n-3 0 0\n");
    check(STAT, place, &json!({"policy": "SCHED_BATCH", "nice": 7}), "7 0 3\n7 0 3\n");
    check(STAT, place, &json!({"policy": "SCHED_IDLE"}), "0 0 5\n0 0 5\n");
    let reset = json!({"policy": "SCHED_BATCH", "nice": -2, "flags": ["SCHED_FLAG_RESET_ON_FORK"]});
    check(STAT, place, &reset, "0 0 3\n-2 0 3\n");
}

#[test]
fn real_time_policies_are_set_or_their_refusal_is_told() {
    // The host's cgroups may leave no real-time; the error must name the field then.
    let place = ["process", "scheduler"];
    let only_pid_1 = "cut -d' ' -f19,40,41 /proc/1/stat";
    for (value, expected) in [
        (json!({"policy": "SCHED_FIFO", "priority": 10}), "0 10 1\n"),
        (json!({"policy": "SCHED_RR", "priority": 20}), "0 20 2\n"),
        (
            json!({"policy": "SCHED_DEADLINE", "runtime": 10_000_000, "deadline": 30_000_000,
                "period": 30_000_000, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}),
            "0 0 6\n",
        ),
    ] {
        match said(only_pid_1, place, &value) {
            Ok(stat) => assert_eq!(stat, expected, "{value}"),
            Err(message) => assert!(message.contains("process.scheduler"), "{value}: {message}"),
        }
    }
}

#[test]
fn what_the_kernel_does_not_take_is_told() {
    let place = ["process", "scheduler"];
    let message = said("true", place, &json!({"policy": "SCHED_FIFO", "priority": 100})).unwrap_err();
    assert!(message.contains("process.scheduler") || message.contains("/process/scheduler"), "{message}");
    let message = said("true", place, &json!({"policy": "SCHED_ISO"})).unwrap_err();
    assert!(message.contains("/process/scheduler/policy"), "{message}");
}

#[test]
fn the_io_priority_is_set() {
    let place = ["process", "ioPriority"];
    check("ionice -p 1", place, &json!({"class": "IOPRIO_CLASS_BE", "priority": 6}), "best-effort: prio 6\n");
    check("ionice -p 1", place, &json!({"class": "IOPRIO_CLASS_RT", "priority": 1}), "realtime: prio 1\n");
    check(
        "ionice -p 1; ionice",
        place,
        &json!({"class": "IOPRIO_CLASS_IDLE", "priority": 0}),
        "idle\nidle\n",
    );
}

#[test]
fn the_execution_domain_is_set() {
    let place = ["linux", "personality"];
    let look = "cat /proc/1/personality; uname -m";
    let native = text(&std::process::Command::new("uname").arg("-m").output().unwrap().stdout);
    check(look, place, &json!({"domain": "LINUX"}), &format!("00000000\n{native}"));
    if native == "x86_64\n" {
        check(look, place, &json!({"domain": "LINUX32"}), "00000008\ni686\n");
    }
    let message = said("true", place, &json!({"domain": "LINUX", "flags": ["X"]})).unwrap_err();
    assert!(message.contains("/linux/personality"), "{message}");
}

#[test]
fn the_cpus_of_later_processes_are_not_those_of_this_one() {
    let allowed = "grep -o 'Cpus_allowed_list:.*' /proc/1/status | wc -l";
    check(allowed, ["process", "execCPUAffinity"], &json!({"initial": "0", "final": "0"}), "1\n");
}
