//! Signals, and the end of nexcage-init.

use super::{Errno, Mapping, Result, address, call, path};
use core::ffi::{CStr, c_char};
use core::marker::PhantomData;
use core::mem::size_of;
use linux_raw_sys::general::{
    __NR_execve, __NR_personality, __NR_rt_sigaction, __NR_rt_sigprocmask, SIG_SETMASK, SIGKILL, SIGSTOP,
};

const LAST_SIGNAL: u32 = 64;
const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;

/// The kernel's `struct sigaction` with an address or one of the two constants as handler.
#[repr(C)]
#[derive(Default)]
struct Action {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

/// Ignores the signals in `ignored` (bit n-1 for signal n), gives every other one its default
/// disposition, and blocks exactly those in `blocked`.
pub(crate) fn set_signals(ignored: u64, blocked: u64) -> Result {
    for signal in (1..=LAST_SIGNAL).filter(|&signal| signal != SIGKILL && signal != SIGSTOP) {
        let is_ignored = ignored & 1 << (signal - 1) != 0;
        let action = Action { handler: if is_ignored { SIG_IGN } else { SIG_DFL }, ..Action::default() };
        let arguments = [signal as usize, address(&raw const action), 0, size_of::<u64>()];
        // SAFETY: the kernel reads the action, which runs no code of ours.
        unsafe { call(__NR_rt_sigaction, arguments) }?;
    }
    let arguments = [SIG_SETMASK as usize, address(&raw const blocked), 0, size_of::<u64>()];
    // SAFETY: the kernel reads the mask.
    unsafe { call(__NR_rt_sigprocmask, arguments) }.map(drop)
}

/// Sets the execution domain.
pub(crate) fn set_personality(domain: u32) -> Result {
    // SAFETY: touches no memory.
    unsafe { call(__NR_personality, [domain as usize]) }.map(drop)
}

/// A list of strings as execve(2) takes it.
#[derive(Debug)]
pub(crate) struct StringList<'a> {
    /// Ends with a null pointer.
    pointers: Mapping<*const c_char>,
    borrows: PhantomData<&'a CStr>,
}

impl<'a> StringList<'a> {
    /// The first `len` of `strings`.
    pub(crate) fn new(len: usize, strings: impl Iterator<Item = &'a CStr>) -> Result<Self> {
        let mut pointers = Mapping::zeroed(len + 1)?;
        for (pointer, string) in pointers[..len].iter_mut().zip(strings) {
            *pointer = string.as_ptr();
        }
        Ok(StringList { pointers, borrows: PhantomData })
    }
}

/// Becomes the program at `program`; returns only if that fails.
pub(crate) fn execute(program: &CStr, args: &StringList<'_>, env: &StringList<'_>) -> Errno {
    let arguments = [path(program), address(args.pointers.as_ptr()), address(env.pointers.as_ptr())];
    // SAFETY: the strings end with NUL and outlive their lists, which end with a null pointer.
    match unsafe { call(__NR_execve, arguments) } {
        Err(errno) => errno,
        Ok(_) => Errno(0),
    }
}
