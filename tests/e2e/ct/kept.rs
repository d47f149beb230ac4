//! CTs that somebody keeps from being removed: an administrator by `protection`, a task by `lock`.

use super::administrator::answer;
use super::{conf, node, pct, sandbox, start};
use crate::lifecycle::{exit_status, refused};
use crate::text;
use nexcage_tests::{Config, Container, FIRST_VMID, Sandbox};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::thread;
use std::time::Duration;

fn set(sandbox: &Sandbox, words: &[&str]) {
    answer(&pct(node(sandbox), &[&["set", "5000"], words].concat()));
}

/// Deleting is refused, in a word that tells what to do; by force too, and then nothing is killed.
#[track_caller]
fn cannot_be_deleted(container: &Container<'_>, options: &[&str], code: &str, remedy: &str) {
    let status = container.status();
    let message = refused(container.verb("delete").args(options), code, 1);
    assert!(message.contains(remedy), "no {remedy:?} in {message}");
    assert_eq!(container.status(), status);
    if status == "running" {
        container.exec(["true"]).assert().code(0);
    }
}

#[test]
fn a_protected_ct_is_deleted_when_its_protection_is_lifted() {
    let sandbox = sandbox();
    let container = sandbox.start(&sandbox.bundle(&Config::script("exec sleep 1000")));
    set(&sandbox, &["--protection", "1"]);
    let lift = "pct set 5000 --protection 0";
    cannot_be_deleted(&container, &["--force"], "NX-CT-PROTECTED", lift);
    container.kill("KILL");
    container.await_status("stopped");
    cannot_be_deleted(&container, &[], "NX-CT-PROTECTED", lift);
    cannot_be_deleted(&container, &["--force"], "NX-CT-PROTECTED", lift);
    // What was refused is not done later, by a successor.
    set(&sandbox, &["--protection", "0"]);
    super::kill_shim(&sandbox, &container.id);
    refused(container.verb("start"), "NX-WRONG-STATE", 1);
    assert_eq!(container.status(), "stopped");
    assert_eq!(exit_status(&sandbox, &container.id), 137);
    container.delete();
    sandbox.assert_nothing_left();
}

#[test]
fn a_locked_ct_is_deleted_when_its_task_is_done() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let container = sandbox.start(&sandbox.bundle(&Config::script("exec sleep 1000")));
    answer_of_mount(&text(&pct(node, &["mount", "5000"]).stdout));
    cannot_be_deleted(&container, &["--force"], "NX-CT-LOCKED", "pct unmount 5000");
    answer(&pct(node, &["unmount", "5000"]));
    set(&sandbox, &["--lock", "backup"]);
    cannot_be_deleted(&container, &["--force"], "NX-CT-LOCKED", "pct unlock 5000");
    container.kill("KILL");
    container.await_status("stopped");
    cannot_be_deleted(&container, &[], "NX-CT-LOCKED", "(backup)");
    answer(&pct(node, &["unlock", "5000"]));
    container.delete();
    sandbox.assert_nothing_left();
}

fn answer_of_mount(said: &str) {
    assert!(said.starts_with("mounted CT 5000 in '"), "{said}");
}

#[test]
fn a_container_in_the_foreground_has_its_own_status_and_stays_if_it_is_kept() {
    let sandbox = sandbox();
    let mut running = start(sandbox.run(&sandbox.bundle(&Config::script("echo up; read line; exit 8"))));
    set(&sandbox, &["--protection", "1"]);
    running.write(b"go\n");
    let id = running.id.clone();
    let output = running.wait();
    assert_eq!(output.status.code(), Some(8));
    assert!(text(&output.stderr).contains("its protection mode is enabled"), "{output:?}");
    assert_eq!(exit_status(&sandbox, &id), 8);
    set(&sandbox, &["--protection", "0"]);
    sandbox.nexcage("delete").arg(&id).assert().code(0);
    sandbox.assert_nothing_left();
}

#[test]
fn what_is_lost_and_kept_is_left_alone_until_it_is_not() {
    let sandbox = sandbox();
    let container = sandbox.start(&sandbox.bundle(&Config::script("exit 0")));
    container.await_status("stopped");
    set(&sandbox, &["--protection", "1"]);
    super::lost::forget(&sandbox, &container.id);
    std::mem::forget(container);
    let output = sandbox.nexcage("gc").arg("--remove").output();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stderr).contains("its protection mode is enabled"), "{output:?}");
    assert!(conf(node(&sandbox), FIRST_VMID).exists());
    set(&sandbox, &["--protection", "0"]);
    sandbox.nexcage("gc").arg("--remove").assert().code(0);
    sandbox.assert_nothing_left();
}

#[test]
fn a_ct_that_is_locked_as_it_is_started_is_not_left_behind() {
    let sandbox = sandbox();
    super::wrap(node(&sandbox), "[ \"$1\" != start ] || \"$pct\" set 5000 --lock backup", "");
    let message = super::failure(sandbox.run(&sandbox.bundle(&Config::script("exit 0"))), "NX-CT-LOCKED");
    assert!(message.contains("CT is locked (backup)") && message.contains("pct unlock"), "{message}");
    assert!(!conf(node(&sandbox), FIRST_VMID).exists());
    sandbox.assert_nothing_left();
}

#[test]
fn a_deletion_waits_for_whoever_changes_the_configuration() {
    let sandbox = sandbox();
    let container = sandbox.start(&sandbox.bundle(&Config::script("exit 0")));
    container.await_status("stopped");
    let locks = node(&sandbox).run_dir().join("lock/lxc");
    fs::create_dir_all(&locks).unwrap();
    let lock = File::create(locks.join("pve-config-5000.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    thread::scope(|scope| {
        let deletion = scope.spawn(|| container.verb("delete").output());
        thread::sleep(Duration::from_millis(500));
        assert!(!deletion.is_finished());
        assert!(conf(node(&sandbox), FIRST_VMID).exists());
        drop(lock);
        let output = deletion.join().unwrap();
        assert!(output.status.success(), "{output:?}");
    });
    assert!(!conf(node(&sandbox), FIRST_VMID).exists());
    sandbox.assert_nothing_left();
}
