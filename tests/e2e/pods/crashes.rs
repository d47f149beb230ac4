//! containerd that goes and comes back, and shims that are killed.

use super::plain;
use nexcage_tests::{Cri, Sandbox, await_that};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::thread;
use std::time::Duration;

#[test]
fn pods_outlive_a_restart_of_containerd() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let pod = cri.pod("stays", &plain());
    let lives = pod.run("lives", "i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done", &plain());
    let ends = pod.run("ends", "sleep 0.5; exit 6", &plain());
    cri.restart(|| thread::sleep(Duration::from_secs(1)));
    assert_eq!(pod.status()["state"], "SANDBOX_READY");
    assert_eq!(lives.status()["state"], "CONTAINER_RUNNING");
    await_that("the end is told", || ends.status()["state"] == "CONTAINER_EXITED");
    assert_eq!(ends.status()["exit_code"], 6);
    assert_eq!(lives.exec("echo hello").stdout, "hello\n");
    let logged = lives.log("stdout").len();
    await_that("it goes on logging", || lives.log("stdout").len() > logged);
    assert_eq!(pod.told("new", "echo new", &plain()), "new\n");
    lives.call("StopContainer", &json!({ "timeout": 0 }));
    pod.remove();
    cri.assert_clean();
}

#[test]
fn containers_of_killed_shims_are_seen_to_have_ended() {
    let sandbox = Sandbox::new();
    let cri = Cri::start(&sandbox);
    let pod = cri.pod("killed", &plain());
    let app = pod.run("app", "sleep 1000", &plain());
    let other = pod.run("other", "sleep 1000", &plain());
    let kill = |id: &str| kill_process(Pid::from_raw(cri.shim(id)).unwrap(), Signal::KILL).unwrap();
    kill(&app.id);
    await_that("the container has ended", || app.status()["state"] == "CONTAINER_EXITED");
    // Without a shim containerd's CRI knows no status, and says 255.
    assert_eq!(app.status()["exit_code"], 255);
    assert_eq!(other.exec("echo lives").stdout, "lives\n");
    app.call("RemoveContainer", &plain());
    kill(&pod.id);
    await_that("the pod is not ready", || pod.status()["state"] == "SANDBOX_NOTREADY");
    pod.remove();
    cri.assert_clean();
}
