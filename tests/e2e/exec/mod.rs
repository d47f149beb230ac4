//! `nexcage exec`: further processes in a container, confined as its own.

mod api;
mod confinement;
mod stdio;

use crate::lifecycle::{await_that, refused, waiting};
use crate::text;
use nexcage_tests::{Bundle, Config, Container, Sandbox};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A container whose process waits.
fn started<'s>(sandbox: &'s Sandbox, config: &Config) -> Container<'s> {
    started_of(sandbox, &sandbox.bundle(config))
}

fn started_of<'s>(sandbox: &'s Sandbox, bundle: &Bundle) -> Container<'s> {
    let mut container = sandbox.start(bundle);
    assert_eq!(container.line(), "up");
    container
}

/// A file for `--process`: the bundle's process with changes.
fn process_file(sandbox: &Sandbox, bundle: &Bundle, changes: &Value) -> PathBuf {
    let config: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
    let mut process = config["process"].clone();
    for (key, value) in changes.as_object().unwrap() {
        process[key] = value.clone();
    }
    let file = sandbox.path().join("process.json");
    fs::write(&file, process.to_string()).unwrap();
    file
}

#[test]
fn the_exit_status_is_the_process_s() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    for status in [0, 1, 7, 125, 255] {
        container.shell(&format!("exit {status}")).assert().code(status).stdout("").stderr("");
    }
    for (signal, status) in [("KILL", 137), ("TERM", 143), ("SEGV", 139)] {
        container.shell(&format!("kill -{signal} $$; sleep 1000")).assert().code(status).stderr("");
    }
    let message = refused(container.exec(["/bin/nothing"]), "NX-", 127);
    assert!(message.contains("/bin/nothing"), "{message}");
    let message = refused(container.exec(["nothing-in-path"]), "NX-", 127);
    assert!(message.contains("nothing-in-path"), "{message}");
    let message = refused(container.exec(["/etc/passwd"]), "NX-", 126);
    assert!(message.contains("/etc/passwd"), "{message}");
    refused(container.exec(["/bin"]), "NX-", 126);
    refused(sandbox.nexcage("exec").args(["--cwd", "/nowhere", &container.id, "true"]), "NX-", 125);
    assert_eq!(container.status(), "running", "the container does not care");
    container.remove();
}

#[test]
fn a_command_is_looked_up_in_the_container_s_path() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    container.exec(["echo", "found", "-n", "--", "a b"]).assert().code(0).stdout("found -n -- a b\n");
    container.remove();
}

#[test]
fn signals_to_the_client_are_the_process_s() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    for (signal, name) in
        [(Signal::TERM, "TERM"), (Signal::INT, "INT"), (Signal::USR1, "USR1"), (Signal::HUP, "HUP")]
    {
        let script = format!("trap 'echo got {name}; exit 9' {name}; echo up; while :; do sleep 0.02; done");
        let mut executed = container.shell(&script).start();
        assert_eq!(executed.line(), "up");
        executed.signal(signal);
        let output = executed.wait();
        let said = text(&output.stdout);
        assert_eq!(
            (output.status.code(), said),
            (Some(9), format!("got {name}\n")),
            "{}",
            text(&output.stderr)
        );
    }
    let mut executed = container.shell("echo up; exec sleep 1000").start();
    assert_eq!(executed.line(), "up");
    executed.signal(Signal::TERM);
    assert_eq!(executed.wait().status.code(), Some(143), "it is no PID 1");
    container.remove();
}

#[test]
fn signals_of_kill_are_the_container_s_own_process_s() {
    let sandbox = Sandbox::new();
    let script = "trap 'echo first' USR1; echo up; while :; do sleep 0.02; done";
    let mut container = started(&sandbox, &Config::script(script));
    let script = "trap 'echo second; exit 5' USR1; echo up; while :; do sleep 0.02; done";
    let mut executed = container.shell(script).start();
    assert_eq!(executed.line(), "up");
    container.kill("USR1");
    assert_eq!(container.line(), "first");
    assert!(executed.is_running());
    container.verb("kill").args(["--all", "USR1"]).assert().code(0);
    assert_eq!(container.line(), "first");
    let output = executed.wait();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(5), "second\n"));
    container.remove();
}

