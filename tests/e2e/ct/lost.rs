//! What has lost its container, and who may remove it.

use super::foreign::Foreign;
use super::{conf, node, sandbox};
use crate::text;
use nexcage_tests::{Config, FIRST_VMID, Sandbox};
use serde_json::{Value, json};
use std::fs;

/// What `nexcage gc` finds.
fn lost(sandbox: &Sandbox) -> Value {
    let output = sandbox.nexcage("gc").args(["--format", "json"]).output();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Takes a container's state away, as a restart of the node does.
pub(super) fn forget(sandbox: &Sandbox, id: &str) {
    super::kill_shim(sandbox, id);
    fs::remove_dir_all(sandbox.state_directory(id)).unwrap();
}

#[test]
fn a_ct_without_its_container_is_listed_and_removed_when_asked_and_no_other_is() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let foreign = Foreign::make(node, FIRST_VMID + 1);
    let container = sandbox.start(&sandbox.bundle(&Config::script("exit 0")));
    container.await_status("stopped");
    assert_eq!(lost(&sandbox), json!([]), "it has its container");
    let id = container.id.clone();
    forget(&sandbox, &id);
    std::mem::forget(container);
    let copy = conf(node, FIRST_VMID + 2);
    fs::copy(conf(node, FIRST_VMID), &copy).unwrap();
    let ct = json!({"kind": "ct", "name": FIRST_VMID.to_string(), "namespace": sandbox.namespace(), "id": id, "state": "stopped"});
    assert_eq!(lost(&sandbox), json!([ct]), "neither the copy nor the foreign one");
    assert!(conf(node, FIRST_VMID).exists());
    let table = sandbox.nexcage("gc").arg("--remove").output();
    assert_eq!(table.status.code(), Some(0), "{}", text(&table.stderr));
    assert!(text(&table.stdout).contains(&format!("ct          {FIRST_VMID}")), "{}", text(&table.stdout));
    assert!(!conf(node, FIRST_VMID).exists() && !node.lxc_dir().join(FIRST_VMID.to_string()).exists());
    assert_eq!(lost(&sandbox), json!([]));
    fs::remove_file(copy).unwrap();
    foreign.remove();
    sandbox.assert_nothing_left();
}

#[test]
fn what_an_editor_saves_after_the_deletion_is_found_and_holds_its_id_until_then() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let container = sandbox.start(&sandbox.bundle(&Config::script("exit 0")));
    container.await_status("stopped");
    let opened = fs::read_to_string(conf(node, FIRST_VMID)).unwrap();
    container.delete();
    let saved = opened + "tags: mine\n";
    fs::write(conf(node, FIRST_VMID), &saved).unwrap();
    sandbox.run(&sandbox.bundle(&Config::script("exit 3"))).assert().code(3);
    let calls = node.calls().unwrap();
    assert_eq!(calls.last().map(String::as_str), Some("start\t5001"), "5000 is taken again");
    assert_eq!(fs::read_to_string(conf(node, FIRST_VMID)).unwrap(), saved);
    assert_eq!(lost(&sandbox)[0]["name"], FIRST_VMID.to_string());
    sandbox.nexcage("gc").arg("--remove").assert().code(0).stderr("");
    assert!(!conf(node, FIRST_VMID).exists());
    sandbox.assert_nothing_left();
}

#[test]
fn a_ct_that_runs_is_left_alone_until_it_is_stopped() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let container = sandbox.start(&sandbox.bundle(&Config::script("exec sleep 1000")));
    let pid = container.pid().to_string();
    forget(&sandbox, &container.id);
    std::mem::forget(container);
    assert_eq!(lost(&sandbox)[0]["state"], "running");
    let output = sandbox.nexcage("gc").arg("--remove").output();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains(&format!("CT 5000 runs: end its process {pid} first")), "{message}");
    assert!(conf(node, FIRST_VMID).exists());
    sandbox.command("kill").args(["-KILL", &pid]).assert().code(0);
    super::await_that("it has stopped", || lost(&sandbox)[0]["state"] == "stopped");
    sandbox.nexcage("gc").arg("--remove").assert().code(0).stderr("");
    sandbox.assert_nothing_left();
}
