//! A `pct` as a supervised process: its output is kept, its time is limited, signals end it.

use crate::backend::MARK;
use crate::error::Error;
use crate::signals::Signals;
use crate::wait::{Deadline, Watch, wait};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long work may take before a terminal is told of it, and how often that is.
const NOTICE: Duration = Duration::from_millis(500);

/// A program that runs for a CT, in a process group of its own.
#[derive(Debug)]
pub(super) struct Task {
    child: Child,
    pidfd: OwnedFd,
    name: String,
}

/// Where its output goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output<'a> {
    pub(super) stdout: &'a Path,
    pub(super) stderr: &'a Path,
}

impl Task {
    /// Starts `pct` for the container that has this directory.
    pub(super) fn pct<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        output: Output<'_>,
        directory: &Path,
    ) -> Result<Self, Error> {
        let mut command = Command::new(program);
        command.args(arguments).stdout(create(output.stdout)?);
        Self::begin(command, output.stderr, directory).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::PctMissing { program: program.to_owned() },
            _ => Error::system(format!("execute {}", program.display()))(error),
        })
    }

    /// Starts a command whose stdout is set.
    pub(super) fn begin(mut command: Command, errors: &Path, directory: &Path) -> io::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.current_dir("/").process_group(0).stdin(Stdio::null()).stderr(File::create(errors)?);
        let child = command.env(MARK, directory).spawn()?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        Ok(Task { child, pidfd, name })
    }

    pub(super) fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        self.child.try_wait().map_err(Error::system(format!("look at {}", self.name)))
    }

    /// Ends it: politely first, since its worker holds the CT's lock and may have something to undo.
    pub(super) fn end(mut self, patience: Duration) -> Result<(), Error> {
        let group = Pid::from_child(&self.child);
        for signal in [Signal::TERM, Signal::KILL] {
            // It may have ended meanwhile.
            let _ = kill_process_group(group, signal);
            if wait([Watch::Readable(self.pidfd.as_fd())], Deadline::after(patience))? == [true] {
                break;
            }
        }
        self.child.wait().map(drop).map_err(Error::system(format!("wait for {}", self.name)))
    }

    /// Waits for its end; a signal that asks for the end of the work ends it, and so does the limit.
    /// `so_far` says how far it is, for a terminal.
    pub(super) fn finish(
        mut self,
        mut signals: Option<&mut Signals>,
        (doing, limit): (&'static str, Duration),
        patience: Duration,
        so_far: impl Fn() -> String,
    ) -> Result<ExitStatus, Error> {
        let deadline = Deadline::after(limit);
        let mut progress = Progress::new();
        loop {
            let caught =
                signals.as_deref().map_or(Watch::Nothing, |signals| Watch::Readable(signals.as_fd()));
            let moment = deadline.or_earlier(progress.next());
            let [ended, signal] = wait([Watch::Readable(self.pidfd.as_fd()), caught], moment)?;
            if ended {
                return self.child.wait().map_err(Error::system(format!("wait for {}", self.name)));
            }
            if signal {
                if let Some(signal) = signals.as_deref_mut().and_then(Signals::ending) {
                    self.end(patience)?;
                    return Err(Error::Interrupted { signal });
                }
            } else if deadline.is_over() {
                self.end(patience)?;
                return Err(Error::Timeout { doing, limit, words: String::new() });
            } else {
                progress.show(&so_far());
            }
        }
    }
}

fn create(path: &Path) -> Result<File, Error> {
    File::create(path).map_err(Error::system(format!("create {}", path.display())))
}

/// A line on a terminal that is written anew, and taken away in the end; nothing anywhere else.
struct Progress {
    begun: Option<Instant>,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Progress { begun: io::stderr().is_terminal().then(Instant::now), shown: false }
    }

    /// When there is to be something new.
    fn next(&self) -> Deadline {
        self.begun.map_or(Deadline::NEVER, |_| Deadline::after(NOTICE))
    }

    fn show(&mut self, text: &str) {
        if let Some(begun) = self.begun {
            self.shown = true;
            // A terminal that is gone misses nothing.
            drop(write!(io::stderr(), "\r{text}, {} s\x1b[K", begun.elapsed().as_secs()));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}
