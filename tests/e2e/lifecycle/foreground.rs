//! `run`: in the foreground and detached.

use super::{exit_status, waiting};
use crate::text;
use nexcage_tests::{Config, Sandbox};
use rustix::process::Signal;
use serde_json::json;

#[test]
fn in_the_foreground_it_is_the_process_and_nothing_is_left() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("cat; echo err >&2; exit 9"));
    sandbox.making("run", &bundle).stdin("in").assert().code(9).stdout("in").stderr("err\n");
    sandbox.assert_nothing_left();
    let bundle = sandbox.bundle(
        &Config::script("kill -KILL $$; sleep 1000")
            .without_namespace(oci_spec::runtime::LinuxNamespaceType::Pid),
    );
    sandbox.making("run", &bundle).assert().code(137);
    let bundle = sandbox.bundle(&Config::new(["/bin/nothing"]));
    sandbox.making("run", &bundle).assert().code(127);
    sandbox.assert_nothing_left();
}

#[test]
fn in_the_foreground_other_commands_reach_it_all_the_same() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::script("trap 'exit 6' TERM; echo up; while :; do sleep 0.02; done"));
    let mut running = sandbox.making_as("c", "run", &bundle).start();
    assert_eq!(running.line(), "up");
    sandbox.nexcage("exec").args(["c", "/bin/sh", "-c", "exit 4"]).assert().code(4);
    sandbox.nexcage("pause").arg("c").assert().code(0);
    sandbox.nexcage("resume").arg("c").assert().code(0);
    sandbox.nexcage("kill").arg("c").assert().code(0);
    assert_eq!(running.wait().status.code(), Some(6));
    sandbox.assert_nothing_left();
    // A deletion by force ends it too.
    let mut running = sandbox.making_as("c", "run", &bundle).start();
    assert_eq!(running.line(), "up");
    sandbox.nexcage("delete").args(["--force", "c"]).assert().code(0);
    assert_eq!(running.wait().status.code(), Some(137));
    sandbox.assert_nothing_left();
}

#[test]
fn in_the_foreground_signals_are_the_process_s() {
    let sandbox = Sandbox::new();
    let bundle = sandbox
        .bundle(&Config::script("trap 'echo got; exit 5' USR2; echo up; while :; do sleep 0.02; done"));
    let mut running = sandbox.making("run", &bundle).start();
    assert_eq!(running.line(), "up");
    running.signal(Signal::USR2);
    let output = running.wait();
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(5), "got\n"));
}

#[test]
fn detached_it_returns_and_the_container_stays_until_it_is_deleted() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.hold(sandbox.making("run", &sandbox.bundle(&waiting())).arg("--detach"));
    assert_eq!(container.status(), "running");
    assert_eq!(container.line(), "up");
    container.write(b"go\n");
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(7));
    container.delete();
}

#[test]
fn detached_a_program_that_is_not_there_leaves_nothing() {
    let sandbox = Sandbox::new();
    let bundle = sandbox.bundle(&Config::new(["/bin/nothing"]));
    let output = sandbox.making("run", &bundle).arg("-d").output();
    assert_eq!(output.status.code(), Some(127), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("/bin/nothing"), "{}", text(&output.stderr));
    sandbox.assert_nothing_left();
}
