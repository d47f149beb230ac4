//! What the shim has its workers do: each piece of work is a function that may take its time and
//! its memory, run in a fork of the supervisor that ends with it.
//!
//! A worker tells what came of it in [`Report`]s; descriptors travel with them. It is killed with
//! its supervisor, and leaves then what the record says that it had begun.

pub(crate) mod create;
pub(crate) mod exec;
pub(crate) mod later;
pub(crate) mod live;
mod names;
pub(crate) mod start;
pub(crate) mod tear_down;
mod users;

use crate::backend::Place;
use crate::error::{Error, Told};
use crate::fork::{self, Fork};
use crate::handover::Init;
use crate::signals::Inherited;
use crate::stdio::logger::Logger;
use nexcage_configuration::{Configuration, ExitSource};
use nexcage_record::{ContainerDir, ContainerId, Namespace, Record};
use nexcage_setup::channel::Channel;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Where a container is, and what holds for all that is done with it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) dir: ContainerDir,
    pub(crate) namespace: Namespace,
    pub(crate) id: ContainerId,
    pub(crate) configuration: Configuration,
    /// See [`Place::in_use`].
    pub(crate) in_use: File,
    /// The signal state that the process inherits.
    pub(crate) inherited: Inherited,
    /// nexcage-init, if it is not in its usual places.
    pub(crate) init: Option<PathBuf>,
    /// For each step: LXC's start, init's answers.
    pub(crate) limit: Duration,
    pub(crate) exit_source: ExitSource,
}

impl Site {
    pub(crate) fn place(&self) -> Place<'_> {
        Place { dir: &self.dir, namespace: &self.namespace, id: &self.id, in_use: &self.in_use }
    }
}

/// What a worker has to tell.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The process is held. Init's connection and pidfd follow, then what is said here.
    Created { record: Box<Record>, pid: i32, monitor: Follows, terminal: Follows },
    /// The process has begun.
    Executed,
    /// A logger reads what the process will write. Its pidfd follows, and the work goes on.
    Logging,
    /// A process has joined the container and begun. Its pidfd follows, then its terminal's master.
    Joined { pid: i32, terminal: Follows },
    /// What was asked for is done.
    Done,
    /// The same, with an answer.
    Answer { kind: String, bytes: Vec<u8> },
    /// It failed, and what it had begun is undone.
    Failed(Told),
}

/// Whether a descriptor follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Follows {
    Yes,
    No,
}

impl Follows {
    pub(crate) fn of<T>(fd: Option<&T>) -> Self {
        if fd.is_some() { Follows::Yes } else { Follows::No }
    }
}

static IS_WORKER: AtomicBool = AtomicBool::new(false);

/// Whether this process is a worker of a shim.
pub(crate) fn is_worker() -> bool {
    IS_WORKER.load(Ordering::Relaxed)
}

/// The worker's way to tell.
#[derive(Debug)]
pub(crate) struct Reporter(Channel);

impl Reporter {
    pub(crate) fn tell(&mut self, report: &Report, descriptors: &[BorrowedFd<'_>]) -> Result<(), Error> {
        let mut tell = || {
            self.0.send(report)?;
            descriptors.iter().try_for_each(|fd| self.0.send_descriptor(*fd))
        };
        tell().map_err(Error::system("report to the supervisor"))
    }
}

impl Reporter {
    /// Starts a logger, if there is one, of which the supervisor is told.
    pub(crate) fn start_logger(
        &mut self,
        site: &Site,
        logger: Option<Logger>,
    ) -> Result<Option<OwnedFd>, Error> {
        let Some(logger) = logger else { return Ok(None) };
        let pidfd = logger.start(site.id.as_str(), site.namespace.as_str(), site.limit)?;
        self.tell(&Report::Logging, &[pidfd.as_fd()])?;
        Ok(Some(pidfd))
    }

    /// Waits until the supervisor has done what follows from the last report.
    pub(crate) fn await_word(&mut self) -> Result<(), Error> {
        self.0.receive().map_err(Error::system("hear from the supervisor"))
    }
}

/// A worker as the supervisor sees it.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) pid: Pid,
    channel: Channel,
}

impl Worker {
    /// Begins a piece of work.
    pub(crate) fn begin(work: impl FnOnce(&mut Reporter) -> Result<(), Error>) -> Result<Self, Error> {
        let pair = UnixStream::pair().map_err(Error::system("make a socket pair"))?;
        let (ours, theirs) = pair;
        match fork::fork().map_err(Error::system("make a worker"))? {
            Fork::Parent(pid) => Ok(Worker { pid, channel: Channel::new(ours) }),
            Fork::Child => {
                drop(ours);
                IS_WORKER.store(true, Ordering::Relaxed);
                let mut reporter = Reporter(Channel::new(theirs));
                if let Err(error) = work(&mut reporter) {
                    // A supervisor that has died hears nothing.
                    drop(reporter.tell(&Report::Failed(Told::of(&error)), &[]));
                }
                fork::exit(0)
            }
        }
    }

    /// The report that has come; an error once the worker has ended.
    pub(crate) fn report(&mut self) -> io::Result<Report> {
        self.channel.receive()
    }

    /// Says that what follows from its report is done.
    pub(crate) fn acknowledge(&mut self) {
        // One that has ended is not waiting.
        drop(self.channel.send(&()));
    }

    /// The descriptors that follow a report.
    pub(crate) fn descriptors(&mut self, report: &Report) -> io::Result<Descriptors> {
        let mut came = Descriptors::default();
        match *report {
            Report::Created { pid, monitor, terminal, .. } => {
                let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::InvalidData)?;
                let (stream, pidfd) = (self.descriptor()?, self.descriptor()?);
                came.init = Some(Init::from_parts(stream.into(), pid, pidfd));
                came.monitor = self.perhaps(monitor)?;
                came.terminal = self.perhaps(terminal)?;
            }
            Report::Joined { terminal, .. } => {
                came.pidfd = Some(self.descriptor()?);
                came.terminal = self.perhaps(terminal)?;
            }
            Report::Logging => came.pidfd = Some(self.descriptor()?),
            Report::Executed | Report::Done | Report::Answer { .. } | Report::Failed(_) => {}
        }
        Ok(came)
    }

    fn descriptor(&mut self) -> io::Result<OwnedFd> {
        self.channel.receive_descriptor()
    }

    fn perhaps(&mut self, follows: Follows) -> io::Result<Option<OwnedFd>> {
        match follows {
            Follows::Yes => self.descriptor().map(Some),
            Follows::No => Ok(None),
        }
    }
}

/// What came with a report.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    pub(crate) init: Option<Init>,
    pub(crate) monitor: Option<OwnedFd>,
    pub(crate) terminal: Option<OwnedFd>,
    pub(crate) pidfd: Option<OwnedFd>,
}

impl AsFd for Worker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}
