//! A logger: a program that an engine names to read a process's output, as containerd has it.
//!
//! It finds stdout's pipe at 3, stderr's at 4, and at 5 one that it closes when it is ready (in the
//! second version of the scheme, after a byte), and ends when both pipes have.

use crate::error::{Error, Refusal};
use crate::fork::{Fork, exit, fork_detached};
use crate::wait::{Deadline, Watch, wait};
use form_urlencoded::parse;
use percent_encoding::percent_decode_str;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long loggers have, after the end of what they read, to end by themselves, and to end when asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    by_itself: Duration,
    asked: Duration,
}

impl Patience {
    /// A deletion waits for the log to be whole.
    pub(crate) const LONG: Patience =
        Patience { by_itself: Duration::from_secs(10), asked: Duration::from_secs(12) };
    /// A removal waits for nothing.
    pub(crate) const SHORT: Patience =
        Patience { by_itself: Duration::from_millis(200), asked: Duration::from_secs(1) };
}

/// How a logger says that it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readiness {
    /// By a byte or the end of the pipe.
    Either,
    /// By a byte alone.
    Byte,
}

/// A logger that is to be started.
#[derive(Debug)]
pub(crate) struct Logger {
    program: PathBuf,
    arguments: Vec<String>,
    readiness: Readiness,
    pipes: [OwnedFd; 2],
}

impl Logger {
    /// The logger of this name and the process's ends of its pipes; `None` if the name is none of a
    /// logger.
    pub(crate) fn of(name: &str) -> Result<Option<(Self, [OwnedFd; 2])>, Error> {
        let (readiness, rest) = match name.split_once("://") {
            Some(("binary", rest)) => (Readiness::Either, rest),
            Some(("binary-v2", rest)) => (Readiness::Byte, rest),
            _ => return Ok(None),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let path: Vec<u8> = percent_decode_str(path).collect();
        if !path.starts_with(b"/") || path.contains(&0) {
            return Err(Error::from(Refusal::UnsupportedStdio { name: name.to_owned() }));
        }
        let program = PathBuf::from(OsStr::from_bytes(&path));
        let pair =
            || pipe_with(PipeFlags::CLOEXEC).map_err(|errno| Error::system("make a pipe")(errno.into()));
        let ((out, process_out), (err, process_err)) = (pair()?, pair()?);
        let logger = Logger { program, arguments: arguments(query), readiness, pipes: [out, err] };
        Ok(Some((logger, [process_out, process_err])))
    }

    /// Starts it and waits until it is ready; gives its pidfd. It outlives this process.
    pub(crate) fn start(self, id: &str, namespace: &str, limit: Duration) -> Result<OwnedFd, Error> {
        let start = || {
            let (ready, its_ready) = pipe_with(PipeFlags::CLOEXEC)?;
            let (failure, its_failure) = pipe_with(PipeFlags::CLOEXEC)?;
            let pid = match fork_detached()? {
                Fork::Parent(pid) => pid,
                Fork::Child => {
                    let error = self.become_it([id, namespace], &its_ready);
                    let number = error.raw_os_error().unwrap_or(libc::EINVAL);
                    drop(File::from(its_failure).write_all(&number.to_ne_bytes()));
                    exit(127)
                }
            };
            drop((its_ready, its_failure));
            let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
            Ok((pid, pidfd, ready, failure))
        };
        let named = |error| Error::system(format!("start the logger {}", self.program.display()))(error);
        let (pid, pidfd, ready, failure) = start().map_err(named)?;
        self.await_readiness(ready, failure, limit).inspect_err(|_| {
            let _ = kill_process(pid, Signal::KILL);
        })?;
        Ok(pidfd)
    }

    /// Becomes the logger; comes back only if that fails.
    fn become_it(&self, [id, namespace]: [&str; 2], ready: &OwnedFd) -> io::Error {
        let [out, err] = &self.pipes;
        if let Err(error) = place([out.as_fd(), err.as_fd(), ready.as_fd()], 3) {
            return error;
        }
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        command.env("CONTAINER_ID", id).env("CONTAINER_NAMESPACE", namespace);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).exec()
    }

    fn await_readiness(&self, ready: OwnedFd, failure: OwnedFd, limit: Duration) -> Result<(), Error> {
        let named = || format!("start the logger {}", self.program.display());
        let mut number = Vec::new();
        File::from(failure).read_to_end(&mut number).map_err(Error::system(named()))?;
        if let Ok(number) = <[u8; 4]>::try_from(number.as_slice()) {
            let error = io::Error::from_raw_os_error(i32::from_ne_bytes(number));
            return Err(Error::system(named())(error));
        }
        if wait([Watch::Readable(ready.as_fd())], Deadline::after(limit))? == [false] {
            return Err(Error::Timeout { doing: "the logger to be ready", limit, words: String::new() });
        }
        let count = File::from(ready).read(&mut [0]).map_err(Error::system(named()))?;
        if count == 0 && self.readiness == Readiness::Byte {
            let error = io::Error::new(io::ErrorKind::UnexpectedEof, "it did not say that it is ready");
            return Err(Error::system(named())(error));
        }
        Ok(())
    }
}

