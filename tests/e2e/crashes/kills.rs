//! Processes of one container are killed, alone and together, and the next commands find what is so.

use super::ground::{Ground, STATUS, is_alive, kill};
use nexcage_tests::{Backend, Sandbox};
use pct_stand_in::Fault;
use rustix::process::Signal;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// LXC's monitor, which is the parent of the container's init.
fn monitor(ground: &Ground) -> i32 {
    let pid = ground.state().unwrap()["pid"].as_i64().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim().parse().unwrap()
}

#[test]
fn the_exit_is_seen_by_a_successor_that_came_before_it() {
    let ground = Ground::without_hooks();
    ground.begin();
    // Twice, and by different commands.
    ground.kill_shim();
    assert_eq!(ground.status().as_deref(), Some("running"));
    ground.kill_shim();
    ground.recover();
    assert_eq!(ground.status().as_deref(), Some("running"));
    ground.end();
    ground.delete();
}

#[test]
fn an_exit_that_nobody_saw_is_lost_and_said_to_be() {
    let ground = Ground::without_hooks();
    ground.begin();
    let pid = i32::try_from(ground.state().unwrap()["pid"].as_i64().unwrap()).unwrap();
    ground.kill_shim();
    kill(pid);
    assert_eq!(ground.status().as_deref(), Some("stopped"));
    ground.await_exit();
    assert_eq!(ground.exit(), (255, true));
    ground.delete();
}

#[test]
fn an_exit_that_was_written_down_outlives_the_shim() {
    let ground = Ground::without_hooks();
    ground.begin();
    ground.end();
    ground.kill_shim();
    assert_eq!((ground.status().as_deref(), ground.exit()), (Some("stopped"), (STATUS, false)));
    ground.delete();
}

#[test]
fn a_container_that_waits_for_its_start_outlives_its_shims() {
    let ground = Ground::without_hooks();
    ground.does("create");
    for _ in 0..3 {
        ground.kill_shim();
        assert_eq!(ground.status().as_deref(), Some("created"));
    }
    ground.kill_shim();
    ground.does("start");
    ground.await_run();
    ground.end();
    ground.delete();
}

#[test]
fn without_lxc_s_monitor_the_container_ends() {
    let ground = Ground::without_hooks();
    ground.begin();
    kill(monitor(&ground));
    ground.await_exit();
    assert_eq!(ground.exit(), (137, false));
    ground.delete();
}

#[test]
fn the_deaths_of_the_shim_and_lxc_s_monitor_leave_a_container_that_can_be_removed() {
    for force in [false, true] {
        let ground = Ground::without_hooks();
        ground.begin();
        let monitor = monitor(&ground);
        ground.kill_shim();
        kill(monitor);
        assert_eq!(ground.status().as_deref(), Some("running"));
        if force {
            ground.remove();
        } else {
            ground.end();
            ground.delete();
        }
    }
}

#[test]
fn the_death_of_lxc_in_a_creation_undoes_it() {
    let of_parent = "pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); \
        kill -9 $(sed -n 's/^PPid:\\s*//p' /proc/$pid/status)";
    let ground = Ground::with_hook(of_parent);
    let outcome = ground.outcome("create");
    assert!(!outcome.status.success(), "{outcome:?}");
    assert_eq!(ground.state(), None);
    ground.await_nothing_left();
}

#[test]
fn the_death_of_pct_in_a_start_undoes_the_creation() {
    let ground = Ground::on(Backend::Pct);
    let node = ground.sandbox.node().unwrap();
    node.set_fault(Some(&Fault::Killed)).unwrap();
    let outcome = ground.outcome("create");
    assert!(!outcome.status.success(), "{outcome:?}");
    assert_eq!(ground.state(), None);
    ground.await_nothing_left();
}

/// Calls of the node's `pct` itself; their workers outlive them.
fn calls_of_pct(ground: &Ground) -> Vec<i32> {
    let root = ground.sandbox.node().unwrap().root().to_string_lossy().into_owned();
    let read = |pid: i32, file: &str| fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let pids = fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_call = |pid: &i32| {
        let is_of_node = String::from_utf8_lossy(&read(*pid, "environ")).contains(&root);
        is_of_node && String::from_utf8_lossy(&read(*pid, "cmdline")).contains("pct\0start\0")
    };
    pids.filter(is_call).collect()
}

