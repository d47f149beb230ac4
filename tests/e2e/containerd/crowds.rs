//! Many containers: at once and one after another.

use super::{assert_clean, force};
use nexcage_tests::{Containerd, Sandbox};
use std::thread;

/// How many run at once, and how many one after another.
const AT_ONCE: usize = 50;
const IN_A_ROW: usize = 40;
const LONG: usize = 500;

#[test]
fn fifty_run_at_once() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let ids: Vec<String> = (0..AT_ONCE).map(|number| format!("c{number}")).collect();
    let for_each = |work: &(dyn Fn(&str) + Sync)| {
        thread::scope(|scope| {
            for part in ids.chunks(ids.len().div_ceil(8)) {
                scope.spawn(move || part.iter().for_each(|id| work(id)));
            }
        });
    };
    for_each(&|id| containerd.detach(id, "trap 'exit 9' TERM; while :; do sleep 0.2; done"));
    let list = containerd.task(["ls"]);
    assert_eq!(list.lines().filter(|line| line.contains("RUNNING")).count(), AT_ONCE, "{list}");
    for_each(&|id| drop(containerd.task(["kill", id])));
    for id in &ids {
        containerd.await_status(id, "STOPPED");
    }
    for_each(&|id| force(&containerd, id));
    assert_clean(&sandbox);
}

#[test]
fn one_after_another_leaves_nothing() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let count = if std::env::var_os("TEST_LONG").is_some() { LONG } else { IN_A_ROW };
    for number in 0..count {
        let said = format!("{number}\n");
        let script = format!("echo {number}; exit {}", number % 3);
        let status = i32::try_from(number % 3).unwrap();
        containerd.shell("c", &script).assert().code(status).stdout(said);
    }
    assert_eq!(containerd.task(["ls"]).lines().count(), 1);
    assert_clean(&sandbox);
}
