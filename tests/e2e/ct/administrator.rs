//! An administrator with pct at hand, while a container runs.

use super::{node, pct, sandbox, start};
use crate::text;
use nexcage_tests::{Config, FIRST_VMID, Traces};
use std::fs;
use std::process::Output;

#[track_caller]
pub(super) fn answer(output: &Output) -> String {
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
fn pct_reboot_ends_the_process_once_and_for_all() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let script = "trap 'exit 7' TERM; echo x >> /ran; while :; do sleep 100 & wait; done";
    let bundle = sandbox.bundle(&Config::script(script));
    let ran = bundle.rootfs().join("ran");
    let container = sandbox.start(&bundle);
    super::await_that("it runs", || ran.exists());
    // The trap is set before the line is written.
    answer(&pct(node, &["reboot", "5000"]));
    container.await_status("stopped");
    assert_eq!(crate::lifecycle::exit_status(&sandbox, &container.id), 7);
    super::await_that("Proxmox's second start has ended", || {
        fs::read_to_string(node.run_dir().join("ct-5000.ended")).is_ok_and(|text| text.starts_with("reboot "))
    });
    assert_eq!(fs::read_to_string(ran).unwrap(), "x\n", "the process never runs twice");
    assert_eq!(
        (container.status().as_str(), answer(&pct(node, &["status", "5000"]))),
        ("stopped", "status: stopped\n".into())
    );
    container.delete();
    sandbox.assert_nothing_left();
}

#[test]
fn a_ct_is_deleted_while_proxmox_starts_it_again() {
    let sandbox = sandbox();
    let script = "trap 'exit 7' TERM; touch /ran; while :; do sleep 100 & wait; done";
    for _ in 0..5 {
        let bundle = sandbox.bundle(&Config::script(script));
        let container = sandbox.start(&bundle);
        super::await_that("it runs", || bundle.rootfs().join("ran").exists());
        answer(&pct(node(&sandbox), &["reboot", "5000"]));
        container.await_status("stopped");
        container.delete();
        super::await_that("no CT is left", || answer(&pct(node(&sandbox), &["list"])).is_empty());
        super::await_that("nothing of LXC is left", || {
            let Traces { processes, mounts, .. } = sandbox.traces();
            processes.is_empty() && mounts.is_empty()
        });
        sandbox.assert_nothing_left();
    }
}

#[test]
fn what_proxmox_cannot_do_leaves_the_container_as_it_was() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let mut running = start(sandbox.run(&sandbox.bundle(&Config::script("echo up; read line; exit 8"))));
    let before = fs::read_to_string(super::conf(node, FIRST_VMID)).unwrap();
    for (words, message) in [
        (&["suspend", "5000"][..], "command 'lxc-checkpoint"),
        (&["resume", "5000"], "CT 5000 already running"),
        (&["snapshot", "5000", "s1"], "snapshot feature is not available"),
        (&["rollback", "5000", "s1"], "snapshot 's1' does not exist"),
        (&["delsnapshot", "5000", "s1"], "snapshot 's1' does not exist"),
        (&["clone", "5000", "5001"], "unable to clone mountpoint 'rootfs' (type bind)"),
        (&["migrate", "5000", "other"], "no such cluster node 'other'"),
        (&["resize", "5000", "rootfs", "+1G"], "unable to parse volume ID"),
        (&["template", "5000"], "you can't convert a CT to template if the CT is running"),
    ] {
        let output = pct(node, words);
        assert!(text(&output.stderr).contains(message), "{words:?}: {output:?}");
        assert!(!output.status.success(), "{words:?}: {output:?}");
        assert_eq!(fs::read_to_string(super::conf(node, FIRST_VMID)).unwrap(), before, "{words:?}");
        assert_eq!(answer(&pct(node, &["status", "5000"])), "status: running\n", "{words:?}");
    }
    running.write(b"go\n");
    assert_eq!(running.wait().status.code(), Some(8));
    assert_eq!(answer(&pct(node, &["list"])), "");
}

#[test]
fn files_go_in_and_out_of_a_running_container() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let mut running =
        start(sandbox.run(
            &sandbox.bundle(&Config::script("echo up; read line; cat /in; echo made > /out; read line")),
        ));
    let (input, output) = (sandbox.path().join("in"), sandbox.path().join("out"));
    fs::write(&input, "pushed\n").unwrap();
    answer(&pct(node, &["push", "5000", input.to_str().unwrap(), "/in"]));
    running.write(b"go\n");
    assert_eq!(running.line(), "pushed");
    super::await_that("it is pulled", || {
        // Status 0 whatever happens.
        drop(pct(node, &["pull", "5000", "/out", output.to_str().unwrap()]));
        fs::read_to_string(&output).is_ok_and(|text| text == "made\n")
    });
    running.write(b"end\n");
    assert_eq!(running.wait().status.code(), Some(0));
}

#[test]
fn pct_set_and_an_editor_lose_nothing_to_nexcage() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let container = sandbox.create(&sandbox.bundle(&Config::script("exec sleep 1000")));
    answer(&pct(node, &["set", "5000", "--tags", "nexcage;mine", "--onboot", "1"]));
    let path = super::conf(node, FIRST_VMID);
    let edited = fs::read_to_string(&path).unwrap() + "startup: order=3\n";
    // As an editor does that keeps a file's name and not the file.
    let beside = path.with_extension("new");
    fs::write(&beside, &edited).unwrap();
    fs::rename(&beside, &path).unwrap();
    container.start();
    container.verb("pause").assert().code(0);
    container.verb("resume").assert().code(0);
    container.verb("update").args(["--memory", "134217728"]).assert().code(0);
    container.verb("exec").arg("true").assert().code(0);
    container.kill("KILL");
    container.await_status("stopped");
    assert_eq!(fs::read_to_string(&path).unwrap(), edited);
    answer(&pct(node, &["set", "5000", "--description", "still mine"]));
    assert!(fs::read_to_string(&path).unwrap().contains("#still mine"), "it can be changed to its end");
    container.delete();
    sandbox.assert_nothing_left();
}

#[test]
fn the_copy_of_a_ct_stays_when_the_ct_goes() {
    let sandbox = sandbox();
    let node = node(&sandbox);
    let container = sandbox.start(&sandbox.bundle(&Config::script("exec sleep 1000")));
    let copy = super::conf(node, FIRST_VMID + 1);
    fs::copy(super::conf(node, FIRST_VMID), &copy).unwrap();
    let text = fs::read_to_string(&copy).unwrap();
    container.remove();
    assert_eq!(fs::read_to_string(&copy).unwrap(), text);
    // Without the original's file it is a CT that cannot be started, and can be destroyed.
    node.set("monitor_timeout_ms", "300").unwrap();
    assert!(!pct(node, &["start", "5001"]).status.success());
    super::await_that("its unit has ended", || pct(node, &["destroy", "5001"]).status.success());
    sandbox.assert_nothing_left();
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
