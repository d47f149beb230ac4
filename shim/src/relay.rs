//! Between the process's terminal and whoever sits at it: no byte is lost, nothing ever blocks, and
//! no more than a page is kept in either direction.

use crate::error::Error;
use crate::signals::Signals;
use crate::terminal::{Master, RawMode, size_of};
use crate::wait::{Deadline, Watch, wait};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::{Errno, read, write};
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

/// What a pty gives at once, and what fits into a pipe that is ready for writing.
const PAGE: usize = 4096;
/// How long the last output may be on its way inside the kernel.
const LAST_OUTPUT: Duration = Duration::from_millis(100);

/// The caller's side: where input comes from and output goes to.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) input: OwnedFd,
    pub(crate) output: OwnedFd,
}

/// A terminal with somebody at it.
#[derive(Debug)]
pub(crate) struct Relay {
    /// `None` after the reader of the output has left, which hangs the terminal up.
    master: Option<Master>,
    /// `None` after its end.
    input: Option<OwnedFd>,
    output: OwnedFd,
    inward: Page,
    outward: Page,
    /// Whether the input has stopped within a line.
    in_line: bool,
    /// Put back when the relay goes.
    _raw: Option<RawMode>,
}

/// How many descriptors a relay watches.
pub(crate) const WATCHES: usize = 4;

impl Relay {
    /// Begins; a terminal at the input is in raw mode from now on.
    pub(crate) fn begin(master: Master, ends: Ends) -> Result<Self, Error> {
        Ok(Relay {
            master: Some(master),
            _raw: RawMode::enter(ends.input.as_fd())?,
            input: Some(ends.input),
            output: without_blocking(ends.output),
            inward: Page::default(),
            outward: Page::default(),
            in_line: false,
        })
    }

    /// Gives the process's terminal the size of the caller's, if there is one.
    pub(crate) fn resize(&self) -> Result<(), Error> {
        let ends = [self.input.as_ref().map_or(self.output.as_fd(), AsFd::as_fd), self.output.as_fd()];
        match (&self.master, size_of(&ends)) {
            (Some(master), Some(size)) => master.set_size(size),
            _ => Ok(()),
        }
    }

    /// What to wait for, in the order of [`Relay::serve`].
    pub(crate) fn watches(&self) -> [Watch<'_>; WATCHES] {
        let Some(master) = &self.master else { return [Watch::Nothing; WATCHES] };
        let input = self.input.as_ref().filter(|_| self.inward.is_empty());
        [
            input.map_or(Watch::Nothing, |input| Watch::Readable(input.as_fd())),
            if self.outward.is_empty() { Watch::Readable(master.as_fd()) } else { Watch::Nothing },
            if self.inward.is_empty() { Watch::Nothing } else { Watch::Writable(master.as_fd()) },
            if self.outward.is_empty() { Watch::Nothing } else { Watch::Writable(self.output.as_fd()) },
        ]
    }

    /// Moves what can be moved.
    pub(crate) fn serve(&mut self, [input, screen, keyboard, output]: [bool; WATCHES]) {
        if input {
            self.take_input();
        }
        let Some(master) = &self.master else { return };
        if screen && !self.outward.fill(master.as_fd()) {
            // It ends only after `finish` let it end.
            self.master = None;
            return;
        }
        if keyboard {
            // A terminal that nobody reads any more takes no more input either.
            self.inward.drain(master.as_fd());
        }
        if output && !self.outward.drain(self.output.as_fd()) {
            self.master = None;
        }
    }

    fn take_input(&mut self) {
        let Some(input) = &self.input else { return };
        if self.inward.fill(input.as_fd()) {
            if let Some(last) = self.inward.last() {
                self.in_line = last != b'\n';
            }
        } else {
            self.input = None;
            let end = self.master.as_ref().map(|master| master.end_of_input(self.in_line));
            self.inward.put(&end.unwrap_or_default());
        }
    }

    /// Moves the last output after the process has ended, for as long as its reader needs, unless a
    /// signal asks for the end.
    pub(crate) fn finish(mut self, signals: &mut Signals) -> Result<(), Error> {
        self.input = None;
        self.inward = Page::default();
        if let Some(master) = &mut self.master {
            master.let_end();
        }
        while self.master.is_some() || !self.outward.is_empty() {
            let [a, b, c, d] = self.watches();
            let deadline =
                if self.outward.is_empty() { Deadline::after(LAST_OUTPUT) } else { Deadline::NEVER };
            let [signal, ready @ ..] = wait([Watch::Readable(signals.as_fd()), a, b, c, d], deadline)?;
            // Somebody outside the container may still have the terminal open, and say nothing.
            let over = !signal && ready == [false; WATCHES];
            if over || signal && signals.ending().is_some() {
                break;
            }
            self.serve(ready);
        }
        Ok(())
    }
}

/// The same file, opened again so that writing never blocks. The flag cannot be set on the caller's
/// own descriptor, which others share; where nothing can be opened again, a page is written only
/// when there is room.
fn without_blocking(fd: OwnedFd) -> OwnedFd {
    let kind = fstat(&fd).map(|stat| FileType::from_raw_mode(stat.st_mode));
    if !matches!(kind, Ok(FileType::Fifo | FileType::CharacterDevice)) {
        return fd;
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    open(format!("/proc/self/fd/{}", fd.as_raw_fd()), flags, Mode::empty()).unwrap_or(fd)
}

/// What was read and not yet written.
#[derive(Debug)]
struct Page {
    bytes: Box<[u8; PAGE]>,
    left: Range<usize>,
}

impl Default for Page {
    fn default() -> Self {
        Page { bytes: Box::new([0; PAGE]), left: 0..0 }
    }
}

impl Page {
    fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    fn last(&self) -> Option<u8> {
        self.bytes[self.left.clone()].last().copied()
    }

    /// Reads into an empty page; false at the end. Any error is an end: that of a pty is EIO.
    fn fill(&mut self, from: BorrowedFd<'_>) -> bool {
        match read(from, &mut self.bytes[..]) {
            Ok(0) => false,
            Ok(count) => {
                self.left = 0..count;
                true
            }
            Err(errno) => passes(errno),
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.left = 0..bytes.len();
    }

    /// Writes what there is room for; false, and nothing is left, if nobody reads any more.
    fn drain(&mut self, to: BorrowedFd<'_>) -> bool {
        match write(to, &self.bytes[self.left.clone()]) {
            Ok(count) => self.left.start += count,
            Err(errno) if passes(errno) => {}
            Err(_) => {
                self.left = 0..0;
                return false;
            }
        }
        true
    }
}

fn passes(errno: Errno) -> bool {
    matches!(errno, Errno::AGAIN | Errno::INTR)
}
