//! Between the process's terminal and whoever sits at it: no byte is lost, nothing ever blocks, and
//! no more than a page is kept in either direction.

use crate::error::Error;
use crate::terminal::Master;
use crate::wait::{Deadline, Watch};
use nexcage_terminal::{RawMode, size_of};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::{Errno, read, write};
use rustix::termios::Winsize;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::time::Duration;

/// What a pty gives at once, and what fits into a pipe that is ready for writing.
const PAGE: usize = 4096;
/// How many detach keys there may be.
pub(crate) const MOST_KEYS: usize = 16;
/// How long an engine's FIFO that is full may hold the end of a process up.
const ENGINE: Duration = Duration::from_secs(10);
/// How long the last output may be on its way inside the kernel.
const LAST_OUTPUT: Duration = Duration::from_millis(100);

/// The side of whoever sits at the terminal: where input comes from and output goes to.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) input: OwnedFd,
    pub(crate) output: OwnedFd,
}

/// What becomes of the terminal when the reader of its output leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReaderLeaves {
    /// It hangs up.
    HangUp,
    /// It stays, and nobody sits at it.
    Detach,
    /// That cannot be seen: the shim holds a reading end of an engine's FIFO itself.
    Unseen,
}

/// Somebody at a terminal.
#[derive(Debug)]
struct Seat {
    /// `None` after its end.
    input: Option<OwnedFd>,
    output: OwnedFd,
    leaves: ReaderLeaves,
    keys: DetachKeys,
    /// Put back when the seat is left.
    _raw: Option<RawMode>,
}

/// What a relay has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moved {
    /// It goes on.
    On,
    /// Whoever sat at it is gone.
    Detached,
}

/// A terminal, with somebody at it or not. What it shows to nobody is lost but for the last page.
#[derive(Debug)]
pub(crate) struct Relay {
    /// `None` after it has hung up or ended.
    master: Option<Master>,
    seat: Option<Seat>,
    inward: Page,
    outward: Page,
    /// Whether the input has stopped within a line.
    in_line: bool,
    /// Once the process has ended: how long to wait for more output.
    silence: Option<Deadline>,
    /// The same, for a reader that takes the output.
    patience: Deadline,
}

/// How many descriptors a relay watches.
pub(crate) const WATCHES: usize = 4;

impl Relay {
    /// A terminal at which nobody sits.
    pub(crate) fn new(master: Master) -> Result<Self, Error> {
        Ok(Relay {
            master: Some(master.prepare()?),
            seat: None,
            inward: Page::default(),
            outward: Page::default(),
            in_line: false,
            silence: None,
            patience: Deadline::NEVER,
        })
    }

    /// Seats this program's own caller: its terminal is in raw mode from now on.
    pub(crate) fn seat_caller(&mut self, ends: Ends) -> Result<(), Error> {
        let raw = RawMode::enter(ends.input.as_fd()).map_err(Box::new)?;
        self.seat = Some(Seat {
            input: Some(ends.input),
            output: without_blocking(ends.output),
            leaves: ReaderLeaves::HangUp,
            keys: DetachKeys::default(),
            _raw: raw,
        });
        Ok(())
    }

    /// Seats another program, in place of whoever sat there.
    pub(crate) fn seat(&mut self, ends: Ends, keys: Vec<u8>) {
        self.seat_other(ends, keys, ReaderLeaves::Detach);
    }

    /// Seats an engine, by its FIFOs.
    pub(crate) fn seat_engine(&mut self, ends: Ends) {
        self.seat_other(ends, Vec::new(), ReaderLeaves::Unseen);
    }

    fn seat_other(&mut self, ends: Ends, keys: Vec<u8>, leaves: ReaderLeaves) {
        self.seat = Some(Seat {
            input: Some(ends.input),
            output: without_blocking(ends.output),
            leaves,
            keys: DetachKeys { keys, typed: 0 },
            _raw: None,
        });
    }

    /// Whoever sits there leaves.
    pub(crate) fn leave(&mut self) {
        self.seat = None;
        self.inward = Page::default();
    }

    /// Sets the terminal's size.
    pub(crate) fn set_size(&self, size: Winsize) -> Result<(), Error> {
        self.master.as_ref().map_or(Ok(()), |master| master.set_size(size))
    }

