//! Where a container dies in all ways: a sandbox with one container in it, and what can be known of
//! that from outside.

use nexcage_tests::{Backend, Bundle, Config, Run, Sandbox};
use rustix::fs::{CWD, FileType, FlockOperation, Mode, flock, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fmt;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The container's only id.
pub(super) const ID: &str = "c";

/// The status of a process that ends when it is told to.
pub(super) const STATUS: i64 = 7;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A sandbox with a bundle whose process notes that it runs and ends when it is told to.
pub(super) struct Ground {
    pub(super) sandbox: Sandbox,
    pub(super) bundle: Bundle,
}

/// How a command ended.
pub(super) struct Outcome {
    pub(super) status: ExitStatus,
    pub(super) said: String,
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.said)
    }
}

impl Ground {
    /// One whose bundle has hooks of every kind.
    pub(super) fn new() -> Self {
        let ground = Ground::without_hooks();
        let kinds = ["createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
        let hook = json!([{ "path": "/bin/true" }]);
        ground.set_hooks(&kinds.into_iter().map(|kind| (kind.to_owned(), hook.clone())).collect());
        ground
    }

    /// One whose bundle has this script for a createRuntime hook.
    pub(super) fn with_hook(script: &str) -> Self {
        let ground = Ground::without_hooks();
        let hook = json!({ "path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"] });
        ground.set_hooks(&json!({ "createRuntime": [hook] }));
        ground
    }

    fn set_hooks(&self, hooks: &Value) {
        let mut config: Value = serde_json::from_slice(&fs::read(self.bundle.config()).unwrap()).unwrap();
        config["hooks"] = hooks.clone();
        fs::write(self.bundle.config(), config.to_string()).unwrap();
    }

    pub(super) fn without_hooks() -> Self {
        Ground::on(Backend::of_this_run())
    }

    pub(super) fn on(backend: Backend) -> Self {
        let sandbox = Sandbox::on(backend);
        let shared = sandbox.path().join("shared");
        fs::create_dir(&shared).unwrap();
        let script = format!("echo run >> /shared/runs; read line < /shared/go; exit {STATUS}");
        let bundle = sandbox.bundle(&Config::script(&script).bind(&shared, "/shared"));
        let ground = Ground { sandbox, bundle };
        ground.reset();
        ground
    }

    fn shared(&self, name: &str) -> PathBuf {
        self.sandbox.path().join("shared").join(name)
    }

    /// Forgets the last process.
    pub(super) fn reset(&self) {
        for name in ["runs", "go"] {
            drop(fs::remove_file(self.shared(name)));
        }
        mknodat(CWD, self.shared("go"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    }

    /// How often the process has begun.
    pub(super) fn runs(&self) -> usize {
        fs::read_to_string(self.shared("runs")).unwrap_or_default().lines().count()
    }

    /// Tells the process, which reads by now or soon, to end.
    pub(super) fn go(&self) {
        File::options().write(true).open(self.shared("go")).unwrap().write_all(b"go\n").unwrap();
    }

    pub(super) fn verb(&self, verb: &str) -> Run {
        let run = self.sandbox.nexcage(verb).arg(ID);
        if matches!(verb, "create" | "run") { run.arg("--bundle").arg(self.bundle.path()) } else { run }
    }

    /// Starts a successor if the shim is dead.
    pub(super) fn recovery(&self) -> Run {
        let run = self.sandbox.tool("nexcage-shim").args(["recover", "--id", ID]);
        let run = run.arg("--namespace").arg(self.sandbox.namespace()).arg("--root").arg(self.sandbox.root());
        run.env("NEXCAGE_CONFIG", self.sandbox.configuration())
    }

    /// Runs a command to its end. Processes that it leaves hold no pipe of the test's.
    pub(super) fn output(&self, mut run: Run) -> Outcome {
        let said = self.sandbox.path().join(format!("said-{:?}", thread::current().id()));
        let file = File::create(&said).unwrap();
        let status = run.with_stdio([Stdio::null(), Stdio::null(), file.into()]);
        Outcome { status, said: fs::read_to_string(&said).unwrap_or_default() }
    }

    pub(super) fn outcome(&self, verb: &str) -> Outcome {
        self.output(self.verb(verb))
    }

    /// Runs a command that must succeed.
    #[track_caller]
    pub(super) fn does(&self, verb: &str) {
        let outcome = self.outcome(verb);
        assert!(outcome.status.success(), "{verb}: {outcome:?}");
    }

    #[track_caller]
    pub(super) fn recover(&self) {
        let outcome = self.output(self.recovery());
        assert!(outcome.status.success(), "recover: {outcome:?}");
    }

    #[track_caller]
    pub(super) fn remove(&self) {
        let outcome = self.output(self.verb("delete").arg("--force"));
        assert!(outcome.status.success(), "delete --force: {outcome:?}");
        self.await_nothing_left();
    }

    /// What `nexcage state` says; nothing if there is no container.
    #[track_caller]
    pub(super) fn state(&self) -> Option<Value> {
        let output = self.verb("state").output();
        if output.status.success() {
            return Some(serde_json::from_slice(&output.stdout).unwrap());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains("NX-NOT-FOUND"), "state: {said}");
        None
    }

    /// Its status, which must be what the kernel has.
    #[track_caller]
    pub(super) fn status(&self) -> Option<String> {
        let state = self.state()?;
        let pid = i32::try_from(state["pid"].as_i64().unwrap()).unwrap();
        let status = state["status"].as_str().unwrap().to_owned();
        match &*status {
            "created" => assert!(self.is_init(pid), "{state}: no nexcage-init waits"),
            "running" => assert!(pid > 0 && is_alive(pid) && !self.is_init(pid), "{state}: not so"),
            "stopped" => assert_eq!(pid, 0, "{state}"),
            _ => panic!("{state}"),
        }
        Some(status)
    }

    /// Whether a process is nexcage-init still.
    fn is_init(&self, pid: i32) -> bool {
        let init = self.sandbox.tool_path("nexcage-init");
        let file = |path: &Path| fs::metadata(path).map(|file| (file.dev(), file.ino())).ok();
        let executed = file(Path::new(&format!("/proc/{pid}/exe")));
        pid > 0 && executed.is_some() && executed == file(&init)
    }

    pub(super) fn record(&self) -> Option<Value> {
        let file = self.sandbox.state_directory(ID).join("record.json");
        fs::read(file).ok().map(|text| serde_json::from_slice(&text).unwrap())
    }

    /// The exit status, and whether it was lost.
    #[track_caller]
    pub(super) fn exit(&self) -> (i64, bool) {
        let record = self.record().expect("there is no record");
        let exit = &record["exit"];
        let status = exit["status"].as_i64().unwrap_or_else(|| panic!("no exit status: {record}"));
        (status, exit["lost"].as_bool().unwrap_or_default())
    }

    /// The pid of the shim that has written the record.
    pub(super) fn shim(&self) -> Option<i32> {
        pid_of(&self.record()?["shim"])
    }

    /// The shim and its workers, and commands that start one.
    pub(super) fn shims(&self) -> Vec<i32> {
        let place = self.sandbox.path().to_string_lossy().into_owned();
        let pids = fs::read_dir("/proc").unwrap().flatten();
        let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_shim = |pid: &i32| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command);
            command.contains("nexcage-shim\0") && command.contains(&place)
        };
        pids.filter(is_shim).collect()
    }

