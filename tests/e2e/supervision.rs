//! Shim, monitor and container end in any order.

use crate::{EXIT_SOURCES, inspect, text};
use nexcage_tests::{Config, Running, Sandbox};
use rustix::process::{Pid, Signal, kill_process};
use std::time::{Duration, Instant};
use std::{fs, thread};

fn start(sandbox: &Sandbox) -> Running {
    let bundle = sandbox.bundle(&Config::script("echo up; read line; exit 8"));
    let mut running = sandbox.run(&bundle).start();
    assert_eq!(running.line(), "up");
    inspect::await_status(sandbox, "running");
    running
}

/// The container's monitor: the process in its cgroup of that name.
fn monitor(sandbox: &Sandbox, id: &str) -> i32 {
    let name = match sandbox.node() {
        None => format!("lxc.monitor.nexcage@{}@{id}", sandbox.namespace()),
        Some(node) => format!("{}.monitor/", node.cgroup(0).parent().unwrap().display()),
    };
    let in_it = |pid: i32| {
        fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|cgroups| cgroups.contains(&name))
    };
    let traces = sandbox.traces();
    let pids: Vec<i32> = traces.processes.iter().map(|(pid, _)| *pid).filter(|&pid| in_it(pid)).collect();
    assert_eq!(pids.len(), 1, "{traces}");
    pids[0]
}

#[test]
fn the_death_of_lxc_s_monitor_leaves_no_cgroups() {
    let sandbox = Sandbox::new();
    for source in EXIT_SOURCES {
        let bundle = sandbox.bundle(&Config::script("echo up; sleep 1000"));
        let mut running = sandbox.run(&bundle).args(["--exit-source", source]).start();
        assert_eq!(running.line(), "up");
        kill_process(Pid::from_raw(monitor(&sandbox, &running.id)).unwrap(), Signal::KILL).unwrap();
        let output = running.wait();
        assert_eq!(output.status.code(), Some(137), "{source}: {}", text(&output.stderr));
        sandbox.assert_nothing_left();
    }
}

#[test]
fn the_container_outlives_its_shim_and_the_record_is_stale_after_it() {
    let sandbox = Sandbox::new();
    let mut running = start(&sandbox);
    running.signal(Signal::KILL);
    while running.is_running() {
        thread::sleep(Duration::from_millis(5));
    }
    let shown = inspect::only(&sandbox);
    assert_eq!(shown["status"], "running", "{shown}");
    running.write(b"go\n");
    let shown = inspect::await_status(&sandbox, "stopped");
    assert_eq!((&shown["stale"], shown["pid"].as_i64().unwrap_or(0)), (&true.into(), 0), "{shown}");
    let table = text(&sandbox.inspect().args(["--format", "table"]).output().stdout);
    assert!(table.contains("stopped") && table.contains("stale"), "{table}");
    sandbox.clear();
}

#[test]
fn a_kill_of_shim_and_container_leaves_a_stale_record_and_no_process() {
    let sandbox = Sandbox::new();
    let running = start(&sandbox);
    let pid = inspect::pid(&sandbox, &running.id);
    running.signal(Signal::KILL);
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    running.wait();
    let deadline = Instant::now() + Duration::from_secs(10);
    while !sandbox.traces().processes.is_empty() {
        assert!(Instant::now() < deadline, "{}", sandbox.traces());
        thread::sleep(Duration::from_millis(5));
    }
    let shown = inspect::only(&sandbox);
    assert_eq!((&shown["status"], &shown["stale"]), (&"stopped".into(), &true.into()), "{shown}");
    assert_eq!(sandbox.traces().cgroups, [] as [std::path::PathBuf; 0]);
    sandbox.clear();
}
