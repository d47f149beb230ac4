//! Joining a running container: nexcage-init, started outside, becomes a process inside.

use crate::error::Error;
use crate::handover::{Init, limit_time, violation};
use crate::wait::{Deadline, Watch, wait};
use nexcage_handover::{INIT_NAME, JOIN_ARGUMENT};
use nexcage_setup::{cgroups, namespaces};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, WaitId, WaitIdOptions, pidfd_open, waitid};
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Starts nexcage-init outside and has it join the container of `init`, its cgroups first. What is
/// returned is a child of this process, in the container, to which a process can be handed over. It
/// ends with its connection until *go*; it is to be waited for in any case.
pub(crate) fn join(
    program: &Path,
    (pid, init): (Pid, BorrowedFd<'_>),
    limit: Duration,
) -> Result<Init, Error> {
    let mut joiner = Joiner::spawn(program, limit)?;
    joiner.enter_cgroups(pid).map_err(Error::system("join the container's cgroups"))?;
    let namespaces = namespaces::differing(init);
    let namespaces = namespaces.map_err(Error::system("look at the container's namespaces"))?;
    let number = joiner.init.enter(namespaces.bits(), init)?;
    let mut inside = joiner.child(number)?;
    match joiner.finish().and_then(|()| inside.begin()) {
        Ok(()) => Ok(inside),
        Err(error) => {
            inside.kill();
            if await_end(&inside, limit) {
                // It has ended: this does not wait.
                let _ = waitid(WaitId::Pid(inside.pid()), WaitIdOptions::EXITED);
            }
            Err(error)
        }
    }
}

/// nexcage-init on its way into a container. It ends with this value, if it has not already.
#[derive(Debug)]
struct Joiner {
    init: Init,
    process: Child,
    limit: Duration,
}

impl Joiner {
    /// Starts it with nothing of this process but one end of a connection.
    fn spawn(program: &Path, limit: Duration) -> Result<Self, Error> {
        let system = |doing: &str| Error::system(format!("{doing} {}", program.display()));
        let sealed = sealed(program).map_err(system("copy"))?;
        let (ours, theirs) = UnixStream::pair().map_err(system("make a connection to"))?;
        limit_time(&ours, limit)?;
        let mut command = Command::new(format!("/proc/self/fd/{}", sealed.as_raw_fd()));
        command.arg0(INIT_NAME).arg(OsStr::from_bytes(JOIN_ARGUMENT.to_bytes())).env_clear();
        command.current_dir("/").stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().map_err(system("execute"))?;
        match pin(process.id()) {
            Ok((pid, pidfd)) => Ok(Joiner { init: Init::from_parts(ours, pid, pidfd), process, limit }),
            Err(error) => {
                // Without its other end, it ends.
                drop(ours);
                drop(process.wait());
                Err(error)
            }
        }
    }

    /// Puts it into the cgroups of a process before it does anything.
    fn enter_cgroups(&self, pid: Pid) -> io::Result<()> {
        let own = self.process.id().to_string();
        let enter = |directory: PathBuf| fs::write(directory.join("cgroup.procs"), &own);
        cgroups::directories_of(pid.as_raw_pid())?.into_iter().try_for_each(enter)
    }

    /// Takes hold of its child, which is this process's as well.
    fn child(&self, number: i32) -> Result<Init, Error> {
        let stream = self.init.connection().try_clone_to_owned();
        let stream = stream.map_err(Error::system("duplicate the connection to nexcage-init"))?;
        let (pid, pidfd) = pin(u32::try_from(number).unwrap_or(0))?;
        // Until it is waited for here, its number is nobody else's.
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        match waitid(WaitId::Pid(pid), look) {
            Ok(_) => Ok(Init::from_parts(UnixStream::from(stream), pid, pidfd)),
            Err(_) => Err(violation(format!("it named process {number}, which it did not start"))),
        }
    }

    /// Waits for it to end by itself.
    fn finish(mut self) -> Result<(), Error> {
        if !await_end(&self.init, self.limit) {
            return Err(violation("it goes on after it has joined the container"));
        }
        self.process.wait().map(drop).map_err(Error::system("wait for nexcage-init"))
    }
}

impl Drop for Joiner {
    fn drop(&mut self) {
        // Nothing happens to one that has been waited for.
        drop(self.process.kill());
        // A frozen cgroup of version 1 keeps even what is killed.
        if await_end(&self.init, self.limit) {
            drop(self.process.wait());
        }
    }
}

fn await_end(init: &Init, limit: Duration) -> bool {
    matches!(wait([Watch::Readable(init.pidfd())], Deadline::after(limit)), Ok([true]))
}

/// A process that is a child of this one by its number.
fn pin(number: u32) -> Result<(Pid, OwnedFd), Error> {
    let pid = i32::try_from(number).ok().filter(|number| *number > 0).and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| violation("it named no process"))?;
    match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => Ok((pid, pidfd)),
        Err(errno) => Err(Error::system("open a pidfd of nexcage-init")(errno.into())),
    }
}

/// A copy of a program that nobody can change: what is seen of it inside a container, as
/// /proc/PID/exe, must not lead to a file of the host (CVE-2019-5736).
fn sealed(program: &Path) -> io::Result<fs::File> {
    let how = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let memfd = match memfd_create(INIT_NAME, how | MemfdFlags::EXEC) {
        // Before Linux 6.3 every one can be executed.
        Err(Errno::INVAL) => memfd_create(INIT_NAME, how),
        made => made,
    };
    let mut copy = fs::File::from(memfd?);
    copy.write_all(&fs::read(program)?)?;
    fcntl_add_seals(&copy, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    const MOMENT: Duration = Duration::from_millis(200);

    /// How a program fares as a joiner. It has ended afterwards.
    fn fails(program: &str) -> String {
        let mut joiner = Joiner::spawn(Path::new(program), MOMENT).unwrap();
        let own = pin(std::process::id()).unwrap();
        let error = joiner.init.enter(0, own.1.as_fd()).unwrap_err();
        let place = format!("/proc/{}", joiner.process.id());
        drop(joiner);
        assert!(!fs::exists(place).unwrap(), "{program} goes on");
        error.to_string()
    }

    #[test]
    fn what_does_not_join_is_told_and_ended() {
        let told = fails("/bin/false");
        // As soon as it has ended, it cannot be sent anything.
        let ends = ["it closed the connection", "the connection broke: Broken pipe (os error 32)"];
        assert!(
            ends.iter().any(|end| told == format!("the hand-over to nexcage-init failed: {end}")),
            "{told}"
        );
        assert_eq!(fails("/usr/bin/yes"), "the hand-over to nexcage-init failed: it did not answer in time");
    }

    #[test]
    fn a_process_that_is_no_child_is_not_taken_for_one() {
        let joiner = Joiner::spawn(Path::new("/usr/bin/yes"), MOMENT).unwrap();
        for number in [1, 0, -1, i32::MAX] {
            assert!(joiner.child(number).is_err(), "{number}");
        }
        let itself = i32::try_from(joiner.process.id()).unwrap();
        assert!(joiner.child(itself).is_ok());
    }

    #[test]
    fn nobody_can_write_to_the_program_that_joins_a_container() {
        let copy = sealed(Path::new("/bin/true")).unwrap();
        let refused = (&copy).write(b"x").unwrap_err();
        assert_eq!(refused.raw_os_error(), Some(Errno::PERM.raw_os_error()));
        let path = format!("/proc/self/fd/{}", copy.as_raw_fd());
        assert!(fs::write(&path, "x").is_err());
        assert!(Command::new(path).status().unwrap().success());
    }
}
