//! Every step made to fail, and everybody made to die: nothing is left, and nothing foreign is touched.

use super::super::foreign::Foreign;
use super::super::{await_that, conf, failure, node, sandbox, wrap};
use super::{archives, calls, on, pack, template, volumes};
use crate::text;
use nexcage_tests::{Bundle, Config, FIRST_VMID, Run, Sandbox};
use pct_stand_in::{Fault, Node};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs;

const SECOND: u32 = FIRST_VMID + 1;

fn bundle(sandbox: &Sandbox) -> Bundle {
    sandbox.bundle(&Config::script("touch /ran; exit 0"))
}

/// Nothing is left anywhere.
#[track_caller]
fn assert_nothing(sandbox: &Sandbox) {
    sandbox.assert_nothing_left();
    assert_eq!(volumes(node(sandbox)), 0, "there is a volume");
    assert_eq!(archives(sandbox).len(), 0, "there is an archive");
}

/// Processes that are a `pct create` of this node, or a part of one.
fn creations(node: &Node) -> Vec<i32> {
    let root = node.root().to_string_lossy();
    let entries = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let pids = entries.filter_map(|process| {
        let environment = text(&fs::read(process.join("environ")).ok()?);
        let command = text(&fs::read(process.join("cmdline")).ok()?).replace('\0', " ");
        let pid = process.file_name()?.to_str()?.parse().ok()?;
        (environment.contains(&*root) && command.contains(" create ")).then_some(pid)
    });
    pids.collect()
}

/// Waits until a disk is being filled.
#[track_caller]
fn await_unpacking(node: &Node) {
    await_that("a disk is there", || volumes(node) == 1);
}

#[test]
fn pct_create_fails() {
    let sandbox = sandbox();
    let (stdout, stderr) = (
        "tar: ./x: Cannot mknod: Operation not permitted\n".to_owned(),
        "command 'tar' failed: exit code 2\n".to_owned(),
    );
    node(&sandbox).set_fault(Some(&Fault::Fail { stdout, stderr, status: 255 })).unwrap();
    let message = failure(on(&sandbox, &bundle(&sandbox), "local:0"), "NX-PCT-CREATE");
    for words in
        ["unable to create CT 5000 - command 'tar' failed", "Cannot mknod", "hint: an unprivileged CT"]
    {
        assert!(message.contains(words), "{message}");
    }
    assert_eq!(calls(node(&sandbox)), ["create 5000"]);
    assert_nothing(&sandbox);
}

#[test]
fn pct_create_takes_too_long() {
    let sandbox = sandbox();
    let mut configuration: Value =
        serde_json::from_slice(&fs::read(sandbox.configuration()).unwrap()).unwrap();
    configuration["pct"]["diskTimeoutSeconds"] = json!(0.5);
    fs::write(sandbox.configuration(), configuration.to_string()).unwrap();
    node(&sandbox).set_fault(Some(&Fault::Hang { milliseconds: 60_000 })).unwrap();
    let message = failure(on(&sandbox, &bundle(&sandbox), "local-lvm:1"), "NX-TIMEOUT");
    assert!(message.contains("the creation of the CT did not happen within 0.5 s"), "{message}");
    assert_eq!(creations(node(&sandbox)).len(), 0);
    assert_nothing(&sandbox);
}

#[test]
fn a_signal_comes_meanwhile() {
    let sandbox = sandbox();
    node(&sandbox).set_fault(Some(&Fault::Hang { milliseconds: 60_000 })).unwrap();
    let running = on(&sandbox, &bundle(&sandbox), "local:0").start();
    await_unpacking(node(&sandbox));
    running.signal(Signal::TERM);
    assert_eq!(running.wait().status.code(), Some(143));
    assert_eq!(creations(node(&sandbox)).len(), 0);
    assert_nothing(&sandbox);
}

#[test]
fn the_template_is_gone_after_it_was_looked_at() {
    let sandbox = sandbox();
    let bundle = template(&sandbox, &Config::script("exit 0"), "a.tar.gz");
    wrap(
        node(&sandbox),
        &format!("rm '{}'/template/cache/a.tar.gz", node(&sandbox).storage_dir().display()),
        "",
    );
    let run = on(&sandbox, &bundle, "local:0").args(["--template", "local:vztmpl/a.tar.gz"]);
    let message = failure(run, "NX-TEMPLATE");
    assert!(message.contains("volume 'local:vztmpl/a.tar.gz' does not exist"), "{message}");
    assert_nothing(&sandbox);
}

