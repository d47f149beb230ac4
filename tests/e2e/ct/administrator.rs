//! An administrator with pct at hand, while a container runs.

use super::{node, pct, sandbox, start};
use crate::text;
use nexcage_tests::{Config, FIRST_VMID};
use std::process::Output;

#[track_caller]
fn answer(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

#[test]
fn pct_shows_the_container_as_a_ct() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let mut running = start(sandbox.run(&sandbox.bundle(&Config::script("echo up; read line; exit 8"))));
    let list = answer(&pct(node, &["list"]));
    let row: Vec<&str> = list.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((list.lines().count(), &row[..]), (2, &["5000", "running", "box"][..]), "{list}");
    assert_eq!(answer(&pct(node, &["status", "5000"])), "status: running\n");
    let shown = answer(&pct(node, &["config", "5000"]));
    let include = sandbox.root().join(sandbox.namespace()).join(&running.id).join("lxc.conf");
    for line in ["hostname: box".to_owned(), format!("lxc.include: {}", include.display())] {
        assert!(shown.lines().any(|shown| shown == line), "no {line:?} in:\n{shown}");
    }
    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(8));
    assert_eq!(answer(&pct(node, &["list"])), "");
}

#[test]
fn pct_stop_kills() {
    let sandbox = sandbox();
    let running = start(sandbox.run(&sandbox.bundle(&Config::script("echo up; sleep 1000"))));
    answer(&pct(node(&sandbox), &["stop", "5000"]));
    let output = running.wait();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(137), String::new()));
    assert_eq!(answer(&pct(node(&sandbox), &["list"])), "");
}

#[test]
fn pct_shutdown_asks_the_process_to_end() {
    let sandbox = sandbox();
    let script = "trap 'echo asked; exit 7' TERM; echo up; while :; do sleep 100 & wait; done";
    let running = start(sandbox.run(&sandbox.bundle(&Config::script(script))));
    answer(&pct(node(&sandbox), &["shutdown", "5000"]));
    let output = running.wait();
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(7), "asked\n".to_owned()));
    assert_eq!(answer(&pct(node(&sandbox), &["list"])), "");
}

#[test]
fn a_container_s_life_takes_one_pct() {
    let sandbox = sandbox();
    sandbox.run(&sandbox.bundle(&Config::script("exit 3"))).assert().code(3).stderr("");
    assert_eq!(node(&sandbox).calls().unwrap(), [format!("start\t{FIRST_VMID}")]);
}
