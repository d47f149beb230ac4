//! Signals as something to poll.

use crate::error::Error;
use signal_hook::consts::signal;
use signal_hook::iterator::backend::SignalDelivery;
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Signals that ask for the end of the work.
const ENDING: &[i32] = &[signal::SIGHUP, signal::SIGINT, signal::SIGTERM];

/// Tells that the caller's terminal has another size.
pub(crate) const RESIZED: i32 = signal::SIGWINCH;

/// Signals that are passed on to a process. Job control stays with the caller, as a shell expects.
const FORWARDED: &[i32] = &[
    signal::SIGHUP,
    signal::SIGINT,
    signal::SIGQUIT,
    signal::SIGUSR1,
    signal::SIGUSR2,
    signal::SIGALRM,
    signal::SIGTERM,
    signal::SIGURG,
    signal::SIGWINCH,
    // SIGPWR, which signal-hook has no name for.
    30,
];

/// Real-time signals without those that the C library keeps to itself (signal(7)).
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// The signals that have come in.
#[derive(Debug)]
pub(crate) struct Signals(SignalDelivery<UnixStream, SignalOnly>);

impl Signals {
    /// Catches the signals that ask for an end, but those that the caller ignores.
    pub(crate) fn ending() -> Result<Self, Error> {
        Self::catch(ENDING.iter().copied())
    }

    /// The same, and when the caller's terminal has another size.
    pub(crate) fn leaving() -> Result<Self, Error> {
        Self::catch(ENDING.iter().copied().chain([RESIZED]))
    }

    /// Catches all that can be passed on, but those that the caller ignores.
    pub(crate) fn forwarded() -> Result<Self, Error> {
        Self::catch(FORWARDED.iter().copied().chain(REAL_TIME))
    }

    fn catch(signals: impl Iterator<Item = i32>) -> Result<Self, Error> {
        let ignored = ignored();
        let caught = signals.filter(|signal| ignored & (1 << (signal - 1)) == 0);
        let catch = || {
            let (read, write) = UnixStream::pair()?;
            SignalDelivery::with_pipe(read, write, SignalOnly, caught)
        };
        catch().map(Signals).map_err(Error::system("catch signals"))
    }

    /// The signals that came since the last call.
    pub(crate) fn pending(&mut self) -> impl Iterator<Item = i32> + use<> {
        self.0.pending()
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}

/// What the caller has ignored, bit n-1 for signal n (proc(5), SigIgn); without /proc, nothing.
fn ignored() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}
