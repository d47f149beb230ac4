//! System calls of a creation, run and removal fail, one after the other: the disk is full, there are
//! no more descriptors or processes.

use crate::text;
use nexcage_tests::{Config, Sandbox};
use std::fs;
use std::thread;

/// What is made to fail, and how: the first calls that a shim or one of its workers makes, in turn.
const CALLS: [(&str, &str); 12] = [
    ("mkdir", "ENOSPC"),
    ("openat", "EMFILE"),
    ("write", "ENOSPC"),
    ("fsync", "EIO"),
    ("rename", "ENOSPC"),
    ("socket", "EMFILE"),
    ("socketpair", "EMFILE"),
    ("bind", "ENOSPC"),
    ("clone,clone3,fork,vfork", "EAGAIN"),
    ("pidfd_open", "EMFILE"),
    ("sendmsg", "EPIPE"),
    ("recvmsg", "ENOMEM"),
];
/// How many runs are under way at a time.
const AT_A_TIME: usize = 3;

/// Runs a container while the `nth` of some calls fails, in the shim and in each of its workers, and
/// says whether it has been made at all.
fn fails(sandbox: &Sandbox, (calls, error): (&str, &str), nth: usize) -> bool {
    let id = format!("{}-{nth}", &calls[..calls.find(',').unwrap_or(calls.len())]);
    let trace = sandbox.path().join(&id);
    let [inject, only] = [format!("inject={calls}:error={error}:when={nth}"), format!("trace={calls}")];
    // LXC, pct and the process itself are let go as soon as they are executed.
    let words = ["strace", "-f", "-b", "execve", "-o", trace.to_str().unwrap(), "-e", &only, "-e", &inject];
    let output = sandbox.run_as(&id, &sandbox.bundle(&Config::script("exit 42"))).through(words).output();
    let injected = fs::read_to_string(&trace).unwrap();
    let injected: Vec<&str> = injected.lines().filter(|line| line.contains("(INJECTED)")).collect();
    let stderr = text(&output.stderr);
    let told = stderr.lines().filter(|line| line.starts_with("nexcage-shim: error NX-")).count();
    // Its own message may be what could not be written.
    let is_told = told == 1 || injected.iter().any(|line| line.contains("write(2,"));
    let what = format!("{id}: {injected:#?}\n{stderr}");
    match output.status.code() {
        Some(42) => {}
        // What takes the container down cannot do without descriptors and messages of its own.
        Some(125) if is_told && ["openat", "sendmsg", "recvmsg"].contains(&calls) => {}
        Some(125) if is_told => assert!(sandbox.traces().is_empty(), "{what}{}", sandbox.traces()),
        other => panic!("status {other:?} of {what}"),
    }
    let removed = sandbox.nexcage("delete").args(["--force", &id]).output();
    assert!(removed.status.success(), "{what}delete: {}", text(&removed.stderr));
    !injected.is_empty()
}

#[test]
fn a_call_that_fails_leaves_nothing_or_what_delete_removes() {
    let cases = std::sync::Mutex::new(CALLS.to_vec());
    let next = || cases.lock().unwrap().pop();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(calls) = next() {
                    let sandbox = Sandbox::new();
                    let nth = (1..).find(|nth| !fails(&sandbox, calls, *nth)).unwrap_or_default();
                    println!("{}: {}", calls.0, nth - 1);
                    sandbox.assert_nothing_left();
                }
            });
        }
    });
}
