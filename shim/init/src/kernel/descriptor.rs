//! File descriptors.

use super::{Result, address, again, call, signed};
use core::mem;
use linux_raw_sys::general::{
    __NR_close, __NR_close_range, __NR_dup3, __NR_fcntl, __NR_read, __NR_write, F_DUPFD_CLOEXEC, F_SETFD,
};

/// The first number that is not stdin, stdout or stderr.
pub(crate) const FIRST_FREE: u32 = 3;

/// A descriptor that is closed when it goes.
#[derive(Debug)]
pub(crate) struct Fd(i32);

impl Fd {
    /// Takes over a descriptor that the kernel has just given and nobody else knows.
    pub(super) fn new(number: i32) -> Self {
        Fd(number)
    }

    /// The same for a system call's result.
    pub(super) fn from_result(number: usize) -> Self {
        // The kernel's descriptors are ints.
        Fd(i32::try_from(number).unwrap_or(i32::MAX))
    }

    pub(super) fn argument(&self) -> usize {
        signed(self.0)
    }

    pub(super) fn number(&self) -> i32 {
        self.0
    }

    /// Takes over stdin.
    pub(crate) fn stdin() -> Self {
        Fd(0)
    }

    /// Moves it out of the way of stdin, stdout and stderr.
    pub(crate) fn above_stdio(mut self) -> Result<Fd> {
        self.make_room(FIRST_FREE)?;
        Ok(self)
    }

    /// Moves it out of the way of the numbers below `first`.
    pub(crate) fn make_room(&mut self, first: u32) -> Result {
        if self.argument() < first as usize {
            let arguments = [self.argument(), F_DUPFD_CLOEXEC as usize, first as usize];
            // SAFETY: makes a new descriptor, touches no memory.
            *self = unsafe { call(__NR_fcntl, arguments) }.map(Fd::from_result)?;
        }
        Ok(())
    }

    /// Leaves it at a number that no [`Fd`] has, for the process and not closed by exec.
    pub(crate) fn leave_at(self, number: u32) -> Result {
        if self.argument() == number as usize {
            // SAFETY: touches no memory.
            unsafe { call(__NR_fcntl, [self.argument(), F_SETFD as usize, 0]) }?;
            mem::forget(self);
            return Ok(());
        }
        // SAFETY: by the contract nobody owns what is closed at the number.
        unsafe { call(__NR_dup3, [self.argument(), number as usize, 0]) }.map(drop)
    }
}

impl Drop for Fd {
    fn drop(&mut self) {
        // SAFETY: the number is this value's own. The descriptor is gone whatever close(2) returns.
        let _ = unsafe { call(__NR_close, [self.argument()]) };
    }
}

/// Makes the three descriptors, none of which is below 3, stdin, stdout and stderr.
pub(crate) fn install_stdio(descriptors: [&Fd; 3]) -> Result {
    for (number, descriptor) in descriptors.into_iter().enumerate() {
        let arguments = [descriptor.argument(), number, 0];
        // SAFETY: no `Fd` owns 0, 1 or 2: `above_stdio` moved each that there was.
        unsafe { call(__NR_dup3, arguments) }?;
    }
    Ok(())
}

/// Closes every descriptor from `first` on but `kept`, which is one of them; there must be no other
/// [`Fd`].
pub(crate) fn close_all_but(kept: &Fd, first: u32) -> Result {
    let number = kept.argument();
    for range in [first as usize..number, number + 1..u32::MAX as usize] {
        if !range.is_empty() {
            // SAFETY: by the contract nobody owns a descriptor of the range.
            unsafe { call(__NR_close_range, [range.start, range.end - 1, 0]) }?;
        }
    }
    Ok(())
}

/// Reads up to `buffer`'s length; 0 at the end.
pub(crate) fn read(fd: &Fd, buffer: &mut [u8]) -> Result<usize> {
    let arguments = [fd.argument(), address(buffer.as_mut_ptr()), buffer.len()];
    // SAFETY: the kernel writes to `buffer`, not beyond its length.
    again(|| unsafe { call(__NR_read, arguments) })
}

/// Writes up to the whole of `bytes`.
pub(crate) fn write(fd: &Fd, bytes: &[u8]) -> Result<usize> {
    let arguments = [fd.argument(), address(bytes.as_ptr()), bytes.len()];
    // SAFETY: the kernel reads `bytes`.
    again(|| unsafe { call(__NR_write, arguments) })
}
