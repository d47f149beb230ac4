//! Signals as something to poll: which come in, and what the caller had set.

use crate::error::Error;
use rustix::process::{Signal, pidfd_send_signal};
use signal_hook::consts::signal;
use signal_hook::iterator::backend::{Pending, SignalDelivery};
use signal_hook::iterator::exfiltrator::SignalOnly;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Signals that are passed on to the process. Job control stays with the shim, as a shell expects;
/// what the kernel raises for the shim's own faults is not forwarded.
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
    libc::SIGPWR,
];
/// Real-time signals that the C library keeps to itself (signal(7)).
const C_LIBRARY: std::ops::RangeInclusive<i32> = 32..=33;
/// The other real-time signals.
const REAL_TIME: std::ops::RangeInclusive<i32> = 34..=64;

/// Tells that a child has ended.
pub(crate) const CHILD: i32 = signal::SIGCHLD;
/// Tells that the caller's terminal has another size.
pub(crate) const RESIZED: i32 = signal::SIGWINCH;

/// Signals whose arrival before the start of the process ends the work.
const ENDING: &[i32] = &[signal::SIGHUP, signal::SIGINT, signal::SIGQUIT, signal::SIGTERM];

/// The signal state that the caller gave this process, bit n-1 for signal n.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inherited {
    pub(crate) ignored: u64,
    pub(crate) blocked: u64,
}

impl Inherited {
    /// Reads it from /proc (proc(5), SigIgn and SigBlk). Some are never the caller's doing: Rust's
    /// runtime ignores SIGPIPE before `main` begins, and the C library's posix_spawn(3) ignores
    /// the two signals that it keeps to itself.
    pub(crate) fn read() -> Result<Self, Error> {
        let text =
            fs::read_to_string("/proc/self/status").map_err(Error::system("read /proc/self/status"))?;
        let mask = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|value| u64::from_str_radix(value.trim(), 16).ok()).unwrap_or(0)
        };
        let not_the_callers = bit(signal::SIGPIPE) | C_LIBRARY.map(bit).fold(0, |all, one| all | one);
        Ok(Inherited { ignored: mask("SigIgn:") & !not_the_callers, blocked: mask("SigBlk:") })
    }

    fn ignores(self, signal: i32) -> bool {
        self.ignored & bit(signal) != 0
    }
}

fn bit(signal: i32) -> u64 {
    1 << (signal - 1)
}

/// Whether a signal asks for the end of the work before there is a process.
pub(crate) fn asks_for_end(signal: i32) -> bool {
    ENDING.contains(&signal)
}

/// Passes a caught signal on. A process that has just ended needs none.
pub(crate) fn forward(pidfd: BorrowedFd<'_>, signal: i32) {
    #[allow(unsafe_code)] // rustix has no safe way to name a real-time signal.
    // SAFETY: the number is one of FORWARDED or REAL_TIME, which the kernel knows.
    let signal = unsafe { Signal::from_raw_unchecked(signal) };
    let _ = pidfd_send_signal(pidfd, signal);
}

/// The signals that have come in.
#[derive(Debug)]
pub(crate) struct Signals(SignalDelivery<UnixStream, SignalOnly>);

impl Signals {
    /// Catches every signal that is forwarded, except those that the caller ignores.
    pub(crate) fn catch(inherited: Inherited) -> Result<Self, Error> {
        let caught = FORWARDED.iter().copied().chain(REAL_TIME).filter(|signal| !inherited.ignores(*signal));
        let catch = || {
            let (read, write) = UnixStream::pair()?;
            SignalDelivery::with_pipe(read, write, SignalOnly, caught)
        };
        catch().map(Signals).map_err(Error::system("catch signals"))
    }

    /// The same, and the end of children.
    pub(crate) fn catch_all(inherited: Inherited) -> Result<Self, Error> {
        let signals = Self::catch(inherited)?;
        signals.0.handle().add_signal(CHILD).map_err(Error::system("catch SIGCHLD"))?;
        Ok(signals)
    }

    /// The signals that came since the last call.
    pub(crate) fn pending(&mut self) -> Pending<SignalOnly> {
        self.0.pending()
    }

    /// The first pending signal that asks for the work to end; others are dropped, since there is
    /// no process yet to pass them to.
    pub(crate) fn ending(&mut self) -> Option<i32> {
        self.pending().find(|signal| asks_for_end(*signal))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_read().as_fd()
    }
}
