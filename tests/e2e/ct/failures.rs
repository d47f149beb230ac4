//! `pct start` that does not come to a good end.

use super::foreign::Foreign;
use super::{await_that, await_unit, conf, failure, node, sandbox, starts};
use crate::text;
use nexcage_tests::{Config, FIRST_VMID, Sandbox};
use pct_stand_in::Fault;
use rustix::process::{Pid, Signal, kill_process};

fn with_fault(fault: &Fault) -> (Sandbox, Foreign) {
    let sandbox = sandbox();
    node(&sandbox).set_fault(Some(fault)).unwrap();
    let foreign = Foreign::make(node(&sandbox), FIRST_VMID);
    (sandbox, foreign)
}

#[test]
fn it_hangs() {
    let (sandbox, foreign) = with_fault(&Fault::Hang { milliseconds: 60_000 });
    let run = sandbox.run(&sandbox.bundle(&Config::script("exit 0"))).args(["--timeout", "1"]);
    let message = failure(run, "NX-TIMEOUT");
    assert!(message.contains("1 s"), "{message}");
    assert_eq!(starts(node(&sandbox)), []);
    foreign.remove();
}

#[test]
fn it_hangs_and_the_shim_is_told_to_end() {
    let (sandbox, foreign) = with_fault(&Fault::Hang { milliseconds: 60_000 });
    let running = sandbox.run(&sandbox.bundle(&Config::script("exit 0"))).start();
    await_that("pct start runs", || node(&sandbox).calls().unwrap().len() == 1);
    running.signal(Signal::TERM);
    assert_eq!(running.wait().status.code(), Some(143));
    assert_eq!(starts(node(&sandbox)), []);
    foreign.remove();
}

#[test]
fn it_takes_its_time() {
    let (sandbox, foreign) = with_fault(&Fault::Hang { milliseconds: 300 });
    sandbox.run(&sandbox.bundle(&Config::script("exit 42"))).assert().code(42).stderr("");
    foreign.remove();
}

#[test]
fn it_is_killed_and_its_worker_goes_on() {
    let (sandbox, foreign) = with_fault(&Fault::Killed);
    // An LXC that finds no configuration reports nothing.
    node(&sandbox).set("monitor_timeout_ms", "300").unwrap();
    let bundle = sandbox.bundle(&Config::script("touch /ran; exit 0"));
    for _ in 0..5 {
        failure(sandbox.run(&bundle), "NX-PCT-START");
        await_unit(node(&sandbox), FIRST_VMID + 1);
        assert!(!bundle.rootfs().join("ran").exists(), "the process ran");
        foreign.assert_untouched();
    }
    foreign.remove();
    sandbox.assert_nothing_left();
}

#[test]
fn it_is_killed_before_its_worker_has_rendered_anything() {
    let (sandbox, foreign) = with_fault(&Fault::Hang { milliseconds: 700 });
    node(&sandbox).set("monitor_timeout_ms", "300").unwrap();
    let bundle = sandbox.bundle(&Config::script("touch /ran; exit 0"));
    let running = sandbox.run(&bundle).start();
    let mut caller = None;
    await_that("pct has a worker", || {
        let starts = starts(node(&sandbox));
        let is_worker = |command: &str| command.contains("@worker");
        caller = starts.iter().find(|(_, command)| !is_worker(command)).map(|(pid, _)| *pid);
        starts.iter().any(|(_, command)| is_worker(command))
    });
    kill_process(Pid::from_raw(caller.unwrap()).unwrap(), Signal::KILL).unwrap();
    let output = running.wait();
    assert_eq!(output.status.code(), Some(125), "{}", text(&output.stderr));
    await_that("no pct start runs", || starts(node(&sandbox)).is_empty());
    assert!(!bundle.rootfs().join("ran").exists(), "the process ran");
    foreign.remove();
    sandbox.assert_nothing_left();
}

#[test]
fn the_next_one_takes_the_id_at_once() {
    let sandbox = sandbox();
    let good = sandbox.bundle(&Config::script("exit 42"));
    let bad = sandbox.bundle(&Config::new(["/nonexistent"]));
    node(&sandbox).set_fault(Some(&Fault::Killed)).unwrap();
    for round in 0..6 {
        if round == 3 {
            node(&sandbox).set_fault(None).unwrap();
        }
        let output = sandbox.run(&bad).output();
        assert!(matches!(output.status.code(), Some(125 | 127)), "{}", text(&output.stderr));
        // Proxmox's unit must be gone by then: systemd would not start it.
        let fault = (round < 3).then_some(&Fault::Killed);
        node(&sandbox).set_fault(None).unwrap();
        sandbox.run(&good).assert().code(42).stderr("");
        node(&sandbox).set_fault(fault).unwrap();
    }
    let calls = node(&sandbox).calls().unwrap();
    assert!(calls.len() == 12 && calls.iter().all(|call| call == "start\t5000"), "{calls:?}");
}

#[test]
fn the_conf_vanishes_meanwhile() {
    let (sandbox, foreign) = with_fault(&Fault::ConfLost);
    failure(sandbox.run(&sandbox.bundle(&Config::script("exit 0"))), "NX-PCT-START");
    assert!(!conf(node(&sandbox), FIRST_VMID + 1).exists());
    foreign.remove();
}
