//! What containerd tells of containers is the same, whether they are nexcage's or runc's.

use super::{assert_clean, cgroups, force};
use nexcage_tests::{Containerd, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;

/// The runtime that is compared with.
const RUNC: &str = "io.containerd.runc.v2";

/// A life with everything in it that is told of.
fn script(containerd: &Containerd<'_>, runtime: &str) -> Vec<(String, Value)> {
    let events = containerd.events();
    let image = nexcage_tests::IMAGE;
    let run = |id: &str, option: &str, text: &str| {
        containerd.ctr(["run", "--runtime", runtime, option, image, id, "/bin/sh", "-c", text])
    };
    let exec =
        |id: &str, command: &[&str]| containerd.ctr(["tasks", "exec", "--exec-id", id, "long"]).args(command);
    run("short", "--rm", "exit 3").assert().code(3);
    run("terminal", "--rm", "exit 4").arg("--tty").assert();
    let null = std::process::Stdio::null;
    assert!(run("long", "--detach", "sleep 1000").with_stdio([null(), null(), null()]).success());
    exec("good", &["/bin/true"]).assert().code(0);
    exec("bad", &["/bin/sh", "-c", "exit 5"]).assert().code(5);
    exec("missing", &["/bin/nothing"]).assert().failure();
    exec("killed", &["/bin/sh", "-c", "kill -9 $$"]).assert().code(137);
    containerd.task(["pause", "long"]);
    containerd.task(["resume", "long"]);
    containerd.task(["kill", "--signal", "KILL", "long"]);
    containerd.await_status("long", "STOPPED");
    containerd.task(["rm", "long"]);
    containerd.ctr(["containers", "rm", "long"]).assert().code(0);
    assert!(run("instant", "--detach", "true").with_stdio([null(), null(), null()]).success());
    containerd.await_status("instant", "STOPPED");
    force(containerd, "instant");
    assert!(run("forced", "--detach", "sleep 1000").with_stdio([null(), null(), null()]).success());
    force(containerd, "forced");
    events.until_deletion_of("forced")
}

/// The events with what must differ replaced: pids by the order in which they come, times, and where FIFOs
/// and snapshots are.
fn alike(events: Vec<(String, Value)>) -> Vec<String> {
    let mut pids = BTreeMap::new();
    let events = events.into_iter().map(|(topic, mut event)| {
        if let Some(pid) = event["pid"].as_u64() {
            let next = pids.len();
            event["pid"] = json!(format!("pid {}", pids.entry(pid).or_insert(next)));
        }
        if !event["exited_at"].is_null() {
            event["exited_at"] = json!("a time");
        }
        // A snapshot has a number, which stands in its options.
        if let Some(options) = event.pointer_mut("/rootfs/0/options").and_then(Value::as_array_mut) {
            let same = |option: &mut Value| {
                *option = json!(option.to_string().replace(|c: char| c.is_ascii_digit(), ""));
            };
            options.iter_mut().for_each(same);
        }
        for stream in ["stdin", "stdout", "stderr"] {
            if let Some(path) = event["io"][stream].as_str() {
                event["io"][stream] = json!(path.rsplit('/').next());
            }
        }
        format!("{topic} {event}")
    });
    events.collect()
}

#[test]
fn events_are_those_of_runcs_shim() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let shim = sandbox.path().join("containerd-shim-nexcage-v2");
    let ours = alike(script(&containerd, &shim.to_string_lossy()));
    assert_clean(&sandbox);
    let runcs = alike(script(&containerd, RUNC));
    // runc leaves the cgroup above those of its containers.
    cgroups(&sandbox).iter().for_each(|left| fs::remove_dir(left).unwrap());
    // A shim of runc's may end before its last event has been sent: that of version 2.1 does.
    let is_delete = |line: &&String| line.starts_with("/tasks/delete");
    assert_eq!(ours.iter().filter(is_delete).count(), 5, "{ours:?}");
    let ours: Vec<String> =
        ours.into_iter().filter(|line| !is_delete(&line) || runcs.contains(line)).collect();
    let (runcs, ours) = (runcs.join("\n"), ours.join("\n"));
    assert!(ours == runcs, "ours:\n{ours}\nrunc's:\n{runcs}");
}

/// runc looks for the program when it creates the container, in which it has no process yet; here that is
/// seen when the process would begin.
#[test]
fn a_container_without_its_program_is_told_to_begin_and_to_go_and_never_to_start() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let events = containerd.events();
    containerd.run("c", &["--rm"], &["/bin/nothing"]).assert().failure();
    let events = events.until_deletion_of("c");
    let topics: Vec<&str> = events.iter().map(|(topic, _)| topic.as_str()).collect();
    assert_eq!(topics, ["/tasks/create", "/tasks/exit", "/tasks/delete"]);
    assert_clean(&sandbox);
}
