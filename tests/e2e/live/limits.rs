//! `update`: new limits, all or none.

use super::{MEMORY, PIDS, QUOTA, SHARES, limited, started};
use crate::lifecycle::{refused, waiting};
use crate::text;
use nexcage_tests::{Container, Run, Sandbox};
use serde_json::{Value, json};
use std::fs;

fn update(sandbox: &Sandbox, container: &Container<'_>, options: &[&str]) -> Run {
    sandbox.nexcage("update").args(options).arg(&container.id)
}

fn by_file(sandbox: &Sandbox, container: &Container<'_>, resources: &Value) -> Run {
    let file = sandbox.path().join("resources.json");
    fs::write(&file, resources.to_string()).unwrap();
    sandbox.nexcage("update").arg("--resources").arg(file).arg(&container.id)
}

const BEFORE: [(super::Limit, [&str; 2]); 3] =
    [(MEMORY, ["67108864", "67108864"]), (PIDS, ["50", "50"]), (SHARES, ["512", "20"])];

fn with_limits(sandbox: &Sandbox) -> Container<'_> {
    let resources = json!({"memory": {"limit": 64 << 20}, "pids": {"limit": 50}, "cpu": {"shares": 512}});
    let container = started(sandbox, &limited(sandbox, &waiting(), &resources));
    assert_as_before(&container);
    container
}

#[track_caller]
fn assert_as_before(container: &Container<'_>) {
    for (limit, expected) in BEFORE {
        limit.check(container, expected);
    }
}

#[test]
fn each_option_changes_its_limit_and_no_other() {
    let sandbox = Sandbox::new();
    let container = with_limits(&sandbox);
    update(&sandbox, &container, &["--pids-limit", "20"]).assert().code(0).stdout("").stderr("");
    PIDS.check(&container, ["20", "20"]);
    update(&sandbox, &container, &["--memory", "96m"]).assert().code(0).stdout("").stderr("");
    MEMORY.check(&container, ["100663296", "100663296"]);
    update(&sandbox, &container, &["--cpu-share", "1024"]).assert().code(0).stdout("").stderr("");
    SHARES.check(&container, ["1024", "39"]);
    update(&sandbox, &container, &["--cpu-period", "100000", "--cpu-quota", "50000"]).assert().code(0);
    QUOTA.check(&container, ["50000", "50000 100000"]);
    update(&sandbox, &container, &["--cpu-quota", "-1"]).assert().code(0);
    QUOTA.check(&container, ["-1", "max 100000"]);
    PIDS.check(&container, ["20", "20"]);
    // It holds: the shell cannot have more children than that.
    let many = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21; do sleep 5 & done";
    let output = container.shell(many).output();
    assert!(text(&output.stderr).contains("fork"), "{}", text(&output.stderr));
    update(&sandbox, &container, &["--pids-limit", "-1"]).assert().code(0);
    PIDS.check(&container, ["max", "max"]);
    container.remove();
}

#[test]
fn a_file_says_many_at_once_also_by_stdin() {
    let sandbox = Sandbox::new();
    let container = with_limits(&sandbox);
    let resources = json!({"memory": {"limit": 80 << 20}, "pids": {"limit": 30}});
    by_file(&sandbox, &container, &resources).assert().code(0).stdout("").stderr("");
    MEMORY.check(&container, ["83886080", "83886080"]);
    PIDS.check(&container, ["30", "30"]);
    SHARES.check(&container, ["512", "20"]);
    let by_stdin =
        update(&sandbox, &container, &["-r", "-"]).stdin(json!({"pids": {"limit": 31}}).to_string());
    by_stdin.assert().code(0);
    PIDS.check(&container, ["31", "31"]);
    update(&sandbox, &container, &[]).assert().code(0);
    container.remove();
}

#[test]
fn what_cannot_be_changed_is_refused_by_name_and_nothing_changes() {
    let sandbox = Sandbox::new();
    let container = with_limits(&sandbox);
    for (name, value) in [
        ("devices", json!([{"allow": true, "access": "rwm"}])),
        ("rdma", json!({"mlx5_0": {"hcaHandles": 3}})),
        ("network", json!({"classID": 7})),
    ] {
        let resources = json!({"pids": {"limit": 20}, name: value});
        let output = by_file(&sandbox, &container, &resources).output();
        let message = text(&output.stderr);
        assert!(!output.status.success() && message.contains(name), "{name}: {message}");
        assert_as_before(&container);
    }
    container.remove();
}

#[test]
fn a_limit_that_the_kernel_refuses_takes_the_others_back() {
    let sandbox = Sandbox::new();
    let container = with_limits(&sandbox);
    let resources =
        json!({"memory": {"limit": 80 << 20}, "cpu": {"shares": 600, "cpus": "4000"}, "pids": {"limit": 20}});
    let output = by_file(&sandbox, &container, &resources).output();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("cpuset.cpus"), "{}", text(&output.stderr));
    assert_as_before(&container);
    container.remove();
}

#[test]
fn what_is_no_limit_is_refused() {
    let sandbox = Sandbox::new();
    let container = with_limits(&sandbox);
    for wrong in [
        json!({"memory": {"limit": "many"}}),
        json!({"memory": 7}),
        json!({"pids": {"limit": 1.5}}),
        json!({"cpu": {"shares": -1}}),
    ] {
        let output = by_file(&sandbox, &container, &wrong).output();
        assert!(!output.status.success(), "{wrong}");
        assert_as_before(&container);
    }
    let file = sandbox.path().join("resources.json");
    fs::write(&file, "{").unwrap();
    refused(sandbox.nexcage("update").arg("-r").arg(file).arg(&container.id), "NX-", 3);
    container.remove();
}

#[test]
fn a_created_container_s_limits_change_too_and_a_stopped_one_s_do_not() {
    let sandbox = Sandbox::new();
    let container = sandbox.create(&sandbox.bundle(&waiting()));
    update(&sandbox, &container, &["--pids-limit", "20"]).assert().code(0);
    PIDS.check(&container, ["20", "20"]);
    container.kill("KILL");
    container.await_status("stopped");
    refused(update(&sandbox, &container, &["--pids-limit", "21"]), "NX-WRONG-STATE", 1);
    container.delete();
}

#[test]
fn a_paused_container_s_limits_change_too() {
    let sandbox = Sandbox::new();
    let container = with_limits(&sandbox);
    container.does("pause");
    update(&sandbox, &container, &["--pids-limit", "20"]).assert().code(0);
    assert_eq!(container.status(), "paused");
    PIDS.check(&container, ["20", "20"]);
    container.remove();
}
