//! The bundle's hooks, each at its time.

use crate::error::Error;
use lxc_render_config::{Hooks, Rendered};
use nexcage_handover::ProcessBuf;
use nexcage_record::Record;
use nexcage_setup::channel::Channel;
use nexcage_setup::plan::{Answer, Failure, Hook, Identity, Request, State};
use nexcage_setup::{cgroups, hook, modes};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A container's hooks with what they are told of it.
#[derive(Debug)]
pub(crate) struct HookRunner {
    hooks: Hooks,
    state: State,
    /// nexcage-setup, if the bundle needs it.
    setup: PathBuf,
}

impl HookRunner {
    pub(crate) fn new(rendered: &Rendered, record: &Record, setup: Option<&Path>) -> Self {
        let state = State {
            oci_version: rendered.oci_version.clone(),
            id: record.id.clone(),
            status: String::new(),
            pid: None,
            bundle: PathBuf::from(&record.bundle),
            annotations: rendered.annotations.clone(),
        };
        let setup = setup.map(Path::to_owned).unwrap_or_default();
        HookRunner { hooks: rendered.hooks.clone(), state, setup }
    }

    fn state(&self, status: &str, pid: Option<i32>) -> State {
        State { status: status.to_owned(), pid, ..self.state.clone() }
    }

    fn on_host(&self, hooks: &[Hook], state: &State) -> Result<(), Failure> {
        hook::run_all(hooks, state, &self.state.bundle)
    }

    /// prestart and createRuntime, with the pid of what will be the container's init.
    pub(crate) fn create(&self, pid: i32) -> Result<(), Error> {
        let state = self.state("creating", Some(pid));
        self.on_host(&self.hooks.prestart, &state)
            .and_then(|()| self.on_host(&self.hooks.create_runtime, &state))
            .map_err(Error::Undone)
    }

    /// What nexcage-setup is asked to run before pivot_root(2); it knows the pid.
    pub(crate) fn create_container(&self) -> Request {
        Request::Hooks(self.hooks.create_container.clone(), self.state("creating", None))
    }

    /// startContainer, as the process's user in the container whose init is held.
    pub(crate) fn start(
        &self,
        (pid, pidfd): (i32, BorrowedFd<'_>),
        process: &ProcessBuf,
    ) -> Result<(), Error> {
        let hooks = &self.hooks.start_container;
        if hooks.is_empty() {
            return Ok(());
        }
        let run = || -> io::Result<Answer> {
            let (ours, theirs) = UnixStream::pair()?;
            let mut child = self.joiner(theirs)?;
            let answer = converse(Channel::new(ours), &child, pid, pidfd, |number| {
                let state = self.state("created", Some(number));
                Request::Join(hooks.clone(), state, Box::new(identity(process)))
            });
            child.wait()?;
            answer
        };
        match run().map_err(Error::system("run the startContainer hooks"))? {
            Answer::Failed(failure) => Err(Error::Undone(failure)),
            _ => Ok(()),
        }
    }

    fn joiner(&self, channel: UnixStream) -> io::Result<Child> {
        let mut command = Command::new(&self.setup);
        command.arg(modes::JOIN).env_clear().current_dir("/");
        command.stdin(OwnedFd::from(channel)).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    }

    /// poststart. A failure is only told.
    pub(crate) fn started(&self, pid: i32) {
        let state = self.state("running", Some(pid));
        self.tell(&self.hooks.poststart, &state);
    }

    /// poststop. A failure is only told, and the next one runs.
    pub(crate) fn stopped(&self) {
        self.tell(&self.hooks.poststop, &self.state("stopped", None));
    }

    fn tell(&self, hooks: &[Hook], state: &State) {
        for hook in hooks {
            if let Err(failure) = self.on_host(std::slice::from_ref(hook), state) {
                log::warn!("{}", Error::Undone(failure));
            }
        }
    }
}

/// Puts the child into the container's cgroups before it runs anything, and has it join the rest.
fn converse(
    mut channel: Channel,
    child: &Child,
    pid: i32,
    pidfd: BorrowedFd<'_>,
    request: impl FnOnce(i32) -> Request,
) -> io::Result<Answer> {
    for directory in cgroups::directories_of(pid)? {
        fs::write(directory.join("cgroup.procs"), child.id().to_string())?;
    }
    channel.send(&request(pid_inside(pid)?))?;
    channel.send_descriptor(pidfd)?;
    channel.receive()
}

/// A process's number in its own pid namespace (proc(5), NSpid).
fn pid_inside(pid: i32) -> io::Result<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let innermost = numbers.and_then(|numbers| numbers.split_whitespace().last()?.parse().ok());
    Ok(innermost.unwrap_or(pid))
}

fn identity(process: &ProcessBuf) -> Identity {
    let sets = &process.capabilities;
    Identity {
        uid: process.uid,
        gid: process.gid,
        groups: process.groups.clone(),
        umask: process.umask,
        cwd: OsStr::from_bytes(process.cwd.as_bytes()).into(),
        bounding: sets.bounding,
        effective: sets.effective,
        permitted: sets.permitted,
        inheritable: sets.inheritable,
        ambient: sets.ambient,
        no_new_privileges: process.flags & nexcage_handover::flags::NO_NEW_PRIVILEGES != 0,
        seccomp_flags: process.seccomp.flags,
        seccomp: process.seccomp.program.clone(),
    }
}
