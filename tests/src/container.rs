//! A container that `nexcage` made, with the other ends of its stdio.

use crate::run::Watchdog;
use crate::{Bundle, Run, Sandbox};
use rustix::pipe::{PipeFlags, pipe_with};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a container may take to get into a state.
const PATIENCE: Duration = Duration::from_secs(20);

/// The test's ends of the pipes that are a process's stdio.
#[derive(Debug)]
pub struct Pipes {
    /// Closed, the process reads the end of file.
    pub stdin: Option<File>,
    /// What the process writes.
    pub stdout: Option<BufReader<File>>,
    /// The same.
    pub stderr: Option<File>,
}

impl Run {
    /// Runs to the end with pipes as stdio, which the process of a container that it makes keeps.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn hold(mut self) -> (ExitStatus, Pipes) {
        let pipe = || pipe_with(PipeFlags::CLOEXEC).unwrap_or_else(|error| panic!("pipe: {error}"));
        let [(inner_in, stdin), (stdout, inner_out), (stderr, inner_err)] = [pipe(), pipe(), pipe()];
        let stdio = [inner_in, inner_out, inner_err].map(Stdio::from);
        let status = self.with_stdio(stdio);
        let pipes = Pipes {
            stdin: Some(stdin.into()),
            stdout: Some(BufReader::new(stdout.into())),
            stderr: Some(stderr.into()),
        };
        (status, pipes)
    }

    /// Runs to the end with this stdio.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn with_stdio(&mut self, [stdin, stdout, stderr]: [Stdio; 3]) -> ExitStatus {
        let _watchdog = Watchdog::new(self.namespace.clone(), self.directory.clone());
        let command = self.command.stdin(stdin).stdout(stdout).stderr(stderr);
        let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        // The command holds copies of the descriptors, which would hide the end of file.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        status
    }
}

/// See the module. It is the test's to delete.
#[derive(Debug)]
pub struct Container<'s> {
    /// Its id.
    pub id: String,
    /// The test's ends of its stdio.
    pub pipes: Pipes,
    sandbox: &'s Sandbox,
    _watchdog: Watchdog,
}

impl Sandbox {
    /// Has `nexcage create` make a container of a bundle.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    #[track_caller]
    pub fn create(&self, bundle: &Bundle) -> Container<'_> {
        self.hold(self.making("create", bundle))
    }

    /// The same, and has `nexcage start` start its process.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    #[track_caller]
    pub fn start(&self, bundle: &Bundle) -> Container<'_> {
        let container = self.create(bundle);
        container.start();
        container
    }

    /// The container that a run of `nexcage create` or `nexcage run --detach` makes.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    #[track_caller]
    pub fn hold(&self, run: Run) -> Container<'_> {
        let (id, watchdog) =
            (run.id.clone(), Watchdog::new(self.namespace().to_owned(), run.directory.clone()));
        let shown = format!("{:?}", run.command);
        let (status, mut pipes) = run.hold();
        if !status.success() {
            let mut words = String::new();
            drop(pipes.stderr.take().map(|mut stderr| stderr.read_to_string(&mut words)));
            panic!("{shown}: {status}: {words}");
        }
        Container { id, pipes, sandbox: self, _watchdog: watchdog }
    }
}

impl Container<'_> {
    /// `nexcage start`.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn start(&self) {
        self.does("start");
    }

    /// A verb that has nothing but the id to be told, and must be done.
    ///
    /// # Panics
    /// It is not.
    #[track_caller]
    pub fn does(&self, verb: &str) {
        self.verb(verb).assert().code(0).stdout("").stderr("");
    }

    /// `nexcage VERB ID`.
    #[must_use]
    pub fn verb(&self, verb: &str) -> Run {
        self.sandbox.nexcage(verb).arg(&self.id)
    }

    /// `nexcage exec` of a command.
    #[must_use]
    pub fn exec<S: AsRef<std::ffi::OsStr>>(&self, command: impl IntoIterator<Item = S>) -> Run {
        self.verb("exec").args(command)
    }

    /// `nexcage exec` of a shell that runs `text`.
    #[must_use]
    pub fn shell(&self, text: &str) -> Run {
        self.exec(["/bin/sh", "-c", text])
    }

    /// `nexcage kill`.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn kill(&self, signal: &str) {
        self.verb("kill").arg(signal).assert().code(0).stdout("").stderr("");
    }

    /// What `nexcage state` says.
    ///
    /// # Panics
    /// It fails.
    #[must_use]
    #[track_caller]
    pub fn state(&self) -> Value {
        let output = self.verb("state").assert().code(0).stderr("").get_output().stdout.clone();
        serde_json::from_slice(&output).unwrap_or_else(|error| panic!("{output:?}: {error}"))
    }

    /// Its status.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    #[track_caller]
    pub fn status(&self) -> String {
        let state = self.state();
        state["status"].as_str().unwrap_or_else(|| panic!("{state}")).to_owned()
    }

    /// The pid of its process on the host.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    #[track_caller]
    pub fn pid(&self) -> i32 {
        let state = self.state();
        let pid = state["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).filter(|pid| *pid > 0);
        pid.unwrap_or_else(|| panic!("no pid: {state}"))
    }

    /// Waits until it has this status.
    ///
    /// # Panics
    /// That takes too long.
    #[track_caller]
    pub fn await_status(&self, status: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let state = self.state();
            if state["status"] == status {
                return state;
            }
            assert!(Instant::now() < deadline, "not {status}: {state}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The next line of its stdout without its end; empty at the end of file.
    ///
    /// # Panics
    /// It cannot be read.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        if let Some(stdout) = &mut self.pipes.stdout {
            stdout.read_line(&mut line).unwrap_or_else(|error| panic!("stdout: {error}"));
        }
        line.trim_end_matches('\n').to_owned()
    }

    /// Everything that is left on its stdout, up to the end of file.
    ///
    /// # Panics
    /// It cannot be read.
    pub fn rest(&mut self) -> String {
        let mut rest = Vec::new();
        if let Some(stdout) = &mut self.pipes.stdout {
            stdout.read_to_end(&mut rest).unwrap_or_else(|error| panic!("stdout: {error}"));
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Everything on its stderr, up to the end of file.
    ///
    /// # Panics
    /// It cannot be read.
    pub fn complaints(&mut self) -> String {
        let mut rest = Vec::new();
        if let Some(stderr) = &mut self.pipes.stderr {
            stderr.read_to_end(&mut rest).unwrap_or_else(|error| panic!("stderr: {error}"));
        }
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Writes to its stdin.
    ///
    /// # Panics
    /// It is closed.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.pipes.stdin.as_mut().unwrap_or_else(|| panic!("stdin is closed"));
        stdin.write_all(bytes).unwrap_or_else(|error| panic!("stdin: {error}"));
    }

    /// `nexcage delete`.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn delete(self) {
        self.does("delete");
    }

    /// `nexcage delete --force`.
    ///
    /// # Panics
    /// It fails.
    #[track_caller]
    pub fn remove(self) {
        self.verb("delete").arg("--force").assert().code(0).stdout("").stderr("");
    }
}