    /// Whether the terminal has a size already: the bundle's.
    pub(crate) fn has_size(&self) -> bool {
        self.master
            .as_ref()
            .and_then(|master| size_of(&[master.as_fd()]))
            .is_some_and(|size| size.ws_row != 0)
    }

    /// Gives the process's terminal the size of the caller's, if there is one.
    pub(crate) fn resize(&self) -> Result<(), Error> {
        let Some(seat) = &self.seat else { return Ok(()) };
        let ends = [seat.input.as_ref().map_or(seat.output.as_fd(), AsFd::as_fd), seat.output.as_fd()];
        size_of(&ends).map_or(Ok(()), |size| self.set_size(size))
    }

    /// What to wait for, in the order of [`Relay::serve`].
    pub(crate) fn watches(&self) -> [Watch<'_>; WATCHES] {
        let Some(master) = &self.master else {
            let output = self.seat.as_ref().filter(|_| !self.outward.is_empty());
            let output = output.map_or(Watch::Nothing, |seat| Watch::Writable(seat.output.as_fd()));
            return [Watch::Nothing, Watch::Nothing, Watch::Nothing, output];
        };
        let Some(seat) = &self.seat else {
            return [Watch::Nothing, Watch::Readable(master.as_fd()), Watch::Nothing, Watch::Nothing];
        };
        let input = seat.input.as_ref().filter(|_| self.inward.is_empty() && self.silence.is_none());
        [
            input.map_or(Watch::Nothing, |input| Watch::Readable(input.as_fd())),
            if self.outward.is_empty() { Watch::Readable(master.as_fd()) } else { Watch::Nothing },
            if self.inward.is_empty() { Watch::Nothing } else { Watch::Writable(master.as_fd()) },
            if self.outward.is_empty() { Watch::Nothing } else { Watch::Writable(seat.output.as_fd()) },
        ]
    }

    /// By when a relay that has come to its end wants to be looked at.
    pub(crate) fn deadline(&self) -> Deadline {
        let silence = self.silence.filter(|_| self.outward.is_empty()).unwrap_or(Deadline::NEVER);
        // Once it is over others are waited for.
        if self.patience.is_over() { silence } else { silence.or_earlier(self.patience) }
    }

    /// Moves what can be moved.
    pub(crate) fn serve(&mut self, [input, screen, keyboard, output]: [bool; WATCHES]) -> Moved {
        if self.silence.is_some() && (screen || output) {
            self.silence = Some(Deadline::after(LAST_OUTPUT));
        }
        if input && self.take_input() == Moved::Detached {
            self.leave();
            return Moved::Detached;
        }
        if let Some(master) = &self.master {
            let seen = |page: &mut Page| match self.seat {
                Some(_) => page.fill(master.as_fd()),
                // For whoever sits down next.
                None => page.keep(master.as_fd()),
            };
            if screen && !seen(&mut self.outward) {
                // It ends only after `finish` let it end.
                self.master = None;
            } else if keyboard {
                // A terminal that nobody reads any more takes no more input either.
                self.inward.drain(master.as_fd());
            }
        }
        match &self.seat {
            Some(seat) if output && !self.outward.drain(seat.output.as_fd()) => {
                if seat.leaves == ReaderLeaves::HangUp {
                    self.master = None;
                }
                self.leave();
                Moved::Detached
            }
            _ => Moved::On,
        }
    }

    fn take_input(&mut self) -> Moved {
        let Some(seat) = &mut self.seat else { return Moved::On };
        let Some(input) = &seat.input else { return Moved::On };
        if self.inward.fill(input.as_fd()) {
            let (typed, moved) = seat.keys.pass(self.inward.bytes());
            if let Some(typed) = typed {
                self.inward.put(&typed);
            }
            if let Some(last) = self.inward.last() {
                self.in_line = last != b'\n';
            }
            return moved;
        }
        seat.input = None;
        let end = self.master.as_ref().map(|master| master.end_of_input(self.in_line));
        self.inward.put(&end.unwrap_or_default());
        Moved::On
    }

    /// The process has ended: from now on only the last output is moved, for as long as its reader
    /// needs.
    pub(crate) fn finish(&mut self) {
        self.inward = Page::default();
        if let Some(master) = &mut self.master {
            master.let_end();
        }
        self.silence = Some(Deadline::after(LAST_OUTPUT));
        if self.seat.as_ref().is_some_and(|seat| seat.leaves == ReaderLeaves::Unseen) {
            self.patience = Deadline::after(ENGINE);
        }
    }

