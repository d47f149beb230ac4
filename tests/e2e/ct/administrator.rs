//! An administrator with pct at hand, while a container runs.

use super::{node, pct, sandbox, start};
use crate::text;
use nexcage_tests::{Config, FIRST_VMID};
use std::fs;
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
    let include = sandbox.root().join(sandbox.namespace()).join(&running.id).join("5000.conf");
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

#[test]
fn pct_start_without_a_shim_runs_nothing() {
    let sandbox = sandbox();
    let bundle = sandbox.bundle(&Config::script("echo x >> /ran"));
    let container = sandbox.start(&bundle);
    container.await_status("stopped");
    super::await_that("the CT is stopped", || {
        answer(&pct(node(&sandbox), &["status", "5000"])) == "status: stopped\n"
    });
    // It ends at once, with which pct may be content or not.
    drop(pct(node(&sandbox), &["start", "5000"]));
    super::await_that("the CT is stopped", || {
        answer(&pct(node(&sandbox), &["status", "5000"])) == "status: stopped\n"
    });
    assert_eq!(fs::read_to_string(bundle.rootfs().join("ran")).unwrap(), "x\n", "once");
    assert_eq!(container.status(), "stopped");
    container.delete();
    assert_eq!(answer(&pct(node(&sandbox), &["list"])), "");
}

#[test]
fn pct_destroy_takes_a_stopped_or_running_ct_and_the_container_can_be_deleted() {
    let sandbox = sandbox();
    let container = sandbox.start(&sandbox.bundle(&Config::script("exit 4")));
    container.await_status("stopped");
    super::await_that("it is destroyed", || pct(node(&sandbox), &["destroy", "5000"]).status.success());
    assert_eq!(container.status(), "stopped");
    container.delete();
    let container = sandbox.start(&sandbox.bundle(&Config::script("exec sleep 1000")));
    let refused = pct(node(&sandbox), &["destroy", "5000"]);
    assert!(text(&refused.stderr).contains("container is running"), "{refused:?}");
    answer(&pct(node(&sandbox), &["destroy", "5000", "--force", "1"]));
    container.await_status("stopped");
    assert_eq!(crate::lifecycle::exit_status(&sandbox, &container.id), 137);
    container.delete();
    sandbox.assert_nothing_left();
}

#[test]
fn without_a_quorum_nothing_is_made_and_what_there_is_can_be_removed_later() {
    let sandbox = sandbox();
    let directory = node(&sandbox).conf_dir().to_owned();
    let container = sandbox.start(&sandbox.bundle(&Config::script("exec sleep 1000")));
    let mount = |words: &[&str]| sandbox.command("mount").args(words).arg(&directory).assert().code(0);
    mount(&["--bind", directory.to_str().unwrap()]);
    mount(&["-o", "remount,bind,ro"]);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let message = super::failure(sandbox.run(&sandbox.bundle(&Config::script("exit 0"))), "NX-NO-QUORUM");
        assert!(message.contains("pvecm status"), "{message}");
        container.kill("KILL");
        container.await_status("stopped");
        crate::lifecycle::refused(container.verb("delete"), "NX-NO-QUORUM", 1);
        assert_eq!(container.status(), "stopped");
    }));
    sandbox.command("umount").arg(&directory).assert().code(0);
    outcome.unwrap();
    container.delete();
    sandbox.assert_nothing_left();
}
