//! Waiting for descriptors.

use crate::error::Error;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::os::fd::BorrowedFd;
use std::time::Instant;

/// Waits until one of the descriptors has something to read, or the deadline is there.
pub(crate) fn wait(descriptors: &[BorrowedFd<'_>], deadline: Option<Instant>) -> Result<(), Error> {
    let mut watched: Vec<_> =
        descriptors.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
    let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
    // A time too long to be expressed is as good as for ever.
    let left: Option<Timespec> = left.and_then(|left| left.try_into().ok());
    match poll(&mut watched, left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(Error::system("wait for events")(errno)),
    }
}
