//! The process's stdin, stdout and stderr: the caller's own descriptors, not copies of their data.

pub(crate) mod by_path;
pub(crate) mod logger;

use crate::error::Error;
use crate::relay::Ends;
use rustix::fs::{FileType, Gid, Uid, fchown, fstat};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The three descriptors that the process gets.
#[derive(Debug)]
pub(crate) struct Stdio {
    stdin: OwnedFd,
    stdout: OwnedFd,
    stderr: OwnedFd,
}

/// Where the process's stdin comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stdin {
    /// The shim's own.
    Inherit,
    /// /dev/null, because the shim's own has brought the configuration.
    Null,
}

impl Stdio {
    /// Takes the shim's own descriptors. From now on its 0 and 1 are /dev/null, so that nothing but
    /// the process holds the pipes: a reader sees the end, a writer the broken pipe. Its stderr
    /// stays, for diagnostics.
    pub(crate) fn take(stdin: Stdin) -> Result<Self, Error> {
        let duplicate =
            |fd: BorrowedFd<'_>| fd.try_clone_to_owned().map_err(Error::system("duplicate stdio"));
        let null = null()?;
        let taken = Stdio {
            stdin: match stdin {
                Stdin::Inherit => duplicate(std::io::stdin().as_fd())?,
                Stdin::Null => duplicate(null.as_fd())?,
            },
            stdout: duplicate(std::io::stdout().as_fd())?,
            stderr: duplicate(std::io::stderr().as_fd())?,
        };
        let replace = || {
            rustix::stdio::dup2_stdin(&null)?;
            rustix::stdio::dup2_stdout(&null)
        };
        replace().map_err(|errno| Error::system("replace stdio by /dev/null")(errno.into()))?;
        Ok(taken)
    }

    /// Of descriptors; what is missing is /dev/null.
    pub(crate) fn of(
        stdin: Option<OwnedFd>,
        stdout: Option<OwnedFd>,
        stderr: Option<OwnedFd>,
    ) -> Result<Self, Error> {
        let or_null = |fd: Option<OwnedFd>| fd.map_or_else(null, Ok);
        Ok(Stdio { stdin: or_null(stdin)?, stdout: or_null(stdout)?, stderr: or_null(stderr)? })
    }

    /// Copies of stdin and stdout, for a terminal to be relayed to.
    pub(crate) fn ends(&self) -> Result<Ends, Error> {
        let copy = |fd: &OwnedFd| fd.try_clone().map_err(Error::system("duplicate stdio"));
        Ok(Ends { input: copy(&self.stdin)?, output: copy(&self.stdout)? })
    }

    /// Gives pipes and FIFOs to the user of the process, who could not reopen them by
    /// /dev/stdout otherwise, and to the group of the container's root, as runc's pipes are. Never
    /// /dev/null, a terminal or a file: those are not the process's.
    pub(crate) fn own(&self, uid: u32, gid: u32) -> Result<(), Error> {
        for fd in self.descriptors() {
            let stat = fstat(fd).map_err(|errno| Error::system("look at stdio")(errno.into()))?;
            if FileType::from_raw_mode(stat.st_mode) == FileType::Fifo && stat.st_uid != uid {
                fchown(fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid))).map_err(|errno| {
                    Error::system("give a stdio pipe to the process's user")(errno.into())
                })?;
            }
        }
        Ok(())
    }

    /// The process finds /dev/null in place of all three until it has its terminal.
    pub(crate) fn forget(&mut self) -> Result<(), Error> {
        *self = Stdio::of(None, None, None)?;
        Ok(())
    }

    /// In the order 0, 1, 2.
    pub(crate) fn descriptors(&self) -> [BorrowedFd<'_>; 3] {
        [self.stdin.as_fd(), self.stdout.as_fd(), self.stderr.as_fd()]
    }
}

fn null() -> Result<OwnedFd, Error> {
    let null = File::options().read(true).write(true).open("/dev/null");
    null.map(OwnedFd::from).map_err(Error::system("open /dev/null"))
}