    /// Whether somebody has the container's directory.
    fn is_locked(&self) -> bool {
        let lock = File::open(self.sandbox.state_directory(ID).join("lock"));
        lock.is_ok_and(|lock| flock(lock, FlockOperation::NonBlockingLockShared).is_err())
    }

    /// Waits until the shim and its workers are dead, which they are a moment after they were killed.
    #[track_caller]
    pub(super) fn await_death(&self) {
        // A dying process loses its command line before its life, and its lock.
        self.until("dead", || {
            self.shims().is_empty() && !self.shim().is_some_and(is_alive) && !self.is_locked()
        });
    }

    /// The pid of the process by the record.
    pub(super) fn process(&self) -> Option<i32> {
        pid_of(&self.record()?["process"])
    }

    /// Kills the shim if it lives.
    pub(super) fn kill_shim(&self) {
        if let Some(shim) = self.shim() {
            kill(shim);
        }
    }

    /// Makes a container whose process runs.
    #[track_caller]
    pub(super) fn begin(&self) {
        self.does("create");
        self.does("start");
        self.await_run();
    }

    /// Tells the process to end, and checks that this is seen.
    #[track_caller]
    pub(super) fn end(&self) {
        self.go();
        self.await_exit();
        assert_eq!(self.exit(), (STATUS, false));
    }

    /// Deletes the stopped container.
    #[track_caller]
    pub(super) fn delete(&self) {
        self.does("delete");
        assert_eq!(self.state(), None);
        self.await_nothing_left();
    }

    /// Waits until something is so.
    #[track_caller]
    pub(super) fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            if Instant::now() > deadline {
                let (traces, record) = (self.sandbox.traces(), self.record().unwrap_or_default());
                self.sandbox.clear();
                panic!("not {what}; record {record}, on the machine:\n{traces}");
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until the process has ended and that is written down.
    #[track_caller]
    pub(super) fn await_exit(&self) {
        self.until("stopped", || {
            let stopped = self.state().is_some_and(|state| state["status"] == "stopped");
            stopped && self.record().is_some_and(|record| record["exit"].is_object())
        });
    }

    /// Waits until the process has begun.
    #[track_caller]
    pub(super) fn await_run(&self) {
        self.until("running", || self.runs() == 1);
    }

    /// Waits until what is about to go has gone.
    #[track_caller]
    pub(super) fn await_nothing_left(&self) {
        self.until("gone", || self.sandbox.traces().is_empty());
    }
}

fn pid_of(process: &Value) -> Option<i32> {
    process["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok())
}

/// Whether a process is there and no zombie.
pub(super) fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Kills a process, and returns when it is dead.
pub(super) fn kill(pid: i32) {
    let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
    while is_alive(pid) {
        thread::sleep(Duration::from_millis(1));
    }
}
