//! containerd runs its containers by nexcage, as ctr asks it to.

mod calls;
mod crowds;
mod events;
mod options;
mod restarts;
mod shim;
mod signals;

use crate::text;
use nexcage_tests::{Containerd, Sandbox, await_that, noise};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::thread;

/// The cgroups that a namespace of containerd has.
fn cgroups(sandbox: &Sandbox) -> Vec<PathBuf> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").unwrap().flatten().map(|entry| entry.path());
    let all = hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]);
    all.map(|hierarchy| hierarchy.join(sandbox.namespace())).filter(|path| path.exists()).collect()
}

/// Nothing of any container is left, while containerd still runs.
#[track_caller]
fn assert_clean(sandbox: &Sandbox) {
    await_that("shims have ended", || {
        sandbox.traces().processes.iter().all(|(_, command)| !command.contains("-shim-"))
    });
    assert!(!sandbox.root().exists(), "state is left: {}", sandbox.traces());
    let mounts = sandbox.traces().mounts;
    assert!(mounts.is_empty(), "mounts are left: {mounts:?}");
    let cgroups = cgroups(sandbox);
    assert!(cgroups.is_empty(), "cgroups are left: {cgroups:?}");
}

/// Ends and removes a container.
#[track_caller]
fn force(containerd: &Containerd<'_>, id: &str) {
    containerd.ctr(["tasks", "delete", "--force", id]).assert().code(0);
    containerd.ctr(["containers", "delete", id]).assert().code(0);
}

#[test]
fn a_container_runs_and_its_output_and_status_come_back() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    containerd.shell("c0", "echo out; echo err >&2").assert().code(0).stdout("out\n").stderr("err\n");
    containerd.shell("c1", "exit 7").assert().code(7);
    containerd.shell("c2", "trap 'exit 3' TERM; kill -TERM $$").assert().code(3);
    let options =
        ["--rm", "--env", "A=b", "--cwd", "/tmp", "--read-only", "--memory-limit", "67108864", "--seccomp"];
    let run =
        containerd.run("c3", &options, &["/bin/sh", "-c", "echo $A $PWD; echo x > /file || echo read-only"]);
    let output = run.output();
    assert_eq!(text(&output.stdout), "b /tmp\nread-only\n", "{output:?}");
    let failed = containerd.run("c4", &["--rm"], &["/bin/nothing"]).output();
    assert!(!failed.status.success() && text(&failed.stderr).contains("NX-NO-PROGRAM"), "{failed:?}");
    assert_clean(&sandbox);
}

#[test]
fn what_is_piped_through_comes_out_whole() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let mut running = containerd.shell("c", "echo ready; cat").start();
    assert_eq!(running.line(), "ready");
    let (sent, mut came) = (noise(), Vec::new());
    let (mut stdin, bytes) = (running.stdin.take().unwrap(), sent.clone());
    let writer = thread::spawn(move || stdin.write_all(&bytes).unwrap());
    running.stdout.as_mut().unwrap().read_to_end(&mut came).unwrap();
    writer.join().unwrap();
    assert!(came == sent, "{} bytes of {}", came.len(), sent.len());
    assert!(running.wait().status.success());
    assert_clean(&sandbox);
}

#[test]
fn a_detached_container_is_watched_entered_frozen_and_killed() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    containerd.detach("c", "sleep 1000");
    let (pid, status) = containerd.find("c").unwrap();
    assert_eq!(status, "RUNNING");
    assert!(containerd.task(["ps", "c"]).contains(&pid.to_string()));
    let exec = |id: &str, text: &str| {
        containerd.ctr(["tasks", "exec", "--exec-id", id, "c", "/bin/sh", "-c", text]).assert()
    };
    exec("e0", "echo inside; exit 3").code(3).stdout("inside\n");
    exec("e0", "echo again").code(0).stdout("again\n");
    assert!(containerd.task(["metrics", "c"]).contains("memory.usage"));
    containerd.task(["pause", "c"]);
    containerd.await_status("c", "PAUSED");
    containerd.task(["resume", "c"]);
    containerd.await_status("c", "RUNNING");
    containerd.ctr(["tasks", "checkpoint", "c"]).assert().failure();
    containerd.task(["kill", "--signal", "SIGKILL", "c"]);
    containerd.await_status("c", "STOPPED");
    containerd.ctr(["tasks", "kill", "c"]).assert().failure();
    let deleted = containerd.ctr(["tasks", "delete", "c"]).output();
    assert!(text(&deleted.stderr).contains("non-zero exit code 137"), "{deleted:?}");
    containerd.ctr(["containers", "delete", "c"]).assert().code(0);
    assert_clean(&sandbox);
}

#[test]
fn a_running_container_is_removed_by_force() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    containerd.detach("c", "trap '' TERM; while :; do sleep 1; done");
    containerd.ctr(["tasks", "delete", "--force", "c"]).assert().code(0);
    containerd.ctr(["containers", "delete", "c"]).assert().code(0);
    assert_clean(&sandbox);
}

#[test]
fn a_terminal_is_one() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let script = "tty; until [ \"$(stty size)\" = '31 97' ]; do sleep 0.1; done; read x; echo got $x; exit 4";
    let mut at = containerd.run("c", &["--rm", "--tty"], &["/bin/sh", "-c", script]).at_terminal(31, 97);
    at.until("/dev/pts/0\r\n");
    at.type_in("word\r");
    at.until("got word\r\n");
    let (status, shown, _) = at.wait();
    assert_eq!((status, text(&shown).as_str()), (Some(4), ""));
    assert_clean(&sandbox);
}

#[test]
fn the_container_of_a_killed_shim_is_removed() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    containerd.detach("c", "sleep 1000");
    let (pid, _) = containerd.find("c").unwrap();
    let events = containerd.events();
    kill_process(Pid::from_raw(containerd.shim("c")).unwrap(), Signal::KILL).unwrap();
    await_that("the task is gone", || containerd.find("c").is_none());
    await_that("its process has ended", || !PathBuf::from(format!("/proc/{pid}")).exists());
    await_that("the end is told", || {
        events.of_tasks().iter().any(|(topic, event)| topic == "/tasks/exit" && event["exit_status"] == 137)
    });
    containerd.ctr(["containers", "delete", "c"]).assert().code(0);
    assert_clean(&sandbox);
}

#[test]
fn tasks_outlive_a_restart_of_containerd() {
    let sandbox = Sandbox::new();
    let mut containerd = Containerd::start(&sandbox);
    containerd.detach("lives", "while :; do echo more; done");
    containerd.detach("ends", "sleep 1; exit 5");
    let before = containerd.find("lives").unwrap();
    containerd.restart(|| thread::sleep(std::time::Duration::from_millis(1500)));
    assert_eq!(containerd.find("lives").unwrap(), before);
    containerd.await_status("ends", "STOPPED");
    let deleted = containerd.ctr(["tasks", "delete", "ends"]).output();
    assert!(text(&deleted.stderr).contains("non-zero exit code 5"), "{deleted:?}");
    containerd
        .ctr(["tasks", "exec", "--exec-id", "e", "lives", "/bin/echo", "hello"])
        .assert()
        .stdout("hello\n");
    containerd.ctr(["tasks", "delete", "--force", "lives"]).assert().code(0);
    containerd.ctr(["containers", "delete", "lives", "ends"]).assert().code(0);
    assert_clean(&sandbox);
}
