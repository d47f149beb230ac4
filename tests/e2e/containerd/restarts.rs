//! containerd ends and begins again, or a shim is killed, whatever their containers just do.

use super::{assert_clean, force};
use crate::text;
use nexcage_tests::{Config, Containerd, Running, Sandbox, await_that};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A configuration of a container that is being created until a FIFO is written to.
fn held(sandbox: &Sandbox) -> (PathBuf, PathBuf) {
    let bundle = sandbox.bundle(&Config::script("sleep 1000"));
    let fifo = bundle.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut configuration: Value = serde_json::from_slice(&fs::read(bundle.config()).unwrap()).unwrap();
    configuration["root"]["path"] = json!(bundle.rootfs());
    let read = json!({ "path": "/bin/sh", "args": ["sh", "-c", format!("read x <{}", fifo.display())] });
    configuration["hooks"] = json!({ "createRuntime": [read] });
    fs::write(bundle.config(), configuration.to_string()).unwrap();
    (bundle.config(), fifo)
}

/// The status that a container's record has.
fn recorded(sandbox: &Sandbox, id: &str) -> String {
    let record = fs::read(sandbox.state_directory(id).join("record.json")).unwrap_or_default();
    let record: Value = serde_json::from_slice(&record).unwrap_or_default();
    format!("{}, {}", record["status"], record["step"])
}

fn creating(containerd: &Containerd<'_>, sandbox: &Sandbox, id: &str) -> (Running, PathBuf) {
    let (configuration, fifo) = held(sandbox);
    let client = containerd.run_configured(id, &["--detach"], &configuration).start();
    await_that("it is being created", || recorded(sandbox, id).contains("create"));
    (client, fifo)
}

/// Lets a creation go on, once its hook reads; or finds that it was given up, and the hook with it.
fn go_on(sandbox: &Sandbox, id: &str, fifo: &Path) {
    await_that("its hook reads, or has gone", || {
        match open(fifo, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()) {
            Ok(fifo) => File::from(fifo).write_all(b"\n").is_ok(),
            Err(_) => !sandbox.state_directory(id).exists(),
        }
    });
}

/// Whatever is known of a container is removed, and it may be nothing.
fn remove(containerd: &Containerd<'_>, id: &str) {
    containerd.ctr(["tasks", "delete", "--force", id]).output();
    containerd.ctr(["containers", "delete", id]).output();
}

/// What there is while containerd is gone.
struct Containers {
    clients: Vec<Running>,
    fifo: PathBuf,
}

fn exec(containerd: &Containerd<'_>, id: &str, script: &str) -> Running {
    containerd.ctr(["tasks", "exec", "--exec-id", id, "execs", "/bin/sh", "-c", script]).start()
}

impl Containers {
    /// One of each kind. The last thing before containerd is stopped is that one has been created, and is not
    /// started.
    fn begin(containerd: &Containerd<'_>, sandbox: &Sandbox) -> Self {
        containerd.detach("runs", "sleep 1000");
        containerd.detach("ends", "while [ ! -e /tmp/end ]; do sleep 0.05; done; exit 5");
        containerd.detach("ended", "exit 6");
        containerd.detach("paused", "sleep 1000");
        containerd.task(["pause", "paused"]);
        // A client that sat there would end the task when it loses containerd, in version 2.
        let terminal = containerd.run("terminal", &["--detach", "--tty"], &["/bin/sh"]);
        assert_eq!(terminal.at_terminal(24, 80).wait().0, Some(0));
        containerd.detach("execs", "sleep 1000");
        let mut running = exec(containerd, "runs", "echo begun; sleep 1000");
        assert_eq!(running.line(), "begun");
        let mut ending = exec(containerd, "ends", "echo begun; sleep 0.5; exit 7");
        assert_eq!(ending.line(), "begun");
        let (creating_client, fifo) = creating(containerd, sandbox, "creating");
        let (created_client, created) = creating(containerd, sandbox, "created");
        containerd.signal(Signal::STOP);
        go_on(sandbox, "created", &created);
        await_that("it is created", || recorded(sandbox, "created").contains("created"));
        Containers { clients: vec![running, ending, creating_client, created_client], fifo }
    }

    /// All are as they should be, and go.
    fn end(self, containerd: &Containerd<'_>) {
        for (id, status) in
            [("runs", "RUNNING"), ("paused", "PAUSED"), ("terminal", "RUNNING"), ("execs", "RUNNING")]
        {
            assert_eq!(containerd.find(id).map(|(_, status)| status).as_deref(), Some(status), "{id}");
        }
        for (id, status) in [("ends", "5"), ("ended", "6")] {
            containerd.await_status(id, "STOPPED");
            let deleted = containerd.ctr(["tasks", "delete", id]).output();
            assert!(text(&deleted.stderr).contains(&format!("exit code {status}")), "{id}: {deleted:?}");
        }
        let running = exec(containerd, "further", "exit 8");
        assert_eq!(running.wait().status.code(), Some(8));
        containerd.task(["resume", "paused"]);
        containerd.await_status("paused", "RUNNING");
        let mut terminal = containerd.ctr(["tasks", "attach", "terminal"]).at_terminal(24, 80);
        terminal.type_in("echo be''gun\r");
        terminal.until("begun");
        terminal.type_in("exit 4\r");
        // Who attaches removes the task in the end.
        assert_eq!(terminal.wait().0, Some(4));
        for id in ["runs", "paused", "execs"] {
            force(containerd, id);
        }
        for id in ["creating", "created", "ends", "ended", "terminal"] {
            remove(containerd, id);
        }
        for client in self.clients {
            client.signal(Signal::KILL);
            client.wait();
        }
    }
}