/// Keys and values, one after the other; of a key that comes again only the first value.
fn arguments(query: &str) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    for (key, value) in parse(query.as_bytes()) {
        if !arguments.chunks(2).any(|pair| pair.first().is_some_and(|known| *known == key)) {
            arguments.extend([key.into_owned(), value.into_owned()]);
        }
    }
    arguments
}

/// Puts descriptors at `first` and what follows, in a process that is about to become another.
fn place(fds: [BorrowedFd<'_>; 3], first: RawFd) -> io::Result<()> {
    // Beyond the places, so that none is overwritten before its turn.
    let mut copies = Vec::new();
    for fd in fds {
        copies.push(rustix::io::fcntl_dupfd_cloexec(fd, first + 3)?);
    }
    for (copy, number) in copies.iter().zip(first..) {
        crate::fork::put(copy.as_fd(), number)?;
    }
    Ok(())
}

/// Waits until all have ended, and sees to it that they do.
pub(crate) fn end(loggers: &[OwnedFd], patience: Patience) {
    await_all(loggers, Deadline::after(patience.by_itself));
    for (signal, limit) in [(Signal::TERM, patience.asked), (Signal::KILL, Duration::from_secs(1))] {
        for logger in loggers.iter().filter(|logger| !has_ended(logger)) {
            log::warn!("a logger goes on after the end of its process, and gets signal {}", signal.as_raw());
            // It may end just now.
            let _ = pidfd_send_signal(logger, signal);
        }
        await_all(loggers, Deadline::after(limit));
    }
}

fn await_all(loggers: &[OwnedFd], deadline: Deadline) {
    for logger in loggers {
        drop(wait([Watch::Readable(logger.as_fd())], deadline));
    }
}

/// Whether the process of a pidfd has ended.
pub(crate) fn has_ended(pidfd: &OwnedFd) -> bool {
    matches!(wait([Watch::Readable(pidfd.as_fd())], Deadline::after(Duration::ZERO)), Ok([true]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    /// The name of a logger that is a script.
    fn script(directory: &Path, scheme: &str, text: &str) -> String {
        let path = directory.join("a logger");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        format!("{scheme}://{}", path.to_str().unwrap().replace(' ', "%20"))
    }

    fn start(name: &str) -> Result<(OwnedFd, [OwnedFd; 2]), Error> {
        let (logger, pipes) = Logger::of(name)?.unwrap();
        Ok((logger.start("id", "ns", Duration::from_secs(20))?, pipes))
    }

    #[test]
    fn a_logger_reads_both_pipes_to_their_ends_and_is_told_whose_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let text = "exec 5>&-; (cat <&3; cat <&4; echo $*; env; ls /proc/self/fd | tr '\\n' ' ') >$2";
        let name = script(directory.path(), "binary", text);
        let log = directory.path().join("log");
        let name = format!("{name}?file={}&a+b=%26&file=no", log.display());
        let (pidfd, [out, err]) = start(&name).unwrap();
        File::from(out).write_all(b"out\n").unwrap();
        File::from(err).write_all(b"err\n").unwrap();
        end(&[pidfd], Patience::LONG);
        let told = fs::read_to_string(&log).unwrap();
        let start = format!("out\nerr\nfile {} a b &\n", log.display());
        assert!(told.starts_with(&start), "{told}");
        for variable in ["CONTAINER_ID=id\n", "CONTAINER_NAMESPACE=ns\n"] {
            assert!(told.contains(variable), "{told}");
        }
        assert!(!told.contains("HOME="), "{told}");
    }

    #[test]
    fn one_that_cannot_be_had_or_is_never_ready_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let error = start("binary:///no/such/logger").unwrap_err();
        assert!(nexcage_cli::causes(&error).contains("/no/such/logger"), "{error}");
        assert!(start(&script(directory.path(), "binary-v2", "exec 5>&-; cat <&3")).is_err());
        let (logger, pipes) = start(&script(directory.path(), "binary-v2", "echo >&5; cat <&3")).unwrap();
        drop(pipes);
        end(&[logger], Patience::LONG);
        for name in ["binary://relative", "binary-v2://", "binary://host/%00"] {
            assert!(Logger::of(name).is_err(), "{name}");
        }
        assert!(Logger::of("/a/fifo").unwrap().is_none());
    }

    #[test]
    fn one_that_goes_on_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let (pidfd, pipes) =
            start(&script(directory.path(), "binary", "exec 5>&-; exec sleep 1000")).unwrap();
        drop(pipes);
        assert!(!has_ended(&pidfd));
        end(std::slice::from_ref(&pidfd), Patience::SHORT);
        assert!(has_ended(&pidfd));
    }
}
