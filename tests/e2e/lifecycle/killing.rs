//! `kill`: by name and number, in every state, to the process or to all.

use super::{exit_status, refused, waiting};
use nexcage_tests::{Config, Sandbox};
use serde_json::json;

#[test]
fn a_signal_has_many_names() {
    let sandbox = Sandbox::new();
    let script = "trap 'echo USR1' USR1; trap 'echo TERM' TERM; trap 'echo RT' 37; echo up; \
        while :; do sleep 0.02; done";
    let mut container = sandbox.start(&sandbox.bundle(&Config::script(script)));
    assert_eq!(container.line(), "up");
    for name in ["USR1", "SIGUSR1", "sigusr1", "10"] {
        container.kill(name);
        assert_eq!(container.line(), "USR1", "{name}");
    }
    container.does("kill");
    assert_eq!(container.line(), "TERM");
    for name in ["RTMIN+3", "SIGRTMIN+3", "37"] {
        container.kill(name);
        assert_eq!(container.line(), "RT", "{name}");
    }
    for name in ["NOPE", "0", "65", "-1", "", "SIG"] {
        let output = container.verb("kill").arg("--").arg(name).output();
        assert_eq!(output.status.code(), Some(2), "{name}");
    }
    container.remove();
}

#[test]
fn what_has_stopped_is_not_running() {
    let sandbox = Sandbox::new();
    let container = sandbox.start(&sandbox.bundle(&Config::script("exit 0")));
    container.await_status("stopped");
    for signal in ["KILL", "TERM"] {
        let message = refused(container.verb("kill").arg(signal), "NX-", 1);
        assert!(message.contains("not running"), "{message}");
    }
    container.delete();
}

#[test]
fn a_created_process_can_be_killed() {
    let sandbox = Sandbox::new();
    let mut container = sandbox.create(&sandbox.bundle(&waiting()));
    container.kill("KILL");
    container.await_status("stopped");
    assert_eq!(exit_status(&sandbox, &container.id), json!(137));
    refused(container.verb("start"), "NX-WRONG-STATE", 1);
    assert_eq!(container.rest(), "", "it never ran");
    container.delete();
}

#[test]
fn all_means_all() {
    let sandbox = Sandbox::new();
    let script = "trap 'echo first' USR1; (trap 'echo second; exit' USR1; echo up; while :; do sleep 0.02; done) & \
        while :; do sleep 0.02; done";
    let mut container = sandbox.start(&sandbox.bundle(&Config::script(script)));
    assert_eq!(container.line(), "up");
    container.verb("kill").args(["--all", "USR1"]).assert().code(0).stdout("").stderr("");
    let mut lines = [container.line(), container.line()];
    lines.sort();
    assert_eq!(lines, ["first", "second"]);
    container.verb("kill").args(["-a", "KILL"]).assert().code(0);
    container.await_status("stopped");
    container.delete();
}

#[test]
fn a_status_is_never_asked_too_early() {
    // Who has killed and then asks must not hear that it still runs for long.
    let sandbox = Sandbox::new();
    let mut container = sandbox.start(&sandbox.bundle(&waiting()));
    assert_eq!(container.line(), "up");
    container.kill("KILL");
    let mut seen = vec![container.status()];
    while seen.last().is_some_and(|status| status != "stopped") {
        seen.push(container.status());
        assert!(seen.len() < 200, "{seen:?}");
    }
    assert!(seen.iter().all(|status| status == "running" || status == "stopped"), "{seen:?}");
    assert_eq!(container.status(), "stopped");
    container.delete();
}