fn restart_by(signal: Signal) {
    let sandbox = Sandbox::new();
    let mut containerd = Containerd::start(&sandbox);
    let containers = Containers::begin(&containerd, &sandbox);
    let fifo = containers.fifo.clone();
    let (ending, _) = find_stopped(&sandbox, "ends");
    containerd.restart_by(signal, || {
        fs::write(format!("/proc/{ending}/root/tmp/end"), "").unwrap();
        go_on(&sandbox, "creating", &fifo);
        await_that("one has ended meanwhile", || !PathBuf::from(format!("/proc/{ending}")).exists());
        await_that("one is created meanwhile", || !recorded(&sandbox, "creating").contains("create\""));
        std::thread::sleep(Duration::from_millis(600));
    });
    containers.end(&containerd);
    assert_clean(&sandbox);
}

/// A pid by the record, since containerd is stopped.
fn find_stopped(sandbox: &Sandbox, id: &str) -> (i64, Value) {
    let record = fs::read(sandbox.state_directory(id).join("record.json")).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    (record["process"]["pid"].as_i64().unwrap(), record)
}

#[test]
fn containerd_is_killed_whatever_its_containers_do() {
    restart_by(Signal::KILL);
}

#[test]
fn containerd_is_asked_to_end_whatever_its_containers_do() {
    restart_by(Signal::TERM);
}

fn kill_shim(containerd: &Containerd<'_>, id: &str) {
    kill_process(Pid::from_raw(containerd.shim(id)).unwrap(), Signal::KILL).unwrap();
}

/// Nothing of a container is left whose shim is killed, and its end is told as 137. ctr has no status: that it
/// has lost the shim is an error to it, whatever the runtime.
#[test]
fn a_shim_is_killed_whatever_its_container_does() {
    let sandbox = Sandbox::new();
    let containerd = Containerd::start(&sandbox);
    let gone = |id: &str| {
        await_that("the task is gone", || containerd.find(id).is_none());
        containerd.ctr(["containers", "delete", id]).output();
        await_that("its state is gone", || !sandbox.state_directory(id).exists());
    };
    let events = containerd.events();
    let mut client = containerd.shell("runs", "echo begun; sleep 1000").start();
    assert_eq!(client.line(), "begun");
    kill_shim(&containerd, "runs");
    let output = client.wait();
    assert!(!output.status.success() && !output.stderr.is_empty(), "{output:?}");
    gone("runs");
    await_that("the end is told", || {
        let is_end = |event: &(String, Value)| event.0 == "/tasks/exit" && event.1["exit_status"] == 137;
        events.of_tasks().iter().any(is_end)
    });
    drop(events);

    let (client, _fifo) = creating(&containerd, &sandbox, "creating");
    kill_shim(&containerd, "creating");
    let output = client.wait();
    assert!(!output.status.success() && !output.stderr.is_empty(), "{output:?}");
    gone("creating");

    let (client, fifo) = creating(&containerd, &sandbox, "created");
    containerd.signal(Signal::STOP);
    go_on(&sandbox, "created", &fifo);
    await_that("it is created", || recorded(&sandbox, "created").contains("\"created\""));
    kill_shim(&containerd, "created");
    containerd.signal(Signal::CONT);
    assert!(!client.wait().status.success());
    gone("created");

    containerd.detach("paused", "sleep 1000");
    containerd.task(["pause", "paused"]);
    kill_shim(&containerd, "paused");
    gone("paused");

    containerd.detach("ended", "exit 3");
    containerd.await_status("ended", "STOPPED");
    kill_shim(&containerd, "ended");
    gone("ended");

    containerd.detach("execs", "sleep 1000");
    let mut client = exec(&containerd, "e", "echo begun; sleep 1000");
    assert_eq!(client.line(), "begun");
    kill_shim(&containerd, "execs");
    assert!(!client.wait().status.success());
    gone("execs");

    let mut terminal = containerd.run("terminal", &["--rm", "--tty"], &["/bin/sh"]).at_terminal(24, 80);
    terminal.type_in("echo be''gun\r");
    terminal.until("begun");
    kill_shim(&containerd, "terminal");
    assert_ne!(terminal.wait().0, Some(0));
    gone("terminal");
    assert_clean(&sandbox);
}