#[test]
fn the_deaths_of_the_shim_and_pct_leave_nothing_for_long() {
    let ground = Ground::on(Backend::Pct);
    ground.sandbox.node().unwrap().set_fault(Some(&Fault::Hang { milliseconds: 500 })).unwrap();
    thread::scope(|scope| {
        let create = scope.spawn(|| ground.outcome("create"));
        ground.until("starting", || !calls_of_pct(&ground).is_empty());
        ground.kill_shim();
        calls_of_pct(&ground).into_iter().for_each(kill);
        assert!(!create.join().unwrap().status.success());
    });
    ground.sandbox.node().unwrap().set_fault(None).unwrap();
    assert_eq!(ground.state(), None);
    ground.await_nothing_left();
}

/// A hook that waits for the file that it is given.
fn waiting(file: &Path) -> String {
    format!("until [ -e {} ]; do sleep 0.02; done", file.display())
}

#[test]
fn a_creation_goes_on_without_the_command_that_asked_for_it() {
    let barrier = tempfile();
    let ground = Ground::with_hook(&waiting(&barrier));
    let create = ground.verb("create").start();
    ground.until("creating", || ground.state().is_some_and(|state| state["status"] == "creating"));
    create.signal(Signal::KILL);
    fs::write(&barrier, "").unwrap();
    ground.until("created", || ground.state().is_some_and(|state| state["status"] == "created"));
    drop(create);
    fs::remove_file(&barrier).unwrap();
    ground.does("start");
    ground.await_run();
    ground.end();
    ground.delete();
}

#[test]
fn a_creation_that_hangs_can_be_removed() {
    for with_shim in [false, true] {
        let barrier = tempfile();
        let ground = Ground::with_hook(&waiting(&barrier));
        thread::scope(|scope| {
            let create = scope.spawn(|| ground.outcome("create"));
            ground.until("creating", || ground.state().is_some_and(|state| state["status"] == "creating"));
            if with_shim {
                ground.kill_shim();
            }
            ground.remove();
            assert!(!create.join().unwrap().status.success());
        });
        assert_eq!(ground.state(), None);
    }
}

#[test]
fn a_hook_dies_with_the_shim_that_runs_it() {
    let barrier = tempfile();
    let ground =
        Ground::with_hook(&format!("echo $$ > {0}.new; mv {0}.new {0}; exec sleep 1000", barrier.display()));
    thread::scope(|scope| {
        let create = scope.spawn(|| ground.outcome("create"));
        ground.until("in its hook", || barrier.exists());
        let hook = fs::read_to_string(&barrier).unwrap().trim().parse().unwrap();
        assert!(is_alive(hook));
        let shims = ground.shims();
        shims.into_iter().for_each(kill);
        ground.until("without its hook", || !is_alive(hook));
        ground.remove();
        assert!(!create.join().unwrap().status.success());
    });
    fs::remove_file(&barrier).unwrap();
}

/// A name for a file that is not there.
fn tempfile() -> std::path::PathBuf {
    static MADE: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = MADE.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    std::env::temp_dir().join(format!("oci-e2e-barrier-{}-{number}", std::process::id()))
}

#[test]
fn a_process_outlives_the_shim_that_ran_it_in_the_foreground() {
    let ground = Ground::without_hooks();
    thread::scope(|scope| {
        let run = scope.spawn(|| ground.outcome("run"));
        ground.await_run();
        ground.kill_shim();
        assert!(!run.join().unwrap().status.success());
    });
    assert_eq!(ground.status().as_deref(), Some("running"));
    ground.end();
    ground.delete();
}

/// Executes `sleep` and gives its pid.
fn sleep(ground: &Ground) -> (nexcage_tests::Running, i32) {
    let file = ground.sandbox.path().join("exec-pid");
    drop(fs::remove_file(&file));
    let exec = ground.sandbox.nexcage("exec").arg("--pid-file").arg(&file);
    let exec = exec.args([super::ground::ID, "sleep", "1000"]).start();
    ground.until("executing", || file.exists());
    (exec, fs::read_to_string(&file).unwrap().parse().unwrap())
}

#[track_caller]
fn executes(ground: &Ground) {
    let exec = ground.sandbox.nexcage("exec").args([super::ground::ID, "sh", "-c", "echo yes; exit 5"]);
    exec.assert().code(5).stdout("yes\n").stderr("");
}

