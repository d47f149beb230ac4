//! The caller's terminal: raw mode for as long as a relay runs, and its size.
//!
//! Invariant: however this program ends, short of a signal that cannot be caught, the terminal is as
//! it was before.

mod error;
mod raw_mode;

pub use error::Error;
pub use raw_mode::RawMode;
pub use rustix::termios::Winsize;

use rustix::termios::tcgetwinsize;
use std::os::fd::BorrowedFd;

/// The size of the first of these that is a terminal.
#[must_use]
pub fn size_of(candidates: &[BorrowedFd<'_>]) -> Option<Winsize> {
    candidates.iter().find_map(|fd| tcgetwinsize(fd).ok())
}
