//! Signals by ctr: what each does to a process that handles it and to one that does not.

use super::{assert_clean, force};
use crate::text;
use nexcage_tests::{Containerd, Running, Sandbox};
use std::thread;

/// Those whose default action ends a process (signal(7)), but for SIGSTOP and its kind.
const ENDING: [i32; 22] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27, 29, 31];
/// Those that are ignored by default.
const IGNORED: [i32; 4] = [17, 18, 23, 28];

fn exec(containerd: &Containerd<'_>, id: &str, command: &[&str]) -> Running {
    containerd.ctr(["tasks", "exec", "--exec-id", id, "c"]).args(command).start()
}

#[track_caller]
fn kill(containerd: &Containerd<'_>, signal: i32, exec: Option<&str>) {
    let run = containerd.ctr(["tasks", "kill", "--signal", &signal.to_string()]);
    let run = exec.into_iter().fold(run, |run, exec| run.args(["--exec-id", exec]));
    run.arg("c").assert().code(0);
}

/// A process that is not the first of its namespace ends by what it does not handle, with a status that tells
/// which signal it was.
#[test]
fn a_signal_does_its_default_action_to_an_exec() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    containerd.detach("c", "sleep 1000");
    let wait = "echo begun; exec sleep 1000";
    let mut running: Vec<(i32, Running)> = Vec::new();
    for signal in ENDING {
        let mut client = exec(&containerd, &format!("e{signal}"), &["/bin/sh", "-c", wait]);
        assert_eq!(client.line(), "begun");
        running.push((signal, client));
    }
    for (signal, client) in running {
        let id = format!("e{signal}");
        for ignored in IGNORED {
            if signal == ENDING[0] {
                kill(&containerd, ignored, Some(&id));
            }
        }
        kill(&containerd, signal, Some(&id));
        assert_eq!(client.wait().status.code(), Some(128 + signal), "signal {signal}");
    }
    force(&containerd, "c");
    assert_clean(&sandbox);
}

/// The first process of a namespace gets from outside what it handles; what it does not handle is dropped by
/// the kernel, but for SIGKILL.
#[test]
fn the_first_process_gets_what_it_handles_and_ends_by_nothing_but_sigkill_else() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let all: Vec<i32> =
        ENDING.into_iter().chain(IGNORED).filter(|signal| ![9, 17].contains(signal)).collect();
    let traps: String = all.iter().map(|signal| format!("trap 'echo {signal}' {signal}; ")).collect();
    let script = format!("{traps} echo ready; while :; do sleep 1000 & wait; done");
    let mut client = containerd.shell("c", &script).start();
    assert_eq!(client.line(), "ready");
    for signal in all {
        kill(&containerd, signal, None);
        assert_eq!(client.line(), signal.to_string());
    }
    kill(&containerd, 9, None);
    assert_eq!(client.wait().status.code(), Some(137));
    containerd.detach("c", "exec sleep 1000");
    for signal in [1, 2, 15, 6, 14] {
        kill(&containerd, signal, None);
    }
    assert_eq!(containerd.find("c").unwrap().1, "RUNNING");
    kill(&containerd, 9, None);
    containerd.await_status("c", "STOPPED");
    force(&containerd, "c");
    // Names are the client's business; one is enough.
    containerd.detach("c", "trap 'exit 5' USR1; while :; do sleep 0.1; done");
    containerd.task(["kill", "--signal", "SIGUSR1", "c"]);
    containerd.await_status("c", "STOPPED");
    let deleted = containerd.ctr(["tasks", "delete", "c"]).output();
    assert!(text(&deleted.stderr).contains("exit code 5"), "{deleted:?}");
    containerd.ctr(["containers", "rm", "c"]).assert().code(0);
    assert_clean(&sandbox);
}

#[test]
fn all_processes_get_a_signal_that_is_for_all() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let script = "trap 'exit 6' USR1; sleep 1000 & sleep 1001 & echo ready; wait; wait; wait";
    let mut client = containerd.shell("c", script).start();
    assert_eq!(client.line(), "ready");
    assert_eq!(containerd.task(["ps", "c"]).lines().count(), 4);
    containerd.task(["kill", "--all", "--signal", "USR1", "c"]);
    assert_eq!(client.wait().status.code(), Some(6));
    assert_clean(&sandbox);
}

/// Every status is the process's own.
#[test]
fn exit_statuses_are_exact() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    containerd.detach("c", "sleep 1000");
    let step = if std::env::var_os("TEST_LONG").is_some() { 1 } else { 17 };
    let statuses: Vec<i32> = (0..=255).step_by(step).collect();
    thread::scope(|scope| {
        for part in statuses.chunks(statuses.len().div_ceil(2)) {
            let containerd = &containerd;
            scope.spawn(move || {
                for status in part {
                    let script = format!("exit {status}");
                    let client = exec(containerd, &format!("e{status}"), &["/bin/sh", "-c", &script]);
                    assert_eq!(client.wait().status.code(), Some(*status));
                }
            });
        }
    });
    force(&containerd, "c");
    for status in [1, 125, 126, 127, 128, 255] {
        containerd.shell("c", &format!("exit {status}")).assert().code(status);
    }
    assert_clean(&sandbox);
}