#[test]
fn a_killed_exec_is_no_concern_of_the_container_s() {
    let ground = Ground::without_hooks();
    ground.begin();
    let (exec, pid) = sleep(&ground);
    kill(pid);
    assert_eq!(exec.wait().status.code(), Some(137));
    executes(&ground);
    ground.end();
    ground.delete();
}

#[test]
fn an_exec_goes_on_without_the_command_that_asked_for_it() {
    let ground = Ground::without_hooks();
    ground.begin();
    let (exec, pid) = sleep(&ground);
    exec.signal(Signal::KILL);
    thread::sleep(Duration::from_millis(50));
    assert!(is_alive(pid));
    executes(&ground);
    // It ends with the container.
    ground.end();
    assert!(!is_alive(pid));
    drop(exec);
    ground.delete();
}

#[test]
fn an_exec_whose_shim_dies_is_given_up_and_the_container_lives() {
    let ground = Ground::without_hooks();
    ground.begin();
    let (mut exec, pid) = sleep(&ground);
    ground.kill_shim();
    ground.until("over", || !exec.is_running());
    let status = ground.status();
    executes(&ground);
    ground.end();
    assert_eq!(status.as_deref(), Some("running"));
    // Its pipes are held by a process that ends with the container.
    ground.until("gone", || !is_alive(pid));
    assert_eq!(exec.wait().status.code(), Some(255));
    ground.delete();
}

/// Everything that a reboot takes: processes and cgroups.
fn reboot(ground: &Ground) {
    ground.until("off", || {
        let traces = ground.sandbox.traces();
        traces.kill();
        for cgroup in traces.cgroups.iter().rev() {
            drop(fs::remove_dir(cgroup));
        }
        traces.processes.is_empty() && traces.cgroups.is_empty()
    });
}

#[test]
fn after_a_reboot_everything_has_stopped_and_can_be_deleted() {
    // The scratch node's manager would not survive.
    for lead in [&["create"][..], &["create", "start"]] {
        let ground = Ground::without_hooks();
        lead.iter().for_each(|verb| ground.does(verb));
        reboot(&ground);
        assert_eq!(ground.status().as_deref(), Some("stopped"));
        assert_eq!(ground.exit(), (255, true));
        let outcome = ground.outcome("start");
        assert!(!outcome.status.success(), "{outcome:?}");
        ground.delete();
    }
    let ground = Ground::without_hooks();
    ground.output(ground.verb("create").env("NEXCAGE_FAULT", "init-ready/shim"));
    reboot(&ground);
    assert_eq!(ground.state(), None);
    ground.await_nothing_left();
}

#[test]
fn a_successor_may_die_over_its_work_too() {
    let ground = Ground::new();
    let with_fault = |verb: &str, place: &str| {
        let outcome = ground.output(ground.verb(verb).env("NEXCAGE_FAULT", place));
        assert!(!outcome.status.success(), "{verb}, {place}: {outcome:?}");
        ground.await_death();
    };
    with_fault("create", "init-connected/shim");
    for place in ["delete-recorded/shim", "torn-down/shim", "poststop-run/shim"] {
        with_fault("state", place);
    }
    assert_eq!(ground.state(), None);
    ground.await_nothing_left();
}

#[test]
fn one_recovery_is_for_all_containers() {
    let grounds = [Ground::without_hooks(), Ground::without_hooks()];
    let sandbox: &Sandbox = &grounds[0].sandbox;
    let ids = ["one", "two", "three"];
    let bundle = &grounds[0].bundle;
    for id in ids {
        assert!(grounds[0].output(sandbox.making_as(id, "create", bundle)).status.success());
    }
    let shim = |id: &str| {
        let text = fs::read(sandbox.state_directory(id).join("record.json")).unwrap();
        let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
        i32::try_from(record["shim"]["pid"].as_i64().unwrap()).unwrap()
    };
    let old = ids.map(shim);
    kill(old[0]);
    kill(old[2]);
    let recover = sandbox.tool("nexcage-shim").args(["recover", "--namespace", sandbox.namespace()]);
    let recover = recover.env("NEXCAGE_CONFIG", sandbox.configuration()).arg("--root").arg(sandbox.root());
    assert!(grounds[0].output(recover).status.success());
    let new = ids.map(shim);
    assert!(new[0] != old[0] && new[1] == old[1] && new[2] != old[2], "{old:?} {new:?}");
    assert!(new.into_iter().all(is_alive));
    for id in ids {
        assert!(grounds[0].output(sandbox.nexcage("delete").args(["-f", id])).status.success());
    }
}