#[test]
fn its_orphans_are_left_to_the_container_s_own_process() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let output = container.shell("sleep 1000 < /dev/null > /dev/null 2>&1 & echo $!").output();
    assert_eq!(output.status.code(), Some(0));
    let pid = text(&output.stdout);
    let parent = format!("grep PPid /proc/{}/status", pid.trim());
    container.shell(&parent).assert().code(0).stdout("PPid:\t1\n");
    container.remove();
}

#[test]
fn it_needs_a_container_that_has_not_stopped() {
    let sandbox = Sandbox::new();
    let container = sandbox.start(&sandbox.bundle(&Config::script("exit 0")));
    container.await_status("stopped");
    let message = refused(container.exec(["true"]), "NX-WRONG-STATE", 125);
    assert!(message.contains("stopped"), "{message}");
    container.delete();
}

#[test]
fn a_created_container_takes_it_too() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.create(&sandbox.bundle(&waiting()));
    container.shell("echo in; exit 3").assert().code(3).stdout("in\n").stderr("");
    assert_eq!(container.status(), "created");
    container.start();
    assert_eq!(container.line(), "up");
    container.remove();
}

#[test]
fn a_paused_container_takes_it_when_it_goes_on() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    container.does("pause");
    let message = refused(container.exec(["true"]), "NX-WRONG-STATE", 125);
    assert!(message.contains("paused"), "{message}");
    container.does("resume");
    container.shell("exit 4").assert().code(4);
    container.remove();
}

#[test]
fn fifty_at_once_are_fifty() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let all: Vec<_> =
        (0..50).map(|n| container.shell(&format!("read line; echo {n} $line; exit {n}")).start()).collect();
    for (n, mut executed) in (0..).zip(all) {
        executed.write(b"go\n");
        let output = executed.wait();
        let said = (output.status.code(), text(&output.stdout));
        assert_eq!(said, (Some(n), format!("{n} go\n")), "{}", text(&output.stderr));
    }
    container.remove();
}

#[test]
fn detached_it_returns_with_a_pid_file() {
    let sandbox = Sandbox::new();
    let container = started(&sandbox, &waiting());
    let file = sandbox.path().join("exec.pid");
    let run = sandbox.nexcage("exec").args(["--detach", "--pid-file"]).arg(&file);
    let (status, mut pipes) =
        run.args([&container.id, "/bin/sh", "-c", "echo in; read line; echo $line"]).hold();
    assert_eq!(status.code(), Some(0));
    let pid: u32 = fs::read_to_string(&file).unwrap().parse().unwrap();
    let pids: Vec<u32> =
        serde_json::from_slice(&sandbox.nexcage("ps").args(["-f", "json", &container.id]).output().stdout)
            .unwrap();
    assert!(pids.contains(&pid), "{pid} {pids:?}");
    std::io::Write::write_all(&mut pipes.stdin.take().unwrap(), b"out\n").unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(pipes.stdout.as_mut().unwrap(), &mut said).unwrap();
    assert_eq!(said, "in\nout\n");
    await_that("it is reaped", || !fs::exists(format!("/proc/{pid}")).unwrap());
    container.remove();
}

#[test]
fn wrong_processes_are_refused() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&waiting());
    let container = started_of(&sandbox, &bundle);
    let exec = |changes: &Value| {
        let file = process_file(&sandbox, &bundle, changes);
        sandbox.nexcage("exec").arg("--process").arg(file).arg(&container.id)
    };
    for changes in
        [json!({"cwd": "relative"}), json!({"args": []}), json!({"args": 7}), json!({"user": "root"})]
    {
        let output = exec(&changes).output();
        assert_eq!(output.status.code(), Some(125), "{changes}: {}", text(&output.stderr));
    }
    exec(&json!({"args": ["/bin/echo", "fine"]})).assert().code(0).stdout("fine\n").stderr("");
    let output = sandbox.nexcage("exec").args(["--process", "/nowhere", &container.id]).output();
    assert_eq!(output.status.code(), Some(125));
    container.remove();
}
