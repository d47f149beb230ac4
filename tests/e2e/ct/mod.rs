//! What is so on Proxmox VE alone: these tests run on the stand-in whatever the backend of the run is.

mod administrator;
mod conditions;
mod failures;
mod foreign;
mod kept;
mod layers;
mod lost;
mod native;
mod network;
mod recorded;
mod templates;
mod unprivileged;
mod users;
mod vmids;

use crate::text;
use nexcage_tests::{Backend, FIRST_VMID, Run, Running, Sandbox, Traces};
use pct_stand_in::Node;
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};

fn sandbox() -> Sandbox {
    Sandbox::on(Backend::Pct)
}

fn node(sandbox: &Sandbox) -> &Node {
    sandbox.node().unwrap()
}

/// Sets a key of `/pct` in the administrator's configuration.
fn configure(sandbox: &Sandbox, key: &str, value: Value) {
    let path = sandbox.configuration();
    let mut document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    document["pct"][key] = value;
    fs::write(path, document.to_string()).unwrap();
}

fn conf(node: &Node, vmid: u32) -> PathBuf {
    node.conf_dir().join(format!("{vmid}.conf"))
}

/// Starts a container that has said `up`.
fn start(run: Run) -> Running {
    let mut running = run.start();
    assert_eq!(running.line(), "up");
    running
}

/// An administrator's call of pct.
fn pct(node: &Node, words: &[&str]) -> Output {
    Command::new(node.pct()).args(words).output().unwrap()
}

/// Kills a container's shim, and waits until it is gone.
fn kill_shim(sandbox: &Sandbox, id: &str) {
    let record = fs::read(sandbox.state_directory(id).join("record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let pid = record["shim"]["pid"].as_i64().unwrap().to_string();
    sandbox.command("kill").args(["-KILL", &pid]).assert().code(0);
    await_that("the shim has ended", || !PathBuf::from("/proc").join(&pid).exists());
}

/// Puts a shell script around the node's pct: lines before and after it runs, with the VMID in `$2`
/// and the caller's pid in `$PPID`; `$pct` is the true one, `$status` how it ended.
fn wrap(node: &Node, before: &str, after: &str) {
    let inner = node.pct().with_extension("inner");
    fs::rename(node.pct(), &inner).unwrap();
    let script = format!(
        "#!/bin/sh\npct='{}'\n{before}\n\"$pct\" \"$@\"\nstatus=$?\n{after}\nexit $status\n",
        inner.display()
    );
    fs::write(node.pct(), script).unwrap();
    fs::set_permissions(node.pct(), Permissions::from_mode(0o755)).unwrap();
}

/// Runs what must fail before the process does, and gives back its one line.
#[track_caller]
fn failure(run: Run, code: &str) -> String {
    let output = run.output();
    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(125), String::new()), "{message}");
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.starts_with(&format!("nexcage-shim: error {code}")), "no {code}: {message}");
    message
}

/// LXC's monitor of the only running container.
fn monitor(sandbox: &Sandbox) -> i32 {
    let cgroup = node(sandbox).cgroup(FIRST_VMID);
    let cgroup = format!("{}.monitor/", cgroup.parent().unwrap().display());
    let Traces { processes, .. } = sandbox.traces();
    let in_it = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|cgroups| cgroups.contains(&cgroup))
    };
    let monitors: Vec<i32> = processes.iter().map(|(pid, _)| *pid).filter(in_it).collect();
    assert_eq!(monitors.len(), 1, "{processes:?}");
    monitors[0]
}

/// Pids and command lines of the processes that are a `pct start` of this node, or a part of one.
fn starts(node: &Node) -> Vec<(i32, String)> {
    let root = node.root().to_string_lossy();
    let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let commands = entries.filter_map(|process| {
        let environment = text(&fs::read(process.join("environ")).ok()?);
        let command = text(&fs::read(process.join("cmdline")).ok()?).replace('\0', " ");
        let pid = process.file_name()?.to_str()?.parse().ok()?;
        (environment.contains(&*root) && command.contains(" start ")).then_some((pid, command))
    });
    commands.collect()
}

/// Waits until the unit of a CT, which lives by itself, is done with.
#[track_caller]
fn await_unit(node: &Node, vmid: u32) {
    let ended = node.run_dir().join(format!("ct-{vmid}.ended"));
    await_that("the unit has ended", || ended.exists());
    await_that("no pct start runs", || starts(node).is_empty());
    fs::remove_file(ended).unwrap();
}

/// Waits until something is so.
#[track_caller]
fn await_that(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "not so after 10 s: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
