//! Waiting for descriptors until a deadline.

use crate::error::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// A moment by which something must have happened, or never.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Option<Instant>);

impl Deadline {
    pub(crate) const NEVER: Deadline = Deadline(None);

    pub(crate) fn after(limit: Duration) -> Self {
        Deadline(Instant::now().checked_add(limit))
    }

    pub(crate) fn is_over(self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// The earlier of two.
    pub(crate) fn or_earlier(self, other: Deadline) -> Self {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Deadline(Some(a.min(b))),
            (a, b) => Deadline(a.or(b)),
        }
    }

    /// How long it is until then; for ever is very long.
    pub(crate) fn left(self) -> Duration {
        self.remaining().unwrap_or(Duration::MAX)
    }

    fn remaining(self) -> Option<Duration> {
        self.0.map(|instant| instant.saturating_duration_since(Instant::now()))
    }
}

/// What a descriptor is watched for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Watch<'a> {
    /// Something to read, or the other side's end.
    Readable(BorrowedFd<'a>),
    /// Room to write, or that nobody reads any more.
    Writable(BorrowedFd<'a>),
    /// Only the end: of a peer, or of a process that has been reaped.
    HungUp(BorrowedFd<'a>),
    /// Not watched at the moment.
    Nothing,
}

impl<'a> Watch<'a> {
    fn poll_fd(self) -> Option<PollFd<'a>> {
        let (fd, flags) = match self {
            Watch::Readable(fd) => (fd, PollFlags::IN),
            Watch::Writable(fd) => (fd, PollFlags::OUT),
            Watch::HungUp(fd) => (fd, PollFlags::empty()),
            Watch::Nothing => return None,
        };
        Some(PollFd::from_borrowed_fd(fd, flags))
    }
}

/// Waits until one of the descriptors has what it is watched for and says which have; none at the
/// deadline.
pub(crate) fn wait<const N: usize>(watches: [Watch<'_>; N], deadline: Deadline) -> Result<[bool; N], Error> {
    let mut seen = wait_all(&watches, deadline)?.into_iter();
    Ok(watches.map(|_| seen.next().unwrap_or_default()))
}

/// The same for any number of descriptors.
pub(crate) fn wait_all(watches: &[Watch<'_>], deadline: Deadline) -> Result<Vec<bool>, Error> {
    wait_quietly(watches, deadline, Deadline::NEVER, || {})
}

/// The same; if nothing has happened by the moment `quiet`, `idle` is called once meanwhile. What is
/// touched after it is little.
pub(crate) fn wait_quietly(
    watches: &[Watch<'_>],
    deadline: Deadline,
    quiet: Deadline,
    idle: fn(),
) -> Result<Vec<bool>, Error> {
    let mut fds: Vec<_> = watches.iter().filter_map(|watch| watch.poll_fd()).collect();
    let mut until = deadline.or_earlier(quiet);
    loop {
        let timeout = until.remaining().map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(0) if !deadline.is_over() => {
                idle();
                until = deadline;
            }
            Ok(_) => {
                let mut seen = fds.iter().map(|fd| !fd.revents().is_empty());
                let is =
                    |watch: &Watch<'_>| !matches!(watch, Watch::Nothing) && seen.next().unwrap_or_default();
                return Ok(watches.iter().map(is).collect());
            }
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::system("wait for events")(errno.into())),
        }
    }
}