    /// Whether a relay that was told to finish has nothing left to move. Somebody outside the
    /// container may still have the terminal open, and say nothing.
    pub(crate) fn is_over(&self) -> bool {
        let unseen = !self.outward.is_empty() && self.seat.is_some() && !self.patience.is_over();
        let silent = self.silence.is_some_and(Deadline::is_over);
        !unseen && (self.master.is_none() || silent)
    }
}

/// The keys by which whoever sits at a terminal leaves it; none if there are no keys.
#[derive(Debug, Default)]
struct DetachKeys {
    keys: Vec<u8>,
    /// How many of them were typed last.
    typed: usize,
}

impl DetachKeys {
    /// What goes on to the terminal, if that is not all, and whether all keys were typed.
    fn pass(&mut self, bytes: &[u8]) -> (Option<Vec<u8>>, Moved) {
        if self.keys.is_empty() {
            return (None, Moved::On);
        }
        let mut through = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if self.keys.get(self.typed) == Some(&byte) {
                self.typed += 1;
                if self.typed == self.keys.len() {
                    self.typed = 0;
                    return (Some(through), Moved::Detached);
                }
                continue;
            }
            through.extend_from_slice(&self.keys[..self.typed]);
            self.typed = usize::from(self.keys[0] == byte);
            if self.typed == 0 {
                through.push(byte);
            }
        }
        (Some(through), Moved::On)
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
    bytes: Box<[u8; PAGE + MOST_KEYS]>,
    left: Range<usize>,
}

impl Default for Page {
    fn default() -> Self {
        Page { bytes: Box::new([0; PAGE + MOST_KEYS]), left: 0..0 }
    }
}

impl Page {
    fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    fn last(&self) -> Option<u8> {
        self.bytes[self.left.clone()].last().copied()
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[self.left.clone()]
    }

    /// Reads into a page, whose old content is lost; false at the end. Any error is an end: that of a pty is EIO.
    fn fill(&mut self, from: BorrowedFd<'_>) -> bool {
        match read(from, &mut self.bytes[..PAGE]) {
            Ok(0) => false,
            Ok(count) => {
                self.left = 0..count;
                true
            }
            Err(errno) => passes(errno),
        }
    }

    /// Reads on, and keeps the last page of all; false at the end.
    fn keep(&mut self, from: BorrowedFd<'_>) -> bool {
        let mut fresh = [0; PAGE];
        match read(from, &mut fresh) {
            Ok(0) => false,
            Ok(count) => {
                let all: Vec<u8> = self.bytes().iter().chain(&fresh[..count]).copied().collect();
                self.put(&all[all.len().saturating_sub(PAGE)..]);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &[u8], pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut keys = DetachKeys { keys: keys.to_vec(), typed: 0 };
        let mut through = Vec::new();
        for piece in pieces {
            let (typed, moved) = keys.pass(piece);
            through.extend(typed.unwrap_or_else(|| piece.to_vec()));
            if moved == Moved::Detached {
                return (through, true);
            }
        }
        (through, false)
    }

    #[test]
    fn a_page_keeps_the_last_that_was_read() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let mut page = Page::default();
        for piece in [vec![b'a'; 10], vec![b'b'; PAGE - 5], vec![b'c'; 2]] {
            write(&writer, &piece).unwrap();
            assert!(page.keep(reader.as_fd()));
        }
        let expected = [&b"aaa"[..], &vec![b'b'; PAGE - 5], b"cc"].concat();
        assert_eq!(page.bytes(), expected);
        drop(writer);
        assert!(!page.keep(reader.as_fd()));
    }

    #[test]
    fn the_keys_detach_in_one_piece_or_in_several_and_anything_else_passes() {
        let keys = [16, 17];
        assert_eq!(typed(&keys, &[b"ab\x10\x11c"]), (b"ab".to_vec(), true));
        assert_eq!(typed(&keys, &[b"ab\x10", b"\x11c"]), (b"ab".to_vec(), true));
        assert_eq!(typed(&keys, &[b"ab\x10", b"c\x11"]), (b"ab\x10c\x11".to_vec(), false));
        assert_eq!(typed(&keys, &[b"\x10\x10\x11"]), (b"\x10".to_vec(), true));
        assert_eq!(typed(&[], &[b"\x10\x11"]), (b"\x10\x11".to_vec(), false));
    }
}
