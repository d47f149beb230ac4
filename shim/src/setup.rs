//! The shim's side of the conversation with nexcage-setup; see the crate of this name.

use crate::error::Error;
use crate::handover::Init;
use lxc_render_config::Rendered;
use nexcage_setup::channel::Channel;
use nexcage_setup::plan::{Action, Answer, Failure, Request, Step};
use nexcage_setup::{VERSION, tree};
use rustix::process::Pid;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

/// Where packages put nexcage-setup.
const INSTALLED: &str = "/usr/libexec/nexcage/nexcage-setup";

/// Whether LXC's start has to be interrupted for nexcage-setup.
pub(crate) fn is_needed(rendered: &Rendered) -> bool {
    !rendered.steps.is_empty() || rendered.hooks.interrupt_start()
}

/// nexcage-setup's place, if the bundle needs it at all.
pub(crate) fn find(rendered: &Rendered) -> Result<Option<PathBuf>, Error> {
    if !is_needed(rendered) && rendered.hooks.start_container.is_empty() {
        return Ok(None);
    }
    program().map(Some)
}

/// nexcage-setup's place.
pub(crate) fn program() -> Result<PathBuf, Error> {
    let beside = std::env::current_exe().ok();
    let beside = beside.and_then(|own| Some(own.parent()?.join("nexcage-setup")));
    let looked: Vec<PathBuf> = beside.into_iter().chain([PathBuf::from(INSTALLED)]).collect();
    let found = looked.iter().find_map(|path| fs::canonicalize(path).ok().filter(|path| path.is_file()));
    found.ok_or(Error::SetupMissing { looked })
}

/// nexcage-setup at the other end of a connection. Its answers are received when they have come.
#[derive(Debug)]
pub(crate) struct Setup(Channel);

impl Setup {
    /// nexcage-setup as the shim's own child.
    pub(crate) fn of_child(stream: UnixStream) -> Self {
        Setup(Channel::new(stream))
    }

    /// Begins with a peer that was identified. Gives what will be the container's init as well, as
    /// the host sees it.
    pub(crate) fn begin(peer: Init, in_container: impl FnOnce(Pid) -> bool) -> Result<(Self, i32), Error> {
        let (stream, pid) = peer.into_parts();
        let init = parent_of(pid)?;
        // A peer that has lost its parent has another, to whom no hook must do anything.
        if !in_container(init) {
            return Err(violation(format!("its parent {} is not in the container", init.as_raw_pid())));
        }
        let mut setup = Setup(Channel::new(stream));
        match setup.receive()? {
            Answer::Hello(VERSION) => Ok((setup, init.as_raw_pid())),
            Answer::Hello(other) => {
                Err(violation(format!("it speaks version {other} of the protocol, this shim {VERSION}")))
            }
            _ => Err(violation("it did not begin with a greeting")),
        }
    }

    /// Asks for the mounts; `program` is nexcage-setup.
    pub(crate) fn ask_for_mounts(&mut self, steps: &[Step], program: &Path) -> Result<(), Error> {
        self.0.send(&Request::Mounts(steps.to_vec())).map_err(|error| lost(&error))?;
        for step in steps {
            let Action::Bind(bind) = &step.action else { continue };
            let tree = tree::detached(bind, program).map_err(|error| {
                let what = format!("{} for /{}", error.what, step.target);
                let (pointer, errno) = (step.pointer.clone(), error.source.raw_os_error());
                Error::Undone(Failure { pointer, what, errno, is_hook: false })
            })?;
            match self.0.send_descriptor(tree.as_fd()) {
                // It has failed before, and its answer says why.
                Err(error) if is_gone(&error) => break,
                sent => sent.map_err(|error| lost(&error))?,
            }
        }
        Ok(())
    }

    /// Asks for something without descriptors.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<(), Error> {
        self.0.send(request).map_err(|error| lost(&error))
    }

    /// Hands a descriptor over.
    pub(crate) fn give(&mut self, fd: BorrowedFd<'_>) -> Result<(), Error> {
        self.0.send_descriptor(fd).map_err(|error| lost(&error))
    }

    /// The answer, which has come.
    pub(crate) fn answer(&mut self) -> Result<(), Error> {
        match self.receive()? {
            Answer::Done => Ok(()),
            Answer::Failed(failure) => Err(Error::Undone(failure)),
            Answer::Hello(_) => Err(violation("it greeted twice")),
        }
    }

    fn receive(&mut self) -> Result<Answer, Error> {
        self.0.receive().map_err(|error| lost(&error))
    }
}

impl AsFd for Setup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn violation(what: impl Into<String>) -> Error {
    Error::Handover { what: format!("nexcage-setup: {}", what.into()), words: String::new() }
}

fn lost(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => violation("it went away"),
        _ if is_gone(error) => violation("it went away"),
        io::ErrorKind::WouldBlock => violation("it did not go on in time"),
        _ => violation(format!("the connection broke: {error}")),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// LXC runs its hooks as children of what will be the container's init (proc(5), PPid).
fn parent_of(pid: Pid) -> Result<Pid, Error> {
    let path = format!("/proc/{}/status", pid.as_raw_pid());
    let status = fs::read_to_string(&path).map_err(Error::system(format!("read {path}")))?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")?.trim().parse().ok());
    parent.and_then(Pid::from_raw).ok_or_else(|| violation("it has no parent"))
}
