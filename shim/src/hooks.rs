//! The bundle's hooks, each at its time.

use crate::error::Error;
use crate::setup::Setup;
use crate::signals::{self, Signals};
use lxc_render_config::Hooks;
use nexcage_handover::ProcessBuf;
use nexcage_record::Record;
use nexcage_setup::flags::MS_RDONLY;
use nexcage_setup::hook::{self, Attendant};
use nexcage_setup::plan::{Attributes, Bind, Failure, Hook, Identity, Request, State};
use nexcage_setup::{cgroups, modes, tree};
use rustix::net::{Shutdown, shutdown};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
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
    pub(crate) fn new(hooks: Hooks, oci_version: &str, record: &Record, setup: Option<&Path>) -> Self {
        let state = State {
            oci_version: oci_version.to_owned(),
            id: record.id.clone(),
            status: String::new(),
            pid: None,
            bundle: PathBuf::from(&record.bundle),
            annotations: record.annotations.clone(),
        };
        HookRunner { hooks, state, setup: setup.map(Path::to_owned).unwrap_or_default() }
    }

    /// What is told of the container.
    pub(crate) fn state(&self, status: &str, pid: Option<i32>) -> State {
        State { status: status.to_owned(), pid, ..self.state.clone() }
    }

    fn on_host(&self, hooks: &[Hook], state: &State, listening: &mut Listening<'_>) -> Result<(), Failure> {
        hook::run_all(hooks, state, &self.state.bundle, listening)
    }

    /// prestart and createRuntime, with the pid of what will be the container's init.
    pub(crate) fn create(&self, pid: i32, signals: &mut Signals) -> Result<(), Error> {
        let state = self.state("creating", Some(pid));
        let mut listening = Listening::to(signals);
        self.on_host(&self.hooks.prestart, &state, &mut listening)
            .and_then(|()| self.on_host(&self.hooks.create_runtime, &state, &mut listening))
            .map_err(|failure| match listening.ending() {
                Some(signal) => Error::Interrupted { signal },
                None => Error::Undone(failure),
            })
    }

    /// What nexcage-setup is asked to run before pivot_root(2); it knows the pid.
    pub(crate) fn create_container(&self) -> Request {
        Request::Hooks(self.hooks.create_container.clone(), self.state("creating", None))
    }

    /// Begins startContainer, as the process's user in the container whose init is held.
    pub(crate) fn start(
        &self,
        (pid, pidfd): (i32, BorrowedFd<'_>),
        identity: &Identity,
    ) -> Result<Option<Joiner>, Error> {
        let hooks = &self.hooks.start_container;
        if hooks.is_empty() {
            return Ok(None);
        }
        let mut joiner = Joiner::spawn(&self.setup).map_err(Error::system("execute nexcage-setup"))?;
        let number = joiner.enter_cgroups(pid).and_then(|()| pid_inside(pid));
        let number = number.map_err(Error::system("join the container's cgroups"))?;
        let state = self.state("created", Some(number));
        joiner.setup.ask(&Request::Join(hooks.clone(), state, Box::new(identity.clone())))?;
        joiner.setup.give(pidfd)?;
        Ok(Some(joiner))
    }

    /// poststart. A failure is only told.
    pub(crate) fn started(&self, pid: i32, signals: &mut Signals) {
        self.tell(&self.hooks.poststart, &self.state("running", Some(pid)), &mut Listening::to(signals));
    }

    /// poststop. A failure is only told, and the next one runs.
    pub(crate) fn stopped(&self, signals: &mut Signals) {
        // What came until now was for the process.
        signals.pending().for_each(drop);
        self.tell(&self.hooks.poststop, &self.state("stopped", None), &mut Listening::to(signals));
    }

    fn tell(&self, hooks: &[Hook], state: &State, listening: &mut Listening<'_>) {
        for hook in hooks {
            if let Err(failure) = self.on_host(std::slice::from_ref(hook), state, listening) {
                log::warn!("{}", Error::Undone(failure));
            }
        }
    }
}

/// nexcage-setup on its way into a container, where it runs hooks. It ends with this value.
#[derive(Debug)]
pub(crate) struct Joiner {
    pub(crate) setup: Setup,
    child: Child,
}

impl Joiner {
    fn spawn(program: &Path) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let read_only = read_only(program)?;
        let mut command = Command::new(format!("/proc/self/fd/{}", read_only.as_raw_fd()));
        command.arg0(program).arg(modes::JOIN).env_clear().current_dir("/").stdin(OwnedFd::from(theirs));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Joiner { setup: Setup::of_child(ours), child })
    }

    /// Puts it into the cgroups of a process before it runs anything.
    fn enter_cgroups(&self, pid: i32) -> io::Result<()> {
        let enter =
            |directory: PathBuf| fs::write(directory.join("cgroup.procs"), self.child.id().to_string());
        cgroups::directories_of(pid)?.into_iter().try_for_each(enter)
    }
}

/// A program on a mount of its own: what is seen of it inside a container, as /proc/PID/exe, must not
/// lead to a file that the container's root can write to (CVE-2019-5736).
fn read_only(program: &Path) -> io::Result<OwnedFd> {
    let top = Attributes::of_flags(MS_RDONLY);
    let bind = Bind { source: program.to_owned(), top, ..Bind::default() };
    tree::detached(&bind, program).map_err(|error| error.source)
}

impl Drop for Joiner {
    fn drop(&mut self) {
        // Without the shim it ends, and kills its hook and reaps it first: killed itself it would leave
        // the hook to this process, a subreaper, and the container's init could not end before it is
        // reaped (pid_namespaces(7)).
        if shutdown(&self.setup, Shutdown::Both).is_err() || self.child.wait().is_err() {
            log::warn!("nexcage-setup cannot be ended");
        }
    }
}

/// Signals that come while hooks run on the host. One that asks for the end kills the hook.
struct Listening<'s> {
    signals: &'s mut Signals,
    came: Vec<i32>,
}

impl<'s> Listening<'s> {
    fn to(signals: &'s mut Signals) -> Self {
        Listening { signals, came: Vec::new() }
    }

    fn ending(&self) -> Option<i32> {
        self.came.iter().copied().find(|signal| signals::asks_for_end(*signal))
    }
}

impl Attendant for Listening<'_> {
    fn descriptor(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }

    fn wants_end(&mut self) -> bool {
        let known = self.came.len();
        self.came.extend(self.signals.pending());
        self.came[known..].iter().any(|signal| signals::asks_for_end(*signal))
    }
}

/// A process's number in its own pid namespace (proc(5), NSpid).
fn pid_inside(pid: i32) -> io::Result<i32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    let innermost = numbers.and_then(|numbers| numbers.split_whitespace().last()?.parse().ok());
    Ok(innermost.unwrap_or(pid))
}

/// Whom hooks in the container are run as.
pub(crate) fn identity(process: &ProcessBuf) -> Identity {
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

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;
    use std::fs::File;

    #[test]
    fn nobody_can_write_to_the_program_that_joins_a_container() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("program");
        fs::write(&program, "").unwrap();
        let seen = read_only(&program).unwrap();
        let path = format!("/proc/self/fd/{}", seen.as_raw_fd());
        assert!(File::open(&path).is_ok());
        let refused = File::options().write(true).open(&path).unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(Errno::ROFS.raw_os_error()));
    }
}