#[test]
fn a_bridge_that_is_not_there_is_found_at_the_start_and_the_disk_goes() {
    let sandbox = sandbox();
    let config = Config::script("exit 0").edit(|spec| {
        let net = ("org.nexcage.pve.net0".to_owned(), "name=e,bridge=vmbr9".to_owned());
        let protection = ("org.nexcage.pve.protection".to_owned(), "1".to_owned());
        spec.annotations_mut().get_or_insert_default().extend([net, protection]);
    });
    let message = failure(on(&sandbox, &sandbox.bundle(&config), "local-lvm:1"), "NX-PCT-START");
    assert!(message.contains("bridge 'vmbr9' does not exist"), "{message}");
    assert_eq!(calls(node(&sandbox)), ["create 5000", "start 5000", "destroy 5000"]);
    assert_nothing(&sandbox);
}

#[test]
fn the_configuration_vanishes_or_becomes_another_s_after_pct_create() {
    for (after, foreign) in [
        ("rm -rf \"$conf\" \"$images\"", None),
        ("echo 'arch: amd64' > \"$conf\"; rm -rf \"$images\"", Some("arch: amd64\n")),
    ] {
        let sandbox = sandbox();
        let place = node(&sandbox);
        let paths = format!(
            "conf='{}'/$2.conf images='{}'; [ $1 = create ] && {{ {after}; }}",
            place.conf_dir().display(),
            place.storage_dir().join("images").display()
        );
        wrap(place, "", &paths);
        let output = on(&sandbox, &bundle(&sandbox), "local:0").output();
        assert_eq!(output.status.code(), Some(125), "{}", text(&output.stderr));
        assert_eq!(calls(place), ["create 5000"]);
        let path = conf(place, FIRST_VMID);
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), foreign);
        drop(fs::remove_file(path));
        assert_nothing(&sandbox);
    }
}

#[test]
fn another_takes_the_id_before_pct_does() {
    let sandbox = sandbox();
    let conf_file = conf(node(&sandbox), FIRST_VMID);
    // An administrator is faster by one moment, and is still making his own.
    let take = format!("[ $1 = create ] && [ $2 = 5000 ] && echo 'lock: create' > '{}'", conf_file.display());
    wrap(node(&sandbox), &take, "");
    on(&sandbox, &bundle(&sandbox), "local:0").assert().code(0).stderr("");
    assert_eq!(calls(node(&sandbox)), ["create 5000", "create 5001", "start 5001", "destroy 5001"]);
    assert_eq!(fs::read_to_string(&conf_file).unwrap(), "lock: create\n");
    fs::remove_file(conf_file).unwrap();
    assert_nothing(&sandbox);
}

/// `nexcage create` whose shim dies when `dies` says so; then the container is deleted.
#[track_caller]
fn killed(sandbox: &Sandbox, dies: impl FnOnce(i32)) {
    let create = sandbox.making("create", &bundle(sandbox)).args(["--rootfs-storage", "local-lvm:1"]);
    let id = create.id().to_owned();
    let record = sandbox.state_directory(&id).join("record.json");
    let creating = create.start();
    await_that("there is a record", || fs::read(&record).is_ok());
    let record: Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    dies(i32::try_from(record["shim"]["pid"].as_i64().unwrap()).unwrap());
    assert_eq!(creating.wait().status.code(), Some(1));
    let delete: Run = sandbox.nexcage("delete").args(["--force", &id]);
    delete.assert().code(0).stdout("").stderr("");
    assert!(!sandbox.state_directory(&id).exists());
    await_that("its shim has ended", || {
        sandbox.traces().to_string().lines().all(|line| !line.contains("nexcage-shim"))
    });
}

