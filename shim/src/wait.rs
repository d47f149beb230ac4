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
        self.left() == Some(Duration::ZERO)
    }

    fn left(self) -> Option<Duration> {
        self.0.map(|instant| instant.saturating_duration_since(Instant::now()))
    }
}

/// What a descriptor is watched for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Watch<'a> {
    /// Something to read, or the other side's end.
    Readable(BorrowedFd<'a>),
    /// Only the end: of a peer, or of a process that has been reaped.
    HungUp(BorrowedFd<'a>),
}

/// Waits until one of the descriptors has what it is watched for and says which have; none at the
/// deadline.
pub(crate) fn wait<const N: usize>(watches: [Watch<'_>; N], deadline: Deadline) -> Result<[bool; N], Error> {
    let mut fds = watches.map(|watch| match watch {
        Watch::Readable(fd) => PollFd::from_borrowed_fd(fd, PollFlags::IN),
        Watch::HungUp(fd) => PollFd::from_borrowed_fd(fd, PollFlags::empty()),
    });
    loop {
        let left = deadline.left();
        let timeout = left.map(|left| Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => return Ok(fds.map(|fd| !fd.revents().is_empty())),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::system("wait for events")(errno.into())),
        }
    }
}
