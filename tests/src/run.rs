//! One run of a tool, to its end or step by step.

use crate::Traces;
use assert_cmd::assert::{Assert, OutputAssertExt as _};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// No run takes longer; then everything that belongs to the sandbox is killed, so that the test
/// fails instead of hanging.
const LIMIT: Duration = Duration::from_secs(60);

/// A tool about to run.
#[derive(Debug)]
pub struct Run {
    pub(crate) command: Command,
    pub(crate) id: String,
    pub(crate) namespace: String,
    pub(crate) directory: PathBuf,
    pub(crate) stdin: Vec<u8>,
}

impl Run {
    /// The container's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The command alone, for whoever runs it otherwise.
    #[must_use]
    pub fn into_command(self) -> Command {
        self.command
    }

    /// One more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// More arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// One more environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it finds on stdin; without it stdin is an empty pipe.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// The same run by way of another program, which gets the command line as its last arguments.
    #[must_use]
    pub fn through<S: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = S>) -> Self {
        let mut words = wrapper.into_iter();
        let Some(program) = words.next() else { return self };
        let mut command = Command::new(program);
        command.args(words).arg(self.command.get_program()).args(self.command.get_args());
        if let Some(directory) = self.command.get_current_dir() {
            command.current_dir(directory);
        }
        command.env_clear();
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    /// Runs to the end.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn output(mut self) -> Output {
        let stdin = std::mem::take(&mut self.stdin);
        let mut running = self.start();
        let pipe = running.stdin.take();
        // A process that does not read is no failure of the writer.
        let writer = thread::spawn(move || pipe.map(|mut pipe| pipe.write_all(&stdin)));
        let output = running.wait();
        drop(writer.join());
        output
    }

    /// Runs to the end, for assertions on status, stdout and stderr.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn assert(self) -> Assert {
        let shown = format!("{:?}", self.command);
        self.output().assert().append_context("command", shown)
    }

    /// Starts it.
    ///
    /// # Panics
    /// It cannot be started.
    pub fn start(mut self) -> Running {
        let command = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let stderr = child.stderr.take();
        Running {
            stdin: child.stdin.take(),
            stdout: child.stdout.take().map(BufReader::new),
            stderr: Some(thread::spawn(move || read_all(stderr))),
            child,
            _watchdog: Watchdog::new(self.namespace, self.directory),
            id: self.id,
        }
    }
}

/// A tool that runs.
#[derive(Debug)]
pub struct Running {
    /// The container's id.
    pub id: String,
    /// The writing end of its stdin; dropped, it reads the end of file.
    pub stdin: Option<ChildStdin>,
    /// The reading end of its stdout.
    pub stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<JoinHandle<Vec<u8>>>,
    child: Child,
    _watchdog: Watchdog,
}

impl Running {
    /// The next line of stdout without its end; empty at end of file.
    ///
    /// # Panics
    /// It cannot be read.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        if let Some(stdout) = &mut self.stdout {
            stdout.read_line(&mut line).unwrap_or_else(|error| panic!("stdout: {error}"));
        }
        line.trim_end_matches('\n').to_owned()
    }

    /// Writes to stdin.
    ///
    /// # Panics
    /// It cannot be written.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().unwrap_or_else(|| panic!("stdin is closed"));
        stdin.write_all(bytes).unwrap_or_else(|error| panic!("stdin: {error}"));
    }

    /// Sends the tool a signal.
    ///
    /// # Panics
    /// It has ended.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap_or_else(|error| panic!("kill: {error}"));
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Closes stdin and waits for the end; stdout is what was not read before.
    ///
    /// # Panics
    /// It cannot be waited for.
    pub fn wait(mut self) -> Output {
        drop(self.stdin.take());
        let stdout = read_all(self.stdout.take());
        let stderr = self.stderr.take().and_then(|reader| reader.join().ok()).unwrap_or_default();
        let status = self.child.wait().unwrap_or_else(|error| panic!("wait: {error}"));
        Output { status, stdout, stderr }
    }
}

fn read_all(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        drop(stream.read_to_end(&mut bytes));
    }
    bytes
}

/// Kills what belongs to a sandbox when the time is over, unless it is dropped before.
#[derive(Debug)]
pub(crate) struct Watchdog {
    _alive: Sender<()>,
}

impl Watchdog {
    pub(crate) fn new(namespace: String, directory: PathBuf) -> Self {
        let (alive, dropped) = channel::<()>();
        thread::spawn(move || {
            if dropped.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout) {
                Traces::of(&format!("{namespace}@"), &directory, &directory).kill();
            }
        });
        Watchdog { _alive: alive }
    }
}