fn kill(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn the_shim_is_killed_while_pct_unpacks() {
    let sandbox = sandbox();
    node(&sandbox).set_fault(Some(&Fault::Hang { milliseconds: 60_000 })).unwrap();
    killed(&sandbox, |shim| {
        await_unpacking(node(&sandbox));
        kill(shim);
    });
    assert_eq!(creations(node(&sandbox)).len(), 0);
    // It has undone it itself.
    assert_eq!(calls(node(&sandbox)), ["create 5000"]);
    assert_nothing(&sandbox);
}

#[test]
fn everybody_is_killed_while_pct_unpacks() {
    let sandbox = sandbox();
    let foreign = [FIRST_VMID, FIRST_VMID + 2].map(|vmid| Foreign::make(node(&sandbox), vmid));
    node(&sandbox).set_fault(Some(&Fault::Hang { milliseconds: 60_000 })).unwrap();
    killed(&sandbox, |shim| {
        await_unpacking(node(&sandbox));
        // pct has said that it unpacks.
        await_that("pct has a worker", || creations(node(&sandbox)).len() >= 2);
        let said = fs::read_dir(sandbox.root().join(sandbox.namespace())).unwrap().flatten().next().unwrap();
        await_that("pct has said so", || {
            fs::metadata(said.path().join("created")).is_ok_and(|file| file.len() > 0)
        });
        kill(shim);
        creations(node(&sandbox)).into_iter().for_each(kill);
        await_that("they are gone", || creations(node(&sandbox)).is_empty());
        assert_eq!(fs::read_to_string(conf(node(&sandbox), SECOND)).unwrap(), "lock: create\n");
        node(&sandbox).set_fault(None).unwrap();
    });
    assert_eq!(calls(node(&sandbox)), ["create 5001", "destroy 5001"]);
    foreign.into_iter().for_each(Foreign::remove);
    assert_nothing(&sandbox);
}

#[test]
fn the_shim_is_killed_and_pct_comes_to_its_end() {
    let sandbox = sandbox();
    let foreign = Foreign::make(node(&sandbox), FIRST_VMID);
    wrap(node(&sandbox), "", "[ $1 = create ] && touch \"$pct.made\" && sleep 60");
    let made = node(&sandbox).pct().with_extension("inner.made");
    killed(&sandbox, |shim| {
        await_that("the CT is made", || made.exists());
        kill(shim);
    });
    assert_eq!(calls(node(&sandbox)), ["create 5001", "destroy 5001"]);
    foreign.remove();
    assert_nothing(&sandbox);
}

#[test]
fn a_ct_in_the_making_that_has_the_id_of_a_creation_that_died_is_left_alone() {
    let sandbox = sandbox();
    let path = conf(node(&sandbox), FIRST_VMID);
    let steal = format!("[ $1 = create ] && {{ echo 'lock: create' > '{}'; sleep 60; }}", path.display());
    wrap(node(&sandbox), &steal, "");
    killed(&sandbox, |shim| {
        await_that("somebody has the id", || path.exists());
        kill(shim);
    });
    assert_eq!(fs::read_to_string(&path).unwrap(), "lock: create\n");
    assert_eq!(calls(node(&sandbox)), [""; 0]);
    fs::remove_file(path).unwrap();
    assert_nothing(&sandbox);
}

#[test]
fn the_packing_is_interrupted() {
    let sandbox = sandbox();
    let bundle = bundle(&sandbox);
    let noise = sandbox.command("dd").args(["if=/dev/urandom", "bs=1M", "count=300"]);
    noise.arg(format!("of={}", bundle.rootfs().join("etc/large").display())).assert().code(0);
    let running = on(&sandbox, &bundle, "local:0").start();
    await_that("an archive is being made", || !archives(&sandbox).is_empty());
    running.signal(Signal::INT);
    assert_eq!(running.wait().status.code(), Some(130));
    assert_eq!(calls(node(&sandbox)), [""; 0]);
    assert_nothing(&sandbox);
}

#[test]
fn a_disk_that_cannot_be_removed_now_is_removed_by_the_next_delete() {
    let sandbox = sandbox();
    let create = sandbox.making("create", &bundle(&sandbox)).args(["--rootfs-storage", "local:0"]);
    let container = sandbox.hold(create);
    container.start();
    container.await_status("stopped");
    let locked = fs::read_to_string(conf(node(&sandbox), FIRST_VMID)).unwrap();
    fs::write(conf(node(&sandbox), FIRST_VMID), format!("lock: backup\n{locked}")).unwrap();
    let message = crate::lifecycle::refused(container.verb("delete"), "NX-CT-LOCKED", 1);
    assert!(message.contains("it is locked (backup)"), "{message}");
    assert_eq!((container.status(), volumes(node(&sandbox))), ("stopped".to_owned(), 1));
    fs::write(conf(node(&sandbox), FIRST_VMID), locked).unwrap();
    container.delete();
    assert_nothing(&sandbox);
}

#[test]
fn a_ct_that_has_lost_its_container_is_destroyed_by_gc() {
    let sandbox = sandbox();
    let create = sandbox.making("create", &bundle(&sandbox)).args(["--rootfs-storage", "local-lvm:1"]);
    let container = sandbox.hold(create);
    container.start();
    container.await_status("stopped");
    let state = sandbox.state_directory(&container.id);
    let record: Value = serde_json::from_slice(&fs::read(state.join("record.json")).unwrap()).unwrap();
    kill(i32::try_from(record["shim"]["pid"].as_i64().unwrap()).unwrap());
    fs::remove_dir_all(state).unwrap();
    sandbox.nexcage("gc").arg("--remove").assert().code(0);
    assert_eq!(calls(node(&sandbox)), ["create 5000", "start 5000", "destroy 5000"]);
    assert_nothing(&sandbox);
}

#[test]
fn an_archive_that_was_made_of_a_bundle_can_be_unpacked_by_anybody() {
    // The same way as templates are made by people.
    let sandbox = sandbox();
    let bundle = bundle(&sandbox);
    let archive = sandbox.path().join("own.tar.zst");
    pack(&sandbox, &bundle.rootfs(), &archive);
    let run = on(&sandbox, &bundle, "local:0").arg("--template").arg(&archive);
    run.assert().code(0).stdout("").stderr("");
    assert!(!bundle.rootfs().join("ran").exists());
    assert_nothing(&sandbox);
}
